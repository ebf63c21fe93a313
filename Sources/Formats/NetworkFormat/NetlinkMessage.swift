/// One message of netlink(7) being put together: a header, a fixed part, attributes. Numbers are in host order unless
/// said otherwise.
public struct NetlinkMessage: Sendable {
    public static let headerBytes = 16
    static let nested: UInt16 = 0x8000
    public private(set) var bytes: [UInt8]

    /// The sequence number is set by whoever sends it.
    public init(type: UInt16, flags: UInt16) {
        bytes = [UInt8](repeating: 0, count: Self.headerBytes)
        put(type, at: 4)
        put(flags, at: 6)
    }

    public mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(_ type: UInt16, bytes value: [UInt8]) {
        append(UInt16(value.count + 4))
        append(type)
        bytes += value
        pad()
    }

    public mutating func append(_ type: UInt16, _ text: String) { append(type, bytes: Array(text.utf8) + [0]) }

    public mutating func append(_ type: UInt16, number: some FixedWidthInteger) {
        append(type, bytes: withUnsafeBytes(of: number) { Array($0) })
    }

    /// An attribute whose value is what `body` appends.
    public mutating func nest(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(type | Self.nested)
        body(&self)
        put(UInt16(bytes.count - start), at: start)
    }

    /// With its length and number filled in.
    public func finished(sequence: UInt32) -> [UInt8] {
        var copy = self
        copy.put(UInt32(bytes.count), at: 0)
        copy.put(sequence, at: 8)
        return copy.bytes
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    private mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        withUnsafeBytes(of: number) { raw in
            for (index, byte) in raw.enumerated() { bytes[offset + index] = byte }
        }
    }
}

/// Messages the kernel sent, read with every length checked.
public struct NetlinkAnswer: Sendable {
    public var type: UInt16
    public var flags: UInt16
    public var sequence: UInt32
    public var body: ArraySlice<UInt8>

    /// All messages of one datagram; nil when one does not fit.
    public static func read(_ datagram: [UInt8]) -> [NetlinkAnswer]? {
        var rest = datagram[...]
        var result: [NetlinkAnswer] = []
        while rest.count >= NetlinkMessage.headerBytes {
            let length = Int(rest.number(UInt32.self, at: 0))
            guard length >= NetlinkMessage.headerBytes, length <= rest.count else { return nil }
            let message = rest.prefix(length)
            result.append(
                NetlinkAnswer(
                    type: message.number(UInt16.self, at: 4), flags: message.number(UInt16.self, at: 6),
                    sequence: message.number(UInt32.self, at: 8),
                    body: message.dropFirst(NetlinkMessage.headerBytes)))
            rest = rest.dropFirst(min(rest.count, (length + 3) & ~3))
        }
        return result
    }

    /// Attributes after a fixed part of `skipping` bytes, by type; of several of one type the last.
    public func attributes(skipping: Int) -> [UInt16: ArraySlice<UInt8>] {
        Self.attributes(body.dropFirst(skipping))
    }

    public static func attributes(_ bytes: ArraySlice<UInt8>) -> [UInt16: ArraySlice<UInt8>] {
        var result: [UInt16: ArraySlice<UInt8>] = [:]
        for (type, value) in NetlinkAttributes(bytes) { result[type] = value }
        return result
    }
}

/// Attributes one after the other, without a table of them: for answers that come by the thousands. Ends at the first
/// whose length does not fit.
public struct NetlinkAttributes: Sequence, IteratorProtocol, Sendable {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    public mutating func next() -> (type: UInt16, value: ArraySlice<UInt8>)? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.number(UInt16.self, at: 0))
        guard length >= 4, length <= rest.count else { return nil }
        let type = rest.number(UInt16.self, at: 2) & 0x3fff
        let value = rest.prefix(length).dropFirst(4)
        rest = rest.dropFirst(Swift.min(rest.count, (length + 3) & ~3))
        return (type, value)
    }
}

extension ArraySlice<UInt8> {
    /// The number in host order at `offset` from the start; 0 where there are not enough bytes.
    public func number<Number: FixedWidthInteger>(_: Number.Type = Number.self, at offset: Int) -> Number {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, offset + size <= count else { return 0 }
        var value = Number.zero
        Swift.withUnsafeMutableBytes(of: &value) { raw in
            for index in 0..<size { raw[index] = self[startIndex + offset + index] }
        }
        return value
    }

    /// Up to the first NUL.
    public var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
