import Diagnostics
import LinuxKernel
import OCIFormat

/// An archive name taken apart: directories from the layer's root, and the last component. Empty for the root itself.
struct EntryName: Equatable {
    var components: [RawPath]

    /// Leading slashes, `.` and empty components mean nothing; `..` is refused, since no honest tool writes it and
    /// what it would mean depends on links.
    /// - Throws: `layer.entry-invalid` or `layer.limit`, naming `entry`, the archive entry the name is from.
    init(parsing name: [UInt8], field: String, of entry: [UInt8], limits: ImageLimits) throws(Failure) {
        guard !name.isEmpty else { throw Refusal.entry(entry, field: field, "the name is empty") }
        guard name.count < limits.pathBytes else {
            throw Refusal.limit("unpack the entry", on: entry, field: field, "path bytes \(limits.pathBytes)")
        }
        var components: [RawPath] = []
        for part in name.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                throw Refusal.entry(entry, field: field, "the name has a .. component")
            }
            guard part.count <= limits.nameBytes else {
                throw Refusal.limit("unpack the entry", on: entry, field: field, "name bytes \(limits.nameBytes)")
            }
            components.append(RawPath(bytes: part))
        }
        guard components.count <= limits.pathDepth else {
            throw Refusal.limit("unpack the entry", on: entry, field: field, "directory depth \(limits.pathDepth)")
        }
        self.components = components
    }

    var isRoot: Bool { components.isEmpty }
    var parent: ArraySlice<RawPath> { components.dropLast() }
}

/// What an entry's last component asks for. Whiteouts are how a layer removes what lower layers have.
enum EntryMeaning: Equatable {
    case content
    /// Hides the lower layers' file of that name.
    case whiteout(RawPath)
    /// Hides everything the lower layers have in the entry's directory.
    case opaque
    /// Bookkeeping of aufs (`.wh..wh.plnk`, `.wh..wh.aufs`): no content of the image.
    case bookkeeping

    private static let prefix: RawPath = ".wh."
    private static let bookkeepingPrefix: RawPath = ".wh..wh."
    private static let opaqueName: RawPath = ".wh..wh..opq"

    /// - Throws: `layer.entry-invalid` for a whiteout of nothing, of `.` or of `..`, and for a name below a whiteout.
    init(_ name: EntryName, of entry: [UInt8]) throws(Failure) {
        for directory in name.parent where directory.starts(with: Self.prefix) {
            guard directory.starts(with: Self.bookkeepingPrefix) else {
                throw Refusal.entry(entry, field: "path", "the name leads through a whiteout")
            }
            self = .bookkeeping
            return
        }
        guard let last = name.components.last, last.starts(with: Self.prefix) else {
            self = .content
            return
        }
        if last == Self.opaqueName {
            self = .opaque
        } else if last.starts(with: Self.bookkeepingPrefix) {
            self = .bookkeeping
        } else {
            let hidden = Array(last.bytes.dropFirst(Self.prefix.count))
            if hidden.isEmpty || hidden.elementsEqual(".".utf8) || hidden.elementsEqual("..".utf8) {
                throw Refusal.entry(entry, field: "path", "the whiteout hides no possible name")
            }
            self = .whiteout(RawPath(bytes: hidden))
        }
    }
}
