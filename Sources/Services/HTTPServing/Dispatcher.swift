import Diagnostics
import Logging
import NIOCore
import NIOHTTP1

/// From a request's header to its answer: its site, path, caller, method, body, handler, compression, in this order.
struct Dispatcher: Sendable {
    let router: Router
    let authentication: Authentication
    let wall: BrowserWall
    let limits: ServerLimits
    let logger: Logger
    let bodies: BodyBudget

    init(router: Router, authentication: Authentication, wall: BrowserWall, limits: ServerLimits, logger: Logger) {
        self.router = router
        self.authentication = authentication
        self.wall = wall
        self.limits = limits
        self.logger = logger
        bodies = BodyBudget(bytesMax: limits.bodiesBytesMax)
    }

    func respond(to head: HTTPRequestHead, body: BodyStream, peer: Peer) async -> Response {
        var response = await answer(head, body, peer)
        if response.headers.first(name: "Date") == nil { response.headers.add(name: "Date", value: HTTPDate.now()) }
        compress(&response, for: head)
        logger.debug(
            "request",
            metadata: [
                "method": "\(head.method.rawValue)", "path": "\(Dispatcher.path(of: head))",
                "status": "\(response.status.code)", "peer": "\(peer)",
            ])
        return response
    }

    /// For people, without the query, which may hold what is nobody else's business.
    private static func path(of head: HTTPRequestHead) -> String {
        Untrusted.shown(String(head.uri.prefix { $0 != "?" }.prefix(200)))
    }

    private func answer(_ head: HTTPRequestHead, _ body: BodyStream, _ peer: Peer) async -> Response {
        guard head.uri.utf8.count <= limits.targetBytesMax else {
            return .text(.uriTooLong, "the request target has more than \(limits.targetBytesMax) bytes")
        }
        if let refusal = wall.refusal(of: head.headers, head.method) { return refusal }
        let target: RequestTarget
        do {
            target = try RequestTarget(head.uri)
        } catch {
            return .refusal(error)
        }
        guard let match = router.match(target) else { return .text(.notFound, "nothing is served here") }
        var request = Request(method: head.method, target: target, headers: head.headers, peer: peer)
        request.rest = match.rest
        if let realm = match.route.realm, !authentication.asks(realm),
            let refusal = wall.refusal(ofHost: head.headers, from: peer)
        {
            return refusal
        }
        switch await authentication.caller(of: head.headers, in: match.route.realm) {
        case .known(let principal): request.principal = principal
        case .refused(let response): return response
        }
        if let early = match.route.gate?(target) { return early }
        guard match.route.allows(head.method) else {
            var response = Response.text(.methodNotAllowed, "Expecting one of \(match.route.allowed)")
            response.headers.add(name: "Allow", value: match.route.allowed)
            return response
        }
        do {
            try await attach(body, to: &request, by: match.route.body)
        } catch {
            return refusal(ofBody: error)
        }
        return await match.route.handler(request)
    }

    private func attach(_ body: BodyStream, to request: inout Request, by rule: Route.BodyRule) async throws {
        switch rule {
        case .ignored: break
        case .streamed: request.stream = body
        case .recordsOrCollected where request.headers.first(name: "Content-Type") == MediaType.recordio.rawValue:
            request.stream = body
        case .collected(let most), .recordsOrCollected(let most):
            let bytesMax = most ?? limits.bodyBytesMax
            if let length = request.headers.first(name: "Content-Length").flatMap(Int.init), length > bytesMax {
                throw Failure(
                    "http.body-too-large", doing: "read the body", cause: "it has \(length) bytes", remedy: "send less",
                    limit: "body bytes \(bytesMax)")
            }
            body.limitTime()
            let share = BodyShare(of: bodies)
            request.body = try await body.collect(bytesMax: bytesMax, share: share)
            request.share = share
        }
    }

    private func refusal(ofBody error: any Error) -> Response {
        guard let failure = error as? Failure else { return .text(.badRequest, "the body was cut off") }
        var response = Response.refusal(failure)
        if failure.code == "http.body-too-slow" { response.status = .requestTimeout }
        response.closes = true
        return response
    }

    private func compress(_ response: inout Response, for head: HTTPRequestHead) {
        guard response.headers.first(name: "Content-Encoding") == nil else { return }
        let compressed: Response.Body
        switch response.body {
        case .bytes(let bytes):
            guard (limits.compressionBytesMin...limits.compressionBytesMax).contains(bytes.count) else { return }
            response.headers.add(name: "Vary", value: "Accept-Encoding")
            guard Negotiation.acceptsGzip(head.headers) else { return }
            compressed = .bytes(Gzip.compress(bytes))
        case .pieces(nil, let fetch):
            // Of unknown length, so that it is worth it; pieces of a known length are parts of files.
            response.headers.add(name: "Vary", value: "Accept-Encoding")
            guard Negotiation.acceptsGzip(head.headers) else { return }
            compressed = .pieces(length: nil) { [pieces = CompressedPieces(fetch)] in try await pieces.next() }
        case .pieces, .events: return
        }
        response.headers.add(name: "Content-Encoding", value: "gzip")
        response.body = compressed
    }
}

/// Pieces of an answer, compressed one after another as they are fetched.
private actor CompressedPieces {
    private let fetch: @Sendable () async throws -> [UInt8]?
    private var gzip = Gzip()
    private var hasFinished = false

    init(_ fetch: @escaping @Sendable () async throws -> [UInt8]?) { self.fetch = fetch }

    /// One reader.
    func next() async throws -> [UInt8]? {
        if hasFinished { return nil }
        while let piece = try await fetch() {
            let bytes = gzip.add(piece)
            if !bytes.isEmpty { return bytes }
        }
        hasFinished = true
        return gzip.finish()
    }
}

extension Route {
    func allows(_ method: HTTPMethod) -> Bool {
        methods.contains(method) || (method == .HEAD && methods.contains(.GET))
    }

    var allowed: String {
        (methods + (methods.contains(.GET) ? [.HEAD] : [])).map(\.rawValue).joined(separator: ", ")
    }
}
