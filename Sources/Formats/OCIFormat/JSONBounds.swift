public import Diagnostics
public import JSONFormat
public import OrderedCollections

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
        let limits = JSONLimits(
            bytes: Int(clamping: bytes), depth: depth, values: values, numberBytes: JSONBounds.numberBytesMax)
        do throws(JSONFault) {
            return try JSONReader.read(content, limits: limits)
        } catch {
            throw refusal(error, document)
        }
    }

    /// Sizes and counts have less than twenty digits.
    private static let numberBytesMax = 64

    private func refusal(_ fault: JSONFault, _ document: String) -> Failure {
        let (code, limit): (Failure.Code, String?) =
            switch fault.kind {
            case .tooLarge: ("image.document-too-large", "document bytes \(bytes)")
            case .tooDeep: ("image.document-too-deep", "depth \(depth)")
            case .tooManyValues: ("image.document-too-many-values", "values \(values)")
            case .duplicateMember: ("image.document-duplicate-member", nil)
            case .encoding: ("image.document-encoding", nil)
            case .syntax: ("image.document-syntax", nil)
            }
        let place = fault.path.isEmpty ? nil : JSONObject.joined(fault.path)
        let cause = fault.position.map { "at byte \($0) \(fault.cause)" } ?? fault.cause
        return Failure(
            code, doing: "read \(document)", cause: place.map { "\(cause) (\($0))" } ?? cause,
            remedy: fault.kind == .tooLarge ? "rebuild the image with less metadata" : nil, field: place, limit: limit)
    }

    /// As `value`, for a document that must be an object.
    public func object(parsing content: [UInt8], as document: String) throws(Failure) -> JSONObject {
        try JSONObject(value(parsing: content, as: document), document: document, path: "")
    }
}

extension JSONValue: JSONTree {
    public static var noMembers: OrderedDictionary<String, JSONValue> { [:] }

    public static func add(
        _ value: JSONValue, as name: String, to members: inout OrderedDictionary<String, JSONValue>
    ) -> Bool {
        members.updateValue(value, forKey: name) == nil
    }
}
