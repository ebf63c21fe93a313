/// Where the runtime keeps its state on a host.
public struct Places: Sendable, Equatable {
    /// Volatile state: what exists only while a container does. On tmpfs where the host has one at /run.
    public var volatile: String
    /// Images and containers' files.
    public var store: String

    public init(volatile: String = "/run/bulkhead", store: String = "/var/lib/bulkhead") {
        self.volatile = volatile
        self.store = store
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
    /// One file a name.
    var names: String { volatile + "/names" }
    /// An empty directory that a mount workshop covers, in its own mount namespace only.
    var workshop: String { volatile + "/workshop" }
    /// Compiled seccomp programs.
    var filters: String { volatile + "/filters" }
    /// The layer below all images' layers, see `MountTargets`.
    var targets: String { store + "/targets" }
    /// One directory a container: upper, work, logs.
    var containers: String { store + "/containers" }
}
