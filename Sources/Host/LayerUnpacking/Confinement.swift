import Diagnostics
import LinuxKernel
import OCIFormat
import SeccompCompiler
import SeccompFormat

/// The walls around the unpacker. They stand before the first byte of an archive is read; if one cannot be raised,
/// nothing is read.
public enum Confinement {
    /// CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID for owners and modes, CAP_SETFCAP for file capabilities,
    /// CAP_SYS_ADMIN for `trusted.overlay.opaque` only: no call that would use it otherwise passes the filter.
    /// Whiteouts need no CAP_MKNOD (mknod(2), Linux 5.8).
    private static let capabilities: UInt64 = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 31 | 1 << 21

    /// What is open at most: one directory with all lower layers being looked up, twice, and what is remembered.
    private static let descriptorsMax: UInt64 = 2_048
    /// Buffers, decoder state (zstd's window foremost) and the runtime's heap.
    private static let dataBytesMax: UInt64 = 54 << 20
    /// The strongest settings of xz(1) need a window of 64 MiB.
    private static let extractDataBytesMax: UInt64 = 160 << 20

    static func dataBytes(for task: UnpackOrder.Task) -> UInt64 {
        task == .extract ? extractDataBytesMax : dataBytesMax
    }
    private static let addressSpaceMax: UInt64 = 2 << 30

    /// Leaves the host: after this, `directories` (in their order, the first writable, the others read-only) are all
    /// of the file system this process can reach, and no network, no other process's System V objects.
    /// Where one of the `directories` is a file, it is a layer's image, and its root is meant.
    /// - Returns: the directories to use from now on; each is the root of its own mount, so `..` does not lead out.
    /// With
    ///   them, if wanted, an empty writable file system in memory.
    static func enclose(
        _ directories: [OwnedDescriptor], limits: ImageLimits, dataBytes: UInt64, withScratch: Bool
    ) throws(Failure) -> (directories: [OwnedDescriptor], scratch: OwnedDescriptor?) {
        do {
            OwnProcess.dieWithoutAutopsy()
            try OwnProcess.hideMemory()
            try OwnProcess.gainNoPrivileges()
            // Before the mount namespace is left: only mounts of the own one can be copied.
            var enclosed: [OwnedDescriptor] = []
            for (index, directory) in directories.enumerated() {
                let tree: OwnedDescriptor
                if index > 0, try directory.status().kind == .regular {
                    tree = try LayerImageMount.detached(of: directory, attributes: attributes | readOnly)
                } else {
                    tree = try directory.detachedTree()
                    try tree.setMountAttributes(set: index == 0 ? attributes : attributes | readOnly)
                }
                enclosed.append(try tree.open(".", [.directory]))
            }
            let scratch = withScratch ? try makeScratch(limits) : nil
            try OwnProcess.leaveNamespaces([.mounts, .network, .messages, .hostName, .controlGroup])
            try Mounts.makeAllPrivate()
            let nothing = try FilesystemContext("tmpfs")
            try nothing.set("size", "4k")
            try nothing.set("mode", "0555")
            try OwnProcess.enterRoot(try nothing.mount(attributes: attributes | readOnly))
            OwnProcess.clearCreationMask()
            try limitResources(limits, dataBytes: dataBytes)
            try restrictFiles(enclosed, scratch)
            try OwnProcess.keepCapabilities(capabilities)
            try installFilter()
            return (enclosed, scratch)
        } catch let error as KernelError {
            throw failure(error)
        } catch let error as Failure {
            throw error
        } catch {
            preconditionFailure("an error of no known kind: \(error)")
        }
    }

    /// Names, modes and attributes of the layer that is being made. It holds no content, so what it takes is bounded by
    /// the number of its files, directories nobody named included (`UnpackBudget`). Long attributes count as files too
    /// (tmpfs(5)), and so do files without a name: hence more of them than the layer may have.
    private static func makeScratch(_ limits: ImageLimits) throws(KernelError) -> OwnedDescriptor {
        let memory = try FilesystemContext("tmpfs")
        try memory.set("nr_inodes", "\(limits.layerEntries * 2 + 16)")
        try memory.set("size", "\(scratchBytes)")
        try memory.set("mode", "0755")
        return try memory.mount(attributes: attributes).open(".", [.directory])
    }
    private static let scratchBytes: UInt64 = 256 << 20

    /// The same once more, by Landlock where the kernel has it: the first directory to write in, the others to read,
    /// nothing to execute, no TCP.
    private static func restrictFiles(
        _ directories: [OwnedDescriptor], _ scratch: OwnedDescriptor?
    ) throws(KernelError) {
        guard Landlock.version >= 2 else { return }
        let writing: Landlock.Rights = [.reading, .writeFile, .changing, .moving, .truncate]
        var allowed = directories.enumerated().map { (directory: $1, rights: $0 == 0 ? writing : .reading) }
        if let scratch { allowed.append((scratch, writing)) }
        try Landlock.enter(allowed)
    }

    /// Every thread from here on has the filter; there is one thread so far.
    private static func installFilter() throws(Failure) {
        try FilterInstallation.install(try FilterCompiler.compile(UnpackerFilter.filter))
    }

    /// Links in the tree are read, never followed by the kernel, so following is switched off as well.
    private static let attributes =
        MountAttribute.noSetUser | MountAttribute.noDevices | MountAttribute.noExecution | MountAttribute.noLinks
    private static let readOnly = MountAttribute.readOnly

    private static func limitResources(_ limits: ImageLimits, dataBytes: UInt64) throws(KernelError) {
        try OwnProcess.limit(.coreBytes, to: 0)
        try OwnProcess.limit(.lockedBytes, to: 0)
        try OwnProcess.limit(.descriptors, to: min(descriptorsMax, HostFacts.hardLimits()["nofile"] ?? descriptorsMax))
        try OwnProcess.limit(.dataBytes, to: dataBytes)
        try OwnProcess.limit(.addressSpaceBytes, to: addressSpaceMax)
        // The longest files are the image, whose content and attributes are the archive's, and the one that keeps the
        // times of directories: a record for each of what `UnpackBudget` lets be made.
        try OwnProcess.limit(
            .fileBytes, to: limits.expandedBytes &* 2 &+ (limits.layerEntries &+ 1) &* DirectoryTimes.recordBytesMax)
        try OwnProcess.limit(.processorSeconds, to: processorSeconds(for: limits.expandedBytes))
    }

    /// A minute, and a second for each 16 MiB an archive may become: ten times what the slowest archive takes.
    private static func processorSeconds(for bytes: UInt64) -> UInt64 { 60 + (bytes >> 24) }

    static func failure(_ error: KernelError) -> Failure {
        error.failure(
            "layer.confinement", doing: "confine the unpacker",
            remedy: "run as root on Linux 5.14 or later, outside of containers that forbid mounts")
    }
}

/// MOUNT_ATTR_ values of mount_setattr(2).
private enum MountAttribute {
    static let readOnly: UInt64 = 0x01
    static let noSetUser: UInt64 = 0x02
    static let noDevices: UInt64 = 0x04
    static let noExecution: UInt64 = 0x08
    static let noLinks: UInt64 = 0x20_0000
}
