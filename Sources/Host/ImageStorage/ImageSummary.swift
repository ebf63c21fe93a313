public import OCIFormat
public import TrustFormat

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
    /// Of the indexes it was chosen from when it was imported.
    public var indexes: [Digest] = []
    /// The name it was asked for, with its digest if that was given; nil when it was asked for by an identifier.
    public var asked: ImageReference?
    /// It was asked for by what it is, not by a name alone.
    public var isPinned = false
    /// The blob with the signatures that came with it.
    var signatureDocument: Digest?
    /// What the policy of that time said when it was imported last. For people: a launch decides anew.
    public var importVerdict: TrustVerdict?

    init(
        summary: ImageSummary, config: ImageConfig, configText: String, chain: [Digest], layers: [String],
        indexes: [Digest], signatureDocument: Digest?, importVerdict: TrustVerdict?
    ) {
        self.summary = summary
        self.config = config
        self.configText = configText
        self.chain = chain
        self.layers = layers
        self.indexes = indexes
        self.signatureDocument = signatureDocument
        self.importVerdict = importVerdict
    }
}
