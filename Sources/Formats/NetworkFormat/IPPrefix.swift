import Diagnostics

/// A block of addresses, `10.0.0.0/8`: those that share the first `length` bits.
public struct IPPrefix: Hashable, Sendable {
    /// The first address of the block.
    public let address: IPAddress
    public let length: Int

    /// Bits of `address` beyond `length` are cleared. Nil when the length does not fit the version.
    public init?(_ address: IPAddress, length: Int) {
        let bytes = address.bytes
        guard (0...bytes.count * 8).contains(length) else { return nil }
        let masked = bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, length - index * 8))
            return byte & UInt8(truncatingIfNeeded: 0xff00 >> kept)
        }
        guard let first = IPAddress(bytes: masked) else { return nil }
        self.address = first
        self.length = length
    }

    /// `ADDRESS/LENGTH`.
    public init?(_ text: String) {
        let parts = text.cut(at: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), parts[1].allSatisfy(\.isNumber),
            let length = Int(parts[1])
        else { return nil }
        self.init(address, length: length)
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && IPPrefix(other, length: length)?.address == address
    }

    public func overlaps(_ other: IPPrefix) -> Bool { contains(other.address) || other.contains(address) }

    /// The address `offset` after the first; nil when it is not in the block.
    public func address(at offset: UInt32) -> IPAddress? {
        let result: IPAddress
        switch address {
        case .v4(let first):
            let (sum, overflow) = first.addingReportingOverflow(offset)
            if overflow { return nil }
            result = .v4(sum)
        case .v6(let high, let low):
            let (sum, overflow) = low.addingReportingOverflow(UInt64(offset))
            if overflow { return nil }
            result = .v6(high, sum)
        }
        return contains(result) ? result : nil
    }
}

extension IPPrefix: CustomStringConvertible {
    public var description: String { "\(address)/\(length)" }
}

extension IPPrefix: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let prefix = IPPrefix(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no address block")
        }
        self = prefix
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// An Ethernet address.
public struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// Nil unless there are six.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// Locally administered, and a function of the address of version 4: as unique as that.
    public init(of address: UInt32) {
        bytes = [0x02, 0xb8] + IPAddress.v4(address).bytes
    }

    /// `02:b8:0a:d0:00:05`.
    public init?(_ text: String) {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// The address of version 6 an interface with this one gives itself, RFC 4291 appendix A.
    public var linkLocal: IPAddress {
        let low = [bytes[0] ^ 2, bytes[1], bytes[2], 0xff, 0xfe, bytes[3], bytes[4], bytes[5]]
        return .v6(0xfe80_0000_0000_0000, low.reduce(0) { $0 << 8 | UInt64($1) })
    }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
