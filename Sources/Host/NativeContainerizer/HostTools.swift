import Containers
import Diagnostics
import LinuxKernel

/// The root of a task that brings no image: the host's programs and libraries, read-only, under a root of its own. None
/// of the host's configuration, data or accounts is in it.
enum HostTools {
    private static let directories = [
        "dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var", "var/tmp",
    ]
    /// Directories of programs: links into usr on most hosts, directories of their own on some.
    private static let programs = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
    /// What programs need to find each other; shown where the host has it.
    private static let tables = [
        "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/protocols", "/etc/services", "/etc/ssl/certs",
    ]
    private static let files = [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ]

    /// Makes the layer at `path` unless it is there. Idempotent, also while another process does the same.
    static func prepareLayer(at path: String) throws(Failure) {
        do throws(KernelError) {
            try Directories.makeAll(path, mode: 0o755)
            let layer = try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow])
            try layer.changeMode(0o755)
            for name in directories { try tolerant { () throws(KernelError) in
                try layer.makeDirectory(RawPath(name), mode: 0o755)
                try layer.changeMode(of: RawPath(name), name.ends(with: "tmp") ? 0o1777 : 0o755)
            } }
            for name in programs {
                guard let target = HostFacts.linkTarget("/" + name), target.begins(with: "usr/") else { continue }
                try tolerant { () throws(KernelError) in try layer.makeLink(RawPath(name), to: RawPath(target)) }
            }
            for (name, text) in files {
                try tolerant { () throws(KernelError) in
                    let file = try layer.open(RawPath(name), [.writeOnly, .create, .exclusive], mode: 0o644)
                    try file.changeMode(0o644)
                    try file.write(text)
                }
            }
        } catch {
            throw error.failure(
                "snapshot.cannot-prepare", doing: "make the root of tasks without an image", on: path,
                remedy: "see that the store's file system is writable and has room")
        }
    }

    private static func tolerant(_ body: () throws(KernelError) -> Void) throws(KernelError) {
        do throws(KernelError) { try body() } catch { if error.errno != Errno.exists { throw error } }
    }

    /// Not shown through the container's id maps: whose they are does not matter where nobody can write.
    static func volumes(besides asked: [VolumeRequest]) throws(Failure) -> [VolumeRequest] {
        var shown = [VolumeRequest(source: "/usr", target: "/usr", readOnly: true, mapped: false)]
        for name in programs where HostFacts.linkTarget("/" + name) == nil && HostFacts.exists("/" + name) {
            shown.append(VolumeRequest(source: "/" + name, target: "/" + name, readOnly: true, mapped: false))
        }
        for path in tables where HostFacts.exists(path) {
            let source = HostFacts.linkTarget(path).map { $0.begins(with: "/") ? $0 : "/etc/" + $0 } ?? path
            guard HostFacts.exists(source) else { continue }
            let isFile = try fileKind(source)
            shown.append(
                VolumeRequest(source: source, target: path, isFile: isFile, readOnly: true, mapped: false))
        }
        let taken = Set(asked.map(\.target))
        return shown.filter { !taken.contains($0.target) }
    }

    private static func fileKind(_ path: String) throws(Failure) -> Bool {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.path]).status().kind != .directory
        } catch {
            throw error.failure("host.unreadable", doing: "look at the host's", on: path)
        }
    }
}
