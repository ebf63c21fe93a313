/// Who a resource is kept for. Reservations stack: each refines the one before for a role below it, the last counts.
public struct Reservation: Hashable, Sendable {
    public enum Origin: String, Sendable {
        /// By the agent's own configuration; nobody can take it away while the agent runs.
        case configured = "STATIC"
        /// By a framework or an operator, who may take it back.
        case requested = "DYNAMIC"
    }
    public var origin: Origin
    public var role: RoleName
    /// Who made it.
    public var principal: String?
    public var labels: [Label]

    public init(_ origin: Origin, for role: RoleName, principal: String? = nil, labels: [Label] = []) {
        self.origin = origin
        self.role = role
        self.principal = principal
        self.labels = labels
    }
}
