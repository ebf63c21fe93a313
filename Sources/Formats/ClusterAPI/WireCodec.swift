public import Diagnostics

/// Bodies and records to values and back, in either encoding. `message` is a message of the protocol by its full name,
/// `mesos.v1.scheduler.Call`.
public enum WireCodec {
    /// - Throws: `Failure` `api.body-too-large`, `-encoding`, `-syntax`, `-too-deep`, `-too-many-values` or
    ///   `-duplicate-member` with the byte at fault; `api.format-unsupported` for protobuf.
    public static func decode(
        _ bytes: [UInt8], as message: String, _ format: WireFormat, bounds: WireBounds = .standard
    ) throws(Failure) -> WireValue {
        switch format {
        case .json: return try bounds.value(parsing: bytes)
        case .protobuf:
            throw Failure(
                "api.format-unsupported", doing: "read the body", on: message, cause: "protobuf is not read yet",
                remedy: "use application/json")
        }
    }

    /// In protobuf, members that the message does not have are left out.
    public static func encode(_ value: WireValue, as message: String, _ format: WireFormat) -> [UInt8] {
        value.bytes
    }
}
