import Diagnostics
import LinuxKernel
import RuntimeSpec
import Testing

@Suite("the life cycle of a bundle's container")
struct LifeCycleTests {
    @Test("created it waits, started it runs, stopped it can be deleted")
    func lifeCycle() throws {
        let bundle = try TestBundle.running("echo started > /mark")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.state().string("status") == "created")
        #expect(!HostFacts.exists("\(bundle.place)/rootfs/mark"))
        #expect(try bundle.call("delete", TestBundle.id).status == 1)
        #expect(try bundle.create().status == 1)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.read("rootfs/mark") == "started\n")
        #expect(try bundle.call("start", TestBundle.id).status == 1)
        #expect(try bundle.call("kill", TestBundle.id, "KILL").status == 1)
        #expect(try bundle.call("delete", TestBundle.id).status == 0)
        #expect(try bundle.call("state", TestBundle.id).status == 1)
        try bundle.remove()
    }

    @Test("whoever starts a container that is being created waits until it is")
    func startDuringCreation() throws {
        let bundle = try TestBundle.running("true")
        guard case .object(var members) = bundle.configuration else { return }
        let script = "until test -e \(bundle.place)/go; do sleep 0.05; done"
        members["hooks"] = ["createRuntime": [["path": "/bin/sh", "args": ["sh", "-c", .string(script)]]]]
        try bundle.write(SpecValue.object(members).text, "config.json")
        let creation = try WorkerThread {
            do { #expect(try bundle.create().status == 0) } catch { Issue.record("\(error)") }
        }
        try Deadline(seconds: 120).wait("the creation") { HostFacts.exists("\(bundle.place)/state/\(TestBundle.id)") }
        #expect(try bundle.state().string("status") == "creating")
        let start = try WorkerThread {
            do { #expect(try bundle.call("start", TestBundle.id).status == 0) } catch { Issue.record("\(error)") }
        }
        try bundle.write("", "go")
        creation.join()
        start.join()
        try bundle.waitUntilStopped()
        #expect(try bundle.call("delete", TestBundle.id).status == 0)
        try bundle.remove()
    }

    @Test("what a killed creator left without a name goes, what another is making stays")
    func unnamed() throws {
        let bundle = try TestBundle.running("true")
        #expect(try bundle.run().status == 0)
        let state = try OwnedDescriptor.open(RawPath("\(bundle.place)/state"), [.directory])
        for name: RawPath in [".new.left", ".new.held", ".new.fresh"] { try state.makeDirectory(name, mode: 0o711) }
        let held = try state.open(".new.held", [.directory])
        #expect(try held.lock(exclusive: true, wait: false))
        for name: RawPath in [".new.left", ".new.held"] { try state.setModified(of: name, seconds: 1, nanoseconds: 0) }
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        #expect(try state.entries().map(\.name.description).sorted() == [".new.fresh", ".new.held"])
        try withExtendedLifetime(held) { try bundle.remove() }
    }

    @Test("run gives the program's output and its status")
    func run() throws {
        let bundle = try TestBundle.running("echo out; echo err >&2; exit 7")
        let answer = try bundle.run()
        #expect(answer.status == 7)
        #expect(answer.output == "out\n")
        #expect(answer.errors == "err\n")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("a signal to who runs it is the program's, also one in real time", arguments: [6, 14, 20, 37, 64] as [Int32])
    func signals(_ number: Int32) throws {
        let bundle = try TestBundle.running("trap 'exit 7' \(number); : > /ready; while :; do sleep 0.1; done")
        let process = try ToolProcess.start(
            TestBundle.program,
            ["--root", "\(bundle.place)/state", "run", "--bundle", bundle.place, "--pid-file", "", TestBundle.id],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)"], descriptors: [])
        let deadline = Deadline(seconds: 120)
        while !HostFacts.exists("\(bundle.place)/rootfs/ready") { try deadline.pause("the program") }
        try process.signal(number)
        #expect(try process.reap() == .exited(7))
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("a directory is no program, and nothing is made for it")
    func directory() throws {
        let bundle = try TestBundle { TestBundle.set(&$0, ["process", "args"], ["/bin"]) }
        let answer = try bundle.call("create", "--bundle", bundle.place, TestBundle.id)
        #expect(answer.status == 1 && answer.errors.contains("permission denied"), "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("what a bundle says of itself drives no terminal, and is the same to programs")
    func strangersText() throws {
        let bundle = try TestBundle.running("true") { $0["annotations"] = ["a": "\u{9b}31m"] }
        #expect(try bundle.create().status == 0)
        for answer in [try bundle.call("state", TestBundle.id), try bundle.call("list", "--format", "json")] {
            #expect(answer.output.contains("\\u009b31m") && !answer.output.contains("\u{9b}"), "\(answer.output)")
        }
        #expect(try bundle.state().texts("annotations") == ["a": "\u{9b}31m"])
        #expect(try bundle.call("delete", "--force", TestBundle.id).status == 0)
        try bundle.remove()
    }

    @Test("a configuration without a process can be created, not started, and deleted by force")
    func noProcess() throws {
        let bundle = try TestBundle { $0["process"] = nil }
        #expect(try bundle.create().status == 0)
        let start = try bundle.call("start", TestBundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("no process"))
        #expect(try bundle.call("delete", "--force", TestBundle.id).status == 0)
        try bundle.remove()
    }

    @Test("every hook runs at its point, with the state that holds there")
    func hooks() throws {
        let bundle = try TestBundle.running("true")
        guard case .object(var members) = bundle.configuration else { return }
        var hooks = SpecValue.noMembers
        for point in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
            hooks[point] = [
                [
                    "path": "/bin/sh",
                    "args": ["sh", "-c", .string(
                        "cat > \(bundle.place)/\(point); date +%s%N >> \(bundle.place)/order")],
                    "env": ["PATH=/usr/bin:/bin"], "timeout": 20,
                ]
            ]
        }
        hooks["startContainer"] = [["path": "/bin/sh", "args": ["sh", "-c", "/bin/cat > /startContainer"]]]
        members["hooks"] = .object(hooks)
        members["annotations"] = ["a": "b"]
        try bundle.write(SpecValue.object(members).text, "config.json")
        #expect(try bundle.create().status == 0)
        let process = try bundle.state().integer("pid", as: Int32.self)
        for point in ["prestart", "createRuntime"] {
            try expect(bundle, point, status: "created", process: process)
        }
        // In the container's namespaces, where it is the first.
        try expect(bundle, "createContainer", status: "created", process: 1)
        #expect(!HostFacts.exists("\(bundle.place)/rootfs/startContainer"))
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        try expect(bundle, "rootfs/startContainer", status: "created", process: 1)
        try expect(bundle, "poststart", status: "running", process: process)
        try bundle.waitUntilStopped()
        #expect(try bundle.call("delete", TestBundle.id).status == 0)
        try expect(bundle, "poststop", status: "stopped", process: 0)
        try bundle.remove()
    }

    private func expect(_ bundle: TestBundle, _ file: String, status: String, process: Int32?) throws {
        let state = try SpecObject(parsing: Array(try bundle.read(file).utf8), document: file)
        #expect(try state.string("status") == status, "\(file)")
        #expect(try state.integer("pid", as: Int32.self) == process, "\(file)")
        #expect(try state.string("id") == TestBundle.id)
        #expect(try state.string("bundle") == bundle.place)
        #expect(try state.texts("annotations") == ["a": "b"])
    }

    @Test("a hook that fails before the start takes everything back", arguments: ["prestart", "createContainer"])
    func failingHook(_ point: String) throws {
        let bundle = try TestBundle.running("true") { $0["hooks"] = [point: [["path": "/bin/false"]]] }
        let answer = try bundle.create()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("/bin/false"))
        #expect(try bundle.call("state", TestBundle.id).status == 1)
        try bundle.remove()
    }

    @Test("a signal that comes before its handler waits for it a moment")
    func earlySignal() throws {
        // Once in five times is enough where a machine has better things to do; without waiting it would be never.
        var statuses: [Int32] = []
        while statuses.count < 5, statuses.last != 7 {
            let bundle = try TestBundle.running(
                "busybox usleep 30000; trap 'exit 7' TERM; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; done")
            let mark: SpecValue = ["path": "/bin/sh", "args": ["sh", "-c", .string(Self.stopping(bundle))]]
            guard case .object(var members) = bundle.configuration else { return }
            members["hooks"] = ["poststart": [mark]]
            try bundle.write(SpecValue.object(members).text, "config.json")
            statuses.append(try bundle.run().status)
            try bundle.remove()
        }
        #expect(statuses.last == 7, "\(statuses)")
    }

    /// As soon as the program runs.
    private static func stopping(_ bundle: TestBundle) -> String {
        "\(TestBundle.program) --root \(bundle.place)/state kill \(TestBundle.id)"
    }

    @Test("a poststop hook that fails is told of, and the others run and the container is gone all the same")
    func failingLastHook() throws {
        let bundle = try TestBundle.running("true") {
            $0["hooks"] = ["poststop": [["path": "/bin/false"], ["path": "/bin/false"]]]
        }
        let answer = try bundle.run()
        #expect(answer.status == 0)
        #expect(answer.errors.split(separator: "poststop hook failed with exit code 1").count == 3, "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test("a created container can be paused, and is created again when it goes on")
    func pauseBeforeStart() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("pause", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "paused")
        for words in [["start", TestBundle.id], ["exec", TestBundle.id, "true"]] {
            let refused = try ProgramAnswer.of(
                TestBundle.program, ["--root", "\(bundle.place)/state"] + words,
                environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)"])
            #expect(refused.status != 0)
            #expect(refused.errors.contains("paused"), "\(refused.errors)")
        }
        #expect(try bundle.call("resume", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "created")
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "running")
        try bundle.remove()
    }

    @Test("pausing stops it, and a paused container can be deleted by force")
    func pause() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        #expect(try bundle.call("pause", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "paused")
        #expect(try bundle.call("resume", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "running")
        #expect(try bundle.call("ps", "--format", "json", TestBundle.id).output.hasPrefix("["))
        #expect(try bundle.call("pause", TestBundle.id).status == 0)
        #expect(try bundle.call("delete", "--force", TestBundle.id).status == 0)
        try bundle.remove()
    }
}
