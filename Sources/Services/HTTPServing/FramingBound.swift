import NIOCore
import NIOHTTP1

/// Cuts off a peer whose bytes come to nothing: the parser takes chunk extensions and trailers of any length, and hands
/// on no part of them.
final class FramingBound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytesMax: Int
    /// Since the last part of a request that came of them.
    private var bytes = 0
    /// Whatever else comes is thrown away.
    private var isCut = false

    init(_ limits: ServerLimits) {
        // A header comes to nothing until it is whole; what it may have is bounded by the parser.
        bytesMax = limits.headerBytesMax + limits.targetBytesMax + limits.framingBytesMax
    }

    /// A part of a request has come.
    func progress() { bytes = 0 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isCut { return }
        bytes += unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        guard bytes > bytesMax else { return }
        isCut = true
        context.fireErrorCaught(HTTPParserError.invalidChunkSize)
    }
}
