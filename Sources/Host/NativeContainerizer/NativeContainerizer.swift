import AuditTrail
public import Containers
public import Diagnostics
public import HostProbe
import Isolation
public import LaunchPlanning
import LinuxKernel
import Networking
import Snapshots

/// Our own Linux runtime: containers as processes of this host, found again by name whatever becomes of the command
/// that started them.
///
/// Every method is synchronous and may be called from several processes at once; a lock on each container orders them.
public struct NativeContainerizer: Sendable {
    public let places: Places
    public let records: RecordStore
    public let host: HostAbilities
    let launcherPath: String
    let leases: IdentityLeases
    let networks = ContainerNetworks()
    let marks: ContainerMarks
    let names: ContainerNames
    let snapshots: OverlaySnapshotter
    let filters: ProfileFilters
    let trail: LaunchTrail
    let launches = LaunchesUnderWay()
    /// Nil: we start containers ourselves.
    let starter: (any ContainerStarter)?
    /// Nil: each launch makes its own namespaces.
    public let namespaces: NamespacePool?

    /// `launcherPath` is the static launcher program. `namespacePool`: for how many containers namespaces are made
    /// ahead, by a process that launches many; 0 makes none. Nothing is touched until a method is called.
    public init(
        places: Places, launcherPath: String, host: HostAbilities, starter: (any ContainerStarter)? = nil,
        namespacePool: Int = 0
    ) {
        self.starter = starter
        self.places = places
        self.launcherPath = launcherPath
        self.host = host
        filters = ProfileFilters(directory: places.filters)
        records = RecordStore(places: places)
        trail = LaunchTrail(log: AuditLog(directory: places.auditLog))
        leases = IdentityLeases(directory: places.leases)
        marks = ContainerMarks(pending: places.pending, running: places.running)
        names = ContainerNames(directory: places.names)
        namespaces = namespacePool > 0 && starter == nil
            ? NamespacePool(size: namespacePool, leases: leases, marks: marks) : nil
        snapshots = OverlaySnapshotter(root: places.containers, targets: places.targets)
    }

    func context(_ request: ContainerRequest, root: RootTree, hasReader: Bool) -> LaunchContext {
        LaunchContext(request: request, host: host, root: root, filters: filters, hasReader: hasReader,
            holder: places.records)
    }

    /// The plan `request` would be launched by, without touching anything. `layers` are the image's, lowest first.
    public func plan(_ request: ContainerRequest, layers: [String], hasReader: Bool) throws(Failure) -> LaunchPlan {
        try checkVolumes(of: request)
        var request = request
        if request.isolation.identities.count == 0 {
            request.isolation.identities = IdentityRange(base: IdentityLeases.firstBase, count: IdentityLeases.size)
        }
        let root = rootTree(request, layers: layers)
        return try ContainerPlan.build(context(request, root: root, hasReader: hasReader))
    }

    /// The container that has `text` as its name or its id; nil when none has.
    ///
    /// - Throws: `container.ambiguous` when several have it as their name, which only lost name files allow.
    public func holder(of text: String) throws(Failure) -> ContainerID? {
        for candidate in [try names.holder(of: text), text] {
            if let candidate, !candidate.isEmpty, records.exists(candidate) { return try ContainerID(candidate) }
        }
        return try unlistedHolder(of: text)
    }

    /// Whether a container has this name by the files of names alone, which takes no longer with many containers: for a
    /// name that is drawn. Whose name file is lost may share it.
    public func isListed(_ name: String) throws(Failure) -> Bool {
        try names.holder(of: name).map(records.exists) ?? false
    }

    /// A container whose name file is lost, or that was made before there were any, still has its name in its record.
    private func unlistedHolder(of name: String) throws(Failure) -> ContainerID? {
        var found: [ContainerID] = []
        for id in try records.identifiers() {
            do throws(Failure) {
                if try records.read(id)?.request.name == name { found.append(id) }
            } catch { guard error.code == Self.damagedCode else { throw error } }
        }
        guard found.count > 1 else { return found.first }
        throw Failure(
            "container.ambiguous", doing: "find container", on: name, cause: "\(found.count) have that name",
            remedy: "give one's id: \(found.map(\.text).joined(separator: " or "))", field: "container")
    }

    /// The container a person means: a name, an id, or the start of an id that fits only one.
    public func find(_ text: String) throws(Failure) -> ContainerRecord {
        if let id = try holder(of: text), let record = try records.read(id) { return record }
        let started = text.isEmpty ? [] : try records.identifiers().filter { $0.text.begins(with: text) }
        if started.count == 1, let record = try records.read(started[0]) { return record }
        let isAmbiguous = started.count > 1
        throw Failure(
            isAmbiguous ? "container.ambiguous" : "container.not-found", doing: "find container", on: text,
            cause: isAmbiguous ? "\(started.count) ids start that way" : "there is none of that name or id",
            remedy: isAmbiguous ? "give more of the id" : "see all with: bulkhead ps --all", field: "container")
    }
}
