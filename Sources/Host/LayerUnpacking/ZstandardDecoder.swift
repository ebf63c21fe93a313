import CZstandard
import Diagnostics
import OCIFormat

/// zstd (RFC 8878): any number of frames, skippable ones included, with a window of at most 32 MiB.
final class ZstandardDecoder: StreamDecoder {
    /// log2 of the largest window: what `zstd -20 --ultra` uses. More would let an image choose our memory use.
    private static let windowLogMax: Int32 = 25

    private let context: OpaquePointer
    private var insideFrame = true

    init() throws(Failure) {
        guard let context = ZSTD_createDCtx() else {
            throw Failure("layer.memory", doing: "start the zstd decoder", cause: "out of memory", retry: .later)
        }
        self.context = context
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogMax)
    }

    deinit { ZSTD_freeDCtx(context) }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let answer = ZSTD_decompressStream(context, &target, &source)
        if ZSTD_isError(answer) != 0 {
            let name = String(cString: ZSTD_getErrorName(answer))
            if ZSTD_getErrorCode(answer) == ZSTD_error_frameParameter_windowTooLarge { throw Self.windowTooLarge }
            throw Compression.damaged("zstd", name)
        }
        if source.pos > 0 || target.pos > 0 { insideFrame = answer != 0 }
        return (source.pos, target.pos)
    }

    func finish() throws(Failure) {
        if insideFrame { throw Compression.damaged("zstd", "it ends in the middle") }
    }

    private static let windowTooLarge = Failure(
        "layer.limit", doing: "decompress the zstd stream", cause: "it asks for too large a window",
        remedy: "compress the image with zstd -19 or less, without --long", field: "window",
        limit: "zstd window \(1 << windowLogMax) bytes")
}
