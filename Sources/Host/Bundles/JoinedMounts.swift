import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Another's mount namespace, for a root that is to be attached there and moved over its "/". Below a mount that is
/// shared, the kernel would show the root and all that is in it to the namespaces it is shared with, and move nothing
/// (mount_namespaces(7), mount(2) EINVAL).
enum JoinedMounts {
    /// `process` is in that namespace already, so its table is asked for here, where /proc is the kernel's.
    static func check(_ context: BundleContext, process: Int32) throws(Failure) {
        guard context.has("mount"), !context.isNew("mount"), let root = context.rootPath else { return }
        let table: String
        do throws(KernelError) { table = try TextFile.read("/proc/\(process)/mountinfo", limit: 64 << 20) } catch {
            throw error.failure("bundle.mounts", doing: "list the mounts of the namespace that is joined")
        }
        guard let shared = ["/", root].compactMap({ sharedMount(above: $0, in: table) }).first else { return }
        throw SpecObject.refusal(
            "linux.namespaces",
            "\(Untrusted.shown(shared)) is a shared mount in that mount namespace: the root would be seen elsewhere",
            remedy: "make the mounts there private, as `mount --make-rprivate /` does")
    }

    /// The mount that `path` is on when that is shared, proc_pid_mountinfo(5).
    static func sharedMount(above path: String, in table: String) -> String? {
        var found: (place: String, isShared: Bool)?
        for line in table.cut(at: "\n") {
            let fields = line.cut(at: " ", omittingEmptySubsequences: false)
            guard let separator = fields.firstIndex(of: "-"), separator > 5 else { continue }
            let place = KernelMounts.unescaped(fields[4])
            guard place == "/" || path == place || path.begins(with: place + "/") else { continue }
            // Of two at one place the one that is listed later is on top.
            if let found, found.place.utf8.count > place.utf8.count { continue }
            found = (place, fields[6..<separator].contains { $0.begins(with: "shared:") })
        }
        return found.flatMap { $0.isShared ? $0.place : nil }
    }
}
