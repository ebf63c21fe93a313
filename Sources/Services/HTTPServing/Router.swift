public import NIOHTTP1

/// Answers a request. It never throws: what goes wrong is an answer too.
public typealias RequestHandler = @Sendable (Request) async -> Response

/// What is served under one path.
public struct Route: Sendable {
    public enum BodyRule: Sendable {
        /// Read and thrown away.
        case ignored
        /// Handed over whole; nil takes the server's limit. In bytes.
        case collected(bytesMax: Int?)
        /// Handed over as it arrives.
        case streamed
        /// As it arrives when it is a stream of records, else whole; nil takes the server's limit. In bytes.
        case recordsOrCollected(bytesMax: Int?)
    }

    /// Decoded components, delegate prefix left out: `["api", "v1", "scheduler"]`.
    public let components: [String]
    /// GET answers HEAD too.
    public var methods: [HTTPMethod]
    /// Who may call; nil asks nobody who they are.
    public var realm: Realm?
    /// True answers 404 to paths that go on, where other routes answer by longest prefix.
    public var isExact: Bool
    public var body: BodyRule
    /// Answers before the method, the headers or the body are looked at: redirects of a standby, 503 of a recovery.
    public var gate: (@Sendable (RequestTarget) -> Response?)?
    public let handler: RequestHandler

    public init(
        _ path: String, _ methods: [HTTPMethod] = [.GET], realm: Realm? = nil, isExact: Bool = false,
        body: BodyRule = .ignored, gate: (@Sendable (RequestTarget) -> Response?)? = nil,
        handler: @escaping RequestHandler
    ) {
        components = path.cut(at: "/").map(String.init)
        self.methods = methods
        self.realm = realm
        self.isExact = isExact
        self.body = body
        self.gate = gate
        self.handler = handler
    }
}

/// Finds the route of a path: the one with the most components that the path begins with, as the protocol's own
/// servers do it, which clients rely on (`/api/v1/operator` is `/api/v1`).
public struct Router: Sendable {
    /// The name under which every route exists a second time: `master`, or `slave(1)`.
    public let delegate: String?
    private var routes: [[String]: Route] = [:]
    private var longest = 0

    public init(delegate: String? = nil, routes: [Route] = []) {
        self.delegate = delegate
        for route in routes { add(route) }
    }

    /// A later route takes the place of an earlier one of the same path.
    public mutating func add(_ route: Route) {
        routes[route.components] = route
        longest = max(longest, route.components.count)
    }

    public struct Match: Sendable {
        public let route: Route
        /// What of the path the route does not name.
        public let rest: [String]
    }

    public func match(_ target: RequestTarget) -> Match? {
        var components = target.components[...]
        if let delegate, components.first == delegate { components = components.dropFirst() }
        var count = min(components.count, longest)
        while count >= 0 {
            if let route = routes[Array(components.prefix(count))] {
                let rest = components.dropFirst(count)
                if !route.isExact || rest.isEmpty { return Match(route: route, rest: Array(rest)) }
            }
            count -= 1
        }
        return nil
    }

    /// Every path with its methods and realm, in order: what an authorization matrix is made from.
    public var table: [(path: String, methods: [HTTPMethod], realm: Realm?)] {
        routes.values.map { ("/" + $0.components.joined(separator: "/"), $0.methods, $0.realm) }.sorted { $0.0 < $1.0 }
    }
}
