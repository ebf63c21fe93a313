public import Diagnostics
public import LinuxKernel

extension NativeContainerizer {
    /// Held while an image is leased for a container that has no record yet: to whoever sweeps, its lease looks
    /// abandoned and is not. Shared by all that launch; waits for a sweep to end.
    public func launchLock() throws(Failure) -> OwnedDescriptor {
        let (file, path) = try launchLockFile()
        do throws(KernelError) {
            _ = try file.lock(exclusive: false, wait: true)
            return file
        } catch {
            throw error.failure("state.unwritable", doing: "lock", on: path)
        }
    }

    /// For whoever gives back abandoned leases. Nil when somebody is launching right now: those are then left alone.
    public func sweepLock() throws(Failure) -> OwnedDescriptor? {
        let (file, path) = try launchLockFile()
        do throws(KernelError) { return try file.lock(exclusive: true, wait: false) ? file : nil } catch {
            throw error.failure("state.unwritable", doing: "lock", on: path)
        }
    }

    private func launchLockFile() throws(Failure) -> (file: OwnedDescriptor, path: String) {
        try records.prepare()
        let path = places.volatile + "/launching"
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.readWrite, .create, .noFollow], mode: 0o600)
            return (file, path)
        } catch {
            throw error.failure("state.unwritable", doing: "open the lock", on: path)
        }
    }
}
