public import Diagnostics
public import LinuxKernel

/// Keeps a log within its limit when the container's own init does not: the oldest part is given back to the disk as a
/// hole, so that offsets stay what they were.
public struct LogKeeper: Sendable {
    private let watch: FileWatch
    private let blocking: BlockingWork
    /// A busy log is looked at this often at most.
    private static let pause = Duration.milliseconds(100)
    private static let blockBytes: Int64 = 4_096

    public init(watch: FileWatch, blocking: BlockingWork) {
        self.watch = watch
        self.blocking = blocking
    }

    /// Keeps `file`, open for writing, within `bytesMax` bytes of disk until it is removed or the task is cancelled.
    public func keep(_ file: OwnedDescriptor, bytesMax: UInt64) async throws(Failure) {
        for await _ in try watch.signals(for: file) {
            let isGone = try await blocking.run("keep a log within its limit") { () throws(Failure) in
                try Self.enforce(bytesMax, on: file)
                return try Self.isRemoved(file)
            }
            // Our own hold on it keeps the kernel from telling its end.
            if isGone { return }
            // Cancelled: the next turn of the loop ends it.
            do { try await Task.sleep(for: Self.pause) } catch { return }
        }
    }

    private static func isRemoved(_ file: OwnedDescriptor) throws(Failure) -> Bool {
        do throws(KernelError) { return try file.status().links == 0 } catch {
            throw error.failure("sandbox.log", doing: "look at a log")
        }
    }

    /// Drops the oldest part of `file` when it takes more than `bytesMax` bytes of disk, down to three quarters of it.
    /// - Returns: whether something was dropped.
    @discardableResult
    public static func enforce(_ bytesMax: UInt64, on file: OwnedDescriptor) throws(Failure) -> Bool {
        do throws(KernelError) {
            let status = try file.status()
            guard status.blocks * 512 > Int64(clamping: bytesMax) else { return false }
            let kept = Int64(clamping: bytesMax / 4 * 3)
            let end = max(0, status.size - kept) / blockBytes * blockBytes
            guard end > 0 else { return false }
            try file.punchHole(at: 0, count: end)
            return true
        } catch {
            throw error.failure(
                "sandbox.log", doing: "keep a log within its limit",
                remedy: error.errno == Errno.notSupported
                    ? "put the work directory on ext4, xfs, btrfs or tmpfs, which can give back parts of files" : nil)
        }
    }
}
