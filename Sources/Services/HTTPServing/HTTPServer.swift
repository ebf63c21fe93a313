import Determinism
public import Diagnostics
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP/1.1 server over one router: several addresses, TLS, bounds on everything a peer can do.
///
/// It stands on NIO itself: the bounds of connections, headers and streams, and listening on a socket made elsewhere,
/// belong below what a web framework offers.
public final class HTTPServer: Sendable {
    public let addresses: [BoundAddress]
    private let listeners: [any Channel]
    private let table: ConnectionTable
    private let limits: ServerLimits
    private let logger: Logger

    private init(
        addresses: [BoundAddress], listeners: [any Channel], table: ConnectionTable, limits: ServerLimits,
        logger: Logger
    ) {
        self.addresses = addresses
        self.listeners = listeners
        self.table = table
        self.limits = limits
        self.logger = logger
    }

    /// Listens on every address and serves from then on. All or none. `names` are those, beside addresses, by which
    /// callers on this machine may call it where nobody is asked who they are.
    ///
    /// - Throws: `Failure` `http.listen` naming the address, `tls.settings-invalid`.
    public static func start(
        on addresses: [ListenAddress], router: Router, authentication: Authentication = .off,
        names: [String] = [], tls: TLSSettings? = nil, limits: ServerLimits = ServerLimits(), logger: Logger
    ) async throws(Failure) -> HTTPServer {
        let context = try tls?.context()
        let table = ConnectionTable(limits: limits)
        let dispatcher = Dispatcher(
            router: router, authentication: authentication, wall: BrowserWall(names: names, isPlain: tls == nil),
            limits: limits, logger: logger)
        let bootstrap = bootstrap(dispatcher, table, context)
        var listeners: [any Channel] = []
        var bound: [BoundAddress] = []
        for address in addresses {
            do {
                let channel = try await listen(bootstrap, on: address)
                listeners.append(channel)
                bound.append(BoundAddress(asked: address, port: channel.localAddress?.port))
            } catch {
                for listener in listeners { listener.close(promise: nil) }
                for listener in listeners { await closed(listener) }
                throw Failure(
                    "http.listen", doing: "listen on", on: "\(address)", cause: "\(error)",
                    remedy: "give an address of this host that nobody else listens on", field: "ip")
            }
        }
        return HTTPServer(addresses: bound, listeners: listeners, table: table, limits: limits, logger: logger)
    }

    /// The first network port listened on.
    public var port: Int? { addresses.lazy.compactMap(\.port).first }

    /// Open connections and event streams, and connections taken and refused since the start.
    public var figures: (open: Int, streams: Int, accepted: UInt64, refused: UInt64) { table.figures }

    /// Takes no connection any more, ends event streams and idle connections, gives answers under way
    /// `ServerLimits.stopTime`, then cuts off the rest. Returns when every connection is gone. Idempotent.
    public func stop() async {
        for listener in listeners { listener.close(promise: nil) }
        let channels = table.stop()
        for channel in channels {
            channel.eventLoop.execute {
                do {
                    try channel.pipeline.syncOperations.handler(type: Connection.self).stop()
                } catch {
                    channel.close(promise: nil)
                }
            }
        }
        let cut = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(
            in: .nanoseconds(limits.stopTime.saturatingNanoseconds)
        ) { for channel in channels { channel.close(promise: nil) } }
        for channel in channels + listeners { await HTTPServer.closed(channel) }
        cut.cancel()
    }

    private static func closed(_ channel: any Channel) async {
        do {
            try await channel.closeFuture.get()
        } catch {
            return  // closed all the same
        }
    }

    private static func listen(_ bootstrap: ServerBootstrap, on address: ListenAddress) async throws -> any Channel {
        switch address {
        case .network(let host, let port): try await bootstrap.bind(host: host, port: port).get()
        case .unixSocket(let path):
            try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        case .descriptor(let descriptor): try await bootstrap.withBoundSocket(descriptor).get()
        }
    }

    private static func bootstrap(
        _ dispatcher: Dispatcher, _ table: ConnectionTable, _ tls: NIOSSLContext?
    ) -> ServerBootstrap {
        let sweeps = DeadlineSweeps()
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: Int32(dispatcher.limits.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try setUp(channel, dispatcher, table, sweeps, tls)
                }
            }
    }

    private static func setUp(
        _ channel: any Channel, _ dispatcher: Dispatcher, _ table: ConnectionTable, _ sweeps: DeadlineSweeps,
        _ tls: NIOSSLContext?
    ) throws {
        let peer = channel.remoteAddress.flatMap { address in
            address.ipAddress.map { Peer.network(address: $0, port: address.port ?? 0) }
        }
        let pipeline = channel.pipeline.syncOperations
        if let refusal = table.admit(channel, peer: peer?.address) {
            return try pipeline.addHandler(RefusedConnection(refusal, isPlain: tls == nil))
        }
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        try pipeline.addHandler(FramingGate(dispatcher.limits))
        var bounds = NIOHTTPDecoderLimitConfiguration()
        bounds.maxHeaderFieldSize = dispatcher.limits.headerFieldBytesMax
        bounds.maxHeaderListSize = dispatcher.limits.headerBytesMax
        bounds.maxHeaderFieldCount = dispatcher.limits.headerFieldsMax
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: bounds)
        try pipeline.addHandler(
            Connection(
                dispatcher: dispatcher, table: table, sweep: sweeps.sweep(of: channel.eventLoop), peer: peer ?? .local))
    }
}

/// A connection beyond the bounds: told why where that costs nothing, then closed.
private final class RefusedConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let refusal: ConnectionTable.Refusal
    private let isPlain: Bool

    init(_ refusal: ConnectionTable.Refusal, isPlain: Bool) {
        self.refusal = refusal
        self.isPlain = isPlain
    }

    func channelActive(context: ChannelHandlerContext) {
        guard isPlain else { return context.close(promise: nil) }
        let text =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            + "Content-Length: \(refusal.rawValue.utf8.count)\r\n\r\n\(refusal.rawValue)"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        context.close(promise: nil)
    }
}
