import AgentCore
import Diagnostics
import LinuxKernel

/// Directories of persistent volumes: below the work directory, or on a disk the operator gave by its path. Blocks.
struct VolumeDirectories: Sendable {
    let work: WorkDirectory

    func carryOut(_ order: VolumeOrder) throws(Failure) {
        switch order {
        case .make(let path): try make(path)
        case .remove(let path, let isWholeDisk): try remove(path, isWholeDisk)
        }
    }

    /// Whatever user a task runs as may use its volume; only containers that were given it ever see it.
    private func make(_ path: String) throws(Failure) {
        if path.begins(with: work.path + "/") { return try work.prepare(SandboxOrder(path: path)) }
        do throws(KernelError) {
            try Directories.makeAll(path, mode: 0o700)
            try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow]).changeMode(0o777)
        } catch {
            throw error.failure("volume.unusable", doing: "make the volume", on: path, remedy: "check the disk")
        }
    }

    private func remove(_ path: String, _ isWholeDisk: Bool) throws(Failure) {
        do throws(KernelError) {
            guard isWholeDisk else { return try TreeRemoval.remove(path) }
            try TreeRemoval.empty(try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow]))
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure("volume.remove", doing: "remove the volume", on: path, retry: .later)
        }
    }
}
