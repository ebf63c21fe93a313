import Diagnostics
import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

@Suite("what engines and their users rely on")
struct EngineTests {
    private static func add(
        _ mount: SpecValue, to members: inout OrderedDictionary<String, SpecValue>
    ) {
        guard case .array(let mounts)? = members["mounts"] else { return }
        members["mounts"] = .array(mounts + [mount])
    }

    private func started(
        _ script: String = "sleep 600", _ change: (inout OrderedDictionary<String, SpecValue>) -> Void = { _ in }
    ) throws -> TestBundle {
        let bundle = try TestBundle.running(script, change)
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        return bundle
    }

    @Test("nothing is created in a frozen group or below one, where it would wait for ever", arguments: ["", "/below"])
    func frozenGroup(below: String) throws {
        let paused = try started()
        #expect(try paused.call("pause", TestBundle.id).status == 0)
        var group = ""
        if case .object(let members) = paused.configuration, case .object(let linux)? = members["linux"],
            case .string(let path)? = linux["cgroupsPath"]
        { group = path }
        let bundle = try TestBundle.running("true") {
            TestBundle.set(&$0, ["linux", "cgroupsPath"], .string(group + below))
        }
        let answer = try bundle.create()
        #expect(answer.status != 0)
        #expect(answer.errors.contains(below.isEmpty ? "not empty" : "frozen"), "\(answer.errors)")
        try bundle.remove()
        #expect(try paused.call("resume", TestBundle.id).status == 0)
        #expect(try paused.state().string("status") == "running")
        try paused.remove()
    }

    @Test("a terminal that is shown to no terminal gives lines as the program writes them")
    func lines() throws {
        let bundle = try TestBundle.running("echo one; echo two") {
            TestBundle.set(&$0, ["process", "terminal"], true)
        }
        #expect(try bundle.run().output == "one\ntwo\n")
        try bundle.remove()
    }

    @Test("a terminal belongs to the user, and its group stays that of terminals")
    func terminalOwner() throws {
        let bundle = try TestBundle.running("stat -c %u:%g /proc/self/fd/0 -L") {
            TestBundle.set(&$0, ["process", "terminal"], true)
            TestBundle.set(&$0, ["process", "user"], ["uid": 1_000, "gid": 1_000])
        }
        #expect(try bundle.run().output == "1000:5\n")
        try bundle.remove()
    }

