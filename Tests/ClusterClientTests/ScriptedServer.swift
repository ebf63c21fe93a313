import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server on the loopback that answers as a test says, byte by byte where that matters.
final class ScriptedServer: Sendable {
    struct Received: Sendable {
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }
    typealias Script = @Sendable (Received, Reply) async -> Void

    let port: Int
    private let channel: any Channel
    private let log: Log

    private final class Log: Sendable {
        let requests = Mutex<[Received]>([])
        let connections = Mutex<[any Channel]>([])
    }

    private init(channel: any Channel, log: Log) {
        self.channel = channel
        self.log = log
        port = channel.localAddress?.port ?? 0
    }

    /// `streams`: the script is called with the head, and takes the body from `Reply.body`.
    static func start(tls: NIOSSLContext? = nil, streams: Bool = false, _ script: @escaping Script) async throws
        -> ScriptedServer
    {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.socketOption(.so_sndbuf), value: 16 << 10)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    log.connections.withLock { $0.append(channel) }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try channel.pipeline.syncOperations.addHandler(
                        Conversation(
                            streams: streams, log: { entry in log.requests.withLock { $0.append(entry) } }, script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedServer(channel: channel, log: log)
    }

    var requests: [Received] { log.requests.withLock { $0 } }
    var connectionsMade: Int { log.connections.withLock { $0.count } }
    var openConnections: Int { log.connections.withLock { $0.count { $0.isActive } } }

    func stop() async throws {
        try await channel.close()
        for connection in log.connections.withLock({ $0 }) { connection.close(promise: nil) }
    }

    /// The answer to one request.
    struct Reply: Sendable {
        fileprivate let channel: any Channel
        /// The body of a request as it arrives, for servers that stream.
        let body: AsyncStream<[UInt8]>

        func head(_ status: Int, _ headers: HTTPHeaders = [:]) async {
            let head = HTTPResponseHead(
                version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
            await write(.head(head))
        }

        /// False: the connection is gone.
        @discardableResult
        func chunk(_ bytes: [UInt8]) async -> Bool { await write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }

        func end() async { await write(.end(nil)) }

        /// A whole answer.
        func answer(_ status: Int, _ text: String = "", _ headers: HTTPHeaders = [:]) async {
            var headers = headers
            headers.add(name: "Content-Length", value: "\(text.utf8.count)")
            await head(status, headers)
            if !text.isEmpty { await chunk(Array(text.utf8)) }
            await end()
        }

        func cut() { channel.close(promise: nil) }

        /// Returns when the client has closed the connection.
        func closed() async {
            do { try await channel.closeFuture.get() } catch { return }
        }

        @discardableResult
        private func write(_ part: HTTPServerResponsePart) async -> Bool {
            do {
                try await channel.writeAndFlush(part)
                return true
            } catch {
                return false
            }
        }
    }

    private final class Conversation: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let streams: Bool
        private let log: @Sendable (Received) -> Void
        private let script: Script
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []
        private var feed: AsyncStream<[UInt8]>.Continuation?

        init(streams: Bool, log: @escaping @Sendable (Received) -> Void, _ script: @escaping Script) {
            self.streams = streams
            self.log = log
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
                if streams { begin(context) }
            case .body(let buffer):
                body += buffer.readableBytesView
                feed?.yield(Array(buffer.readableBytesView))
            case .end:
                feed?.finish()
                feed = nil
                if !streams { begin(context) }
            }
        }

        func channelInactive(context: ChannelHandlerContext) { feed?.finish() }

        private func begin(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let (stream, feed) = AsyncStream.makeStream(of: [UInt8].self)
            self.feed = feed
            let received = Received(path: head.uri, headers: head.headers, body: body)
            log(received)
            let (script, reply) = (script, Reply(channel: context.channel, body: stream))
            Task { await script(received, reply) }
        }
    }
}

/// Waits for what will be, without a bound of its own: the suite's time limit is the bound.
func until(_ condition: @Sendable () async -> Bool) async {
    while await !condition() {
        do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
    }
}
