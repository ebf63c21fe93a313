import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// A connection that sends exactly what it is told and shows exactly what comes back.
package final class RawConnection: Sendable {
    package struct Timeout: Error {
        package init() {}
    }
    package struct Closed: Error { package var received: String }

    fileprivate struct State {
        var bytes: [UInt8] = []
        var isClosed = false
        var waiting: CheckedContinuation<Void, Never>?
    }
    private let collector: Collector
    private let channel: any Channel

    private init(_ channel: any Channel, _ collector: Collector) {
        self.channel = channel
        self.collector = collector
    }

    /// A connection that does not read leaves everything in the kernel's buffers.
    package static func open(_ port: Int, reads: Bool = true, tls: NIOSSLContext? = nil) async throws -> RawConnection {
        let collector = Collector()
        return RawConnection(
            try await bootstrap(collector, tls).channelOption(.autoRead, value: reads)
                .connect(host: "127.0.0.1", port: port).get(), collector)
    }

    package static func open(socket path: String) async throws -> RawConnection {
        let collector = Collector()
        return RawConnection(
            try await bootstrap(collector, nil).connect(unixDomainSocketPath: path).get(), collector)
    }

    private static func bootstrap(_ collector: Collector, _ tls: NIOSSLContext?) -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
    }

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    /// A server that has closed already may have said why: what it said is to be read, so this is no error here.
    package func send(_ bytes: [UInt8], within time: Duration = .seconds(120)) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let alarm = channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(time / .nanoseconds(1)))) {
            promise.fail(Timeout())
        }
        defer { alarm.cancel() }
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: promise)
        do {
            try await promise.futureResult.get()
        } catch let error as ChannelError where error == .ioOnClosedChannel || error == .eof {
            return
        }
    }
    package func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }
    package func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }
    package func finishSending() async throws { try await channel.close(mode: .output).get() }
    package func close() { channel.close(promise: nil) }

    /// Everything until the peer closes.
    package func everything(within time: Duration = .seconds(120)) async throws -> String {
        String(decoding: try await allBytes(within: time), as: UTF8.self)
    }

    package func allBytes(within time: Duration = .seconds(120)) async throws -> [UInt8] {
        try await wait(within: time) { $0.isClosed }
        return collector.state.withLock { $0.bytes }
    }

    /// Bytes up to and with `mark`.
    package func read(to mark: String, within time: Duration = .seconds(120)) async throws -> String {
        let mark = Array(mark.utf8)
        var end: Int?
        try await wait(within: time) { state in
            end = state.bytes.firstRange(of: mark)?.upperBound
            return end != nil || state.isClosed
        }
        guard let end else {
            throw Closed(received: String(decoding: collector.state.withLock { $0.bytes }, as: UTF8.self))
        }
        return take(end)
    }

    package func read(count: Int, within time: Duration = .seconds(120)) async throws -> String {
        try await wait(within: time) { $0.bytes.count >= count || $0.isClosed }
        guard collector.state.withLock({ $0.bytes.count >= count }) else { throw Closed(received: "") }
        return take(count)
    }

    private func take(_ count: Int) -> String {
        collector.state.withLock { state in
            defer { state.bytes.removeFirst(count) }
            return String(decoding: state.bytes[..<count], as: UTF8.self)
        }
    }

    private func wait(within time: Duration, _ isDone: (borrowing State) -> Bool) async throws {
        let deadline = ContinuousClock.now + time
        let alarm = channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(time / .nanoseconds(1)))) { [collector] in
            collector.wake()
        }
        defer { alarm.cancel() }
        while true {
            // As it is when it is looked at: what comes a moment later is news.
            let before = collector.state.withLock { isDone($0) ? nil : ($0.bytes.count, $0.isClosed) }
            guard let before else { return }
            try Task.checkCancellation()
            guard ContinuousClock.now < deadline else { throw Timeout() }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isStale = collector.state.withLock { state in
                        let isNews = (state.bytes.count, state.isClosed) != before
                        if isNews || ContinuousClock.now >= deadline || Task.isCancelled { return true }
                        precondition(state.waiting == nil, "one reader a connection")
                        state.waiting = continuation
                        return false
                    }
                    if isStale { continuation.resume() }
                }
            } onCancel: { [collector] in
                collector.wake()
            }
        }
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex(State())

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            state.withLock { $0.bytes += bytes }
            wake()
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLock { $0.isClosed = true }
            wake()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func wake() {
            state.withLock { state in
                defer { state.waiting = nil }
                return state.waiting
            }?.resume()
        }
    }
}

/// A response taken apart.
package struct RawResponse: Sendable {
    package var status = 0
    package var headers: [(name: String, value: String)] = []
    package var body = ""
    package subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
}

extension RawConnection {
    package func head(within time: Duration = .seconds(120)) async throws -> RawResponse {
        let lines = try await read(to: "\r\n\r\n", within: time).components(separatedBy: "\r\n")
        var response = RawResponse()
        response.status = Int(lines[0].split(separator: " ")[1]) ?? 0
        for line in lines.dropFirst() where !line.isEmpty {
            let sides = line.split(separator: ":", maxSplits: 1).map { $0.trimmingPrefix(" ") }
            response.headers.append((String(sides[0]), sides.count > 1 ? String(sides[1]) : ""))
        }
        return response
    }

    package func response(hasBody: Bool = true) async throws -> RawResponse {
        var response = try await head()
        guard hasBody else { return response }
        if let length = response["Content-Length"].flatMap(Int.init) {
            response.body = try await read(count: length)
        } else if response["Transfer-Encoding"] == "chunked" {
            while let chunk = try await chunk() { response.body += chunk }
        }
        return response
    }

    /// The next chunk, or nil after the last.
    package func chunk(within time: Duration = .seconds(120)) async throws -> String? {
        let line = try await read(to: "\r\n", within: time)
        let size = Int(line.trimmingSuffix(), radix: 16) ?? 0
        let content = try await read(count: size)
        _ = try await read(to: "\r\n")
        return size == 0 ? nil : content
    }

    /// The next record of an event stream, whatever the chunks.
    package func record(within time: Duration = .seconds(120)) async throws -> String? {
        guard var text = try await chunk(within: time) else { return nil }
        guard text.first?.isNumber == true else { return text }
        while !text.contains("\n"), let more = try await chunk(within: time) { text += more }
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[0]) else { return text }
        var record = String(parts[1])
        while record.utf8.count < length, let more = try await chunk(within: time) { record += more }
        return record
    }

    /// One request on a connection of its own.
    package static func exchange(_ port: Int, _ text: String, tls: NIOSSLContext? = nil) async throws -> RawResponse {
        let connection = try await open(port, tls: tls)
        defer { connection.close() }
        try await connection.send(text)
        return try await connection.response(hasBody: !text.hasPrefix("HEAD"))
    }

    package static func get(_ port: Int, _ path: String, _ headers: String = "") async throws -> RawResponse {
        try await exchange(port, "GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
    }

    package static func post(
        _ port: Int, _ path: String, _ headers: String = "", body: String
    ) async throws -> RawResponse {
        try await exchange(
            port, "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }
}

extension String {
    fileprivate func trimmingSuffix() -> String { String(prefix { $0.isHexDigit }) }

    fileprivate func components(separatedBy mark: String) -> [String] {
        split(separator: mark, omittingEmptySubsequences: false).map { String($0) }
    }
}
