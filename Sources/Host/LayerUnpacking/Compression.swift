import Diagnostics
import OCIFormat

extension Compression {
    /// As many first bytes as the decision can need.
    static let prefixBytes = 512

    /// Told by the first bytes, never by what the image says of itself.
    /// - Throws: `layer.compression` for a format that is known but not accepted.
    static func detected(in prefix: UnsafeRawBufferPointer) throws(Failure) -> Compression {
        if starts(prefix, with: [0x1f, 0x8b]) { return .gzip }
        if starts(prefix, with: [0x28, 0xb5, 0x2f, 0xfd]) { return .zstd }
        // A skippable zstd frame may come first: 0x184D2A50 ... 0x184D2A5F, little-endian.
        if prefix.count >= 4, prefix[0] & 0xf0 == 0x50, starts(prefix, with: [0x2a, 0x4d, 0x18], at: 1) { return .zstd }
        if starts(prefix, with: Array("ustar".utf8), at: 257) { return .none }
        for (name, magic) in foreign where starts(prefix, with: magic) {
            throw Failure(
                "layer.compression", doing: "decompress the stream", cause: "it is compressed with \(name)",
                remedy: "rebuild the image with gzip, zstd or no compression")
        }
        return .none
    }

    private static let foreign: [(name: String, magic: [UInt8])] = [
        ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), ("bzip2", [0x42, 0x5a, 0x68]),
        ("lz4", [0x04, 0x22, 0x4d, 0x18]), ("lzip", [0x4c, 0x5a, 0x49, 0x50]), ("zip", [0x50, 0x4b, 0x03, 0x04]),
    ]

    private static func starts(_ prefix: UnsafeRawBufferPointer, with magic: [UInt8], at offset: Int = 0) -> Bool {
        prefix.count >= offset + magic.count && prefix[offset..<offset + magic.count].elementsEqual(magic)
    }
}

/// Undoes one compression, piece by piece, with memory that does not depend on the stream.
protocol StreamDecoder: AnyObject {
    /// Decodes from `input` into `output` until one of them is used up. No progress at all asks for more input.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int)

    /// Called after the last byte of input, when everything decoded was taken.
    /// - Throws: when the stream stops in the middle.
    func finish() throws(Failure)
}

extension Compression {
    /// What is not compressed needs none: it is passed on as it is read.
    func makeDecoder() throws(Failure) -> any StreamDecoder {
        switch self {
        case .none: preconditionFailure("no decoder of what is not compressed")
        case .gzip: GzipDecoder()
        case .zstd: try ZstandardDecoder()
        }
    }

    static func damaged(_ name: String, _ cause: String) -> Failure {
        Failure(
            "layer.compressed-data", doing: "decompress the \(name) stream", cause: cause,
            remedy: "the archive is damaged; export or download it again")
    }
}
