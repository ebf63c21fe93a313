import Containers
import Diagnostics
import HostProbe
import Testing

@testable import Isolation

@Suite("Limits become settings of a cgroup")
struct LimitSettingsTests {
    static let everything = ContainerLimits(
        cpus: 1.5, cpuWeight: 50, memory: 64 << 20, swap: 1 << 20, pids: 32, cpuset: "0-1",
        io: [IOLimit(kind: .writeBytes, device: "/dev/a", perSecond: 1_000)])
    static let nothing = ContainerLimits(pids: nil)

    /// As `file=value`, without disks that would have to be there.
    static func texts(
        _ limits: ContainerLimits, replacing old: ContainerLimits = nothing,
        controllers: Set<String> = ["cpu", "cpuset", "io", "memory", "pids"]
    ) throws -> [String] {
        let enforced = { (controller: String) in controllers.contains(controller) }
        let disks = try GroupSettings.io(limits.io, replacing: old.io) { device throws(Failure) in
            ["/dev/a": "8:0", "/dev/b": "8:16"][device] ?? "254:0"
        }
        return
            (GroupSettings.settings(limits, replacing: old, enforced: enforced) + disks
            + GroupSettings.memory(limits, replacing: old, enforced: enforced)).map { "\($0.file)=\($0.value)" }
    }

    @Test("every limit that was asked for is written, memory last")
    func asked() throws {
        #expect(
            try Self.texts(Self.everything) == [
                "cpu.max=150000 100000", "cpu.weight=50", "cpuset.cpus=0-1", "pids.max=32", "io.max=8:0 wbps=1000",
                "memory.oom.group=1", "memory.max=67108864", "memory.swap.max=1048576",
            ])
    }

    @Test("without limits only the processes and the common death are set")
    func defaults() throws {
        #expect(try Self.texts(ContainerLimits()) == ["pids.max=1024", "memory.oom.group=1"])
        #expect(try Self.texts(ContainerLimits(), controllers: ["cpu"]) == [])
    }

    @Test("memory without a word about swap means no swap")
    func swap() throws {
        #expect(try Self.texts(ContainerLimits(memory: 1 << 30, pids: nil)).last == "memory.swap.max=0")
        let unlimited = ContainerLimits(memory: 1 << 30, swap: UInt64(Int64.max), pids: nil)
        #expect(try Self.texts(unlimited).last == "memory.swap.max=max")
    }

    @Test("a limit that is no longer asked for is taken away")
    func replaced() throws {
        #expect(
            try Self.texts(Self.nothing, replacing: Self.everything) == [
                "cpu.max=max 100000", "cpu.weight=100", "cpuset.cpus=", "pids.max=max", "io.max=8:0 wbps=max",
                "memory.oom.group=1", "memory.max=max", "memory.swap.max=max",
            ])
        let other = ContainerLimits(pids: nil, io: [IOLimit(kind: .writeBytes, device: "/dev/b", perSecond: 5)])
        #expect(try Self.texts(other, replacing: other) == ["io.max=8:16 wbps=5", "memory.oom.group=1"])
    }

    @Test(
        "what the kernel kept is compared with what was meant",
        arguments: [
            ("memory.max", "10000", "8192\n", true), ("memory.max", "10000", "12288\n", false),
            ("memory.max", "1000000", "max\n", false), ("memory.swap.max", "max", "max\n", true),
            ("cpu.max", "50000 100000", "50000 100000\n", true), ("cpu.max", "50000 100000", "max 100000\n", false),
            ("pids.max", "32", "32\n", true), ("pids.max", "32", "31\n", false),
            ("io.weight", "default 50", "default 50\n8:0 20\n", true),
            ("io.weight", "default 50", "default 100\n", false),
            ("io.bfq.weight", "50", "default 50\n", true),
            (
                "io.max", "8:0 wbps=5",
                "8:16 rbps=max wbps=7 riops=max wiops=max\n8:0 rbps=1 wbps=5 riops=max wiops=max\n", true
            ),
            ("io.max", "8:0 wbps=5", "8:16 rbps=max wbps=5 riops=max wiops=max\n", false),
            ("io.max", "8:0 wbps=max", "", true), ("io.max", "8:0 wbps=max", "8:0 rbps=max wbps=5\n", false),
            ("cpuset.cpus", "0,1,2", "0-2\n", true), ("cpuset.cpus", "0-3", "0-1\n", false),
        ])
    func kept(file: String, value: String, text: String, isKept: Bool) {
        #expect(GroupSetting(file, value).isKept(in: text) == isKept)
    }

    @Test(
        "processor lists are the kernel's",
        arguments: [
            ("0-2,4\n", [0, 1, 2, 4]), ("", []), ("7", [7]), ("2-1", nil), ("a", nil), ("1-2-3", nil), ("-1", nil),
            ("0-99999999", nil),
        ] as [(String, Set<Int>?)])
    func processors(text: String, numbers: Set<Int>?) {
        #expect(ProcessorNumbers.parse(text) == numbers)
    }

    @Test("shares of a processor that are none are refused", arguments: [0, -1, .nan, .infinity, 0.001, 1e300])
    func badShare(cpus: Double) {
        #expect(throws: Failure.self) { try GroupSettings.check(ContainerLimits(cpus: cpus)) }
    }

    @Test("a container has two processes at least", arguments: [0, 1] as [UInt64])
    func tooFew(pids: UInt64) {
        #expect(throws: Failure.self) { try GroupSettings.check(ContainerLimits(pids: pids)) }
        #expect(throws: Never.self) { try GroupSettings.check(ContainerLimits(pids: pids + 2)) }
    }

    @Test("a disk's weight counts only where iocost is on for that disk")
    func costed() {
        let text = "8:0 enable=0 ctrl=auto\n254:0 enable=1 ctrl=user rpct=0.00\n"
        #expect(DiskWeight.isCosted("254:0", text))
        #expect(!DiskWeight.isCosted("8:0", text))
        #expect(!DiskWeight.isCosted("54:0", text))
    }

    @Test("weights of bfq end at a thousand", arguments: [(1, 1), (100, 100), (1_100, 190), (10_000, 1_000)])
    func scaled(weight: UInt64, bfq: UInt64) {
        #expect(DiskWeight.scaled(weight) == bfq)
    }
}