    @Test("the last of several variables with one name counts, and an empty HOME is none")
    func environment() throws {
        let bundle = try TestBundle.running("env") {
            TestBundle.set(&$0, ["process", "env"], ["A=1", "PATH=/bin", "HOME=/x", "A=2", "HOME="])
        }
        let lines = try bundle.run().output.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("A=") } == ["A=2"])
        #expect(lines.filter { $0.hasPrefix("HOME=") } == ["HOME=/"])
        try bundle.remove()
    }

    @Test("a startContainer hook without variables of its own has those of the program")
    func hookEnvironment() throws {
        let bundle = try TestBundle.running("cat /mark") {
            TestBundle.set(&$0, ["process", "env"], ["PATH=/bin", "COLOUR=red"])
            $0["hooks"] = ["startContainer": [["path": "/bin/sh", "args": ["sh", "-c", "echo $COLOUR > /mark"]]]]
        }
        #expect(try bundle.run().output == "red\n")
        try bundle.remove()
    }

    @Test("a createContainer hook begins in the root of the container")
    func hookDirectory() throws {
        let bundle = try TestBundle.running("cat /mark") {
            $0["hooks"] = ["createContainer": [["path": "/bin/sh", "args": ["sh", "-c", "echo x > mark"]]]]
        }
        #expect(try bundle.run().output == "x\n")
        try bundle.remove()
    }

    @Test("the working directory may be one that only the launcher can enter")
    func closedDirectory() throws {
        let bundle = try TestBundle.running("pwd") {
            TestBundle.set(&$0, ["process", "cwd"], "/home")
            TestBundle.set(&$0, ["process", "user"], ["uid": 1_000, "gid": 1_000])
        }
        try Directories.makeAll("\(bundle.place)/rootfs/home", mode: 0o700)
        let answer = try bundle.run()
        #expect(answer.output == "/home\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("without a pid namespace of their own, KILL is for all of the container's processes")
    func killAll() throws {
        let bundle = try started("sleep 600 & sleep 600 & wait") { members in
            guard case .object(let linux)? = members["linux"], case .array(let namespaces)? = linux["namespaces"]
            else { return }
            TestBundle.set(&members, ["linux", "namespaces"], .array(namespaces.filter { $0 != ["type": "pid"] }))
        }
        let deadline = Deadline(seconds: 120)
        func processes() throws -> [String] {
            try bundle.call("ps", "--format", "json", TestBundle.id).output.filter { !"[]\n".contains($0) }
                .split(separator: ",").map(String.init)
        }
        while try processes().count < 3 { try deadline.pause("three processes") }
        #expect(try bundle.call("kill", TestBundle.id, "KILL").status == 0)
        while try !processes().isEmpty { try deadline.pause("all of them to end") }
        // A process leaves its group's list some time before it has ended.
        try bundle.waitUntilStopped()
        // A stopped container has none, which is no error.
        #expect(try bundle.call("ps", TestBundle.id).output.hasPrefix("UID"))
        #expect(try bundle.call("kill", "--all", TestBundle.id, "KILL").status == 0)
        #expect(try bundle.call("kill", TestBundle.id, "0").errors.contains("container not running"))
        try bundle.remove()
    }

    @Test("a created container ends by a signal that ends programs")
    func killCreated() throws {
        let bundle = try TestBundle.running("true")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("kill", TestBundle.id, "0").status == 0)
        #expect(try bundle.state().string("status") == "created")
        #expect(try bundle.call("kill", TestBundle.id, "TERM").status == 0)
        try bundle.waitUntilStopped()
        try bundle.remove()
    }

    @Test("while it waits to be started, nothing that the launcher was given stays open")
    func nothingOpen() throws {
        let bundle = try TestBundle.running("true")
        #expect(try bundle.create().status == 0)
        let process = try #require(try bundle.state().integer("pid", as: Int32.self))
        let place = "/proc/\(process)/fd"
        let open = try OwnedDescriptor.open(RawPath(place), [.directory]).entries()
            .compactMap { HostFacts.linkTarget("\(place)/\($0.name)") }
        #expect(!open.isEmpty)
        #expect(!open.contains { $0.hasPrefix("/memfd:bulkhead-plan") || $0.hasPrefix("/proc/") }, "\(open)")
        try bundle.remove()
    }

    @Test("a node of linux.devices is usable only when the device rules say so")
    func deviceRules() throws {
        for allowed in [false, true] {
            let bundle = try TestBundle.running("(: < /dev/kernel) 2>&1; echo $?") {
                TestBundle.set(
                    &$0, ["linux", "devices"], [["path": "/dev/kernel", "type": "c", "major": 1, "minor": 11]])
                let all: SpecValue = ["allow": false, "access": "rwm"]
                let one: SpecValue = ["allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"]
                TestBundle.set(&$0, ["linux", "resources", "devices"], allowed ? [all, one] : [all])
                for set in ["bounding", "effective", "permitted"] {
                    TestBundle.set(&$0, ["process", "capabilities", set], ["CAP_SYSLOG"])
                }
            }
            let answer = try bundle.run()
            #expect(answer.output.hasSuffix(allowed ? "0\n" : "1\n"), "\(answer)")
            #expect(answer.output.contains("Operation not permitted") != allowed, "\(answer)")
            try bundle.remove()
        }
    }

    @Test("a tmpfs has the permissions of the directory it covers, unless it is given others")
    func inheritedMode() throws {
        let bundle = try TestBundle.running("stat -c %a /there /given /new") {
            for (name, options) in [("there", ["nodev"]), ("given", ["mode=1500"]), ("new", [])] {
                Self.add(
                    [
                        "destination": .string("/\(name)"), "type": "tmpfs", "source": "tmpfs",
                        "options": .strings(options),
                    ], to: &$0)
            }
        }
        for name in ["there", "given"] { try Directories.make("\(bundle.place)/rootfs/\(name)", mode: 0o710) }
        let answer = try bundle.run()
        #expect(answer.output == "710\n1500\n1777\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a read-only /dev has its nodes, and takes no more")
    func readOnlyDevices() throws {
        let bundle = try TestBundle.running("echo x > /dev/null && echo x 2>/dev/null > /dev/new || echo refused") {
            guard case .array(let mounts)? = $0["mounts"] else { return }
            $0["mounts"] = .array(
                mounts.map { mount in
                    guard case .object(var members) = mount, members["destination"] == "/dev" else { return mount }
                    members["options"] = ["nosuid", "mode=755", "ro"]
                    return .object(members)
                })
        }
        let answer = try bundle.run()
        #expect(answer.output == "refused\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a path masked twice is masked once")
    func maskedTwice() throws {
        let bundle = try TestBundle.running("grep -c ' /hidden ' /proc/self/mounts") {
            TestBundle.set(&$0, ["linux", "maskedPaths"], ["/hidden", "/hidden"])
        }
        try Directories.make("\(bundle.place)/rootfs/hidden", mode: 0o755)
        #expect(try bundle.run().output == "1\n")
        try bundle.remove()
    }

    @Test("without pivot_root no user namespace inside can mount a /proc that shows what is masked")
    func noBareProc() throws {
        let bundle = try TestBundle.running("unshare -mrpf sh -c 'mount -t proc x /proc && echo mounted'; echo $?") {
            for set in ["bounding", "effective", "permitted"] {
                TestBundle.set(&$0, ["process", "capabilities", set], ["CAP_SETFCAP"])
            }
        }
        let answer = try bundle.call("run", "--bundle", bundle.place, "--no-pivot", TestBundle.id)
        #expect(!answer.output.contains("mounted"), "\(answer)")
        #expect(answer.output == "1\n", "\(answer)")
        try bundle.remove()
    }

    @Test("memory comes from the nodes that linux.memoryPolicy names, for every process of the container")
    func memoryPolicy() throws {
        let bundle = try started("sleep 600") {
            TestBundle.set(
                &$0, ["linux", "memoryPolicy"],
                ["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]])
        }
        for process in ["1", "self"] {
            let answer = try bundle.call("exec", TestBundle.id, "cat", "/proc/\(process)/numa_maps")
            #expect(answer.output.split(separator: "\n").first?.contains(" bind=static:0 ") == true, "\(answer.errors)")
        }
        try bundle.remove()
    }

    @Test(
        "a memory policy that cannot be meant is refused",
        arguments: [
            (["nodes": "0"], "memory policy mode"), (["mode": "BIND"], "memory policy mode"),
            (["mode": "MPOL_BIND", "nodes": "0", "flags": ["X"]], "memory policy flag"),
            (["mode": "MPOL_BIND", "nodes": "0-9876543210"], "memory policy node"),
            (["mode": "MPOL_BIND", "nodes": "1-0"], "memory policy node"),
            (["mode": "MPOL_DEFAULT", "nodes": "0-7"], "requires 0 nodes but got 8"),
            (["mode": "MPOL_BIND"], "set the memory policy"),
        ] as [(SpecValue, String)])
    func wrongMemoryPolicy(_ policy: SpecValue, _ words: String) throws {
        let bundle = try TestBundle.running("true") { TestBundle.set(&$0, ["linux", "memoryPolicy"], policy) }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("what the caller is held to is not the container's; exec is held to what it asks for")
    func processors() throws {
        let bundle = try TestBundle.running("grep Cpus_allowed_list /proc/self/status; sleep 600")
        let line = "grep Cpus_allowed_list /proc/self/status"
        let free = try ProgramAnswer.of("/bin/sh", ["-c", line], environment: ["PATH=/usr/bin:/bin"]).output
        let held = try ProgramAnswer.of(
            "/usr/bin/taskset",
            [
                "-c", "0", TestBundle.program, "--root", "\(bundle.place)/state", "run", "--detach", "--bundle",
                bundle.place, TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(held.status == 0, "\(held.errors)")
        #expect(try bundle.call("exec", TestBundle.id, "sh", "-c", line).output == free)
        let document: SpecValue = [
            "args": ["sh", "-c", .string(line)], "cwd": "/", "user": ["uid": 0, "gid": 0], "env": ["PATH=/bin"],
            "execCPUAffinity": ["initial": "0", "final": "0"],
        ]
        try bundle.write(document.text, "process.json")
        let answer = try bundle.call("exec", "--process", "\(bundle.place)/process.json", TestBundle.id)
        #expect(answer.output == "Cpus_allowed_list:\t0\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a root that was named and is not there is an error")
    func namedRoot() throws {
        let bundle = try TestBundle.running("true")
        let answer = try bundle.call("list")
        #expect(answer.status == 1)
        #expect(answer.errors.contains("there is no such directory"))
        try bundle.remove()
    }

    @Test("events take the intervals that others take", arguments: [("20ms", 0), ("1.5m", 0), ("2", 0), ("x", 1)])
    func intervals(_ text: String, _ status: Int32) throws {
        let bundle = try started()
        #expect(try bundle.call("events", "--stats", "--interval", text, TestBundle.id).status == status)
        try bundle.remove()
    }
}
