import DurableStorage
import LinuxKernel

/// A directory that one daemon at a time has to itself.
enum DirectoryLock {
    private static let name: RawPath = "lock"

    /// Makes the directory where it is missing, and waits `patience` seconds for a daemon that is just ending. Nil:
    /// another one has it. Blocks: not for Swift's own threads.
    static func take(
        _ path: String, mode: UInt32, purpose: String, patience: Double
    ) throws(KernelError) -> FileLock? {
        try Directories.makeAll(path, mode: mode)
        let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
        let deadline = Deadline(seconds: patience)
        while true {
            if let lock = try FileLock.tryAcquire(name, in: directory, purpose: purpose) { return lock }
            if deadline.hasPassed { return nil }
            do throws(KernelError) { try deadline.pause("a daemon that ends") } catch {
                // The time was up between the two looks at the clock.
                if error.errno == Errno.timedOut { return nil }
                throw error
            }
        }
    }
}
