/// The encodings a body may have, by content type. Everything either can say, the other can.
public enum WireFormat: String, Hashable, Sendable, CaseIterable {
    case json = "application/json"
    case protobuf = "application/x-protobuf"

    public var mediaType: String { rawValue }

    /// The exact media type, without parameters, as the protocol compares it; nil for any other.
    public init?(mediaType: String) { self.init(rawValue: mediaType) }
}
