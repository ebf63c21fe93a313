import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

/// process.selinuxLabel and linux.mountLabel under the policy of Tests/VirtualMachine/selinux, in the VM that Tests/run
/// boots for it. One after another, as one of them has the host enforce nothing for a moment.
@Suite("Labels of bundles", .serialized)
struct BundleSELinuxTests {
    private static let task = "system_u:system_r:container_t:s0:c1,c2"
    private static let files = "system_u:object_r:container_file_t:s0:c1,c2"

    init() throws { try #require(SELinux.state() == .enforcing) }

    private static func label(_ members: inout OrderedDictionary<String, SpecValue>) {
        TestBundle.set(&members, ["process", "selinuxLabel"], "system_u:system_r:container_t:s0:c2,c1")
        TestBundle.set(&members, ["linux", "mountLabel"], .string(files))
    }

    private func bundle(
        _ script: String, _ change: (inout OrderedDictionary<String, SpecValue>) -> Void = { _ in }
    ) throws -> TestBundle {
        try TestBundle.running(script) { members in
            Self.label(&members)
            change(&members)
        }
    }

    @Test("the process and whoever joins have the label, unless the one who joins is given another")
    func processes() throws {
        let bundle = try bundle("sleep 600")
        let created = try bundle.create()
        #expect(created.status == 0, "\(created.errors)")
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let first = try #require(try bundle.state().integer("pid", as: Int32.self))
        let seen = try TextFile.read("/proc/\(first)/attr/current")
        #expect(seen.hasPrefix(Self.task), "\(seen)")
        let words = ["cat", "/proc/self/attr/current"]
        let joined = try bundle.call("exec", TestBundle.id, words[0], words[1])
        #expect(joined.output.hasPrefix(Self.task), "\(joined)")
        try bundle.write(#"{"args":["cat","/proc/self/attr/current"],"cwd":"/","env":["PATH=/bin"]}"#, "process.json")
        let unnamed = try bundle.call("exec", "--process", bundle.place + "/process.json", TestBundle.id)
        #expect(unnamed.output.hasPrefix(Self.task), "\(unnamed)")
        let other = "system_u:system_r:container_t:s0:c1,c2,c5"
        let given = try bundle.call("exec", "--process-label", other, TestBundle.id, words[0], words[1])
        #expect(given.output.hasPrefix(other), "\(given)")
        try bundle.remove()
    }

    @Test("file systems that are made for it have the mount's label, and can be used", arguments: [false, true])
    func mounts(_ hasUsers: Bool) throws {
        let script = "echo > /dev/shm/x; echo > /memory/x; echo > /dev/null && echo used; sleep 600"
        let bundle = try bundle(script) { members in
            guard case .array(var mounts)? = members["mounts"] else { return }
            mounts.append(["destination": "/memory", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]])
            members["mounts"] = .array(mounts)
            if hasUsers { TestBundle.setUserNamespace(&members) }
        }
        // Root of a user namespace could not make it in a directory of the host's root.
        try Directories.makeAll("\(bundle.place)/rootfs/memory", mode: 0o755)
        let created = try bundle.create()
        #expect(created.status == 0, "\(created.errors)")
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let first = try #require(try bundle.state().integer("pid", as: Int32.self))
        for place in ["/dev", "/dev/shm", "/dev/pts", "/memory"] {
            #expect(try SELinux.label(of: "/proc/\(first)/root\(place)") == Self.files, "\(place)")
        }
        let used = try bundle.call(
            "exec", TestBundle.id, "sh", "-c", "echo > /dev/shm/y && echo > /memory/y && echo > /dev/null && echo used")
        #expect(used.output == "used\n", "\(used)")
        let root = try bundle.call("exec", TestBundle.id, "sh", "-c", "echo > /bin/x")
        #expect(root.status != 0 && root.errors.contains("Permission denied"), "its files have another label: \(root)")
        try bundle.remove()
    }

    @Test(
        "a label that the policy does not know is refused by name",
        arguments: [["process", "selinuxLabel"], ["linux", "mountLabel"]])
    func unknown(_ path: [String]) throws {
        let bundle = try bundle("true") { TestBundle.set(&$0, path, "system_u:object_r:nonesuch_t:s0") }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("nonesuch_t") && answer.errors.contains("does not know"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("where SELinux only reports, the label is applied and the log says that nothing holds it")
    func permissive() throws {
        let bundle = try bundle("cat /proc/self/attr/current")
        try TextFile.write("0", to: "/sys/fs/selinux/enforce")
        defer { enforce() }
        let answer = try bundle.run()
        #expect(answer.output.hasPrefix(Self.task), "\(answer)")
        #expect(try bundle.read("log").contains("SELinux is permissive"))
        try bundle.remove()
    }

    private func enforce() {
        do { try TextFile.write("1", to: "/sys/fs/selinux/enforce") } catch { Issue.record("\(error)") }
    }
}
