import Glibc

/// The seal of a layer's image: what fs-verity says of it, written down beside it when it was imported.
///
/// The kernel itself refuses blocks that have changed on the disk. The seal adds that the file is the very one that was
/// imported, and that nobody put another in its place.
public enum LayerImageSeal {
    /// After the name of the image.
    static let suffix = ".verity"

    /// Seals `name`, which is complete, and which nobody writes to. Nothing where the file system has no fs-verity.
    /// Not synced to disk.
    public static func seal(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        let image = try directory.open(name, [.readOnly, .noFollow])
        guard try FileVerity.enable(on: image), let digest = try FileVerity.digest(of: image) else { return }
        let file = try directory.open(
            RawPath(bytes: name.bytes + suffix.utf8), [.writeOnly, .create, .exclusive, .noFollow], mode: 0o400)
        try file.write(hexadecimal(digest) + "\n")
    }

    /// The digest the image at `path` was sealed with, in hexadecimal; nil for one that was not.
    public static func digest(of path: String) throws(KernelError) -> String? {
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try OwnedDescriptor.open(RawPath(path + suffix), [.readOnly, .noFollow]).readAll(limit: digits + 1)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
        guard bytes.count == digits + 1 else {
            throw KernelError(
                call: "read: the seal is damaged; remove the image and import it again", on: path, errno: EIO)
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    /// Refuses an image, open as `file`, that is not the one that was sealed. One that never was is fine.
    public static func check(_ path: String, _ file: OwnedDescriptor) throws(KernelError) {
        guard let sealed = try digest(of: path) else { return }
        let found = try FileVerity.digest(of: file).map(hexadecimal)
        guard found == sealed else {
            throw KernelError(
                call: "compare: the layer's image is not the one that was imported (fs-verity digest "
                    + "\(found ?? "none"), not \(sealed)); remove the image and import it again",
                on: path, errno: EBADMSG)
        }
    }

    private static let digits = 64

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let characters = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [characters[Int($0 >> 4)], characters[Int($0 & 15)]] }, as: UTF8.self)
    }
}
