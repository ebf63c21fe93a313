/// Writes tar archives byte by byte, lies included. Nothing is checked: what a good archive would never hold is what
/// this is for.
public struct TarBuilder: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public enum Kind: UInt8, Sendable {
        case regular = 0x30, hardLink, link, character, block, directory, fifo
        case longLink = 0x4b, longName = 0x4c, paxGlobal = 0x67, pax = 0x78, oldSparse = 0x53
    }

    /// One header's fields. A field given as bytes in `raw` replaces what would stand at that offset.
    public struct Header: Sendable {
        public var mode: UInt32 = 0o644
        public var uid: UInt64 = 0
        public var gid: UInt64 = 0
        /// Nil: the content's.
        public var size: UInt64?
        public var modified: UInt64 = 1_700_000_000
        public var link: [UInt8] = []
        public var major: UInt64 = 0
        public var minor: UInt64 = 0
        public var prefix: [UInt8] = []
        public var raw: [Int: [UInt8]] = [:]
        public var checksumIsWrong = false
        public init() {}
    }

    public mutating func add(
        _ name: String, _ kind: Kind = .regular, mode: UInt32? = nil, link: String = "", content: [UInt8] = [],
        _ adjust: (inout Header) -> Void = { _ in }
    ) {
        add(Array(name.utf8), kind, mode: mode, link: link, content: content, adjust)
    }

    public mutating func add(
        _ name: [UInt8], _ kind: Kind = .regular, mode: UInt32? = nil, link: String = "", content: [UInt8] = [],
        _ adjust: (inout Header) -> Void = { _ in }
    ) {
        var header = Header()
        header.mode = mode ?? (kind == .directory ? 0o755 : 0o644)
        header.link = Array(link.utf8)
        adjust(&header)
        bytes += Self.block(name, kind.rawValue, header, contentCount: content.count)
        add(content: content)
    }

    public mutating func add(_ name: String, text: String) { add(name, content: Array(text.utf8)) }

    /// Content with its padding, for headers that were added without.
    public mutating func add(content: [UInt8]) {
        bytes += content
        bytes += repeatElement(0, count: (512 - content.count % 512) % 512)
    }

    /// Extended header records for the next entry, or for all with `.paxGlobal`.
    public mutating func pax(_ records: [(String, [UInt8])], _ kind: Kind = .pax) {
        add("PaxHeaders/x", kind, content: records.flatMap { Self.record($0, $1) })
    }

    public mutating func pax(_ records: [(String, String)], _ kind: Kind = .pax) {
        pax(records.map { ($0, Array($1.utf8)) }, kind)
    }

    public mutating func attribute(_ name: String, _ value: [UInt8]) { pax([("SCHILY.xattr." + name, value)]) }

    /// GNU tar's way to give the next entry a long name or link target.
    public mutating func gnuLong(_ kind: Kind, _ value: [UInt8]) { add("././@LongLink", kind, content: value + [0]) }

    /// The two zero blocks at the end.
    public mutating func end() { bytes += repeatElement(0, count: 1_024) }

    public func ended() -> [UInt8] {
        var copy = self
        copy.end()
        return copy.bytes
    }

    public mutating func append(_ more: [UInt8]) { bytes += more }

    /// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
    public static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = 1 + key.utf8.count + 1 + value.count + 1
        var length = rest + 1
        while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
        return Array("\(length) \(key)=".utf8) + value + [0x0a]
    }

    public static func block(_ name: [UInt8], _ type: UInt8, _ header: Header, contentCount: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: [UInt8], _ offset: Int, _ width: Int) {
            for (index, byte) in bytes.prefix(width).enumerated() { block[offset + index] = byte }
        }
        put(name, 0, 100)
        put(number(UInt64(header.mode), 8), 100, 8)
        put(number(header.uid, 8), 108, 8)
        put(number(header.gid, 8), 116, 8)
        put(number(header.size ?? UInt64(contentCount), 12), 124, 12)
        put(number(header.modified, 12), 136, 12)
        put(Array(repeating: 0x20, count: 8), 148, 8)
        block[156] = type
        put(header.link, 157, 100)
        put(Array("ustar\0".utf8) + Array("00".utf8), 257, 8)
        put(number(header.major, 8), 329, 8)
        put(number(header.minor, 8), 337, 8)
        put(header.prefix, 345, 155)
        for (offset, bytes) in header.raw { put(bytes, offset, 512 - offset) }
        var sum = block.reduce(0) { $0 + UInt64($1) }
        if header.checksumIsWrong { sum += 1 }
        put(octal(sum, 6) + [0, 0x20], 148, 8)
        return block
    }

    /// Octal where it fits, else GNU's base-256.
    private static func number(_ value: UInt64, _ width: Int) -> [UInt8] {
        let digits = octal(value, width - 1)
        return digits.count < width ? digits + [0] : base256(value, width)
    }

    private static func octal(_ value: UInt64, _ width: Int) -> [UInt8] {
        let digits = Array(String(value, radix: 8).utf8)
        return Array(repeating: 0x30, count: max(0, width - digits.count)) + digits
    }

    public static func base256(_ value: UInt64, _ width: Int, negative: Bool = false) -> [UInt8] {
        var result = [UInt8](repeating: negative ? 0xff : 0, count: width)
        var rest = value
        for index in stride(from: width - 1, through: max(0, width - 8), by: -1) {
            result[index] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
        result[0] |= 0x80
        return result
    }
}
