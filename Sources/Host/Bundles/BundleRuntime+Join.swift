public import Diagnostics
import Emulation
import LaunchPlanning
public import LinuxKernel
public import RuntimeSpec

/// One more process in a container.
public struct JoinedProcess: Sendable {
    public let process: ProcessHandle
    public let terminal: OwnedDescriptor?

    private static let endMillisecondsMax: Int32 = 10_000

    /// Kills and reaps it, for whoever cannot go on with it because of `failure`.
    public func ended(after failure: Failure) -> Failure {
        do throws(KernelError) {
            // It has ended, and was reaped.
            guard try process.signal(SignalNumber.kill) else { return failure }
            guard try process.waitForEnd(milliseconds: Self.endMillisecondsMax) else {
                throw KernelError(call: "wait for its end", errno: Errno.timedOut)
            }
            _ = try process.reap()
            return failure
        } catch {
            return failure.also(error.failure("bundle.cannot-kill", doing: "end the process that was started"))
        }
    }
}

extension BundleRuntime {
    /// Starts `process` in a running container, in its namespaces and its cgroup, behind its filter. `configuration` is
    /// the container's, for whoever has read it already.
    public func join(
        _ id: String, _ process: ProcessSpec, configuration known: RuntimeConfiguration? = nil,
        options: BundleOptions, whilePaused: Bool = false
    ) throws(Failure) -> JoinedProcess {
        let record = try required(id)
        let held = try self.process(record)
        let status = try status(record, process: held)
        guard status == .running || status == .created || (whilePaused && status == .paused), let first = held else {
            throw Self.notRunning(id, "cannot exec in a \(status.rawValue) container", Self.remedy(status))
        }
        var groups = try groups(record)
        for below in options.groupsBelow { try groups.descend(to: below) }
        if options.groupsBelow.isEmpty { groups.first = first.id }
        var configuration: RuntimeConfiguration
        if let known { configuration = known } else { configuration = try self.configuration(id) }
        var process = process
        BundleLabels.inherit(from: configuration.process, by: &process)
        configuration.process = process
        var context = try Self.joining(record, configuration, options, groups)
        context.joined = first.id
        context.anchor = store.anchor(id)
        context.filter = filter
        let root = "/proc/\(first.id)/root"
        context.home = { HomeDirectory.find($0, root: root) }
        context.joinedNamespaces = try Self.namespaces(of: first, configuration.linux, id)
        if context.keepsGroups { context.keptGroups = HostFacts.groups() }
        let plan = try BundlePlan.build(context)
        // Before there is a launcher, which would wait for them.
        let opener = BundleOpener(place: try store.open(id), userNamespace: nil, process: nil, texts: [:])
        let given = try opener.open(plan)
        // What was read above was read by its number, which is its own only as long as it is there.
        try Self.demandLife(of: first, id)
        let joined = try BundleProcess.spawn(plan, launcher: try launcher(), groups: groups, joining: first)
        do throws(Failure) {
            if let initial = process.execAffinity?.initial, !initial.isEmpty { try joined.hold(to: initial) }
            try groups.attach(joined.process.id)
            try joined.prepare(plan, oomScore: process.oomScore, processors: process.execAffinity?.final ?? "")
            try joined.release(given)
            let state = RuntimeState(
                id: id, status: .running, process: record.process, bundle: record.bundle,
                annotations: configuration.annotations)
            let agent = ListenerAgent(
                section: configuration.linux.seccomp, process: joined.process.id, state: state)
            var handover = ListenerHandover()
            var terminal: OwnedDescriptor?
            _ = try LauncherMessages.hear(
                joined.control, until: nil, joining: joined.process, { $0.failure(in: plan) }
            ) {
                (report, descriptor) throws(Failure) in
                if report.kind == .terminal { terminal = descriptor }
                try handover.hear(report, descriptor, agent.give)
            }
            return JoinedProcess(process: joined.process, terminal: terminal)
        } catch {
            joined.end()
            throw error
        }
    }

    private static func joining(
        _ record: BundleRecord, _ configuration: RuntimeConfiguration, _ options: BundleOptions, _ groups: BundleGroups
    ) throws(Failure) -> BundleContext {
        var context = BundleContext(
            id: record.id, bundle: record.bundle, rootPath: record.rootPath, configuration: configuration,
            process: configuration.process, options: options, groups: groups.view,
            heldCapabilities: CapabilitySet(rawValue: HostFacts.effectiveCapabilities()), isDirectory: { _ in nil })
        context.ceilings = BundleLimits.ceilings(context.process, held: context.heldCapabilities)
        context.modules = SecurityModules.active()
        context.isSocket = ListenerAgent.isSocket
        return context
    }

    /// Those that the configuration gives the container, never one that a process in it has made: that could be a user
    /// namespace in which it holds every capability. One by a path that is ours too may not even be entered again.
    private static func namespaces(
        of first: ProcessHandle, _ linux: LinuxSpec, _ id: String
    ) throws(Failure) -> NamespaceSet {
        var namespaces: NamespaceSet = []
        for namespace in linux.namespaces {
            let kind = BundleNamespaces.kind(namespace.type)
            if namespace.path != nil, try isOurs(kind, of: first, id) { continue }
            namespaces.insert(kind)
        }
        return namespaces
    }

    private static func isOurs(_ kind: NamespaceSet, of first: ProcessHandle, _ id: String) throws(Failure) -> Bool {
        guard let name = NamespaceSet.named.first(where: { $0.set == kind })?.name else { return false }
        guard let theirs = HostFacts.linkTarget("/proc/\(first.id)/ns/\(name)") else {
            throw notRunning(id, "its first process has left its namespaces")
        }
        return theirs == HostFacts.linkTarget("/proc/self/ns/\(name)")
    }

    private static func demandLife(of first: ProcessHandle, _ id: String) throws(Failure) {
        do throws(KernelError) { if try !first.hasEnded() { return } } catch {
            throw error.failure("bundle.lost", doing: "look at the container's first process", on: id)
        }
        throw notRunning(id, "its first process has ended meanwhile")
    }

    private static func notRunning(_ id: String, _ cause: String, _ remedy: String = BundleRuntime.ended) -> Failure {
        Failure(
            "bundle.not-running", doing: "start a process in the container", on: id, cause: cause, remedy: remedy)
    }

    /// No container of the specification runs twice.
    private static let ended = "what has stopped does not start again: delete it, and create another"

    private static func remedy(_ status: RuntimeState.Status) -> String {
        switch status {
        case .creating: "wait until it is created"
        case .paused: "resume it first, or use --ignore-paused"
        case .created, .running, .stopped: ended
        }
    }
}
