/// Where the runtime keeps its state on a host.
public struct Places: Sendable, Equatable {
    /// Volatile state: what exists only while a container does. On tmpfs where the host has one at /run.
    public var volatile: String
    /// Images and containers' files.
    public var store: String
    /// Name of an agent that shares the store with the command line and other agents, but not its containers: each
    /// sweeps away only what is below a directory of its own. Nil: the command line's.
    public var agent: String?

    public init(volatile: String = "/run/bulkhead", store: String = "/var/lib/bulkhead", agent: String? = nil) {
        self.volatile = volatile
        self.store = store
        self.agent = agent
    }

    /// One directory a container: record, exit record, lock.
    var records: String { volatile + "/containers" }
    /// One file a range of ids in use.
    var leases: String { volatile + "/ids" }
    /// One file a container that is being made or removed, see `ContainerMarks`.
    var pending: String { volatile + "/pending" }
    /// One file a container whose end has not been settled.
    var running: String { volatile + "/running" }
    /// There once everything was swept since the host was started.
    var swept: String { volatile + "/swept" }
    /// There while the last sweep could not remove everything.
    var left: String { volatile + "/left" }
    /// One file a name.
    var names: String { volatile + "/names" }
    /// An empty directory that a mount workshop covers, in its own mount namespace only.
    var workshop: String { volatile + "/workshop" }
    /// Compiled seccomp programs.
    var filters: String { volatile + "/filters" }
    /// The chained log of launches, execs and refusals, see `AuditLog`. All of a host's agents write to one.
    public var auditLog: String { store + "/audit" }
    /// The layer below all images' layers, see `MountTargets`.
    var targets: String { store + "/targets" }
    /// The lowest layer of tasks without an image, see `HostTools`.
    var hostTools: String { store + "/host-tools" }
    /// One directory a container: upper, work, logs.
    var containers: String { store + (agent.map { "/agents/\($0)/containers" } ?? "/containers") }

    /// How a container's lease of its image is called in the store all share.
    public func leaseName(_ container: String) -> String { agent.map { "agent-\($0)-\(container)" } ?? container }
    /// The other way round; nil for somebody else's.
    public func leaseHolder(_ name: String) -> String? {
        guard let agent else { return name.begins(with: "agent-") ? nil : name }
        let prefix = "agent-\(agent)-"
        return name.begins(with: prefix) ? String(name.dropFirst(prefix.count)) : nil
    }
}
