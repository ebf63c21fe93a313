public import Diagnostics

/// What a JSON document from an image may be before anything of it is believed: its bytes, depth and values are
/// bounded, it is valid UTF-8 without NUL, and no object names a member twice (two readers would each believe another
/// one).
public struct JSONBounds: Equatable, Sendable {
    public var bytes: UInt64
    public var depth: Int
    public var values: Int

    public init(bytes: UInt64, depth: Int, values: Int) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
    }

    public init(_ limits: ImageLimits = .standard) {
        self.init(bytes: limits.documentBytes, depth: limits.documentDepth, values: limits.documentValues)
    }

    /// Decodes `content`, which `document` names in refusals: "index.json", "the image configuration".
    /// - Throws: `image.document-too-large`, `-too-deep`, `-too-many-values`, `-duplicate-member`, `-encoding` or
    ///   `-syntax`, with the member at fault as the field.
    public func value(parsing content: [UInt8], as document: String) throws(Failure) -> JSONValue {
        guard content.count <= bytes else {
            throw Failure(
                "image.document-too-large", doing: "read \(document)", cause: "it has \(content.count) bytes",
                remedy: "rebuild the image with less metadata", limit: "document bytes \(bytes)")
        }
        guard String(validating: content, as: UTF8.self) != nil else {
            throw Failure("image.document-encoding", doing: "read \(document)", cause: "it is not valid UTF-8")
        }
        var parser = JSONParser(content: content, bounds: self, document: document)
        return try parser.document()
    }

    /// As `value`, for a document that must be an object.
    public func object(parsing content: [UInt8], as document: String) throws(Failure) -> JSONObject {
        try JSONObject(value(parsing: content, as: document), document: document, path: "")
    }
}
