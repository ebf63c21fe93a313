import ClusterAPI

/// What both master and agent serve beside their APIs.
public enum PlainRoutes {
    /// `GET /` for clients that only look whether somebody answers, `/health`, `/version` (numbers and dots: clients
    /// take it apart) and `/flags`.
    public static func routes(
        name: String, version: String, flags: @escaping @Sendable () -> [(name: String, value: String)], realm: Realm?,
        isHealthy: @escaping @Sendable () async -> Bool = { true }
    ) -> [Route] {
        [
            Route("/", isExact: true) { _ in .text(.ok, "\(name) \(version)\n") },
            Route("/health") { _ in await isHealthy() ? .ok : .text(.serviceUnavailable, "not healthy") },
            Route("/version") { request in .json(.object(["version": .string(version)]), for: request) },
            Route("/flags", realm: realm) { request in
                let members = flags().map { ($0.name, WireValue.string($0.value)) }
                return .json(.object(["flags": .object(Dictionary(members) { _, latest in latest })]), for: request)
            },
        ]
    }
}
