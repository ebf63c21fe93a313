public import Diagnostics

/// How the bytes of a layer are packed.
public enum Compression: String, Sendable {
    case none, gzip, zstd

    /// By the first bytes of a blob; what is neither gzip (RFC 1952) nor zstd (RFC 8878) counts as plain.
    public init(magic bytes: some Collection<UInt8>) {
        if bytes.starts(with: [0x1f, 0x8b]) {
            self = .gzip
        } else if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
            self = .zstd
        } else {
            self = .none
        }
    }
}

/// The media types Bulkhead understands, exactly as written; everything else is refused by name.
public enum MediaType: Equatable, Sendable {
    case index, manifest, configuration
    case layer(Compression)

    public static let ociIndex = "application/vnd.oci.image.index.v1+json"
    public static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    public static let ociConfiguration = "application/vnd.oci.image.config.v1+json"

    /// - Throws: `image.layer-foreign`, `-encrypted`, `image.schema-1`, `image.artifact` or `image.media-type`.
    public init(parsing text: String, field: String) throws(Failure) {
        guard let known = Self.known(text) else { throw Self.refusal(text, field: field) }
        self = known
    }

    /// The meaning of `text`, or nil for a type Bulkhead does not understand.
    public static func known(_ text: String) -> MediaType? { table[text] }

    private static let table: [String: MediaType] = [
        ociIndex: .index,
        "application/vnd.docker.distribution.manifest.list.v2+json": .index,
        ociManifest: .manifest,
        "application/vnd.docker.distribution.manifest.v2+json": .manifest,
        ociConfiguration: .configuration,
        "application/vnd.docker.container.image.v1+json": .configuration,
        "application/vnd.oci.image.layer.v1.tar": .layer(.none),
        "application/vnd.oci.image.layer.v1.tar+gzip": .layer(.gzip),
        "application/vnd.oci.image.layer.v1.tar+zstd": .layer(.zstd),
        "application/vnd.docker.image.rootfs.diff.tar": .layer(.none),
        "application/vnd.docker.image.rootfs.diff.tar.gzip": .layer(.gzip),
        "application/vnd.docker.image.rootfs.diff.tar.zstd": .layer(.zstd),
    ]

    private static func refusal(_ text: String, field: String) -> Failure {
        func failure(_ code: Failure.Code, _ cause: String, _ remedy: String? = nil) -> Failure {
            Failure(
                code, doing: "accept the media type", on: String(text.prefix(200)), cause: cause, remedy: remedy,
                field: field)
        }
        if text.ends(with: "+encrypted") {
            return failure(
                "image.layer-encrypted", "encrypted layers are not supported", "decrypt the image before importing it")
        }
        if text.contains("nondistributable") || text.contains(".foreign.") {
            return failure(
                "image.layer-foreign", "its content is elsewhere and is never fetched",
                "export the image with all of its layers")
        }
        if text.begins(with: "application/vnd.docker.distribution.manifest.v1") {
            return failure(
                "image.schema-1", "schema 1 manifests are not supported", "save the image again with a current tool")
        }
        return failure("image.media-type", "it is not a type of a container image")
    }

    /// The OCI layer type for this packing.
    public static func ociLayer(_ compression: Compression) -> String {
        let base = "application/vnd.oci.image.layer.v1.tar"
        return compression == .none ? base : "\(base)+\(compression.rawValue)"
    }
}
