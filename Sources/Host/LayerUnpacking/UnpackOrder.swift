public import Diagnostics
import OCIFormat

/// What the unpacker was asked to do: its command line, which only our own code writes.
public struct UnpackOrder: Sendable {
    public enum Task: String, Sendable, CaseIterable {
        /// Takes an outer archive apart into numbered files.
        case ingest
        /// Writes a layer below a directory.
        case layer
        /// Writes a fetched archive's files below a directory.
        case extract
        /// Prints the SHA-256 of standard input.
        case digest
    }

    public var task: Task
    /// `sha256:` digests the layer must have; nil: not compared.
    var digest: String?
    var diffID: String?
    /// What the image says the compression is.
    var compression: Compression?
    /// How many lower layers' directories follow, from descriptor 5 on; nil when they are not known.
    var lowers: Int?
    /// Whether the layer becomes one file, an EROFS image, instead of a directory.
    var asImage = false
    /// Who owns what `extract` writes.
    var owner: (uid: UInt32, gid: UInt32) = (0, 0)
    /// The one file that `extract` writes when the stream is compressed but no archive.
    var name: String?
    var limits = ImageLimits()

    public init(_ arguments: [String]) throws(Failure) {
        guard let first = arguments.first, let task = Task(rawValue: first) else {
            throw Self.invalid(arguments.first ?? "", "the first argument is none of ingest, layer, extract, digest")
        }
        self.task = task
        var rest = arguments.dropFirst()
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Self.invalid(flag, "the value is missing") }
            try take(flag, value)
        }
    }

    private mutating func take(_ flag: String, _ value: String) throws(Failure) {
        switch flag {
        case "--digest": digest = try Digest(parsing: value, field: flag).description
        case "--diff-id": diffID = try Digest(parsing: value, field: flag).description
        case "--media-compression":
            guard let known = Compression(rawValue: value) else {
                throw Self.invalid(flag, "the compression is none of none, gzip, zstd")
            }
            compression = known
        case "--lowers":
            let count = Int(try Self.number(flag, value))
            guard count <= limits.layers else { throw Self.invalid(flag, "more lower layers than \(limits.layers)") }
            lowers = count
        case "--form":
            guard ["directory", "erofs"].contains(value) else {
                throw Self.invalid(flag, "the form is none of directory, erofs")
            }
            asImage = value == "erofs"
        case "--owner-uid": owner.uid = UInt32(clamping: try Self.number(flag, value))
        case "--owner-gid": owner.gid = UInt32(clamping: try Self.number(flag, value))
        case "--name": name = value
        case "--max-bytes": limits.expandedBytes = try Self.number(flag, value)
        case "--max-blob-bytes": limits.blobBytes = try Self.number(flag, value)
        case "--max-entries": limits.layerEntries = try Self.number(flag, value)
        case "--max-members": limits.archiveMembers = try Self.number(flag, value)
        case "--max-depth": limits.pathDepth = Int(try Self.number(flag, value))
        case "--max-ratio": limits.expansionRatio = max(1, try Self.number(flag, value))
        case "--ratio-free-bytes": limits.ratioFreeBytes = try Self.number(flag, value)
        default: throw Self.invalid(flag, "there is no such option")
        }
    }

    private static func number(_ flag: String, _ value: String) throws(Failure) -> UInt64 {
        guard let number = UInt64(value), number <= 1 << 50 else {
            throw invalid(flag, "\(value) is not a number between 0 and \(1 << 50)")
        }
        return number
    }

    private static func invalid(_ flag: String, _ cause: String) -> Failure {
        Failure("unpack.arguments", doing: "start the unpacker", on: flag, cause: cause, field: flag)
    }
}
