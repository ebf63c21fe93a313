import NIOCore
import NIOHTTP1

/// How an answer leaves.
extension Connection {
    /// The handler has answered exchange `number`.
    func answer(_ response: Response, to number: UInt64) {
        guard let context = presentContext, case .serving(var exchange) = phase, exchange.number == number,
            !exchange.isAnswered
        else {
            if case .events(let stream) = response.body { stream.close(.peerClosed) }
            return
        }
        var response = response
        if exchange.isPeerShut, case .events(let stream) = response.body {
            stream.close(.peerClosed)
            return context.close(promise: nil)
        }
        if case .events = response.body, !table.openStream() {
            if case .events(let stream) = response.body { stream.close(.serverStopped) }
            response = .text(.serviceUnavailable, "too many event streams are open; try again later")
        }
        exchange.isAnswered = true
        // Whoever waits for "continue" may send the body all the same, or not: nobody can tell what comes next.
        let isAmbiguous = exchange.awaitsContinue && !exchange.isBodyRead
        exchange.closes = exchange.closes || response.closes || table.isStopping || isAmbiguous
        clearDeadline()
        phase = .serving(exchange)
        switch response.body {
        case .bytes(let bytes): write(response, bytes, exchange, context)
        case .pieces(let length, let fetch): write(response, length, fetch, exchange, context)
        case .events(let stream): open(response, stream, exchange, context)
        }
    }

    private func head(_ response: Response, length: Int?, _ exchange: Exchange) -> HTTPResponseHead {
        var headers = response.headers
        let isBodiless = response.status.code < 200 || response.status == .noContent || response.status == .notModified
        if let length, !isBodiless { headers.replaceOrAdd(name: "Content-Length", value: String(length)) }
        if exchange.closes {
            headers.replaceOrAdd(name: "Connection", value: "close")
        } else if exchange.isOld {
            headers.replaceOrAdd(name: "Connection", value: "keep-alive")
        }
        let version = exchange.isOld ? HTTPVersion.http1_0 : .http1_1
        return HTTPResponseHead(version: version, status: response.status, headers: headers)
    }

    private func write(
        _ response: Response, _ bytes: [UInt8], _ exchange: Exchange, _ context: ChannelHandlerContext
    ) {
        let head = head(response, length: bytes.count, exchange)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if exchange.head.method != .HEAD, !bytes.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: bytes)))), promise: nil)
        }
        finishResponse(context)
        // Most have left by now.
        watchForStall(of: exchange.number)
    }

    private func write(
        _ response: Response, _ length: Int?, _ fetch: @escaping @Sendable () async throws -> [UInt8]?,
        _ original: Exchange, _ context: ChannelHandlerContext
    ) {
        var exchange = original
        // Without a length and without chunks only the connection's end tells the end.
        if length == nil, exchange.isOld { exchange.closes = true }
        phase = .serving(exchange)
        context.writeAndFlush(wrapOutboundOut(.head(head(response, length: length, exchange))), promise: nil)
        guard exchange.head.method != .HEAD else { return finishResponse(context) }
        watchForStall(of: exchange.number)
        let channel = context.channel
        let number = exchange.number
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        exchange.task = Task {
            do {
                var next = try await fetch()
                while let piece = next {
                    // One is made while the one before leaves.
                    async let following = fetch()
                    let part = HTTPServerResponsePart.body(.byteBuffer(channel.allocator.buffer(bytes: piece)))
                    try await channel.writeAndFlush(part).get()
                    channel.eventLoop.execute { bound.value.pieceLeft(of: number) }
                    next = try await following
                }
                channel.eventLoop.execute { bound.value.finishPieces(of: number) }
            } catch {
                // Cut short: the missing end tells the client that it does not have everything.
                channel.close(promise: nil)
            }
        }
        phase = .serving(exchange)
    }

    private func finishPieces(of number: UInt64) {
        guard let context = presentContext, case .serving(let exchange) = phase, exchange.number == number else {
            return
        }
        finishResponse(context)
    }

    /// Writes the end; when it has left, the connection goes on or closes.
    func finishResponse(_ context: ChannelHandlerContext) {
        headDue = nil
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        // After the header of a chunked answer to HEAD no chunk comes, not even the last.
        if case .serving(let exchange) = phase, exchange.head.method == .HEAD {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: promise)
        } else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
        }
        promise.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success: bound.value.answered()
            // It cannot leave, and nothing else would end the connection.
            case .failure: bound.value.presentContext?.close(promise: nil)
            }
        }
    }

    private func answered() {
        guard let context = presentContext, case .serving(let exchange) = phase else { return }
        if exchange.isBodyRead {
            guard !exchange.closes else { return context.close(promise: nil) }
            return next(context)
        }
        guard !exchange.awaitsContinue, exchange.stream == nil else { return context.close(promise: nil) }
        exchange.body.finish()
        if exchange.closes {
            phase = .ending
            context.close(mode: .output, promise: nil)
        } else {
            phase = .draining(bytes: limits.drainBytesMax)
        }
        setDeadline(.seconds(2))
        context.read()
    }

    func isServing(_ number: UInt64) -> Bool {
        if case .serving(let exchange) = phase { exchange.number == number } else { false }
    }
}

