import CommandOutput
import Containers
import Diagnostics
import Testing

@testable import bulkhead

@Suite("Sizes, counts and lists")
struct QuantityTests {
    @Test(
        "a size is bytes, or a number with a unit of powers of 1,024",
        arguments: [
            ("0", 0), ("1", 1), ("1024", 1_024), ("1k", 1_024), ("1K", 1_024), ("1kb", 1_024), ("1KiB", 1_024),
            ("64m", 64 << 20), ("64 MB", 64 << 20), ("1.5g", 3 << 29), ("0.5k", 512), ("2t", 2 << 40), ("1b", 1),
            ("7p", 7 << 50),
        ] as [(String, UInt64)])
    func size(_ text: String, _ bytes: UInt64) throws {
        #expect(try ByteSize.parse(text, flag: "memory") == bytes)
    }

    @Test(
        "what is not a size is refused, never guessed",
        arguments: [
            "", " ", "m", "1x", "1mm", "-1", "+1", "1,5g", "1.g", ".5g", "1.2.3", "0x10", "1 ", "1  k", "1k b", "٣m",
            "99999999999999999999", "9000p", "1e3", "infinity", "nan",
        ])
    func noSize(_ text: String) {
        let failure = refusal { () throws(Failure) in try ByteSize.parse(text, flag: "memory") }
        #expect(failure?.code == "flag.invalid" && failure?.field == "memory")
    }

    @Test(
        "processors are a number from 0.01 to what the host has",
        arguments: [("0.5", 0.5), ("2", 2), ("0.01", 0.01), ("1.25", 1.25)])
    func processors(_ text: String, _ count: Double) throws {
        #expect(try ProcessorCount.parse(text, available: 2) == count)
    }

    @Test("other processor counts are refused", arguments: ["", "0", "0.001", "-1", "2.1", "1e0", "two", "inf", "0x1"])
    func noProcessors(_ text: String) {
        #expect(refusal { () throws(Failure) in try ProcessorCount.parse(text, available: 2) }?.field == "cpus")
    }

    @Test("processor lists are the kernel's")
    func lists() throws {
        #expect(try ProcessorList.parse("0-2,4") == [0, 1, 2, 4])
        try ProcessorList.check("1", online: "0-1\n")
        let absent = refusal { () throws(Failure) in try ProcessorList.check("0,5", online: "0-1\n") }
        #expect(
            absent?.description == "cannot use --cpuset 0,5: this host has no processor 5; choose from 0-1")
        for text in ["", ",", "1-", "-1", "2-1", "a", "0-99999", "1 "] {
            #expect(refusal { () throws(Failure) in try ProcessorList.parse(text) } != nil, "'\(text)'")
        }
    }

    @Test("limits are put together as Docker's flags mean them")
    func limits() throws {
        let machine = ResourceOptions.Machine(processors: 4, online: "0-3")
        func limits(_ arguments: String...) throws -> ContainerLimits {
            try ResourceOptions.parse(arguments).limits(changing: ContainerLimits(), on: machine)
        }
        #expect(try limits() == ContainerLimits())
        #expect(try limits("-m", "64m").swap == nil, "no swap unless asked for")
        #expect(try limits("-m64m", "--memory-swap", "96m").swap == 32 << 20, "the flag is memory and swap together")
        #expect(try limits("-m", "64m", "--memory-swap", "-1").swap == UInt64(Int64.max))
        #expect(try limits("--pids-limit", "-1").pids == nil)
        #expect(try limits("--pids", "0") == ContainerLimits(pids: nil), "0 is no limit, as in Docker")
        #expect(try limits("--memory", "0", "--cpus", "0", "--memory-swap", "-1") == ContainerLimits())
        let held = ContainerLimits(cpus: 1, memory: 64 << 20, swap: 1 << 20)
        let freed = try ResourceOptions.parse(["--memory", "0", "--cpus", "0"]).limits(changing: held, on: machine)
        #expect(freed == ContainerLimits(), "what is beyond a memory limit goes with it")
        #expect(try limits("--pids", "32") == ContainerLimits(pids: 32, pidsAsked: true))
        #expect(try limits("--cpu-shares", "1024").cpuWeight == 39)
        #expect(try limits("--cpu-shares", "2").cpuWeight == 1)
        #expect(try limits("--cpu-shares", "262144").cpuWeight == 10_000)
        #expect(try limits("--cpuset-cpus", "1-2").cpuset == "1-2")
        let io = try limits("--device-read-bps", "/dev/sda:1m", "--io-write-iops", "100").io
        #expect(
            io == [
                IOLimit(kind: .readBytes, device: "/dev/sda", perSecond: 1 << 20),
                IOLimit(kind: .writeOperations, device: nil, perSecond: 100),
            ])
    }

    @Test(
        "limits that contradict each other or mean nothing are refused",
        arguments: [
            ["-m", "1m"], ["--memory-swap", "64m"], ["-m", "64m", "--memory-swap", "32m"], ["--pids-limit", "-2"],
            ["--pids", "1", "--pids-limit", "1"], ["--memory", "0", "--memory-swap", "64m"],
            ["--pids", "-2"], ["--pids", "many"], ["--cpu-weight", "0"], ["--cpu-weight", "10001"],
            ["--cpu-shares", "1"], ["--cpu-shares", "100", "--cpu-weight", "100"], ["--io-read-bps", "0"],
            ["--io-read-bps", "sda:1m"], ["--io-read-iops", "1m"], ["--io-weight", "0"],
        ])
    func contradictions(_ arguments: [String]) throws {
        let machine = ResourceOptions.Machine(processors: 4, online: "0-3")
        let options = try ResourceOptions.parse(arguments)
        let failure = refusal { () throws(Failure) in try options.limits(changing: ContainerLimits(), on: machine) }
        #expect(failure?.code == "flag.invalid")
    }

    @Test("a refusal names the flag that was written", arguments: ["pids", "pids-limit"])
    func writtenName(_ flag: String) throws {
        let options = try ResourceOptions.parse(["--\(flag)", "many"])
        let machine = ResourceOptions.Machine(processors: 4, online: "0-3")
        let failure = refusal { () throws(Failure) in try options.limits(changing: ContainerLimits(), on: machine) }
        #expect(failure?.field == flag && failure?.doing == "use --\(flag)")
    }
}

/// What `body` throws; nil when it does not.
func refusal<Value>(_ body: () throws(Failure) -> Value) -> Failure? {
    do throws(Failure) {
        _ = try body()
        return nil
    } catch { return error }
}
