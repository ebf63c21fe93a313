import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import HTTPServing

/// The watch over peers that take nothing, on a channel that says itself when something leaves: no time passes.
@Suite("Answers in pieces to slow peers", .timeLimit(.minutes(5)))
struct StallTests {
    /// A socket that takes nothing until it is told to, or closed.
    private final class Dam: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func flush(context: ChannelHandlerContext) {}

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            context.flush()
            context.close(mode: mode, promise: promise)
        }
    }

    private final class Pieces: Sendable {
        private let sizes: Mutex<[Int]>

        init(_ sizes: [Int]) { self.sizes = Mutex(sizes) }

        func next() -> [UInt8]? {
            sizes.withLock { sizes in
                if sizes.isEmpty { return nil }
                return Array(repeating: UInt8(ascii: "x"), count: sizes.removeFirst())
            }
        }
    }

    /// Asks for an answer of pieces of these sizes, and hands the connection to `body`.
    private func asking(
        for sizes: [Int], _ body: (NIOAsyncTestingChannel) async throws -> Void
    ) async throws {
        let limits = ServerLimits()
        let pieces = Pieces(sizes)
        let route = Route("/pieces") { _ in Response(.ok, body: .pieces(length: nil) { pieces.next() }) }
        let dispatcher = Dispatcher(
            router: Router(routes: [route]), authentication: .off,
            wall: BrowserWall(names: [String](), isPlain: true), limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let channel = try await NIOAsyncTestingChannel { new in
            let pipeline = new.pipeline.syncOperations
            try pipeline.addHandler(Dam())
            try pipeline.addHandler(HTTPResponseEncoder())
            try pipeline.addHandler(
                Connection(
                    dispatcher: dispatcher, table: ConnectionTable(limits: limits),
                    sweep: DeadlineSweep(loop: new.eventLoop), peer: .local))
        }
        do {
            try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).get()
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/pieces", headers: ["Host": "localhost"])
            try await channel.writeInbound(HTTPServerRequestPart.head(head))
            try await channel.writeInbound(HTTPServerRequestPart.end(nil))
            try await body(channel)
        } catch {
            Issue.record(error)
        }
        // The loop insists on an end of everything it was given, and on its own.
        do { _ = try await channel.finish(acceptAlreadyClosed: true) } catch { Issue.record(error) }
        await channel.testingEventLoop.shutdownGracefully()
    }

    /// Everything that waits leaves.
    private static func leave(_ channel: NIOAsyncTestingChannel) async throws {
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.context(handlerType: Dam.self).flush()
        }
    }

    /// The time has come to look whether the peer takes anything.
    private static func look(_ channel: NIOAsyncTestingChannel) async throws {
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.handler(type: Connection.self).timeIsUp(at: .distantFuture)
        }
        await channel.testingEventLoop.run()
    }

    @Test("a peer is served as long as pieces leave, however large the next ones are, and cut off when none does")
    func growing() async throws {
        let sizes = [1_000, 2_000, 3_000]
        try await asking(for: sizes) { channel in
            for size in sizes {
                if size > sizes[0] { try await Self.leave(channel) }
                try await eventually("\(size) bytes to wait") {
                    try await channel.getOption(.bufferedWritableBytes).get() >= size
                }
                try await Self.look(channel)
                #expect(channel.isActive, "cut off while \(size) bytes waited")
            }
            try await Self.look(channel)
            #expect(!channel.isActive)
        }
    }
}
