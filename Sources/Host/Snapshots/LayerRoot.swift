import Diagnostics
import ErofsFormat
import LinuxKernel

/// The root directory of a layer, which is a directory or an EROFS image.
enum LayerRoot {
    struct Metadata: Equatable {
        var mode: UInt32
        var uid: UInt32
        var gid: UInt32
        var modifiedSeconds: Int64
        var modifiedNanoseconds: Int64
    }

    /// Owner, mode and time. Of an image they are read from its bytes: mounting it would take longer.
    static func metadata(of layer: String) throws(KernelError) -> Metadata {
        let file = try OwnedDescriptor.open(RawPath(layer), [.readOnly, .noFollow])
        let status = try file.status()
        if status.kind == .directory {
            return Metadata(
                mode: status.mode, uid: status.uid, gid: status.gid, modifiedSeconds: status.modifiedSeconds,
                modifiedNanoseconds: status.modifiedNanoseconds)
        }
        do throws(Failure) {
            let root = try rootInode(of: file)
            return Metadata(
                mode: root.mode & 0o7777, uid: root.uid, gid: root.gid, modifiedSeconds: root.modifiedSeconds,
                modifiedNanoseconds: Int64(root.modifiedNanoseconds))
        } catch {
            throw KernelError(call: "read", on: "\(layer): \(error.cause ?? "damaged")", errno: Errno.inputOutput)
        }
    }

    private static func rootInode(of file: OwnedDescriptor) throws(Failure) -> ErofsRoot {
        func bytes(_ count: Int, at offset: UInt64) throws(Failure) -> [UInt8] {
            do throws(KernelError) { return try file.readBytes(count, at: Int64(offset)) } catch {
                throw error.failure("erofs.invalid", doing: "read the layer's image")
            }
        }
        let superblock = try ErofsSuperblock(parsing: try bytes(ErofsSuperblock.prefixBytes, at: 0))
        return try ErofsRoot(parsing: try bytes(ErofsSuperblock.rootBytes, at: superblock.rootOffset))
    }
}
