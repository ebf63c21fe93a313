public import OCIFormat

/// What lists and imports tell of an image.
public struct ImageSummary: Equatable, Sendable {
    /// The digest of the configuration: what people know as the image's identifier.
    public var id: Digest
    public var manifest: Digest
    /// Sorted; empty for a dangling image.
    public var references: [ImageReference]
    public var platform: Platform
    /// Bytes of the unpacked layers.
    public var size: UInt64
    public var layerCount: Int
    /// As the image says, RFC 3339.
    public var created: String?
    /// Seconds since 1970.
    public var imported: Int64

    init(_ record: StoreIndex.Record) {
        id = record.configuration
        manifest = record.manifest
        references = record.references
        platform = record.platform
        size = record.size
        layerCount = record.chain.count
        created = record.created
        imported = record.imported
    }
}

/// An image that can be run.
public struct StoredImage: Equatable, Sendable {
    public var summary: ImageSummary
    public var config: ImageConfig
    /// The configuration's bytes as the image has them.
    public var configText: String
    /// The chain identifiers of the layers, lowest first.
    public var chain: [Digest]
    /// The directories of the layers, lowest first, each in the form an overlay mount takes as a lower directory.
    public var layers: [String]
}
