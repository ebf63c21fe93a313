import CLinux
import Glibc

/// A hint for a directory whose directories have nothing to do with each other, as those of containers.
///
/// ext4 puts a new directory near its parent, and what is in it near itself: all containers then share one group of
/// inodes. Finding a free one there means passing those of all that run, and on an ext4 without a journal also looking
/// at each that was freed in the last minutes. With the attribute T of chattr(1) each directory has a group of its own.
public enum UnrelatedDirectories {
    private static let read: UInt = 0x8008_6601
    private static let write: UInt = 0x4008_6602
    private static let top: UInt32 = 0x0002_0000

    /// From now on what is made in `directory` is spread. See ioctl_iflags(2) FS_TOPDIR_FL. Idempotent.
    /// - Returns: false where the file system has no such attribute, or does not let us set it; nothing depends on it.
    @discardableResult
    public static func spread(in directory: OwnedDescriptor) -> Bool {
        guard var attributes = attributes(of: directory) else { return false }
        if attributes & top != 0 { return true }
        attributes |= top
        return bh_ioctl_pointer(directory.number, write, &attributes) == 0
    }

    /// Whether that is so.
    public static func areSpread(in directory: OwnedDescriptor) -> Bool {
        attributes(of: directory).map { $0 & top != 0 } ?? false
    }

    private static func attributes(of directory: OwnedDescriptor) -> UInt32? {
        var attributes: UInt32 = 0
        return bh_ioctl_pointer(directory.number, read, &attributes) == 0 ? attributes : nil
    }
}
