/// What an unpacked layer is on disk. Both are lower layers of an overlay, and one image may have some of each.
public enum LayerForm: String, Sendable, CaseIterable {
    /// A directory with the layer's files.
    case directory
    /// One file, an EROFS image, mounted where a container needs it. It is written several times faster, because the
    /// disk's file system sees one file, and nothing on the host can change what is in it while it is mounted.
    case image = "erofs"

    /// In the layer's directory of the store.
    var fileName: String {
        switch self {
        case .directory: "fs"
        case .image: "fs.erofs"
        }
    }
}
