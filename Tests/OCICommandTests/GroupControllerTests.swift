import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

@Suite("resources of a bundle with version 2 of cgroups")
struct GroupControllerTests {
    private static let group = "/sys/fs/cgroup"

    @Test(
        "a limit is what the container reads in its own group",
        arguments: [
            (["memory": ["limit": 67_108_864, "swap": 100_663_296]], "memory.max", "67108864"),
            (["memory": ["limit": 67_108_864, "swap": 100_663_296]], "memory.swap.max", "33554432"),
            (["memory": ["swap": 0]], "memory.swap.max", "0"), (["memory": ["swap": -1]], "memory.swap.max", "max"),
            (["pids": ["limit": 7]], "pids.max", "7"), (["pids": ["limit": -1]], "pids.max", "max"),
            (["cpu": ["quota": 50_000, "period": 200_000]], "cpu.max", "50000 200000"),
            (["cpu": ["shares": 1_024]], "cpu.weight", "100"), (["cpu": ["cpus": "0"]], "cpuset.cpus", "0"),
            (["unified": ["memory.high": "33554432"]], "memory.high", "33554432"),
            (["unified": ["cgroup.max.depth": "3"]], "cgroup.max.depth", "3"),
        ] as [(SpecValue, String, String)])
    func limits(resources: SpecValue, file: String, value: String) throws {
        let bundle = try TestBundle.running("cat \(Self.group)/\(file)") {
            TestBundle.set(&$0, ["linux", "resources"], resources)
        }
        let answer = try bundle.run()
        #expect(answer.output == value + "\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test(
        "a limit of 0 processes is one since version 1.3 of the specification, and none before",
        arguments: [("1.3.0", "1"), ("1.2.1", "max")])
    func noProcesses(version: String, value: String) throws {
        let bundle = try TestBundle { members in
            members["ociVersion"] = .string(version)
            TestBundle.set(&members, ["process", "args"], ["cat", .string("\(Self.group)/pids.max")])
            TestBundle.set(&members, ["linux", "resources", "pids"], ["limit": 0])
        }
        let answer = try bundle.run()
        #expect(answer.output == value + "\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test(
        "what no group has is refused by its name, and nothing is left of the container",
        arguments: [
            ("foo.bar", "controller `foo` is not available under"), ("KEY", "CONTROLLER.VALUE `KEY`"),
            ("memory.nosuch", "memory.nosuch: no such file or directory"),
        ])
    func unknown(key: String, words: String) throws {
        let bundle = try TestBundle.running("true") {
            TestBundle.set(&$0, ["linux", "resources", "unified"], .object([key: "1"]))
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words), "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("update changes limits while the container runs")
    func update() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["linux", "resources", "memory"], ["limit": 67_108_864])
        }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let update = try bundle.call(
            "update", "--memory", "128m", "--pids-limit", "9", "--cpu-share", "512", TestBundle.id)
        #expect(update.status == 0, "\(update.errors)")
        let answer = try bundle.call(
            "exec", TestBundle.id, "sh", "-c", "cd \(Self.group); cat memory.max pids.max cpu.weight")
        #expect(answer.output == "134217728\n9\n59\n", "\(answer.errors)")
        #expect(try bundle.call("update", "--pids-limit", "0", TestBundle.id).status == 0)
        let refused = try bundle.call("exec", TestBundle.id, "sh", "-c", "true & wait")
        #expect(refused.status != 0, "\(refused.output)")
        try bundle.remove()
    }

    @Test("update of one half of cpu.max keeps the other")
    func halves() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["linux", "resources", "cpu"], ["quota": 50_000, "period": 200_000])
        }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        for (option, number, value) in [
            ("--cpu-period", "100000", "50000 100000"), ("--cpu-quota", "70000", "70000 100000"),
            ("--cpu-quota", "-1", "max 100000"), ("--cpu-period", "50000", "max 50000"),
        ] {
            let update = try bundle.call("update", option, number, TestBundle.id)
            #expect(update.status == 0, "\(update.errors)")
            let answer = try bundle.call("exec", TestBundle.id, "cat", "\(Self.group)/cpu.max")
            #expect(answer.output == value + "\n", "\(answer.errors)")
        }
        try bundle.remove()
    }

    @Test("whoever takes the limit of memory away takes that of swap away, as with version 1")
    func withoutMemoryLimit() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["linux", "resources", "memory"], ["limit": 67_108_864, "swap": 100_663_296])
        }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        #expect(try bundle.call("update", "--memory", "-1", TestBundle.id).status == 0)
        let answer = try bundle.call(
            "exec", TestBundle.id, "sh", "-c", "cd \(Self.group); cat memory.max memory.swap.max")
        #expect(answer.output == "max\nmax\n", "\(answer.errors)")
        try bundle.remove()
    }

    private static func isWritable(_ members: inout OrderedDictionary<String, SpecValue>) {
        guard case .array(let mounts)? = members["mounts"] else { return }
        members["mounts"] = .array(
            mounts.map { mount in
                guard case .object(var entry) = mount, entry["type"] == "cgroup" else { return mount }
                entry["options"] = ["nosuid", "noexec", "nodev"]
                return .object(entry)
            })
    }

    @Test("exec goes to the first process where its own group takes nobody any more, and never where one was named")
    func moved() throws {
        let script = """
            cd \(Self.group); busybox mkdir a; echo 1 > a/cgroup.procs; echo +memory > cgroup.subtree_control
            echo done > /mark; sleep 600
            """
        let bundle = try TestBundle.running(script) { Self.isWritable(&$0) }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        try Deadline(seconds: 120).wait("the container's groups") { HostFacts.exists("\(bundle.place)/rootfs/mark") }
        let answer = try bundle.call("exec", TestBundle.id, "cat", "/proc/self/cgroup")
        #expect(answer.output == "0::/a\n", "\(answer.errors)")
        let named = try bundle.call("exec", "--cgroup", "/", TestBundle.id, "true")
        #expect(named.status == 255)
        #expect(named.errors.contains("EBUSY (16): device or resource busy"), "\(named.errors)")
        #expect(try bundle.call("exec", "--cgroup", "a", TestBundle.id, "true").status == 0)
        try bundle.remove()
    }

    @Test("a group that its user sees and may write to is that user's, with what the kernel lets be given away")
    func owner() throws {
        let script = "stat -c %u \(Self.group) \(Self.group)/cgroup.procs \(Self.group)/memory.max"
        for (isWritable, output) in [(true, "1234\n1234\n0\n"), (false, "0\n0\n0\n")] {
            let bundle = try TestBundle.running(script) {
                if isWritable { Self.isWritable(&$0) }
                TestBundle.set(&$0, ["process", "user"], ["uid": 1_234, "gid": 5])
            }
            let answer = try bundle.run()
            #expect(answer.output == output, "\(answer.errors)")
            try bundle.remove()
        }
    }

    @Test("a memory limit that nothing can begin under is named as what it is")
    func tooLittleMemory() throws {
        let bundle = try TestBundle.running("true") {
            TestBundle.set(&$0, ["linux", "resources", "memory"], ["limit": 4_096])
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("container init was OOM-killed (memory limit too low?)"), "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("events counts swap with memory, as version 1 does, and names the sizes of huge pages")
    func usage() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(
                &$0, ["linux", "resources", "memory"], ["limit": 67_108_864, "swap": 100_663_296])
        }
        #expect(try bundle.create().status == 0)
        let answer = try bundle.call("events", "--stats", TestBundle.id)
        let data = try SpecObject(parsing: Array(answer.output.utf8), document: "the event").object("data")
        let memory = try #require(try data?.object("memory"))
        #expect(try memory.object("swap")?.integer("limit", as: UInt64.self) == 100_663_296)
        #expect(try memory.integer("cache", as: UInt64.self) == memory.object("raw")?.integer("file", as: UInt64.self))
        #expect(try data?.object("hugetlb")?.object("2MB")?.integer("usage", as: UInt64.self) == 0)
        try bundle.remove()
    }

    @Test("options of the mount of cgroups that no kernel has are refused")
    func mountOptions() throws {
        let bundle = try TestBundle.running("true") { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            members["mounts"] = .array(
                mounts.map { mount in
                    guard case .object(var entry) = mount, entry["type"] == "cgroup" else { return mount }
                    entry["options"] = ["ro", "nsdelegate", "nosuch"]
                    return .object(entry)
                })
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("nosuch: Invalid argument"), "\(answer.errors)")
        try bundle.remove()
    }
}
