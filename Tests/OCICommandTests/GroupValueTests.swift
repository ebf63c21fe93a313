import Diagnostics
import Testing

@testable import Bundles
@testable import RuntimeSpec

@Suite("what is written into groups of version 2, and read of them")
struct GroupValueTests {
    private static func values(_ resources: SpecValue) throws -> [GroupValue] {
        try UnifiedValues.values(
            try ResourceSpec(try SpecObject(parsing: Array(resources.text.utf8), document: "resources")))
    }

    @Test(
        "one half of cpu.max is written without the other, and `max` with none",
        arguments: [
            (["quota": 50_000], "50000"), (["quota": -1], "max"),
            (["quota": 50_000, "period": 200_000], "50000 200000"), (["period": 200_000], "max 200000"),
            (["quota": 0, "period": 0], nil),
        ] as [(SpecValue, String?)])
    func processorTime(cpu: SpecValue, value: String?) throws {
        #expect(try Self.values(["cpu": cpu]).first { $0.file == "cpu.max" }?.value == value)
    }

    @Test(
        "the quota in force is the first word of cpu.max",
        arguments: [("max 100000\n", nil), ("50000 100000\n", 50_000)])
    func quota(text: String, quota: Int64?) {
        #expect(UnifiedValues.quota(inForce: text) == quota)
    }

    @Test(
        "the weight of shares is runc's and crun's",
        arguments: [
            (1, 1), (2, 1), (3, 2), (4, 2), (100, 17), (512, 59), (1_024, 100), (1_025, 101), (2_048, 174),
            (262_143, 10_000), (262_144, 10_000), (.max, 10_000),
        ] as [(UInt64, UInt64)])
    func weight(shares: UInt64, weight: UInt64) {
        #expect(ProcessorWeight.of(shares: shares) == weight)
    }

    @Test(
        "what version 2 cannot hold is refused by its name",
        arguments: [
            ("memory", "kernel", 4_096), ("memory", "kernelTCP", 4_096), ("memory", "swappiness", 60),
            ("memory", "disableOOMKiller", true), ("cpu", "realtimeRuntime", 1_000), ("cpu", "realtimePeriod", 1_000),
        ] as [(String, String, SpecValue)])
    func refused(part: String, name: String, value: SpecValue) throws {
        let failure = #expect(throws: Failure.self) { try Self.values([part: [name: value]]) }
        #expect(failure?.description.contains("linux.resources.\(part).\(name)") == true)
    }

    @Test("what engines write where nobody asked for anything is no limit")
    func tolerated() throws {
        let values = try Self.values([
            "memory": ["kernel": -1, "kernelTCP": 0, "swappiness": 0, "disableOOMKiller": false],
            "cpu": ["realtimeRuntime": 0, "realtimePeriod": 0],
        ])
        #expect(values.isEmpty)
    }

    @Test("huge pages are limited when they are reserved too, where the kernel counts that")
    func hugePages() throws {
        let values = try Self.values(["hugepageLimits": [["pageSize": "2MB", "limit": 4_194_304]]])
        #expect(values.map(\.file) == ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"])
        #expect(values.map(\.mayBeAbsent) == [false, true])
        #expect(values.allSatisfy { $0.value == "4194304" })
    }

    @Test(
        "a process is followed below the container's group and nowhere else",
        arguments: [
            ("0::/a/one/below\n", "/a/one/below"), ("1:cpu:/a/one/x\n0::/a/one/b\n", "/a/one/b"), ("0::/a/one\n", nil),
            ("0::/a/onemore/x\n", nil), ("0::/\n", nil), ("0::/a/one/../two\n", nil),
            ("1:name=systemd:/a/one/x\n", nil),
        ] as [(String, String?)])
    func place(text: String, place: String?) {
        #expect(BundleGroups.place(in: text, below: "/a/one") == place)
    }

    @Test("use of disks has runc's form with either version")
    func disks() {
        let read: SpecValue = ["major": 8, "minor": 16, "op": "Read", "value": 4_096]
        #expect(UsageTexts.legacy("8:16 Read 4096\nTotal 4096\n") == [read])
        let wanted = ["rbytes": "Read", "wbytes": "Write"]
        #expect(UsageTexts.unified("8:16 rbytes=4096 wbytes=x rios=1\n", wanted) == [read])
        #expect(UsageTexts.disks([("empty", []), ("full", [read])]) == ["full": [read]])
    }

    @Test("sums of limits stay without a limit, and sizes of pages come from names")
    func figures() {
        #expect(UsageTexts.sum(.max, 1) == .max)
        #expect(UsageTexts.sum(2, 3) == 5)
        #expect(UsageTexts.rows("cpu user system\n0 5 7\n1 6 8\n") == [[0, 5, 7], [1, 6, 8]])
        let names = ["hugetlb.2MB.current", "hugetlb.2MB.rsvd.current", "hugetlb.1GB.current", "memory.current"]
        #expect(UsageTexts.pageSizes(names, file: "current") == ["1GB", "2MB"])
    }

    private static func context(_ change: (inout RuntimeConfiguration) -> Void) throws -> BundleContext {
        var configuration = try RuntimeConfiguration(
            parsing: Array(SpecTemplate.document(rootless: false).text.utf8))
        for index in configuration.mounts.indices where configuration.mounts[index].type == "cgroup" {
            configuration.mounts[index].options = ["nosuid"]
        }
        configuration.process?.user.uid = 1_234
        change(&configuration)
        return BundleContext(
            id: "one", bundle: "/", rootPath: "/", configuration: configuration, process: configuration.process,
            options: BundleOptions(), groups: .none, heldCapabilities: [], isDirectory: { _ in nil })
    }

    @Test("the group is the user's where its own groups are all it sees and it may write to them")
    func owner() throws {
        #expect(GroupOwner.find(try Self.context { _ in }) == 1_234)
        #expect(GroupOwner.find(try Self.context { $0.process = nil }) == nil)
        let withoutNamespace = try Self.context { $0.linux.namespaces.removeAll { $0.type == "cgroup" } }
        #expect(GroupOwner.find(withoutNamespace) == nil)
        let readOnly = try Self.context { configuration in
            for index in configuration.mounts.indices { configuration.mounts[index].options.append("ro") }
        }
        #expect(GroupOwner.find(readOnly) == nil)
        let hidden = try Self.context { $0.mounts.removeAll { $0.type == "cgroup" } }
        #expect(GroupOwner.find(hidden) == nil)
    }

    @Test(
        "in a user namespace it is the host's number of that user",
        arguments: [
            (1_000, 100_000, 65_536, 100_234), (0, 100_000, 1_000, nil), (1_234, .max, 1, .max),
            (1_000, .max, 500, nil),
        ] as [(UInt32, UInt32, UInt32, UInt32?)])
    func mappedOwner(inside: UInt32, outside: UInt32, count: UInt32, owner: UInt32?) throws {
        let context = try Self.context { configuration in
            configuration.linux.namespaces.append(LinuxSpec.Namespace(type: "user", path: nil))
            configuration.linux.users = [IDMapSpec(inside: inside, outside: outside, count: count)]
        }
        #expect(GroupOwner.find(context) == owner)
    }
}
