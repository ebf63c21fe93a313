import Diagnostics
import LinuxKernel
import SeccompCompiler
import SeccompFormat

/// The walls around the verifier. They stand before the first byte of its order is read; if one cannot be raised,
/// nothing is read. Unlike the unpacker it needs no file at all.
enum VerifierConfinement {
    /// The order, its signatures unpacked, the libraries' heaps.
    private static let dataBytes: UInt64 = 192 << 20
    private static let addressSpaceBytes: UInt64 = 2 << 30
    private static let descriptors: UInt64 = 16
    /// The largest order takes a few seconds on a slow machine.
    private static let processorSeconds: UInt64 = 30

    /// After this the process has no file system, no network, no capability and no call but those of its filter.
    static func enter() throws(Failure) {
        do {
            // Through a file in memory, which the limits below leave no room for.
            let filter = try FilterCompiler.compile(VerifierFilter.filter)
            OwnProcess.dieWithoutAutopsy()
            try OwnProcess.hideMemory()
            try OwnProcess.gainNoPrivileges()
            try OwnProcess.leaveNamespaces([.mounts, .network, .messages, .hostName, .controlGroup])
            try Mounts.makeAllPrivate()
            let nothing = try FilesystemContext("tmpfs")
            try nothing.set("size", "4k")
            try nothing.set("mode", "0555")
            // MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC and _NOSYMFOLLOW of mount_setattr(2).
            try OwnProcess.enterRoot(try nothing.mount(attributes: 0x20_000f))
            try OwnProcess.limit(.coreBytes, to: 0)
            try OwnProcess.limit(.lockedBytes, to: 0)
            try OwnProcess.limit(.fileBytes, to: 0)
            try OwnProcess.limit(.descriptors, to: descriptors)
            try OwnProcess.limit(.dataBytes, to: dataBytes)
            try OwnProcess.limit(.addressSpaceBytes, to: addressSpaceBytes)
            try OwnProcess.limit(.processorSeconds, to: processorSeconds)
            if Landlock.version > 0 { try Landlock.enter([]) }
            try OwnProcess.keepCapabilities(0)
            try FilterInstallation.install(filter)
        } catch let error as KernelError {
            throw error.failure(
                "image.verifier-confinement", doing: "confine the verifier",
                remedy: "run as root on Linux 5.14 or later, outside of containers that forbid mounts")
        } catch let error as Failure {
            throw error
        } catch {
            preconditionFailure("an error of no known kind: \(error)")
        }
    }
}
