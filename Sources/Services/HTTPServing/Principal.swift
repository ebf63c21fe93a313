/// Who makes a request, as far as an authenticator has vouched for it.
public struct Principal: Hashable, Sendable, CustomStringConvertible {
    /// The name; nil for a token that carries only claims.
    public var value: String?
    public var claims: [String: String]

    public init(_ value: String?, claims: [String: String] = [:]) {
        self.value = value
        self.claims = claims
    }

    public var description: String { value ?? "claims \(claims.keys.sorted().joined(separator: " "))" }
}

/// A part of the API that asks its callers who they are, under the names the protocol knows.
public struct Realm: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let masterReadOnly = Realm(rawValue: "mesos-master-readonly")
    public static let masterReadWrite = Realm(rawValue: "mesos-master-readwrite")
    public static let masterScheduler = Realm(rawValue: "mesos-master-scheduler")
    /// Agents that come to a master.
    public static let masterAgent = Realm(rawValue: "bulkhead-master-agent")
    public static let agentReadOnly = Realm(rawValue: "mesos-agent-readonly")
    public static let agentReadWrite = Realm(rawValue: "mesos-agent-readwrite")
    public static let agentExecutor = Realm(rawValue: "mesos-agent-executor")
}
