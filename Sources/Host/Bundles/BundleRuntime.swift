public import Diagnostics
import LaunchPlanning
public import LinuxKernel
public import RuntimeSpec
import SeccompCompiler
import SeccompFormat

/// Where things are, the same for every command.
public struct BundleRuntime: Sendable {
    public let store: BundleStore
    public let launcherPath: String

    public init(root: String, launcherPath: String) {
        store = BundleStore(root: root)
        self.launcherPath = launcherPath
    }

    /// What a container is, from its record and the kernel.
    public func state(_ id: String) throws(Failure) -> (state: RuntimeState, record: BundleRecord?) {
        let record = try store.record(id)
        let configuration = try configuration(id)
        let status = try record.map { (record) throws(Failure) in try self.status(record) } ?? .creating
        return (
            RuntimeState(
                id: id, status: status, process: status == .stopped ? 0 : record?.process ?? 0,
                bundle: record?.bundle ?? "", annotations: configuration.annotations), record
        )
    }

    /// Without the namespaces that were its creator's own: it has none of those kinds.
    public func configuration(_ id: String) throws(Failure) -> RuntimeConfiguration {
        let (bytes, own) = try store.configuration(id)
        return try Self.configuration(bytes, without: own)
    }

    static func configuration(_ bytes: [UInt8], without own: [String]) throws(Failure) -> RuntimeConfiguration {
        var configuration = try RuntimeConfiguration(parsing: bytes)
        if !own.isEmpty { configuration.linux.namespaces.removeAll { own.contains($0.type) } }
        return configuration
    }

    /// The record of a container that has been created: there is nothing to be done with others but to delete them.
    public func required(_ id: String) throws(Failure) -> BundleRecord {
        let place = try store.open(id)
        guard let record = try store.record(in: place), record.process != 0 else {
            // Deleted since it was opened.
            guard try store.isNamed(id, place) else { throw BundleStore.notFound(id) }
            throw Self.creating(id)
        }
        return record
    }

    static func creating(_ id: String) -> Failure {
        Failure("bundle.creating", doing: "use the container", on: id, cause: "it is still being created")
    }

    public func status(_ record: BundleRecord) throws(Failure) -> RuntimeState.Status {
        try status(record, process: try process(record))
    }

    /// The same for whoever holds its process, nil when that has ended.
    func status(_ record: BundleRecord, process: ProcessHandle?) throws(Failure) -> RuntimeState.Status {
        if record.process == 0 { return .creating }
        guard process != nil else { return .stopped }
        // Asked first: a created container that is frozen takes nothing, and could be thawed by nobody else.
        if try groups(record).isFrozen() { return .paused }
        return HostFacts.exists("\(store.directory(record.id))/\(BundleStart.socketName)") ? .created : .running
    }

    /// The container's first process while it lives, held so that its number cannot become another's.
    public func process(_ record: BundleRecord) throws(Failure) -> ProcessHandle? {
        if record.process == 0 { return nil }
        do throws(KernelError) {
            let handle = try ProcessHandle.open(record.process)
            guard try ProcessFacts.startTime(of: record.process) == record.startTime, try !handle.hasEnded() else {
                return nil
            }
            return handle
        } catch {
            if error.errno == Errno.noProcess || error.errno == Errno.invalid { return nil }
            throw error.failure("bundle.state", doing: "look at the container's process")
        }
    }

    public func groups(_ record: BundleRecord) throws(Failure) -> BundleGroups {
        BundleGroups(hierarchies: try Self.hierarchies(), path: record.groupPath)
    }

    public static func hierarchies() throws(Failure) -> GroupHierarchies {
        do throws(KernelError) { return try GroupHierarchies.find() } catch {
            throw error.failure("bundle.cgroup", doing: "find the hierarchies of cgroups")
        }
    }

    public func launcher() throws(Failure) -> LauncherImage { try LauncherImage(path: launcherPath) }

    /// Filters compiled for earlier containers are kept beside them: most containers have one of few profiles.
    var filter: @Sendable (FilterRequest) throws(Failure) -> CompiledFilter {
        let cache = FilterCache(directory: "\(store.root)/.filters")
        return { (request) throws(Failure) in try cache.filter(request) }
    }

    func startTime(_ process: Int32) throws(Failure) -> UInt64 {
        do throws(KernelError) { return try ProcessFacts.startTime(of: process) ?? 0 } catch {
            throw error.failure("bundle.state", doing: "look at the container's process")
        }
    }
}
