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
            (["cpu": ["shares": 1_024]], "cpu.weight", "39"), (["cpu": ["cpus": "0"]], "cpuset.cpus", "0"),
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
        let bundle = try TestBundle.running("sleep 60") {
            TestBundle.set(&$0, ["linux", "resources", "memory"], ["limit": 67_108_864])
        }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let update = try bundle.call(
            "update", "--memory", "128m", "--pids-limit", "9", "--cpu-share", "512", TestBundle.id)
        #expect(update.status == 0, "\(update.errors)")
        let answer = try bundle.call(
            "exec", TestBundle.id, "sh", "-c", "cd \(Self.group); cat memory.max pids.max cpu.weight")
        #expect(answer.output == "134217728\n9\n20\n", "\(answer.errors)")
        #expect(try bundle.call("update", "--pids-limit", "0", TestBundle.id).status == 0)
        let refused = try bundle.call("exec", TestBundle.id, "sh", "-c", "true & wait")
        #expect(refused.status != 0, "\(refused.output)")
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
