public import Diagnostics
import FoundationEssentials

/// What an agent has its machine's auditor look at: crosses as JSON to `bulkhead-audit`, which an agent runs for it.
public struct AuditOrder: Codable, Equatable, Sendable {
    public static let schemaName = "bulkhead-audit-order/1"
    /// Of an order as JSON, and of the report that answers it.
    public static let bytesMax = 64 << 20

    /// A container that the agent's records say runs.
    public struct Container: Codable, Equatable, Sendable {
        public var id: String
        /// Its first process on this host; nil: not known.
        public var process: Int32?
        public var place: ClusterPlace
        /// What its task asked for, by the agent's records; see `BH-CLU-004`.
        public var declared: [String: String]

        public init(id: String, process: Int32?, place: ClusterPlace, declared: [String: String]) {
            self.id = id
            self.process = process
            self.place = place
            self.declared = declared
        }
    }

    public var schema: String
    public var profile: AuditProfile
    /// Whether the machine itself is looked at as well.
    public var includesHost: Bool
    public var place: ClusterPlace
    public var containers: [Container]
    /// Everything the agent has records of, running or not.
    public var known: [String]

    public init(
        profile: AuditProfile, includesHost: Bool, place: ClusterPlace, containers: [Container], known: [String]
    ) {
        schema = Self.schemaName
        self.profile = profile
        self.includesHost = includesHost
        self.place = place
        self.containers = containers
        self.known = known
    }

    public func json() throws(Failure) -> [UInt8] { Array(try AuditDocument(encoding: self).canonical.utf8) }

    /// - Throws: `audit.not-an-order`.
    public init(json: [UInt8]) throws(Failure) {
        do {
            self = try JSONDecoder().decode(AuditOrder.self, from: Data(json))
        } catch {
            throw Failure("audit.not-an-order", doing: "read the agent's order", cause: "\(error)")
        }
        guard schema == Self.schemaName else {
            throw Failure(
                "audit.not-an-order", doing: "read the agent's order", cause: "its schema is \(schema)",
                remedy: "install all of Bulkhead's programs of one version", limit: Self.schemaName)
        }
    }
}
