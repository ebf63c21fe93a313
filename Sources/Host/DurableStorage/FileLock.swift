public import LinuxKernel

/// An advisory lock on a file of its own, held until the object goes away or the process dies. See flock(2).
///
/// The holder of an exclusive lock writes who it is into the file, for the message another one shows. A lock file may
/// be removed by whoever holds it (`remove`): those who waited notice, and lock its successor.
public final class FileLock: Sendable {
    private let file: OwnedDescriptor
    private let directory: OwnedDescriptor
    private let name: RawPath

    private init(file: OwnedDescriptor, directory: OwnedDescriptor, name: RawPath) {
        self.file = file
        self.directory = directory
        self.name = name
    }

    /// Not by closing alone: a program that is just being started has our descriptors until it is executed.
    deinit {
        do throws(KernelError) { try file.unlock() } catch { return }
    }

    /// Waits for the lock.
    public static func acquire(
        _ name: RawPath, in directory: OwnedDescriptor, purpose: String
    ) throws(KernelError) -> FileLock {
        while true {
            if let lock = try attempt(name, in: directory, purpose: purpose, wait: true) { return lock }
        }
    }

    /// The lock, or nil when another holds it now.
    public static func tryAcquire(
        _ name: RawPath, in directory: OwnedDescriptor, purpose: String
    ) throws(KernelError) -> FileLock? {
        try attempt(name, in: directory, purpose: purpose, wait: false)
    }

    private static func attempt(
        _ name: RawPath, in directory: OwnedDescriptor, purpose: String, wait: Bool
    ) throws(KernelError) -> FileLock? {
        while true {
            let file = try directory.open(name, [.readWrite, .create, .noFollow], mode: 0o600)
            guard try file.lock(exclusive: true, wait: wait) else { return nil }
            // The file may have been removed while we waited; its lock would then exclude nobody.
            guard try isStill(file, name, in: directory) else { continue }
            // Only the first line counts. Truncating would make ext4 write the file out, and the next
            // one wait for that.
            try file.write("\(HostFacts.processID()) \(purpose)\n")
            return FileLock(file: file, directory: directory, name: name)
        }
    }

    private static func isStill(
        _ file: OwnedDescriptor, _ name: RawPath, in directory: OwnedDescriptor
    ) throws(KernelError) -> Bool {
        do throws(KernelError) {
            return try file.status().isSameFile(as: directory.status(of: name))
        } catch {
            if error.errno == Errno.noEntry { return false }
            throw error
        }
    }

    /// Removes the lock file while the lock is held. The lock itself ends with the object.
    public func remove() throws(KernelError) { try directory.unlink(name) }

    /// Who holds or last held the lock: "1234 importing an image". Empty when nobody ever did.
    public static func owner(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> String {
        let content = try AtomicFile.read(name, in: directory, limit: 4_096) ?? []
        return String(decoding: content, as: UTF8.self).cut(at: "\n").first.map(String.init) ?? ""
    }
}
