public import ClusterModel
public import Determinism

/// What the registry keeps of an agent it has admitted.
public struct RegisteredAgent: Hashable, Sendable {
    public enum Standing: Hashable, Sendable {
        case registered
        /// Not heard of since then; it may come back.
        case unreachable(since: Instant)
        /// An operator gave it up; it is never admitted again.
        case gone(at: Instant)
    }
    public var info: AgentInfo
    /// By which it is known again; nil: it has never shown one.
    public var key: AgentKey?
    public var standing: Standing
    /// An operator wants no offers of it.
    public var isDeactivated: Bool
    public var drain: DrainInfo?
    /// When it was first admitted.
    public var registered: Instant

    public init(
        info: AgentInfo, key: AgentKey? = nil, standing: Standing = .registered, isDeactivated: Bool = false,
        drain: DrainInfo? = nil, registered: Instant
    ) {
        self.info = info
        self.key = key
        self.standing = standing
        self.isDeactivated = isDeactivated
        self.drain = drain
        self.registered = registered
    }
}

/// What the registry keeps of a framework, so that its tasks do not outlive their owner for ever when the master
/// restarts while it is away.
public struct RegisteredFramework: Hashable, Sendable {
    public var info: FrameworkInfo
    public var registered: Instant
    /// Set while it is disconnected: when it is removed unless it comes back.
    public var failoverDeadline: Instant?
    /// Set once it has been removed: its id is not used again, and what agents still run for it is shut down.
    public var removed: Instant?

    public init(
        info: FrameworkInfo, registered: Instant, failoverDeadline: Instant? = nil, removed: Instant? = nil
    ) {
        self.info = info
        self.registered = registered
        self.failoverDeadline = failoverDeadline
        self.removed = removed
    }
}

/// When machines will be away, and which are already.
public struct Maintenance: Hashable, Sendable {
    public var schedule: MaintenanceSchedule
    /// Sorted: taken down by an operator.
    public var down: [MachineID]

    public init(schedule: MaintenanceSchedule = MaintenanceSchedule(), down: [MachineID] = []) {
        self.schedule = schedule
        self.down = down.sorted()
    }

    public static let none = Maintenance()
    public var isEmpty: Bool { schedule.windows.isEmpty && down.isEmpty }
}

/// How many ids of a kind masters have given out.
public struct IssuedIdentifiers: Hashable, Sendable {
    public var agents: UInt64
    public var frameworks: UInt64
    public init(agents: UInt64 = 0, frameworks: UInt64 = 0) {
        self.agents = agents
        self.frameworks = frameworks
    }
}

/// Names one record of the registry; a store keeps each by itself.
public enum RegistryKey: Hashable, Sendable {
    case agent(AgentID)
    case framework(FrameworkID)
    case quota(RoleName)
    case weight(RoleName)
    case maintenance
    case issued
}

/// One durable change. Putting replaces; removing what is not there changes nothing.
public enum RegistryChange: Hashable, Sendable {
    case putAgent(RegisteredAgent)
    case putFramework(RegisteredFramework)
    case putQuota(Quota, RoleName)
    case putWeight(Double, RoleName)
    case putMaintenance(Maintenance)
    case putIssued(IssuedIdentifiers)
    case remove(RegistryKey)

    public var key: RegistryKey {
        switch self {
        case .putAgent(let agent): .agent(agent.info.id)
        case .putFramework(let framework): .framework(framework.info.id)
        case .putQuota(_, let role): .quota(role)
        case .putWeight(_, let role): .weight(role)
        case .putMaintenance: .maintenance
        case .putIssued: .issued
        case .remove(let key): key
        }
    }
}

/// Everything that survives a master: what a new leader starts from.
public struct RegistrySnapshot: Hashable, Sendable {
    public var agents: [AgentID: RegisteredAgent] = [:]
    public var frameworks: [FrameworkID: RegisteredFramework] = [:]
    public var quotas: [RoleName: Quota] = [:]
    public var weights: [RoleName: Double] = [:]
    public var maintenance = Maintenance.none
    public var issued = IssuedIdentifiers()

    public static let empty = RegistrySnapshot()

    public init() {}

    /// The result of `changes` applied in order to nothing.
    public init(_ changes: some Sequence<RegistryChange>) {
        for change in changes { apply(change) }
    }

    public mutating func apply(_ change: RegistryChange) {
        switch change {
        case .putAgent(let agent): agents[agent.info.id] = agent
        case .putFramework(let framework): frameworks[framework.info.id] = framework
        case .putQuota(let quota, let role): quotas[role] = quota
        case .putWeight(let weight, let role): weights[role] = weight
        case .putMaintenance(let maintenance): self.maintenance = maintenance
        case .putIssued(let issued): self.issued = issued
        case .remove(let key): remove(key)
        }
    }

    private mutating func remove(_ key: RegistryKey) {
        switch key {
        case .agent(let id): agents[id] = nil
        case .framework(let id): frameworks[id] = nil
        case .quota(let role): quotas[role] = nil
        case .weight(let role): weights[role] = nil
        case .maintenance: maintenance = .none
        case .issued: issued = IssuedIdentifiers()
        }
    }

    /// What makes this snapshot of nothing, in the same order on every run.
    public var changes: [RegistryChange] {
        var result: [RegistryChange] = []
        result += agents.values.sorted { $0.info.id < $1.info.id }.map { .putAgent($0) }
        result += frameworks.values.sorted { $0.info.id < $1.info.id }.map { .putFramework($0) }
        result += quotas.sorted { $0.key < $1.key }.map { .putQuota($0.value, $0.key) }
        result += weights.sorted { $0.key < $1.key }.map { .putWeight($0.value, $0.key) }
        if !maintenance.isEmpty { result.append(.putMaintenance(maintenance)) }
        if issued != IssuedIdentifiers() { result.append(.putIssued(issued)) }
        return result
    }
}
