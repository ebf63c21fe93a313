import Testing

@testable import Emulation

@Suite("what sysinfo answers")
struct SystemInformationTests {
    static func facts(_ change: (inout SystemInformation.Facts) -> Void = { _ in }) -> SystemInformation.Facts {
        var facts = SystemInformation.Facts(hostMemory: 1_000, hostFree: 400, hostSwap: 100, hostSwapFree: 60)
        change(&facts)
        return facts
    }

    @Test("a container without limits has the host's memory")
    func unlimited() {
        let answer = SystemInformation(Self.facts())
        #expect((answer.memory, answer.memoryFree, answer.swap, answer.swapFree) == (1_000, 400, 100, 60))
    }

    @Test(
        "a limit is the memory there is, and what is used is gone from it",
        arguments: [
            (200, 50, 200, 150), (200, 500, 200, 0), (5_000, 100, 1_000, 400), (900, 100, 900, 400),
        ] as [(UInt64, UInt64, UInt64, UInt64)])
    func limited(_ limit: UInt64, _ used: UInt64, _ total: UInt64, _ free: UInt64) {
        let answer = SystemInformation(
            Self.facts {
                $0.memoryLimit = limit
                $0.memoryUsed = used
                $0.swapLimit = 0
                $0.swapUsed = 0
                $0.shared = .max
            })
        #expect((answer.memory, answer.memoryFree) == (total, free))
        #expect((answer.swap, answer.swapFree) == (0, 0))
        #expect(answer.shared == total)
    }

    @Test("the bytes are where a 64-bit process looks for them")
    func bytes() {
        let bytes = SystemInformation(
            Self.facts {
                $0.uptime = 7
                $0.threads = 70_000
            }
        ).bytes
        func wide(_ at: Int) -> UInt64 { bytes[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        #expect(bytes.count == 112)
        #expect(wide(0) == 7)
        #expect([8, 16, 24].map(wide) == [0, 0, 0])
        #expect([32, 40, 48, 56, 64, 72].map(wide) == [1_000, 400, 0, 0, 100, 60])
        #expect(wide(80) == 65_535)
        #expect([88, 96].map(wide) == [0, 0])
        #expect(wide(104) == 1)
    }
}
