import CLinux
import Glibc

/// fs-verity of a file: the kernel checks each block of it against a tree of hashes whenever it is read, and lets
/// nobody write to it any more. See Documentation/filesystems/fsverity.rst of the kernel.
public enum FileVerity {
    /// struct fsverity_enable_arg: version, hash algorithm, block size; no salt and no signature.
    private struct Request {
        var version: UInt32 = 1
        var algorithm: UInt32 = FileVerity.sha256
        var blockBytes: UInt32 = 4_096
        var saltBytes: UInt32 = 0
        var salt: UInt64 = 0
        var signatureBytes: UInt32 = 0
        var reserved: UInt32 = 0
        var signature: UInt64 = 0
        var more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        )
    }

    /// struct fsverity_digest, with room for a digest of SHA-256.
    private struct Answer {
        var algorithm: UInt16 = 0
        var count: UInt16 = 32
        var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    }

    private static let sha256: UInt32 = 1
    private static let enable: UInt = 0x4080_6685
    private static let measure: UInt = 0xc004_6686
    /// What file systems say that have no fs-verity, kernels built without it, and ext4 without the feature.
    private static let unavailable = [EOPNOTSUPP, ENOTTY, ENOSYS]

    /// Turns it on for `file`, which is open for reading and which nobody has open for writing. Takes as long as
    /// reading the file. Idempotent.
    /// - Returns: false where the file system or the kernel has no fs-verity.
    /// - Throws: ETXTBSY when somebody may still write, ENOSPC when the tree of hashes has no room.
    public static func enable(on file: OwnedDescriptor) throws(KernelError) -> Bool {
        var request = Request()
        do throws(KernelError) {
            try checked("ioctl(FS_IOC_ENABLE_VERITY)") { bh_ioctl_pointer(file.number, enable, &request) }
        } catch {
            if unavailable.contains(error.errno) { return false }
            if error.errno != EEXIST { throw error }
        }
        return true
    }

    /// The digest the kernel holds the file to, of SHA-256; nil for a file without one.
    public static func digest(of file: OwnedDescriptor) throws(KernelError) -> [UInt8]? {
        var answer = Answer()
        do throws(KernelError) {
            try checked("ioctl(FS_IOC_MEASURE_VERITY)") { bh_ioctl_pointer(file.number, measure, &answer) }
        } catch {
            // A longer digest is of an algorithm that is not ours.
            if unavailable.contains(error.errno) || error.errno == ENODATA || error.errno == EOVERFLOW { return nil }
            throw error
        }
        guard UInt32(answer.algorithm) == sha256, answer.count == 32 else { return nil }
        return withUnsafeBytes(of: &answer.bytes) { [UInt8]($0) }
    }
}
