import Crypto

/// A SHA-256 being computed over a stream, with the processor's own instructions where it has them.
struct StreamDigest {
    private var hash = SHA256()

    mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// `sha256:` and 64 hexadecimal digits of everything so far.
    var text: String {
        let digits = Array("0123456789abcdef".utf8)
        var result = Array("sha256:".utf8)
        for byte in hash.finalize() {
            result.append(digits[Int(byte >> 4)])
            result.append(digits[Int(byte & 15)])
        }
        return String(decoding: result, as: UTF8.self)
    }
}
