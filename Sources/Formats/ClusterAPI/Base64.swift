/// Standard base64 with padding, the form of byte strings on the wire.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let digits: [UInt8?] = {
        var digits = [UInt8?](repeating: nil, count: 256)
        for (value, character) in alphabet.enumerated() { digits[Int(character)] = UInt8(value) }
        return digits
    }()

    public static func text(_ bytes: [UInt8]) -> String {
        let length = length(of: bytes)
        return String(unsafeUninitializedCapacity: max(1, length)) { buffer in
            write(bytes, to: buffer)
            return length
        }
    }

    /// How long the text for `bytes` is.
    static func length(of bytes: [UInt8]) -> Int { (bytes.count + 2) / 3 * 4 }

    /// `text` has room for `length(of:)`.
    static func write(_ bytes: [UInt8], to text: UnsafeMutableBufferPointer<UInt8>) {
        var end = 0
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group = UInt32(bytes[start]) << 16
            if count > 1 { group |= UInt32(bytes[start + 1]) << 8 }
            if count > 2 { group |= UInt32(bytes[start + 2]) }
            text[end] = alphabet[Int(group >> 18)]
            text[end + 1] = alphabet[Int(group >> 12) & 63]
            text[end + 2] = count > 1 ? alphabet[Int(group >> 6) & 63] : UInt8(ascii: "=")
            text[end + 3] = count > 2 ? alphabet[Int(group) & 63] : UInt8(ascii: "=")
            end += 4
        }
    }

    /// Nil for what is not base64. Padding may be missing; bits beyond the last byte are ignored.
    public static func bytes(_ text: String) -> [UInt8]? {
        var characters = Array(text.utf8)[...]
        for _ in 0..<2 where characters.last == UInt8(ascii: "=") && text.utf8.count % 4 == 0 {
            characters.removeLast()
        }
        guard characters.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3 + 2)
        var group: UInt32 = 0
        var bits = 0
        for character in characters {
            guard let digit = digits[Int(character)] else { return nil }
            group = (group << 6 | UInt32(digit)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        return bytes
    }
}
