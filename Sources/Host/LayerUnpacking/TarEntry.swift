import Diagnostics
import OCIFormat

/// One entry of a tar archive as the decoder gives it. Names are bytes: nothing is converted, nothing is trusted yet.
struct TarEntry: Equatable {
    enum Kind: Equatable {
        case regular, directory, fifo
        case link(target: [UInt8])
        case hardLink(target: [UInt8])
        case device
        case socket
    }

    var name: [UInt8]
    var kind: Kind
    /// 07777.
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    /// Bytes of content, holes included.
    var size: Int64
    var modified: Timestamp
    var attributes: [Attribute] = []

    struct Attribute: Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    var isDirectory: Bool { kind == .directory }
}

/// Seconds and nanoseconds since 1970; seconds may be negative.
struct Timestamp: Equatable {
    var seconds: Int64
    var nanoseconds: Int64
}

/// Numbers as the archive has them, before anything is known to fit.
struct RawNumbers {
    var uid: Int64
    var gid: Int64
    var size: Int64
    var seconds: Int64
    var nanoseconds: Int64

    /// The years 1901 to 2446: what ext4 can hold. Later times are a lie or a decoder's overflow.
    private static let secondsAllowed: ClosedRange<Int64> = -0x8000_0000...0x3_7fff_ffff

    func checked(
        for name: [UInt8], limits: ImageLimits
    ) throws(Failure) -> (uid: UInt32, gid: UInt32, size: Int64, modified: Timestamp) {
        guard size >= 0 else { throw Refusal.entry(name, field: "size", "its size \(size) is negative") }
        guard UInt64(size) <= limits.expandedBytes else {
            throw Refusal.limit("unpack the entry", on: name, field: "size", "expanded bytes \(limits.expandedBytes)")
        }
        return (
            try Self.identifier(uid, "uid", of: name), try Self.identifier(gid, "gid", of: name), size,
            try Self.time(seconds, nanoseconds, of: name)
        )
    }

    /// The time of an entry of any archive, if a file can have it.
    static func time(
        _ seconds: Int64, _ nanoseconds: Int64 = 0, of name: [UInt8]
    ) throws(Failure) -> Timestamp {
        guard secondsAllowed.contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
            throw Refusal.entry(name, field: "mtime", "its time \(seconds) cannot be kept")
        }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// 4294967295 means "nobody" to chown(2), which would leave the owner as it is: root.
    private static func identifier(_ value: Int64, _ field: String, of name: [UInt8]) throws(Failure) -> UInt32 {
        guard value >= 0, value < Int64(UInt32.max) else {
            throw Refusal.entry(name, field: field, "its \(field) \(value) is not between 0 and 4294967294")
        }
        return UInt32(value)
    }
}
