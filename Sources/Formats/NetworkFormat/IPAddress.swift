import Diagnostics

/// An address of IP version 4 or 6. Its text is that of RFC 5952; reading refuses everything that is not digits.
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64, UInt64)

    public enum Family: String, Sendable, Codable, CaseIterable { case v4, v6 }

    public var family: Family {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }

    /// In network byte order: 4 or 16.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let number): Self.bytes(of: number)
        case .v6(let high, let low): Self.bytes(of: high) + Self.bytes(of: low)
        }
    }

    /// Nil unless there are 4 or 16.
    public init?(bytes: some Collection<UInt8>) {
        func number(_ part: some Collection<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self = .v4(UInt32(number(bytes)))
        case 16: self = .v6(number(bytes.prefix(8)), number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// Nil when `text` is no address in digits; `10.0.0.010` and zones (`%eth0`) are none.
    public init?(_ text: String) {
        if let number = Self.version4(text[...]) {
            self = .v4(number)
        } else if let groups = Self.version6(text) {
            func half(_ part: ArraySlice<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
            self = .v6(half(groups[..<4]), half(groups[4...]))
        } else {
            return nil
        }
    }

    /// 127.0.0.0/8 and ::1.
    public var isLoopback: Bool {
        switch self {
        case .v4(let number): number >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// 0.0.0.0 and ::.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let number): number == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        stride(from: number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func version4(_ text: Substring) -> UInt32? {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part == "0" || !part.begins(with: "0"), let byte = UInt8(part)
            else { return nil }
            number = number << 8 | UInt32(byte)
        }
        return number
    }

    private static func version6(_ text: String) -> [UInt16]? {
        guard text.utf8.count <= 45, text.has(":") else { return nil }
        var text = text[...]
        var tail: [UInt16] = []
        // The last 32 bits may be written as an address of version 4.
        if text.has(".") {
            guard let colon = text.lastPosition(of: ":"),
                let four = version4(text[text.utf8.index(after: colon)...])
            else { return nil }
            tail = [UInt16(four >> 16), UInt16(four & 0xffff)]
            text = text[...colon]
            if !text.ends(with: "::") { text = text.dropLast() }
        }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let front = groups(halves[0]) else { return nil }
        if halves.count == 1 {
            let all = front + tail
            return all.count == 8 ? all : nil
        }
        guard let back = groups(halves[1]) else { return nil }
        let missing = 8 - front.count - back.count - tail.count
        return missing >= 1 ? front + [UInt16](repeating: 0, count: missing) + back + tail : nil
    }

    private static func groups(_ text: Substring) -> [UInt16]? {
        if text.isEmpty { return [] }
        var result: [UInt16] = []
        for part in text.cut(at: ":", omittingEmptySubsequences: false) {
            guard (1...4).contains(part.utf8.count), part.allSatisfy({ $0.isASCII && $0.isHexDigit }),
                let group = UInt16(part, radix: 16)
            else { return nil }
            result.append(group)
        }
        return result
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        let bytes = self.bytes
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        // The longest run of zeros, two at least, becomes "::"; of equal ones the first.
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty
            ? text(groups[...]) : text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

extension IPAddress: Comparable {
    /// Version 4 first, then by number.
    public static func < (one: IPAddress, other: IPAddress) -> Bool {
        switch (one, other) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let a, let b), .v6(let c, let d)): (a, b) < (c, d)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

extension IPAddress: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no IP address")
        }
        self = address
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
