import AsyncHTTPClient
import ClusterAPI
import Diagnostics
import NIOCore
import NIOHTTP1

/// One request, whoever it goes to.
struct Order: Sendable {
    var peer: Peer
    var path: String
    var headers: [(name: String, value: String)]
    /// Nil: a GET.
    var body: HTTPClientRequest.Body?
    /// For the whole answer, or for the head of one that is a stream. Nil: for ever.
    var time: Duration?

    /// A body of one message, and an answer in the same format.
    init(_ peer: Peer, _ path: String, _ body: [UInt8], _ format: WireFormat, time: Duration?) {
        self.peer = peer
        self.path = path
        self.body = .bytes(ByteBuffer(bytes: body))
        self.time = time
        headers = [("Content-Type", format.mediaType), ("Accept", format.mediaType)]
    }

    /// A document that is read.
    init(_ peer: Peer, reading path: String, time: Duration?) {
        self.peer = peer
        self.path = path
        self.time = time
        headers = [("Accept", "application/json")]
    }
}

/// What came back, read to its end.
struct Answer: Sendable {
    var status: UInt
    var headers: HTTPHeaders
    var body: [UInt8]
    var server: ServerAddress

    /// As the server says it is encoded, or as it was asked for.
    func format(_ asked: WireFormat) -> WireFormat {
        headers.first(name: "Content-Type").flatMap { WireFormat(mediaType: $0) } ?? asked
    }
}

/// The beginning of an answer that goes on.
struct OpenAnswer: Sendable {
    var head: HTTPClientResponse
    var server: ServerAddress
}

/// Connections to masters and agents. Its end closes them.
final class Transport: Sendable {
    let settings: ClientSettings
    private let http: HTTPClient
    private let authorization: String?

    /// - Throws: `Failure` `client.tls-invalid`, `client.credentials-invalid`.
    init(_ settings: ClientSettings) throws(Failure) {
        self.settings = settings
        authorization = try settings.credentials?.header()
        var configuration = HTTPClient.Configuration(tlsConfiguration: try settings.tls.configuration())
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .nanoseconds(settings.limits.connectTime.saturating))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            settings.limits.connectionsPerServerMax
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        if settings.tls.trust == .anybodyUnverified {
            settings.logger.warning("TLS certificates of servers are not verified: anybody can be the master")
        }
    }

    deinit {
        let (http, logger) = (http, settings.logger)
        Task {
            do {
                try await http.shutdown()
            } catch {
                logger.debug("connections were not closed in order", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Sends and reads the answer, whatever its status.
    ///
    /// - Throws: `client.unreachable`: nothing was sent; `client.answer-lost` and `client.timed-out`: it may have been;
    ///   `client.answer-too-large`, `client.tls-refused`.
    func send(_ order: Order, to server: ServerAddress) async throws(Failure) -> Answer {
        try await bounded(order, server) { [self] () throws(Failure) in
            let head = try await execute(order, server)
            let bytesMax = head.status.code < 300 ? settings.limits.answerBytesMax : settings.limits.refusalBytesMax
            let body = try await collect(head, bytesMax, order.peer, server)
            return Answer(status: head.status.code, headers: head.headers, body: body, server: server)
        }
    }

    /// Sends and gives the answer's head when it is a success; its body is read later.
    ///
    /// - Throws: as `send`, and what the server said when it refused.
    func open(_ order: Order, to server: ServerAddress) async throws(Failure) -> Opening {
        var order = order
        // Servers close the connection of a stream that has ended: no later call may find itself on it.
        order.headers.append(("Connection", "close"))
        return try await bounded(order, server) { [self, order] () throws(Failure) in
            let head = try await execute(order, server)
            if head.status.code == 200 { return .open(OpenAnswer(head: head, server: server)) }
            let body = try await collect(head, settings.limits.refusalBytesMax, order.peer, server)
            return .answered(Answer(status: head.status.code, headers: head.headers, body: body, server: server))
        }
    }

    enum Opening: Sendable {
        case open(OpenAnswer)
        case answered(Answer)
    }

    private func execute(_ order: Order, _ server: ServerAddress) async throws(Failure) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: server.url(order.path))
        request.method = order.body == nil ? .GET : .POST
        for header in order.headers { request.headers.add(name: header.name, value: header.value) }
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        if let body = order.body { request.body = body }
        do {
            return try await http.execute(request, deadline: .distantFuture)
        } catch {
            throw ClientFailures.unreachable(order.peer, server, error)
        }
    }

    /// What is beyond the bound of a refusal is left out; an answer beyond its bound is refused.
    private func collect(
        _ head: HTTPClientResponse, _ bytesMax: Int, _ peer: Peer, _ server: ServerAddress
    ) async throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await chunk in head.body {
                bytes += chunk.readableBytesView
                guard bytes.count > bytesMax else { continue }
                guard head.status.code >= 300 else { throw ClientFailures.answerTooLarge(peer, server, bytesMax) }
                return Array(bytes.prefix(bytesMax))
            }
            return bytes
        } catch let failure as Failure {
            throw failure
        } catch {
            throw ClientFailures.broken(
                peer, server, "the connection broke in the answer: \(ClientFailures.words(error))")
        }
    }

    private func bounded<Value: Sendable>(
        _ order: Order, _ server: ServerAddress, _ work: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let time = order.time else { return try await work() }
        let result = await withTaskGroup(of: Result<Value, Failure>?.self) { group in
            group.addTask {
                do throws(Failure) { return .success(try await work()) } catch { return .failure(error) }
            }
            group.addTask {
                do {
                    try await Task.sleep(for: time)
                    return .failure(ClientFailures.timedOut(order.peer, server, after: time))
                } catch {
                    return nil
                }
            }
            defer { group.cancelAll() }
            while let result = await group.next() {
                if let result { return result }
            }
            return .failure(ClientFailures.unreachable(order.peer, server, CancellationError()))
        }
        return try result.get()
    }
}

extension Duration {
    /// Nanoseconds, a day at most.
    var saturating: Int64 {
        let (seconds, attoseconds) = components
        return seconds > 86_400 ? 86_400_000_000_000 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
