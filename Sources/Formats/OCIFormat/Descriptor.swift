public import Diagnostics

/// A pointer to a blob: its type, digest and size in bytes. See the OCI image specification, "Content Descriptors".
public struct Descriptor: Equatable, Sendable {
    public var mediaType: String
    public var digest: Digest
    public var size: UInt64
    public var platform: Platform?
    /// `org.opencontainers.image.ref.name` and `io.containerd.image.name`, the two annotations that name an image.
    public var referenceName: String?
    public var imageName: String?

    public init(mediaType: String, digest: Digest, size: UInt64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }

    /// - Throws: `image.descriptor-*`, `image.layer-foreign` for a descriptor with `urls`, `image.digest-*`.
    public init(_ object: JSONObject, sizeMax: UInt64, limits: ImageLimits = .standard) throws(Failure) {
        guard let mediaType = try object.string("mediaType", bytes: 256), !mediaType.isEmpty else {
            throw object.missing("mediaType")
        }
        guard let text = try object.string("digest", bytes: 256) else { throw object.missing("digest") }
        guard let size = try object.integer("size") else { throw object.missing("size") }
        guard size >= 0, UInt64(size) <= sizeMax else {
            throw object.refusal(
                "image.descriptor-size", at: object.place("size"), cause: "\(object.place("size")) is \(size)",
                limit: "bytes \(sizeMax)")
        }
        if let urls = try object.array("urls", entries: 64), !urls.isEmpty {
            throw object.refusal(
                "image.layer-foreign", at: object.place("urls"),
                cause: "\(object.place("urls")) points elsewhere, and such content is never fetched")
        }
        self.mediaType = mediaType
        digest = try Digest(parsing: text, field: object.place("digest"))
        self.size = UInt64(size)
        platform = try object.object("platform").map { object throws(Failure) in try Platform(object) }
        if let annotations = try object.object("annotations") {
            referenceName = try annotations.string("org.opencontainers.image.ref.name", bytes: 1_024)
            imageName = try annotations.string("io.containerd.image.name", bytes: 1_024)
        }
    }

    public var json: JSONValue {
        ["mediaType": .string(mediaType), "digest": .string(digest.description), "size": .number(size)]
    }
}

/// An operating system and a processor, by Go's names: linux/amd64, linux/arm64/v8.
public struct Platform: Hashable, Sendable, CustomStringConvertible {
    public var os: String
    public var architecture: String
    public var variant: String?

    public init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// Reads `linux/amd64` or `linux/arm64/v8`.
    /// - Throws: `image.platform-invalid`.
    public init(parsing text: String) throws(Failure) {
        let parts = text.cut(at: "/", omittingEmptySubsequences: false)
        let allowed = parts.allSatisfy { !$0.isEmpty && Platform.isWord($0) }
        guard (2...3).contains(parts.count), allowed else {
            throw Failure(
                "image.platform-invalid", doing: "use the platform", on: String(text.prefix(100)),
                cause: "it is not an operating system and an architecture", remedy: "write it as linux/amd64",
                field: "platform")
        }
        self.init(
            os: String(parts[0]), architecture: String(parts[1]), variant: parts.count == 3 ? String(parts[2]) : nil)
    }

    /// The members `os`, `architecture` and `variant` of an object; one that is absent is empty.
    /// - Throws: `image.platform-invalid` for anything but letters, digits, `_`, `.` and `-`.
    init(_ object: JSONObject) throws(Failure) {
        os = try Platform.word("os", of: object) ?? ""
        architecture = try Platform.word("architecture", of: object) ?? ""
        variant = try Platform.word("variant", of: object)
    }

    private static func word(_ name: String, of object: JSONObject) throws(Failure) -> String? {
        guard let text = try object.string(name, bytes: 64), !text.isEmpty else { return nil }
        guard isWord(text[...]) else {
            throw object.refusal(
                "image.platform-invalid", at: object.place(name), cause: "'\(text)' is no name of a platform")
        }
        return text
    }

    private static func isWord(_ text: Substring) -> Bool {
        text.utf8.count <= 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            }
    }

    /// What this program was built for, and so what its host runs.
    public static var host: Platform {
        #if arch(x86_64)
        Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
        Platform(os: "linux", architecture: "arm64", variant: "v8")
        #else
        #error("Bulkhead runs on x86-64 and arm64")
        #endif
    }

    /// Whether an image for this platform satisfies a wish for `wanted`. arm64 without a variant means v8.
    public func satisfies(_ wanted: Platform) -> Bool {
        func variant(_ platform: Platform) -> String {
            platform.variant.flatMap { $0.isEmpty ? nil : $0 } ?? (platform.architecture == "arm64" ? "v8" : "")
        }
        guard os == wanted.os, architecture == wanted.architecture else { return false }
        return variant(self) == variant(wanted) || variant(wanted).isEmpty
    }

    public var description: String {
        "\(os)/\(architecture)" + (variant.flatMap { $0.isEmpty ? nil : "/\($0)" } ?? "")
    }
}
