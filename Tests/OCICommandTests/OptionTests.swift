import Diagnostics
import LinuxKernel
import RuntimeSpec
import Testing

@Suite("options that only some runtimes have")
struct OptionTests {
    private static func group(_ bundle: TestBundle) throws -> String {
        guard case .object(let members) = bundle.configuration, case .object(let linux)? = members["linux"],
            case .string(let path)? = linux["cgroupsPath"]
        else { throw KernelError(call: "find linux.cgroupsPath", errno: 0) }
        return path
    }

    private static func started(_ bundle: TestBundle) throws {
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
    }

    @Test("exec goes below the container's group of one controller alone, where there are such groups")
    func groupOfController() throws {
        let bundle = try TestBundle.running("sleep 600")
        try Self.started(bundle)
        let directory = try "/sys/fs/cgroup/pids\(Self.group(bundle))"
        let unknown = try bundle.call("exec", "--cgroup", "nosuch:/", TestBundle.id, "true")
        #expect(unknown.status == 255)
        #expect(unknown.errors.contains("unknown controller nosuch"))
        let above = try bundle.call("exec", "--cgroup", "pids:../..", TestBundle.id, "true")
        #expect(above.status == 255)
        #expect(above.errors.contains("`..` components are not allowed"))
        if HostFacts.exists(directory) {
            #expect(try bundle.call("exec", "--cgroup", "pids:a", TestBundle.id, "true").status == 255)
            try Directories.make("\(directory)/a", mode: 0o755)
            let answer = try bundle.call(
                "exec", "--cgroup", "pids:a", "--cgroup", "memory,cpu:/", TestBundle.id, "cat", "/proc/self/cgroup")
            #expect(answer.status == 0, "\(answer.errors)")
            let lines = answer.output.split(separator: "\n")
            #expect(lines.contains { $0.hasSuffix(":pids:/a") }, "\(answer.output)")
            #expect(lines.contains { $0.hasSuffix(":memory:/") }, "\(answer.output)")
        } else {
            #expect(try bundle.call("exec", "--cgroup", "pids:a", TestBundle.id, "true").status == 255)
        }
        try bundle.remove()
    }

    /// What the kernel says to somebody who opens a node whose driver may be missing.
    private func opens(_ bundle: TestBundle, _ node: String) throws -> Bool {
        !(try bundle.call("exec", TestBundle.id, "cat", node)).errors.contains("not permitted")
    }

