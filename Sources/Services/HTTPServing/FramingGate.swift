import NIOCore

/// Stands before the parser: only requests whose framing has been judged pass. After a fault nothing does.
final class FramingGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var framing: RequestFraming
    private var isShut = false

    init(_ limits: ServerLimits) { framing = RequestFraming(RequestFraming.Bounds(limits)) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isShut { return }
        var input = unwrapInboundIn(data)
        var output = context.channel.allocator.buffer(capacity: input.readableBytes)
        var fault: FramingFault?
        do throws(FramingFault) {
            try framing.pass(&input, to: &output)
        } catch {
            isShut = true
            fault = error
        }
        if output.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(output)) }
        if let fault { context.fireErrorCaught(fault) }
    }
}
