import ClusterAPI
import HTTPServing
import Logging
import NIOCore
import Synchronization

/// A server with one route of each kind, on a free port of the loopback.
final class Served: Sendable {
    let server: HTTPServer
    let port: Int
    let streams = Mutex<[EventStream]>([])
    let ends = Mutex<[EventStream.End]>([])
    private let rules: EventStreamRules
    private let holds: Bool

    private init(_ server: HTTPServer, rules: EventStreamRules, holds: Bool) {
        self.holds = holds
        self.server = server
        self.rules = rules
        port = server.port ?? 0
    }

    static func start(
        limits: ServerLimits = .patient, authentication: Authentication = .off, names: [String] = [],
        tls: TLSSettings? = nil, rules: EventStreamRules = EventStreamRules(), holds: Bool = false,
        addresses: [ListenAddress] = [.network(host: "127.0.0.1", port: 0)]
    ) async throws -> Served {
        let holder = Holder()
        var router = Router(delegate: "master")
        router.add(
            Route("/api/v1", [.POST], realm: .masterReadWrite, body: .collected(bytesMax: nil)) { request in
                .text(.ok, "\(request.body.count) bytes, rest \(request.rest.joined(separator: "/"))")
            })
        router.add(
            Route("/typed", [.POST], body: .collected(bytesMax: nil)) { request in
                do throws(Negotiation.Refusal) {
                    let content = try Negotiation.contentType(request.headers)
                    let accepted = try Negotiation.accepted(request.headers)
                    return .text(.ok, "\(content.rawValue) \(accepted.rawValue)")
                } catch {
                    return error.response
                }
            })
        router.add(Route("/state", realm: .masterReadOnly) { request in .json(.object(["a": "b"]), for: request) })
        router.add(Route("/redirect", isExact: true) { Redirect.response(to: ("leader", 5050), for: $0.target) })
        router.add(Route("/gated", [.POST], gate: { _ in .text(.serviceUnavailable, "recovering") }) { _ in .ok })
        router.add(
            Route("/large") { _ in .content(Array(repeatElement(UInt8(ascii: "x"), count: 200_000)), type: "text/plain")
            })
        router.add(
            Route("/small") { _ in .content(Array(repeatElement(UInt8(ascii: "x"), count: 1_023)), type: "text/plain") }
        )
        router.add(
            Route("/pieces") { _ in
                let pieces = Pieces()
                return Response(.ok, body: .pieces(length: nil) { pieces.next() })
            })
        router.add(
            Route("/whoami", realm: .masterScheduler) { request in
                .text(.ok, "\(request.principal?.value ?? "-") \(request.principal?.claims.count ?? 0)")
            })
        // Not before its client has shut its own side down.
        router.add(
            Route("/late-stream") { _ in
                while !Task.isCancelled { await Task.yield() }
                return holder.served.withLock { $0 }?.openStream() ?? .ok
            })
        router.add(Route("/stream") { _ in holder.served.withLock { $0 }?.openStream() ?? .ok })
        router.add(
            Route("/records", [.POST], body: .streamed) { request in
                guard let stream = request.stream else { return .text(.badRequest, "no body") }
                var lengths: [String] = []
                do {
                    for try await record in RecordSequence(stream, bytesMax: 1_000_000) {
                        lengths.append("\(record.count)")
                    }
                } catch {
                    return .text(.badRequest, "\(error)")
                }
                return .text(.ok, lengths.joined(separator: " "))
            })
        for route in PlainRoutes.routes(name: "test", version: "1.2.3", flags: { [("ip", "127.0.0.1")] }, realm: nil) {
            router.add(route)
        }
        let metrics = Metrics()
        metrics.add("master/uptime_secs") { 12.5 }
        metrics.add("master/absent") { nil }
        for route in metrics.routes(realm: nil) { router.add(route) }
        for route in FileRoutes(MemoryFiles()).routes(realm: nil) { router.add(route) }
        let server = try await HTTPServer.start(
            on: addresses, router: router, authentication: authentication, names: names, tls: tls, limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let served = Served(server, rules: rules, holds: holds)
        holder.served.withLock { $0 = served }
        return served
    }

    /// Three million bytes.
    private final class Pieces: Sendable {
        private let left = Mutex(30)

        func next() -> [UInt8]? {
            left.withLock { left in
                guard left > 0 else { return nil }
                left -= 1
                return Array(String(repeating: "piece \(left), ", count: 12_000).utf8.prefix(100_000))
            }
        }
    }

    private final class Holder: Sendable { let served = Mutex<Served?>(nil) }

    private func openStream() -> Response {
        let stream = EventStream(rules, isHeld: holds) { [weak self] end in self?.ends.withLock { $0.append(end) } }
        streams.withLock { $0.append(stream) }
        return .events(stream, headers: ["Content-Type": "application/json"])
    }

    /// The streams opened so far, once there are `count`.
    func opened(_ count: Int) async throws -> [EventStream] {
        try await eventually("\(count) streams") { self.streams.withLock { $0.count } >= count }
        return streams.withLock { $0 }
    }

    func ended(_ count: Int) async throws -> [EventStream.End] {
        try await eventually("\(count) ends") { self.ends.withLock { $0.count } >= count }
        return ends.withLock { $0 }
    }
}

struct NeverHappened: Error { var what: String }

/// Waits for a condition, not for a time; gives up after two minutes.
func eventually(_ what: String, _ condition: @Sendable () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// One directory with one file, and a log whose first four bytes have been dropped.
struct MemoryFiles: FileSource {
    static let content = Array("0123456789".utf8) + Array(repeating: UInt8(ascii: "z"), count: 600_000)

    func browse(_ path: String) async -> [FileEntry]? {
        path == "/log" ? [FileEntry(path: "/log/file", size: 10, modified: 5, mode: 0o100644)] : nil
    }

    func size(_ path: String) async -> UInt64? {
        path == "/log/file" || path == "/log/cut" ? UInt64(Self.content.count) : nil
    }

    func read(_ path: String, offset: UInt64, length: Int) async -> FileSlice? {
        guard path == "/log/file" || path == "/log/cut" else { return nil }
        let start = path == "/log/cut" ? max(offset, 4) : offset
        return FileSlice(Array(Self.content.dropFirst(Int(clamping: start)).prefix(length)), at: start)
    }

    func table() async -> [(virtual: String, real: String)] { [("/log", "/var/log/x")] }
}

extension ServerLimits {
    /// For whoever does not look at these times: a busy machine may take long to send a request.
    static var patient: ServerLimits {
        var limits = ServerLimits()
        limits.headerTime = .seconds(120)
        limits.bodyTime = .seconds(120)
        return limits
    }
}
