import CLinux
import Glibc

/// A thread in a mount namespace of its own, for the time of one piece of work.
///
/// Overlays want their layers attached somewhere (until Linux 6.15), and nothing of a container may ever be attached in
/// the host's mount namespace. So layers are attached here, the finished tree is taken out as a detached mount, and the
/// namespace with everything in it ends with the thread.
public enum MountWorkshop {
    /// @unchecked: the thread that made it waits while another runs it.
    private final class Job: @unchecked Sendable {
        let work: () -> Void
        init(_ work: @escaping () -> Void) { self.work = work }
    }

    /// Runs `body` there and returns what it returns. Its working directory and umask are its own; descriptors are
    /// shared with the caller, mounts it leaves attached are gone afterwards.
    public static func run<Value: Sendable>(
        _ body: @Sendable () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        var outcome: Result<Value, KernelError>?
        try withoutActuallyEscaping(body) { body throws(KernelError) in
            let job = Job {
                do throws(KernelError) {
                    try moveIn()
                    outcome = .success(try body())
                } catch {
                    outcome = .failure(error)
                }
            }
            try WorkerThread { job.work() }.join()
        }
        guard let outcome else { throw KernelError(call: "pthread_create", errno: EAGAIN) }
        return try outcome.get()
    }

    /// Makes the calling thread such a one until it ends, so it must be a `WorkerThread` that ends with its work.
    public static func moveIn() throws(KernelError) {
        try checked("unshare(CLONE_NEWNS)") { bh_unshare(UInt64(0x2_0000)) }
        try Mounts.makeAllPrivate()
    }

    /// Makes `path` the working directory of the workshop's thread, so that a mount's options can name short paths.
    public static func enter(_ path: String) throws(KernelError) { try checked("chdir", on: path) { chdir(path) } }

    /// mount(2) of an overlay described by `options` at `target`.
    public static func mountOverlay(at target: String, flags: UInt, options: String) throws(KernelError) {
        try checked("mount", on: "overlay") { bh_mount("overlay", target, "overlay", flags, options) }
    }
}