/// Event streams.
extension Connection {
    private func open(
        _ response: Response, _ stream: EventStream, _ original: Exchange, _ context: ChannelHandlerContext
    ) {
        var exchange = original
        exchange.stream = stream
        exchange.closes = true
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        exchange.heartbeat = heartbeats(of: stream, on: loop)
        phase = .serving(exchange)
        // The stream outlives "Connection: close", and saying so would make some clients wait for its end.
        var open = exchange
        open.closes = exchange.isOld
        context.write(wrapOutboundOut(.head(head(response, length: nil, open))), promise: nil)
        if let time = stream.rules.headWaits { flushHead(after: time) } else { context.flush() }
        stream.attach(EventStream.Outlet(wake: { loop.execute { bound.value.woken() } }))
    }

    /// A heartbeat whenever nothing was sent for so long, and an early one soon after the last of several records.
    private func heartbeats(of stream: EventStream, on loop: any EventLoop) -> RepeatedTask? {
        let rules = stream.rules
        guard let interval = rules.heartbeatInterval, !rules.heartbeat.isEmpty else { return nil }
        let tick = min(rules.earlyHeartbeat ?? interval, interval)
        let time = TimeAmount.nanoseconds(tick.saturatingNanoseconds)
        let heartbeat = ByteBuffer(bytes: rules.heartbeat)
        // What is not a heartbeat, as far as it was seen; heartbeats sent; how long nothing has been.
        let seen = NIOLoopBoundBox((records: UInt64(0), beats: UInt64(0), quiet: Duration.zero), eventLoop: loop)
        return loop.scheduleRepeatedTask(initialDelay: time, delay: time) { _ in
            guard stream.pendingBytes == 0, !stream.isHeld else { return }
            let records = stream.recordsSent - seen.value.beats
            seen.value.quiet += tick
            guard records != seen.value.records || seen.value.quiet >= interval else { return }
            if stream.send(heartbeat) { seen.value = (records, seen.value.beats + 1, .zero) }
        }
    }

    private func woken() {
        guard let context = presentContext else { return }
        pump(context)
        // Whoever does not read what is left of an ended stream is cut off.
        guard case .serving(let exchange) = phase, let stream = exchange.stream, stream.ending != nil else { return }
        setDeadline(stream.rules.farewellTime)
    }

    /// Moves records from the queue to the socket while the socket takes them.
    func pump(_ context: ChannelHandlerContext) {
        guard case .serving(let exchange) = phase, let stream = exchange.stream else { return }
        var hasWritten = false
        loop: while context.channel.isWritable {
            switch stream.next() {
            case .record(let record):
                context.write(wrapOutboundOut(.body(.byteBuffer(record))), promise: nil)
                hasWritten = true
            case .nothing: break loop
            case .end(let end):
                endStream(of: exchange, end)
                setDeadline(stream.rules.farewellTime)
                return finishResponse(context)
            }
        }
        guard hasWritten else { return }
        headDue = nil
        context.flush()
    }

    func endStream(of exchange: Exchange, _ end: EventStream.End) {
        guard let stream = exchange.stream else { return }
        exchange.heartbeat?.cancel()
        // Its owner may look at once how many there are.
        table.closeStream()
        stream.close(end)
        guard case .serving(var present) = phase, present.number == exchange.number else { return }
        present.stream = nil
        present.heartbeat = nil
        phase = .serving(present)
    }
}
