public import Diagnostics

/// `manifest.json` of a docker-archive: what each image is made of, as names of members of the archive.
public struct ArchiveManifest: Equatable, Sendable {
    public struct Image: Equatable, Sendable {
        /// The member that is the configuration.
        public var configuration: String
        public var references: [ImageReference]
        /// The members that are the layers, lowest first.
        public var layers: [String]

        public init(configuration: String, references: [ImageReference], layers: [String]) {
            self.configuration = configuration
            self.references = references
            self.layers = layers
        }
    }

    public var images: [Image]

    public init(images: [Image]) { self.images = images }

    /// - Throws: `image.archive-member-name` for a name that is none of the forms `docker save` writes, and what
    ///   `JSONObject` and `ImageReference` throw.
    public init(parsing content: [UInt8], limits: ImageLimits = .standard) throws(Failure) {
        let document = "manifest.json"
        let value = try JSONBounds(limits).value(parsing: content, as: document)
        let wrapper = try JSONObject(["images": value], document: document, path: "")
        images = []
        for object in try wrapper.objects("images", entries: limits.archiveImages) ?? [] {
            guard let configuration = try object.string("Config", bytes: limits.pathBytes) else {
                throw object.missing("Config")
            }
            let layers = try object.strings("Layers", entries: limits.documentValues, bytes: limits.pathBytes) ?? []
            try Manifest.check(layerCount: layers.count, in: object, limits: limits)
            for name in layers + [configuration] where ArchiveMember(name: name) == nil {
                throw object.refusal(
                    "image.archive-member-name", at: object.place(name == configuration ? "Config" : "Layers"),
                    cause: "'\(name.prefix(200))' is not the name of a member that docker save writes")
            }
            var references: [ImageReference] = []
            for tag in try object.strings("RepoTags", entries: 1_024, bytes: 1_024) ?? [] {
                references.append(try ImageReference(parsing: tag))
            }
            images.append(Image(configuration: configuration, references: references, layers: layers))
        }
        guard !images.isEmpty else {
            throw Failure("image.archive-empty", doing: "read \(document)", cause: "it names no image")
        }
    }

    public var text: String {
        let entries: [JSONValue] = images.map { image in
            [
                "Config": .string(image.configuration),
                "RepoTags": image.references.isEmpty ? .null : .array(image.references.map { .string($0.familiar) }),
                "Layers": .array(image.layers.map { .string($0) }),
            ]
        }
        return JSONValue.array(entries).text
    }
}

/// `repositories`, the index of archives older than `manifest.json`: repository, tag, identifier of the topmost layer.
/// Current archives carry it beside `manifest.json`; it then only has to agree in form.
public struct ArchiveRepositories: Equatable, Sendable {
    public var references: [(reference: ImageReference, layer: String)] { zip(names, tops).map { ($0, $1) } }
    private let names: [ImageReference]
    private let tops: [String]

    /// - Throws: what `JSONObject`, `ImageReference` and `Digest` throw.
    public init(parsing content: [UInt8], limits: ImageLimits = .standard) throws(Failure) {
        let object = try JSONBounds(limits).object(parsing: content, as: "repositories")
        var names: [ImageReference] = []
        var tops: [String] = []
        for repository in object.members.keys {
            let tags = try object.texts(repository, entries: 1_024, bytes: limits.textBytes) ?? [:]
            for (tag, layer) in tags {
                names.append(try ImageReference(parsing: "\(repository):\(tag)"))
                tops.append(try Digest(hex: layer, field: "\(repository).\(tag)").hex)
            }
        }
        self.names = names
        self.tops = tops
    }
}

/// The members of an outer archive that mean anything, by the exact forms of their names. Whatever is called otherwise
/// is passed over, and nothing of the archive is ever written under a name it chose.
public enum ArchiveMember: Hashable, Sendable {
    /// `manifest.json`, `repositories`, `index.json`, `oci-layout`.
    case dockerManifest, repositories, index, layoutVersion
    /// `blobs/sha256/<hex>`
    case blob(Digest)
    /// `<hex>.json`: a configuration by its digest.
    case configuration(Digest)
    /// `<hex>.tar`: a layer as skopeo and podman name it.
    case layerFile(Digest)
    /// `<hex>/layer.tar`, the legacy form.
    case legacyLayer(Digest)
    /// `<hex>/json`: the configuration of one layer, before `manifest.json`.
    case legacyConfiguration(Digest)
    /// `<hex>/VERSION`
    case legacyVersion(Digest)
    /// `signature-1` and so on, as containers/image calls the signatures it keeps beside an image.
    case signature(Int)

    /// Nil for any other name. `./` in front is allowed: tar writes it.
    public init?(name: String) {
        let plain = name.begins(with: "./") ? String(name.dropFirst(2)) : name
        let parts = plain.cut(at: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts[0], parts.last ?? "") {
        case (1, "manifest.json", _): self = .dockerManifest
        case (1, "repositories", _): self = .repositories
        case (1, "index.json", _): self = .index
        case (1, "oci-layout", _): self = .layoutVersion
        case (1, let file, _) where file.begins(with: "signature-"):
            let text = file.dropFirst(10)
            guard let number = Int(text), number > 0, String(number) == text else { return nil }
            self = .signature(number)
        case (3, "blobs", let hex):
            guard parts[1] == "sha256", let digest = Self.digest(hex) else { return nil }
            self = .blob(digest)
        case (1, let file, _) where file.ends(with: ".json"):
            guard let digest = Self.digest(String(file.dropLast(5))) else { return nil }
            self = .configuration(digest)
        case (1, let file, _) where file.ends(with: ".tar"):
            guard let digest = Self.digest(String(file.dropLast(4))) else { return nil }
            self = .layerFile(digest)
        case (2, let hex, "layer.tar"):
            guard let digest = Self.digest(hex) else { return nil }
            self = .legacyLayer(digest)
        case (2, let hex, "json"):
            guard let digest = Self.digest(hex) else { return nil }
            self = .legacyConfiguration(digest)
        case (2, let hex, "VERSION"):
            guard let digest = Self.digest(hex) else { return nil }
            self = .legacyVersion(digest)
        default: return nil
        }
    }

    private static func digest(_ hex: String) -> Digest? {
        do throws(Failure) { return try Digest(hex: hex) } catch { return nil }
    }
}
