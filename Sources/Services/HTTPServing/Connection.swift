import Diagnostics
import NIOCore
import NIOHTTP1

/// One connection: reads a request, has it answered, reads the next. Lives on its event loop.
///
/// It reads from the socket only when somebody wants bytes: the next header, or a reader of the body. So what a peer
/// may put into memory is one read ahead, whatever it sends.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase {
        /// Between requests.
        case idle
        case serving(Exchange)
        /// Answered; what is left of the body is read and thrown away. The count is what may still come.
        case draining(bytes: Int)
        /// Nothing is read or written any more; waits for the peer to close.
        case ending
    }

    /// One request and its answer.
    struct Exchange {
        let number: UInt64
        let head: HTTPRequestHead
        let body: BodyStream
        var isBodyRead = false
        var isAnswered = false
        /// The connection does not outlive this exchange.
        var closes: Bool
        var awaitsContinue: Bool
        /// The peer sends nothing any more; whether it still reads, nobody can tell.
        var isPeerShut = false
        var task: Task<Void, Never>?
        var stream: EventStream?
        var heartbeat: RepeatedTask?
        /// HTTP/1.0: no chunks, and a connection ends unless both sides say otherwise.
        var isOld: Bool { head.version.major < 1 || (head.version.major == 1 && head.version.minor == 0) }
    }

    let dispatcher: Dispatcher
    let table: ConnectionTable
    let peer: Peer
    var limits: ServerLimits { dispatcher.limits }

    var phase = Phase.idle
    private var exchanges: UInt64 = 0
    private var isToStart = false
    /// Parts of requests that were sent before their turn.
    private var ahead: [HTTPServerRequestPart] = []
    private var aheadBytes = 0
    /// What is wrong with bytes after the present request.
    private var poison: FramingFault?
    var deadline: NIODeadline?
    var stall: Stall?
    /// The header of a stream's answer waits so long for the first record.
    var headDue: NIODeadline?
    let sweep: DeadlineSweep
    /// The sweep's own.
    var placeInSweep: Int?
    private var context: ChannelHandlerContext?
    var presentContext: ChannelHandlerContext? { context }

    init(dispatcher: Dispatcher, table: ConnectionTable, sweep: DeadlineSweep, peer: Peer) {
        self.dispatcher = dispatcher
        self.table = table
        self.sweep = sweep
        self.peer = peer
    }

    // MARK: - The channel's events

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        // The server may have begun to stop before it found anybody here to tell.
        guard !table.isStopping else { return context.close(promise: nil) }
        setDeadline(limits.headerTime)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch phase {
        case .idle: begin(part, context)
        case .serving(let exchange) where exchange.isBodyRead: keepAhead(part, context)
        case .serving(var exchange):
            switch part {
            case .head: break
            case .body(let chunk): exchange.body.push(chunk)
            case .end:
                exchange.isBodyRead = true
                exchange.body.finish()
                deadline = nil
                phase = .serving(exchange)
            }
        case .draining(let left): drain(part, left: left, context)
        case .ending: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        startIfBegun(context)
        readIfWanted(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        startIfBegun(context)
        switch phase {
        case .idle, .draining, .ending: context.close(promise: nil)
        case .serving(var exchange):
            // The peer may still read, so a plain answer is sent; a stream would only find out much later.
            guard exchange.stream == nil else { return context.close(promise: nil) }
            exchange.closes = true
            exchange.isPeerShut = true
            exchange.task?.cancel()
            phase = .serving(exchange)
            exchange.body.finish(.failure(Connection.cutOff))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .serving(let exchange) = phase {
            exchange.task?.cancel()
            exchange.body.finish(.failure(Connection.cutOff))
            endStream(of: exchange, .peerClosed)
        }
        phase = .ending
        sweep.remove(self)
        self.context = nil
        table.remove(context.channel, peer: peer.address)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let fault = Connection.fault(error) else { return context.close(promise: nil) }
        switch phase {
        case .idle: refuse(fault, context)
        // What came before the fault is answered first, in order.
        case .serving(let exchange) where exchange.isBodyRead: poison = fault
        case .serving(let exchange): endBody(of: exchange, fault)
        case .draining, .ending: context.close(promise: nil)
        }
    }

    /// The rest of the body is none: whoever reads it is told so.
    private func endBody(of exchange: Exchange, _ fault: FramingFault) {
        var exchange = exchange
        exchange.closes = true
        phase = .serving(exchange)
        exchange.body.finish(
            .failure(
                Failure(
                    "http.body-malformed", doing: "read the body", cause: fault.cause,
                    remedy: "send a valid Content-Length or chunks")))
    }

    // MARK: - Requests

    private func begin(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        guard case .head(let head) = part else { return }
        exchanges += 1
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let body = BodyStream(
            source: BodyStream.Source(
                demand: { loop.execute { bound.value.bodyWanted() } },
                limitTime: { loop.execute { bound.value.limitBodyTime() } }))
        var exchange = Exchange(
            number: exchanges, head: head, body: body, closes: !head.isKeepAlive,
            awaitsContinue: false)
        // HTTP/1.0 knows no such answer: its clients would take it for the final one.
        exchange.awaitsContinue =
            !exchange.isOld
            && head.headers[canonicalForm: "Expect"].contains { $0.lowercased() == "100-continue" }
        deadline = nil
        phase = .serving(exchange)
        isToStart = true
    }

    /// Has a request that has begun answered. Not before all that has arrived with its header is read: whoever wants
    /// the body then finds most bodies whole, and need not wait for them.
    private func startIfBegun(_ context: ChannelHandlerContext) {
        guard isToStart, case .serving(var exchange) = phase else { return }
        isToStart = false
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let dispatcher = dispatcher
        let peer = peer
        let (number, head, body) = (exchange.number, exchange.head, exchange.body)
        exchange.task = Task {
            let response = await dispatcher.respond(to: head, body: body, peer: peer)
            loop.execute { bound.value.answer(response, to: number) }
        }
        phase = .serving(exchange)
    }

    private func keepAhead(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        aheadBytes += 64
        if case .body(let chunk) = part { aheadBytes += chunk.readableBytes }
        if case .head(let head) = part { aheadBytes += head.uri.utf8.count + head.headers.count * 64 }
        guard aheadBytes <= limits.pipelineBytesMax else { return context.close(promise: nil) }
        ahead.append(part)
    }

    private func drain(_ part: HTTPServerRequestPart, left: Int, _ context: ChannelHandlerContext) {
        switch part {
        case .head: break
        case .body(let chunk):
            guard chunk.readableBytes <= left else { return context.close(promise: nil) }
            phase = .draining(bytes: left - chunk.readableBytes)
        case .end: next(context)
        }
    }

    /// The exchange is over and the connection goes on.
    func next(_ context: ChannelHandlerContext) {
        phase = .idle
        setDeadline(limits.idleTime)
        let parts = ahead
        ahead = []
        aheadBytes = 0
        for part in parts { channelRead(context: context, data: wrapInboundPart(part)) }
        // The fault was found in the body of the request whose turn it is now.
        if let fault = poison, case .serving(let exchange) = phase, !exchange.isBodyRead {
            poison = nil
            endBody(of: exchange, fault)
        }
        startIfBegun(context)
        if case .idle = phase, let poison { return refuse(poison, context) }
        readIfWanted(context)
    }

    private func wrapInboundPart(_ part: HTTPServerRequestPart) -> NIOAny { NIOAny(part) }

    private func readIfWanted(_ context: ChannelHandlerContext) {
        switch phase {
        case .idle, .draining, .ending: context.read()
        case .serving(let exchange):
            if !exchange.isBodyRead, exchange.body.isWanted { context.read() }
        }
    }

    private func bodyWanted() {
        guard let context, case .serving(var exchange) = phase, !exchange.isBodyRead else { return }
        if exchange.awaitsContinue {
            exchange.awaitsContinue = false
            phase = .serving(exchange)
            let head = HTTPResponseHead(version: exchange.head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        context.read()
    }

    private func limitBodyTime() {
        guard case .serving(let exchange) = phase, !exchange.isBodyRead else { return }
        setDeadline(limits.bodyTime)
    }

    // MARK: - Refusals and time

    private static let cutOff = Failure(
        "http.body-cut-off", doing: "read the body", cause: "the connection ended before the body did", retry: .later)

    /// Nil for what is no fault of the request.
    private static func fault(_ error: any Error) -> FramingFault? {
        if let fault = error as? FramingFault { return fault }
        guard let fault = error as? HTTPParserError else { return nil }
        return switch fault {
        case .headerOverflow: FramingFault(.requestHeaderFieldsTooLarge, "the header is too large")
        case .invalidVersion: FramingFault(.httpVersionNotSupported, "version 1.1 of HTTP is spoken here")
        default: FramingFault("it is no HTTP request")
        }
    }

    /// Answers what never became a request, and ends the connection. Waits a moment for the peer to close first, so
    /// that bytes it still sends do not reset the connection before it has read the answer.
    private func refuse(_ fault: FramingFault, _ context: ChannelHandlerContext) {
        phase = .ending
        poison = nil
        let reason = context.channel.allocator.buffer(string: fault.cause)
        let headers: HTTPHeaders = [
            "Content-Type": "text/plain; charset=utf-8", "Connection": "close",
            "Content-Length": String(reason.readableBytes), "Date": HTTPDate.now(),
        ]
        let head = HTTPResponseHead(version: .http1_1, status: fault.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(reason))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
        setDeadline(.seconds(2))
        context.read()
    }

    /// The deadline's time has come.
    func deadlinePassed(_ context: ChannelHandlerContext) {
        switch phase {
        case .serving(var exchange) where !exchange.isBodyRead && !exchange.isAnswered:
            exchange.closes = true
            phase = .serving(exchange)
            exchange.body.finish(
                .failure(
                    Failure(
                        "http.body-too-slow", doing: "read the body", cause: "it did not arrive in time",
                        limit: "body time \(limits.bodyTime)", retry: .later)))
        case .idle where exchanges == 0:
            refuse(FramingFault(.requestTimeout, "no request came within \(limits.headerTime)"), context)
        case .idle, .serving, .draining, .ending: context.close(promise: nil)
        }
    }

    // MARK: - Stopping

    /// Ends what waits, lets finish what is being answered.
    func stop() {
        guard let context else { return }
        switch phase {
        case .idle, .draining, .ending: context.close(promise: nil)
        case .serving(var exchange):
            exchange.closes = true
            phase = .serving(exchange)
            if let stream = exchange.stream {
                endStream(of: exchange, .serverStopped)
                stream.close(.serverStopped)
                finishResponse(context)
            }
        }
    }
}
