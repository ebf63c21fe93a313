import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("namespaces that a bundle names by path")
struct GivenNamespaceTests {
    private static func list(_ given: SpecValue, in members: inout OrderedDictionary<String, SpecValue>) {
        guard case .object(let new) = given, case .object(let linux)? = members["linux"],
            case .array(let there)? = linux["namespaces"]
        else { return }
        let others = there.filter { if case .object(let old) = $0 { old["type"] != new["type"] } else { true } }
        TestBundle.set(&members, ["linux", "namespaces"], .array(others + [given]))
    }

    @Test(
        "one that is our own is as none: what would be changed is the host's",
        arguments: [
            ("uts", "uts", [], "", "hostname: without a uts namespace"),
            ("network", "net", ["linux", "sysctl"], ["net.ipv4.ip_forward": "1"], "net.ipv4.ip_forward: without"),
            ("ipc", "ipc", ["linux", "sysctl"], ["kernel.shmmni": "4096"], "kernel.shmmni: without"),
            ("user", "user", ["linux", "uidMappings"], [["containerID": 0, "hostID": 0, "size": 1]], "id maps need"),
        ] as [(String, String, [String], SpecValue, String)])
    func own(_ type: String, _ name: String, _ path: [String], _ value: SpecValue, _ words: String) throws {
        let bundle = try TestBundle.running("true") {
            if !path.isEmpty { TestBundle.set(&$0, path, value) }
            Self.list(["type": .string(type), "path": .string("/proc/self/ns/\(name)")], in: &$0)
        }
        // What it would do to its host, it does to a caller with namespaces of its own.
        let answer = try ProgramAnswer.of(
            "/usr/bin/unshare",
            [
                "--uts", "--ipc", "--net", TestBundle.program, "--root", "\(bundle.place)/state", "run", "--bundle",
                bundle.place, TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a pipe in the place of one is refused, and nobody waits for whoever writes to it")
    func pipe() throws {
        let bundle = try TestBundle.running("true")
        let place = try OwnedDescriptor.open(RawPath(bundle.place), [.directory])
        try place.makeNode("pipe", kind: .fifo, mode: 0o600)
        guard case .object(var members) = bundle.configuration else { return }
        Self.list(["type": "network", "path": .string("\(bundle.place)/pipe")], in: &members)
        try bundle.write(SpecValue.object(members).text, "config.json")
        let answer = try ProgramAnswer.of(
            "/usr/bin/timeout",
            ["20", TestBundle.program, "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place, "one"],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains("open the namespace of type network"), "\(answer.errors)")
        try bundle.remove()
    }

    /// Runs `body` with the number of a process in a mount namespace of its own.
    private func beside(_ propagation: String, _ body: (Int32) throws -> Void) throws {
        let process = try ToolProcess.start(
            "/usr/bin/unshare", ["--mount", "--propagation", propagation, "sleep", "600"],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [nil, nil, nil])
        defer {
            do {
                try process.signal(SignalNumber.kill)
                _ = try process.reap()
            } catch { Issue.record("\(error)") }
        }
        let program = "/proc/\(process.id)/exe"
        try Deadline(seconds: 120).wait("the namespace") {
            HostFacts.linkTarget(program)?.hasSuffix("unshare") == false
        }
        try body(process.id)
    }

    private func joining(_ process: Int32, mounts: [SpecValue] = []) throws -> TestBundle {
        try TestBundle.running("ls /") {
            Self.list(["type": "mount", "path": .string("/proc/\(process)/ns/mnt")], in: &$0)
            guard case .array(let there)? = $0["mounts"] else { return }
            $0["mounts"] = .array(there + mounts)
        }
    }

    @Test("another's mount namespace is entered where its mounts are private, and refused where they are shared")
    func joined() throws {
        try beside("private") { process in
            let bundle = try joining(process)
            let answer = try bundle.run()
            #expect(answer.output == "bin\ndev\nproc\nsys\n", "\(answer.errors)")
            try bundle.remove()
        }
        try beside("shared") { process in
            let bundle = try joining(process)
            let answer = try bundle.run()
            #expect(answer.status == 1)
            #expect(answer.errors.contains("is a shared mount in that mount namespace"), "\(answer.errors)")
            #expect(try !TextFile.read("/proc/\(process)/mountinfo", limit: 1 << 20).contains(bundle.place))
            try bundle.remove()
        }
    }

    @Test("a container that fails in another's mount namespace leaves nothing there")
    func failing() throws {
        try beside("private") { process in
            let bundle = try joining(process, mounts: [["destination": "/a", "type": "none-such", "source": "x"]])
            #expect(try bundle.run().status == 1)
            #expect(try !TextFile.read("/proc/\(process)/mountinfo", limit: 1 << 20).contains(bundle.place))
            try bundle.remove()
        }
    }

    @Test("of the mounts a path is below, the innermost that is seen decides whether it is shared")
    func sharedMount() {
        let table = """
            1 0 8:1 / / rw - ext4 /dev/vda rw
            2 1 8:2 / /srv rw shared:7 - ext4 /dev/vdb rw
            3 2 8:3 / /srv/a\\040b rw master:7 - ext4 /dev/vdc rw
            4 1 8:4 / /top rw shared:8 - ext4 /dev/vdd rw
            5 4 8:5 / /top rw - ext4 /dev/vde rw

            """
        for (path, place) in [
            ("/", nil), ("/srv", "/srv"), ("/srv/c/d", "/srv"), ("/srv/a b/c", nil), ("/srvs", nil), ("/top/x", nil),
        ] as [(String, String?)] {
            #expect(JoinedMounts.sharedMount(above: path, in: table) == place, "\(path)")
        }
    }

    @Test("without pivot_root a user namespace has its root too, and the log says what an administrator in it reaches")
    func noPivot() throws {
        let bundle = try TestBundle.running("ls /; cat /proc/self/uid_map") {
            Self.list(["type": "user"], in: &$0)
            let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 65_536]]
            TestBundle.set(&$0, ["linux", "uidMappings"], map)
            TestBundle.set(&$0, ["linux", "gidMappings"], map)
            TestBundle.set(&$0, ["process", "capabilities", "bounding"], ["CAP_SYS_ADMIN"])
        }
        let answer = try bundle.call("run", "--bundle", bundle.place, "--no-pivot", TestBundle.id)
        let words = answer.output.split(whereSeparator: \.isWhitespace)
        #expect(words.prefix(6) == ["bin", "dev", "proc", "sys", "0", "300000"])
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(try bundle.read("log").contains("without pivot_root(2) CAP_SYS_ADMIN reaches the host's files"))
        try bundle.remove()
    }
}
