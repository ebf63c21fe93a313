import Containers
import Testing

@Suite("How a container ended, from what was observed")
struct ContainerExitTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var observation: ContainerObservation
        var killOrdered: Int32?
        var reason: ContainerExit.Reason
        var code: Int32
        var signal: Int32?
    }

    static func observed(
        record: Int32? = nil, reaped: Int32? = nil, kills: UInt64 = 0, rebooted: Bool = false
    ) -> ContainerObservation {
        ContainerObservation(
            isAlive: false, record: record.map { ($0, 5_000_000_000) }, reaped: reaped, outOfMemoryKills: kills,
            memoryLimit: 64 << 20, memoryPeak: 64 << 20, rebooted: rebooted)
    }

    static let cases = [
        Case(testDescription: "exit code 0", observation: observed(record: 0), reason: .ended, code: 0),
        Case(testDescription: "exit code 3", observation: observed(record: 3 << 8), reason: .ended, code: 3),
        Case(
            testDescription: "a signal of its own", observation: observed(record: 11), reason: .ended, code: 139,
            signal: 11),
        Case(
            testDescription: "a core dump's flag is no part of the signal", observation: observed(record: 11 | 0x80),
            reason: .ended, code: 139, signal: 11),
        Case(
            testDescription: "an ordered signal", observation: observed(record: 15), killOrdered: 15, reason: .killed,
            code: 143, signal: 15),
        Case(
            testDescription: "a task that ends its own way when asked to stop", observation: observed(record: 0),
            killOrdered: 15, reason: .ended, code: 0),
        Case(
            testDescription: "the whole group killed for memory, init included", observation: observed(kills: 1),
            reason: .memoryLimit, code: 137, signal: 9),
        Case(
            testDescription: "the task killed for memory, init alive to tell",
            observation: observed(record: 9, kills: 1),
            reason: .memoryLimit, code: 137, signal: 9),
        Case(
            testDescription: "a child was killed for memory but the task went on and ended well",
            observation: observed(record: 0, kills: 1), reason: .ended, code: 0),
        Case(
            testDescription: "without a record the reaped status counts", observation: observed(reaped: 4 << 8),
            reason: .ended, code: 4),
        Case(
            testDescription: "the record counts more than the reaped status",
            observation: observed(record: 7 << 8, reaped: 9), reason: .ended, code: 7),
        Case(
            testDescription: "nobody saw it end", observation: observed(), reason: .unknown, code: 137),
        Case(
            testDescription: "a reboot ended it", observation: observed(rebooted: true), reason: .unknown, code: 137),
        Case(
            testDescription: "killed on order without a record", observation: observed(), killOrdered: 9,
            reason: .killed, code: 137, signal: 9),
    ]

    @Test("the end is concluded from facts", arguments: cases)
    func concludes(_ item: Case) {
        let exit = ContainerExit.concluded(from: item.observation, killOrdered: item.killOrdered, now: 100)
        #expect(exit.reason == item.reason)
        #expect(exit.code == item.code)
        #expect(exit.signal == item.signal)
        #expect(exit.endedAt == (item.observation.record == nil ? 100 : 5))
        #expect(!exit.message.isEmpty)
    }

    @Test("a memory end names the limit, the peak and the remedy")
    func memoryMessage() {
        let exit = ContainerExit.concluded(from: Self.observed(kills: 1), killOrdered: nil, now: 0)
        #expect(
            exit.message == "killed by the kernel: it reached its memory limit of 64 MiB (highest use 64 MiB); "
                + "give it more with --memory")
    }

    @Test(
        "sizes are shown as people read them",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (64 << 20, "64 MiB"),
            (3 << 30, "3 GiB"), (UInt64.max, "16384 PiB"),
        ] as [(UInt64, String)])
    func bytes(_ bytes: UInt64, _ text: String) { #expect(ByteCount.text(bytes) == text) }
}

@Suite("Names of containers")
struct ContainerIDTests {
    @Test("good names", arguments: ["a", "web-1", "A_b.c", "0123456789abcdef", String(repeating: "x", count: 64)])
    func good(_ text: String) throws { #expect(try ContainerID(text).text == text) }

    @Test(
        "names that could leave a directory or forge a line are refused",
        arguments: ["", ".", "..", "-a", "_a", "a/b", "a b", "a\nb", "é", "a\0", String(repeating: "x", count: 65)])
    func bad(_ text: String) {
        #expect(throws: (any Error).self) { try ContainerID(text) }
    }

    @Test("a number always gives sixteen digits")
    func number() {
        #expect(ContainerID(number: 0).text == "0000000000000000")
        #expect(ContainerID(number: .max).text == "ffffffffffffffff")
    }
}