    @Test("update changes which devices may be used, in the place of what was said before")
    func devices() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(
                &$0, ["linux", "devices"],
                [
                    ["path": "/dev/odd", "type": "c", "major": 10, "minor": 200],
                    ["path": "/dev/other", "type": "c", "major": 10, "minor": 237],
                ])
        }
        try Self.started(bundle)
        #expect(try !opens(bundle, "/dev/odd"))
        try bundle.write(
            #"{"devices":[{"allow":true,"type":"c","major":10,"minor":200,"access":"rw"}]}"#, "resources.json")
        let update = try bundle.call("update", "--resources", "\(bundle.place)/resources.json", TestBundle.id)
        #expect(update.status == 0, "\(update.errors)")
        #expect(try opens(bundle, "/dev/odd"))
        #expect(try !opens(bundle, "/dev/other"))
        #expect(try bundle.call("exec", TestBundle.id, "cat", "/dev/null").status == 0)
        #expect(try bundle.call("exec", TestBundle.id, "sh", "-c", "echo x > /dev/zero").status == 0)
        try bundle.write(
            #"{"devices":[{"allow":false},{"allow":true,"type":"c","major":10,"minor":237,"access":"mrw"}]}"#,
            "resources.json")
        #expect(try bundle.call("update", "-r", "\(bundle.place)/resources.json", TestBundle.id).status == 0)
        #expect(try !opens(bundle, "/dev/odd"))
        #expect(try opens(bundle, "/dev/other"))
        #expect(try bundle.call("exec", TestBundle.id, "cat", "/dev/null").status == 0)
        try bundle.write(
            #"{"devices":[{"allow":true,"type":"c","major":10},{"allow":false,"type":"c","major":10,"minor":237}]}"#,
            "resources.json")
        let partly = try bundle.call("update", "-r", "\(bundle.place)/resources.json", TestBundle.id)
        #expect(partly.status == 1)
        #expect(partly.errors.contains("takes back a part"), "\(partly.errors)")
        #expect(try !opens(bundle, "/dev/odd"))
        try bundle.remove()
    }

    @Test("a rule that would take back a part of what another one allows is refused, with either version of cgroups")
    func partOfDevices() throws {
        let bundle = try TestBundle.running("true") {
            TestBundle.set(
                &$0, ["linux", "resources", "devices"],
                [
                    ["allow": false, "access": "rwm"], ["allow": true, "type": "c", "major": 10],
                    ["allow": false, "type": "c", "major": 10, "minor": 237],
                ])
        }
        let answer = try bundle.create()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("takes back a part"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test(
        "a rule of both kinds allows no more than it says",
        arguments: [
            ["allow": true, "type": "a", "major": 10, "minor": 200], ["allow": true, "type": "a", "access": "m"],
            ["allow": true, "major": 10, "minor": 200, "access": "rw"],
        ] as [SpecValue])
    func bothKinds(rule: SpecValue) throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["linux", "devices"], [["path": "/dev/other", "type": "c", "major": 10, "minor": 237]])
            TestBundle.set(&$0, ["linux", "resources", "devices"], [["allow": false, "access": "rwm"], rule])
        }
        try Self.started(bundle)
        #expect(try !opens(bundle, "/dev/other"))
        #expect(try bundle.call("exec", TestBundle.id, "cat", "/dev/null").status == 0)
        try bundle.remove()
    }

    @Test("kill and delete reach every container whose id is of a form, and no other")
    func forms() throws {
        let bundle = try TestBundle.running("sleep 600")
        for id in ["web-1", "web-2", "db-1"] {
            guard case .object(var members) = bundle.configuration else { return }
            TestBundle.set(&members, ["linux", "cgroupsPath"], .string("/bulkhead-oci-\(KernelRandom.uuid())"))
            try bundle.write(SpecValue.object(members).text, "\(id).json")
            let answer = try bundle.call(
                "create", "--bundle", bundle.place, "--config", "\(bundle.place)/\(id).json", id)
            #expect(answer.status == 0, "\(answer.errors)")
        }
        #expect(try bundle.call("kill", "--regex", "^web-[0-9]+$", "KILL").status == 0)
        #expect(try bundle.call("delete", "--force", "--regex", "^web-").status == 0)
        #expect(try bundle.call("list", "--quiet").output == "db-1\n")
        let broken = try bundle.call("delete", "--force", "--regex", "(")
        #expect(broken.status == 1)
        #expect(broken.errors.contains("regular expression"), "\(broken.errors)")
        #expect(try bundle.call("delete", "--force", "--regex", "nobody").status == 0)
        #expect(try bundle.call("list", "--quiet").output == "db-1\n")
        #expect(try bundle.call("delete", "--force", "--regex", "^db-1$").status == 0)
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test(
        "a word that a command does not take is refused, and so is one that is missing",
        arguments: [
            ["list", "x"], ["list", "--quiet", "x"], ["features", "x"], ["spec", "x"], ["version", "x"],
            ["help", "run", "x"], ["create"], ["create", "a", "b"], ["run"], ["run", "a", "b"], ["start"],
            ["start", "a", "b"], ["state"], ["state", "a", "b"], ["kill"], ["kill", "a", "TERM", "b"], ["delete"],
            ["delete", "a", "b"], ["pause"], ["pause", "a", "b"], ["resume"], ["resume", "a", "b"], ["events"],
            ["events", "a", "b"], ["update"], ["update", "a", "b"], ["ps"], ["exec"],
        ])
    func words(_ arguments: [String]) throws {
        let answer = try ProgramAnswer.of(TestBundle.program, ["--root", "/nonexistent"] + arguments, environment: [])
        #expect(answer.status == (arguments[0] == "exec" ? 255 : 1))
        #expect(answer.errors.contains("it takes "), "\(answer.errors)")
        #expect(answer.output.isEmpty)
    }

    @Test("spec writes into the bundle, and over what is there only where a file is named")
    func spec() throws {
        let bundle = try TestBundle.running("true")
        func hasUserNamespace(_ name: String) throws -> Bool {
            let configuration = try RuntimeConfiguration(parsing: Array(try bundle.read(name).utf8))
            return configuration.linux.namespace("user") != nil
        }
        let there = try bundle.call("spec", "--bundle", bundle.place)
        #expect(there.status == 1)
        #expect(there.errors.contains("remove the one that is there"), "\(there.errors)")
        #expect(try bundle.call("spec", "-b", bundle.place, "-f", "other.json", "--rootless").status == 0)
        #expect(try hasUserNamespace("other.json"))
        #expect(try bundle.call("spec", "--file", "\(bundle.place)/other.json").status == 0)
        #expect(try !hasUserNamespace("other.json"))
        #expect(try bundle.call("spec", "-f", "/dev/stdout").output.contains("ociVersion"))
        try bundle.remove()
    }

    @Test("events tells of every process that the kernel ends because the container has no more memory")
    func memoryEvents() throws {
        let bundle = try TestBundle.running("until [ -e /go ]; do sleep 0.1; done; busybox tail /dev/zero; true") {
            TestBundle.set(&$0, ["linux", "resources", "memory"], ["limit": 33_554_432])
        }
        try Self.started(bundle)
        let output = try OwnedDescriptor.memoryFile("output")
        let process = try ToolProcess.start(
            TestBundle.program, ["--root", "\(bundle.place)/state", "events", "--interval", "1h", TestBundle.id],
            environment: [], descriptors: [nil, output, nil])
        let deadline = Deadline(seconds: 120)
        while try output.status().size == 0 { try deadline.pause("the first event") }
        try bundle.write("", "rootfs/go")
        #expect(try process.reap() == .exited(0))
        try output.seek(to: 0)
        let text = String(decoding: try output.readAll(limit: 1 << 20), as: UTF8.self)
        #expect(text.hasPrefix(#"{"type":"stats","id":"one","#))
        #expect(text.hasSuffix(#"{"type":"oom","id":"one"}"# + "\n"), "\(text)")
        try bundle.remove()
    }

    @Test("a refusal is about the document that was given, and says what can be done")
    func givenDocuments() throws {
        let bundle = try TestBundle.running("sleep 600")
        try Self.started(bundle)
        let path = "\(bundle.place)/given.json"
        for name in ["ALL", "net_admin"] {
            let answer = try bundle.call("exec", "--cap", name, TestBundle.id, "true")
            #expect(answer.status == 255 && answer.errors.contains("no capability has this name"), "\(answer.errors)")
        }
        try bundle.write("{}", "given.json")
        let process = try bundle.call("exec", "--process", path, TestBundle.id)
        #expect(process.status == 255 && process.errors.contains("cannot use \(path): cwd"), "\(process.errors)")
        try bundle.write("{", "given.json")
        let update = try bundle.call("update", "--resources", path, TestBundle.id)
        #expect(update.status == 1 && update.errors.contains("cannot read \(path)"), "\(update.errors)")
        #expect(!update.errors.contains("EINVAL"), "\(update.errors)")
        #expect(try bundle.call("kill", TestBundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        let stopped = try bundle.call("exec", TestBundle.id, "true")
        #expect(stopped.status == 255 && stopped.errors.contains("delete it, and create another"), "\(stopped.errors)")
        let late = try bundle.call("update", "--pids-limit", "9", TestBundle.id)
        #expect(late.status == 1)
        #expect(late.errors.contains("cannot update the container one: "), "\(late.errors)")
        #expect(late.errors.contains("container not running: it is stopped"), "\(late.errors)")
        try bundle.remove()
    }

    @Test(
        "what this runtime does not do is refused by name",
        arguments: [
            (["checkpoint", "one"], "keeps no images"), (["restore", "--bundle", "/", "one"], "keeps no images"),
            (["update", "--l3-cache-schema", "L3:0=f", "one"], "l3-cache-schema"),
            (["update", "--mem-bw-schema=MB:0=20", "one"], "mem-bw-schema"),
            (["update", "--kernel-memory", "1m", "one"], "kernel-memory"),
            (["update", "--memory", "-2", "one"], "--memory -2"), (["update", "--memory-swap=-1k", "one"], "no size"),
            (["update", "--memory", "1.g", "one"], "no size"),
            (["update", "--memory", "9000000p", "one"], "no size"), (["update", "--memory", "m", "one"], "no size"),
            (["update", "--memory", "-0.5g", "one"], "no size"), (["update", "--memory", "9ib", "one"], "no size"),
            (["update", "--memory", "1.5GiB", "one"], "does not exist"),
            (["update", "--memory", "", "one"], "does not exist"),
            (["update", "--memory", "2p", "one"], "does not exist"), (["--rootless", "true", "list"], "takes root"),
            (["--root", "", "list"], "names no directory"),
            (["update", "--pids-limit", "-2", "one"], "it is less than -1"), (["spec", "--nosuch"], "no such option"),
        ])
    func refused(arguments: [String], words: String) throws {
        let answer = try ProgramAnswer.of(TestBundle.program, ["--root", "/nonexistent"] + arguments, environment: [])
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words), "\(answer.errors)")
    }
}
