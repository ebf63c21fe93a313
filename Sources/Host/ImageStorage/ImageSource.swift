public import LinuxKernel
public import OCIFormat

/// Where an import reads from.
public enum ImageSource: Sendable {
    /// A docker-archive or oci-archive, plain or compressed, or the directory of an OCI image layout.
    case path(String)
    /// An archive that comes through a descriptor, such as standard input. `name` is for people.
    case stream(OwnedDescriptor, name: String)

    var shown: String {
        switch self {
        case .path(let path): path
        case .stream(_, let name): name
        }
    }

    /// The name an image without one gets: the file's, in lower case and without its endings. Nil for a stream, and for
    /// a file whose name has nothing usable.
    var stem: String? {
        guard case .path(let path) = self, let file = path.cut(at: "/").last else { return nil }
        var name = file.lowercased()
        var changed = true
        while changed {
            changed = false
            for ending in [".tar", ".gz", ".tgz", ".zst", ".tzst", ".oci", ".docker"] where name.ends(with: ending) {
                name = String(name.dropLast(ending.count))
                changed = true
            }
        }
        var stem = ""
        for byte in name.utf8 {
            let isAllowed = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (48...57).contains(byte)
            if isAllowed {
                stem.unicodeScalars.append(Unicode.Scalar(byte))
            } else if !stem.isEmpty, stem.last != "-" {
                stem += byte == UInt8(ascii: ".") && stem.last != "." ? "." : "-"
            }
        }
        while let last = stem.last, last == "-" || last == "." { stem.removeLast() }
        stem = stem.replacing(".-", with: "-").replacing("-.", with: "-")
        return stem.isEmpty ? nil : String(stem.prefix(128))
    }
}

/// How far an import is; for a progress bar. Reported by the thread that imports, a few times a second at most.
public struct ImportProgress: Equatable, Sendable {
    public enum Phase: Equatable, Sendable {
        case reading
        /// `layer` counts from 1.
        case unpacking(layer: Int, of: Int)
        case finishing
    }
    public var phase: Phase
    /// Bytes of the archive or the layer's blob that were taken.
    public var completed: UInt64
    /// Nil when nobody knows, as for standard input.
    public var total: UInt64?

    public init(phase: Phase, completed: UInt64, total: UInt64?) {
        self.phase = phase
        self.completed = completed
        self.total = total
    }
}

/// What to import of a source.
public struct ImportRequest: Sendable {
    public var source: ImageSource
    /// The only name the image gets. Then the source must hold one image, or `reference` must choose one.
    public var name: String?
    /// Which of several images; nil: all.
    public var reference: String?
    /// What layers become that are not in the store yet.
    public var layerForm: LayerForm
    /// Which entry of an index; nil: this host's. An image for another platform than the one asked for is refused.
    public var platform: String?
    /// What the image must be, by its manifest or by the index it is chosen from; anything else is refused before a
    /// layer is unpacked. `name` and `reference` may hold one as well.
    public var digest: Digest?
    /// A directory with more signatures, see `SignatureFiles`.
    public var signatures: String?

    public init(
        source: ImageSource, name: String? = nil, reference: String? = nil, platform: String? = nil,
        layerForm: LayerForm = .directory, digest: Digest? = nil, signatures: String? = nil
    ) {
        self.source = source
        self.name = name
        self.reference = reference
        self.platform = platform
        self.layerForm = layerForm
        self.digest = digest
        self.signatures = signatures
    }
}
