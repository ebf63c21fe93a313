import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

/// A small root file system on this host's disk with busybox and a few traps, removed when the test lets go of it.
final class TestRoot {
    let path: String

    init() throws {
        var template = Array("/tmp/launcher-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw KernelError(call: "mkdtemp", errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(chmod(path, 0o755) == 0)
        for directory in ["bin", "proc", "dev", "sys", "tmp", "data", "full", "srv"] { try make(directory) }
        try write("full/entry", "secret")
        try write("file", "secret")
        // Copied by a process of its own: were it open for writing here, a launcher being started in parallel would
        // hold a copy of the descriptor for a moment, and executing the file would be ETXTBSY.
        try TestRoot.tool(["cp", "/bin/busybox", "\(path)/bin/busybox"])
        try link("bin/sh", to: "busybox")
    }

    deinit {
        do {
            try TestRoot.tool(["rm", "-rf", "--one-file-system", path])
        } catch {
            Issue.record("cannot remove \(path): \(error)")
        }
    }

    func make(_ directory: String) throws { try #require(mkdir("\(path)/\(directory)", 0o755) == 0) }
    func link(_ name: String, to target: String) throws { try #require(symlink(target, "\(path)/\(name)") == 0) }
    func write(_ name: String, _ text: String) throws {
        try OwnedDescriptor.open(RawPath("\(path)/\(name)"), [.writeOnly, .create], mode: 0o644).write(text)
    }
    func read(_ name: String) throws -> String { try TextFile.read("\(path)/\(name)") }
    func exists(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    private static func tool(_ arguments: [String]) throws {
        var process: pid_t = 0
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        try #require(posix_spawn(&process, "/bin/\(arguments[0])", nil, nil, &pointers, nil) == 0)
        var status: Int32 = 0
        try #require(waitpid(process, &status, 0) == process && status == 0, "\(arguments)")
    }

    /// The root as a detached mount, owned by the root user of the launcher's user namespace.
    func tree(for process: Int32, mapped: Bool) throws -> OwnedDescriptor {
        let tree = try OwnedDescriptor.detachedTree(at: path)
        let namespace = mapped ? try OwnedDescriptor.open(RawPath("/proc/\(process)/ns/user")) : nil
        try tree.setMountAttributes(set: MountAttributes([.noDevices]).rawValue, userNamespace: namespace)
        return tree
    }
}

extension Trial {
    /// A container in namespaces of its own on `root`: attached, kernel file systems mounted, entered; then `more`.
    static func container(
        on root: TestRoot, before: [Step] = [], inside: [Step] = [], user: Bool = true
    ) -> Trial {
        let nothing: MountAttributes = [.noSetuid, .noDevices, .noExecute]
        var steps: [Step] = user ? [.becomeRoot] : []
        steps += [
            .propagation(.private), .attachRoot(tree: "root", anchor: "/mnt"),
            .mount(type: "proc", target: "/proc", attributes: nothing, resolve: [.noLinks], options: []),
            .attach(tree: "dev", target: "/dev", kind: .directory, resolve: [.noLinks]),
            .mount(
                type: "devpts", target: "/dev/pts", attributes: [.noSetuid, .noExecute], resolve: [.create, .noLinks],
                options: ["ptmxmode=0666", "mode=0620"]),
        ]
        steps += before + [.enterRoot] + inside
        var trial = Trial(steps)
        trial.namespaces = [.mount, .pid, .uts, .ipc, .network]
        if user {
            trial.namespaces.formUnion(.user)
            trial.rootOutside = 700_000
        }
        trial.descriptors.append(("root", Offer { try root.tree(for: $0, mapped: user) }))
        trial.descriptors.append(("dev", Offer { _ in try deviceTree() }))
        return trial
    }

    /// A detached tmpfs with the null device, as the device isolator makes it.
    private static func deviceTree() throws -> OwnedDescriptor {
        let context = try FilesystemContext("tmpfs")
        try context.set("mode", "0755")
        let tree = try context.mount(attributes: MountAttributes([.noSetuid, .noExecute]).rawValue)
        try #require(mknodat(tree.number, "null", S_IFCHR | 0o666, 0x103) == 0)
        try #require(fchmodat(tree.number, "null", 0o666, 0) == 0)
        // The host's root owns this file system, so the container's cannot make anything in it.
        try #require(mkdirat(tree.number, "pts", 0o755) == 0)
        return tree
    }

    /// The null device as a detached mount.
    static func nullDevice() throws -> OwnedDescriptor { try OwnedDescriptor.detachedTree(at: "/dev/null") }
}
