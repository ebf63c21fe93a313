public import Diagnostics

/// An image manifest: one configuration and its layers, lowest first. OCI, or Docker schema 2.
public struct Manifest: Equatable, Sendable {
    public var mediaType: String
    public var configuration: Descriptor
    public var layers: [Descriptor]

    public init(mediaType: String = MediaType.ociManifest, configuration: Descriptor, layers: [Descriptor]) {
        self.mediaType = mediaType
        self.configuration = configuration
        self.layers = layers
    }

    /// - Throws: `image.schema-1`, `image.manifest-ambiguous` (a manifest and an index in one),
    ///   `image.too-many-layers`, `image.no-layers`, `image.artifact`, and what descriptors throw.
    public init(parsing content: [UInt8], limits: ImageLimits = .standard) throws(Failure) {
        let object = try JSONBounds(limits).object(parsing: content, as: "the image manifest")
        try DocumentKind.manifest.check(object)
        mediaType = try object.string("mediaType", bytes: 256) ?? MediaType.ociManifest
        guard let configurationObject = try object.object("config") else { throw object.missing("config") }
        configuration = try Descriptor(configurationObject, sizeMax: limits.documentBytes, limits: limits)
        guard let layerObjects = try object.objects("layers", entries: limits.documentValues) else {
            throw object.missing("layers")
        }
        try Self.check(layerCount: layerObjects.count, in: object, limits: limits)
        layers = []
        for layerObject in layerObjects {
            let layer = try Descriptor(layerObject, sizeMax: limits.blobBytes, limits: limits)
            guard case .layer = try MediaType(parsing: layer.mediaType, field: layerObject.place("mediaType")) else {
                throw layerObject.refusal(
                    "image.media-type", at: layerObject.place("mediaType"), cause: "\(layer.mediaType) is not a layer")
            }
            layers.append(layer)
        }
        guard try MediaType(parsing: configuration.mediaType, field: "config.mediaType") == .configuration else {
            throw object.refusal(
                "image.artifact", at: "config.mediaType", cause: "it is an artifact, not a container image")
        }
    }

    static func check(layerCount: Int, in object: JSONObject, limits: ImageLimits) throws(Failure) {
        guard layerCount <= limits.layers else {
            throw object.refusal(
                "image.too-many-layers", at: "layers", cause: "it has \(layerCount) layers",
                limit: "layers \(limits.layers)")
        }
        guard layerCount > 0 else {
            throw object.refusal("image.no-layers", at: "layers", cause: "it has no layers, so there is nothing to run")
        }
    }

    /// The manifest's bytes; equal manifests have equal bytes.
    public var text: String {
        let value: JSONValue = [
            "schemaVersion": .number("2"), "mediaType": .string(mediaType), "config": configuration.json,
            "layers": .array(layers.map(\.json)),
        ]
        return value.text
    }

    /// How the layer at `index` says it is packed; nil for a manifest made by hand with a type that is not a layer's.
    public func compression(ofLayer index: Int) -> Compression? {
        guard case .layer(let compression) = MediaType.known(layers[index].mediaType) else { return nil }
        return compression
    }
}

/// An index: manifests for several platforms, or the table of contents of an image layout.
public struct ImageIndex: Equatable, Sendable {
    public var manifests: [Descriptor]

    public init(manifests: [Descriptor]) { self.manifests = manifests }

    /// - Throws: `image.manifest-ambiguous`, `image.document-too-many-entries`, and what descriptors throw.
    public init(parsing content: [UInt8], as document: String, limits: ImageLimits = .standard) throws(Failure) {
        let object = try JSONBounds(limits).object(parsing: content, as: document)
        try DocumentKind.index.check(object)
        guard let objects = try object.objects("manifests", entries: limits.indexManifests) else {
            throw object.missing("manifests")
        }
        manifests = []
        for entry in objects {
            manifests.append(try Descriptor(entry, sizeMax: limits.documentBytes, limits: limits))
        }
    }

    /// The first entry for `wanted`, else the first that names no platform at all: its configuration decides then.
    /// Entries that are neither manifest nor index (attestations, signatures) never match.
    public func choice(for wanted: Platform) -> Descriptor? {
        let images = manifests.filter { DocumentKind.of(mediaType: $0.mediaType) != nil }
        return images.first { $0.platform?.satisfies(wanted) == true } ?? images.first { $0.platform == nil }
    }

    /// For refusals: what platforms there are.
    public var platforms: [Platform] { manifests.compactMap(\.platform).filter { $0.os != "unknown" } }
}

/// Which of the two documents a blob claims to be. One blob that can be read as both would be two images
/// (CVE-2021-41190), so each must lack what the other has.
public enum DocumentKind: Sendable {
    case manifest, index

    static func of(mediaType: String) -> DocumentKind? {
        switch MediaType.known(mediaType) {
        case .manifest: .manifest
        case .index: .index
        default: nil
        }
    }

    /// - Throws: as `MediaType`, and `image.media-type` for a type that is neither.
    public init(mediaType: String, field: String) throws(Failure) {
        switch try MediaType(parsing: mediaType, field: field) {
        case .manifest: self = .manifest
        case .index: self = .index
        default:
            throw Failure(
                "image.media-type", doing: "accept the media type", on: mediaType,
                cause: "it is neither a manifest nor an index", field: field)
        }
    }

    func check(_ object: JSONObject) throws(Failure) {
        let version = try object.integer("schemaVersion")
        guard version != 1 else {
            throw object.refusal("image.schema-1", at: "schemaVersion", cause: "schema 1 manifests are not supported")
        }
        guard version == 2 else {
            throw object.refusal("image.schema-version", at: "schemaVersion", cause: "schemaVersion is not 2")
        }
        let strangers = self == .manifest ? ["manifests", "fsLayers"] : ["config", "layers", "fsLayers"]
        for name in strangers where object.members[name] != nil {
            throw object.refusal(
                "image.manifest-ambiguous", at: name, cause: "it is a manifest and an index in one (\(name))")
        }
        if let mediaType = try object.string("mediaType", bytes: 256) {
            guard try DocumentKind(mediaType: mediaType, field: "mediaType") == self else {
                throw object.refusal(
                    "image.manifest-ambiguous", at: "mediaType", cause: "\(mediaType) contradicts its content")
            }
        }
    }
}
