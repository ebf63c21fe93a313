public import Containers
public import Diagnostics
public import HostProbe
import Isolation
public import LaunchPlanning
import LinuxKernel
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
    let snapshots: OverlaySnapshotter
    let filters: ProfileFilters

    /// `launcherPath` is the static launcher program. Nothing is touched until a method is called.
    public init(places: Places, launcherPath: String, host: HostAbilities) {
        self.places = places
        self.launcherPath = launcherPath
        self.host = host
        filters = ProfileFilters(directory: places.filters)
        records = RecordStore(places: places)
        leases = IdentityLeases(directory: places.leases)
        snapshots = OverlaySnapshotter(root: places.containers, targets: places.targets)
    }

    func context(_ request: ContainerRequest, root: RootTree, hasReader: Bool) -> LaunchContext {
        LaunchContext(request: request, host: host, root: root, filters: filters, hasReader: hasReader)
    }

    /// The plan `request` would be launched by, without touching anything. `layers` are the image's, lowest first.
    public func plan(_ request: ContainerRequest, layers: [String], hasReader: Bool) throws(Failure) -> LaunchPlan {
        var request = request
        if request.isolation.identities.count == 0 {
            request.isolation.identities = IdentityRange(base: IdentityLeases.firstBase, count: IdentityLeases.size)
        }
        let root = snapshots.tree(request.id.text, layers: layers)
        return try ContainerPlan.build(context(request, root: root, hasReader: hasReader))
    }

    /// The container a person means: a name, an id, or the start of an id that fits only one.
    public func find(_ text: String) throws(Failure) -> ContainerRecord {
        var started: [ContainerRecord] = []
        for id in try records.identifiers() {
            guard let record = try records.read(id) else { continue }
            if record.request.name == text || id.text == text { return record }
            if !text.isEmpty && id.text.hasPrefix(text) { started.append(record) }
        }
        if started.count == 1 { return started[0] }
        throw Failure(
            started.isEmpty ? "container.not-found" : "container.ambiguous", doing: "find container", on: text,
            cause: started.isEmpty
                ? "there is none of that name or id" : "\(started.count) ids start that way",
            remedy: started.isEmpty ? "see all with: bulkhead ps --all" : "give more of the id", field: "container")
    }
}
