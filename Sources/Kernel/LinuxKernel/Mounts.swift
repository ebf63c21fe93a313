import CLinux
import Glibc

/// A file system being configured, fsopen(2) to fsmount(2). Nothing is visible anywhere until the mount it gives is
/// attached somewhere.
public struct FilesystemContext {
    private let descriptor: OwnedDescriptor
    private let type: String

    public init(_ type: String) throws(KernelError) {
        self.type = type
        descriptor = OwnedDescriptor(owning: try checked("fsopen", on: type) { bh_fsopen(type) })
    }

    public func set(_ flag: String) throws(KernelError) {
        try checked("fsconfig(\(flag))", on: type) {
            bh_fsconfig(descriptor.number, BH_FSCONFIG_SET_FLAG, flag, nil, 0)
        }
    }

    public func set(_ key: String, _ value: String) throws(KernelError) {
        try checked("fsconfig(\(key)=\(value))", on: type) {
            value.withCString { bh_fsconfig(descriptor.number, BH_FSCONFIG_SET_STRING, key, $0, 0) }
        }
    }

    /// Creates the file system and a detached mount of it. `attributes` are MOUNT_ATTR_ values.
    public func mount(attributes: UInt64) throws(KernelError) -> OwnedDescriptor {
        do throws(KernelError) {
            try checked("fsconfig(create)", on: type) {
                bh_fsconfig(descriptor.number, BH_FSCONFIG_CMD_CREATE, nil, nil, 0)
            }
        } catch {
            throw KernelError(
                call: error.call, on: [type, complaints()].compactMap(\.self).joined(separator: ": "),
                errno: error.errno)
        }
        return OwnedDescriptor(
            owning: try checked("fsmount", on: type) {
                bh_fsmount(descriptor.number, UInt32(truncatingIfNeeded: attributes))
            })
    }

    /// What the kernel wrote about the refusal into the context, if anything.
    private func complaints() -> String? {
        var buffer = [UInt8](repeating: 0, count: 512)
        var lines: [String] = []
        while true {
            let count = Glibc.read(descriptor.number, &buffer, buffer.count)
            if count <= 0 { break }
            lines.append(String(decoding: buffer[..<count], as: UTF8.self).trimmingNewline())
        }
        return lines.isEmpty ? nil : lines.joined(separator: ", ")
    }
}

extension String {
    fileprivate func trimmingNewline() -> String { ends(with: "\n") ? String(dropLast()) : self }
}

extension OwnedDescriptor {
    /// A detached copy of what is mounted at a host path, open_tree(2) with OPEN_TREE_CLONE.
    public static func detachedTree(at path: String, recursive: Bool = false) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked("open_tree", on: path) {
                bh_open_tree(AT_FDCWD, path, treeFlags(recursive) | BH_AT_SYMLINK_NOFOLLOW)
            })
    }

    /// A detached copy of the mount this descriptor (O_PATH will do) is on, rooted where it points.
    public func detachedTree(recursive: Bool = false) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked("open_tree") {
                bh_open_tree(number, "", OwnedDescriptor.treeFlags(recursive) | BH_AT_EMPTY_PATH)
            })
    }

    private static func treeFlags(_ recursive: Bool) -> UInt32 {
        UInt32(BH_OPEN_TREE_CLONE) | UInt32(BH_OPEN_TREE_CLOEXEC) | (recursive ? UInt32(BH_AT_RECURSIVE) : 0)
    }

    /// Sets and clears attributes of this mount; with `userNamespace`, owners on it are from now on shown through that
    /// namespace's maps (which must be written, and never change). See mount_setattr(2).
    public func setMountAttributes(
        set: UInt64, clear: UInt64 = 0, recursive: Bool = false, userNamespace: OwnedDescriptor? = nil
    ) throws(KernelError) {
        let idmap: UInt64 = userNamespace == nil ? 0 : UInt64(BH_MOUNT_ATTR_IDMAP)
        _ = try checked("mount_setattr") {
            bh_mount_setattr(
                number, "", UInt32(BH_AT_EMPTY_PATH) | (recursive ? UInt32(BH_AT_RECURSIVE) : 0), set | idmap, clear, 0,
                userNamespace?.number ?? -1)
        }
    }

    /// Makes this mount private, slave, shared or unbindable (an MS_ value). See mount_setattr(2).
    public func setMountPropagation(_ kind: UInt64, recursive: Bool) throws(KernelError) {
        _ = try checked("mount_setattr(propagation)") {
            bh_mount_setattr(
                number, "", UInt32(BH_AT_EMPTY_PATH) | (recursive ? UInt32(BH_AT_RECURSIVE) : 0), 0, 0, kind, -1)
        }
    }

    /// Attaches this detached mount at a path. See move_mount(2).
    public func attachMount(at path: String) throws(KernelError) {
        try checked("move_mount", on: path) {
            bh_move_mount(number, "", AT_FDCWD, path, UInt32(BH_MOVE_MOUNT_F_EMPTY_PATH))
        }
    }
}

public enum Mounts {
    /// Takes the mount at `path` out of the tree at once; it ends when nobody uses it. See umount2(2) MNT_DETACH.
    public static func detach(_ path: String) throws(KernelError) {
        try checked("umount2", on: path) { bh_umount2(path, 2 | 8) }  // MNT_DETACH | UMOUNT_NOFOLLOW
    }

    /// Takes the mount at `path` out of the tree; EBUSY while it is used.
    public static func unmount(_ path: String) throws(KernelError) {
        try checked("umount2", on: path) { bh_umount2(path, 8) }
    }

    /// Stops every mount event from leaving or entering the calling thread's mount namespace.
    public static func makeAllPrivate() throws(KernelError) {
        try checked("mount(MS_PRIVATE)", on: "/") { bh_mount("none", "/", nil, 0x4000 | 0x4_0000, nil) }
    }

    public static let superblockMagicCgroup2 = 0x6367_7270
    public static let superblockMagicTmpfs = 0x0102_1994
    public static let superblockMagicOverlay = 0x794c_7630
    public static let superblockMagicExt = 0xef53
    public static let superblockMagicXfs = 0x5846_5342
    public static let superblockMagicProc = 0x9fa0

    /// Magic number of the file system a path is on. See statfs(2).
    public static func filesystemType(at path: String) throws(KernelError) -> Int {
        try checked("statfs", on: path) { bh_filesystem_type_at(path) }
    }
}
