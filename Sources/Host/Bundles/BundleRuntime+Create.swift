public import Diagnostics
import LaunchPlanning
public import LinuxKernel
import RuntimeSpec

/// A container that waits to be started.
public struct CreatedBundle: Sendable {
    public let record: BundleRecord
    let configuration: RuntimeConfiguration
    /// Its directory, whatever its name leads to later.
    let place: OwnedDescriptor
    /// Ours as long as this process lives; then somebody else reaps it.
    public let process: ProcessHandle
    /// The terminal's master when the configuration has a terminal.
    public let terminal: OwnedDescriptor?
}

/// Who has the terminal of a container, if the configuration asks for one.
public enum TerminalUse: Sendable {
    /// Nobody could have it.
    case refused
    /// Whoever listens at a socket.
    case socket
    /// This program shows it.
    case own
}

extension BundleRuntime {
    /// What has to be taken back when the creation fails.
    private struct Progress {
        var claim = GroupClaim()
        /// Whether any hook may have run.
        var hooked = false
    }

    /// Makes the container of `bundle` up to the point where only `start` is missing. Whatever fails takes back
    /// everything, and the poststop hooks run when any hook may have.
    public func create(
        _ id: String, bundle: String, configurationPath: String? = nil, options: BundleOptions, terminal: TerminalUse,
        note: (String) -> Void
    ) throws(Failure) -> CreatedBundle {
        try BundleStore.check(id: id)
        let bundle = try Self.resolved(bundle, "open the bundle")
        let bytes = try Self.configuration(configurationPath ?? "\(bundle)/config.json")
        var configuration = try RuntimeConfiguration(parsing: bytes)
        let namespaces = try GivenNamespaces.settle(&configuration)
        defer { withExtendedLifetime(namespaces) {} }
        try Self.check(configuration, terminal)
        try BundleNetwork.check(configuration.linux)
        let groups = BundleGroups(
            hierarchies: try Self.hierarchies(), path: BundleGroups.path(configuration.linux.cgroupsPath, id: id))
        var context = try Self.context(id, bundle, configuration, options, groups)
        context.filter = filter
        context.anchor = store.anchor(id)
        for sentence in BundleLimits.notes(context.process, ceilings: context.ceilings) { note(sentence) }
        let notes = BundleLabels.notes(context) + BundleCredentials.notes(context) + BundleRoot.notes(context)
        for sentence in notes { note(sentence) }
        let plan = try BundlePlan.build(context)
        let place = try store.create(id, configuration: bytes, own: namespaces.own)
        var progress = Progress()
        // The groups are ours until there is a container in them, or until what was made of them is gone again.
        defer { withExtendedLifetime(progress) {} }
        do throws(Failure) {
            return try make(context, plan, groups, place, &progress)
        } catch {
            throw takenBack(Self.explained(error, groups, context), context, groups, place, progress)
        }
    }

    private func make(
        _ context: BundleContext, _ plan: LaunchPlan, _ groups: BundleGroups, _ place: OwnedDescriptor,
        _ progress: inout Progress
    ) throws(Failure) -> CreatedBundle {
        try claim(groups, of: context.id, &progress.claim)
        var record = BundleRecord(
            id: context.id, bundle: context.bundle, rootPath: context.rootPath ?? "", process: 0, startTime: 0,
            groupPath: groups.path, created: UInt64(HostFacts.wallClock() * 1e9))
        // From here on whoever deletes it by force ends what runs in the groups, and knows that hooks may have run.
        try keep(record, in: place)
        try groups.limit(context.linux.resources)
        try groups.allowDevices(context.linux)
        if let owner = GroupOwner.find(context) { try groups.give(to: owner) }
        let launcher = try launcher()
        let held = try BundleProcess.spawn(plan, launcher: launcher, groups: groups)
        do throws(Failure) {
            try groups.attach(held.process.id)
            try held.prepare(plan, oomScore: context.process?.oomScore)
            try JoinedMounts.check(context, process: held.process.id)
            try BundleNetwork.move(context.linux.networkDevices, to: held.process)
            record.process = held.process.id
            record.startTime = try startTime(held.process.id)
            let state = RuntimeState(
                id: context.id, status: .created, process: held.process.id, bundle: context.bundle,
                annotations: context.configuration.annotations)
            progress.hooked = true
            try HookRunner.run(context.configuration.hooks.prestart, point: "prestart", state: state)
            try HookRunner.run(context.configuration.hooks.createRuntime, point: "createRuntime", state: state)
            let opener = BundleOpener(
                place: place, userNamespace: try userNamespace(of: held.process, context), process: held.process.id,
                texts: ["state": try stateInside(state, context.configuration.hooks).document.text])
            if context.sharesMounts { try store.makeAnchor(context.id) }
            try held.release(try opener.open(plan))
            var terminal: OwnedDescriptor?
            let created = try LauncherMessages.hear(held.control, until: .created, { $0.failure(in: plan) }) {
                report, descriptor in
                if report.kind == .terminal { terminal = descriptor }
            }
            guard created else {
                throw Failure("bundle.lost", doing: "create the container", cause: "its process ended unexpectedly")
            }
            try keepReports(plan, in: place)
            try keep(record, in: place)
            try store.endCreation(place)
            return CreatedBundle(
                record: record, configuration: context.configuration, place: place, process: held.process,
                terminal: terminal)
        } catch {
            held.end()
            throw error
        }
    }

    /// What hooks are told that run in the container's namespaces: the number of its process as it is there.
    private func stateInside(_ state: RuntimeState, _ hooks: HookSpecs) throws(Failure) -> RuntimeState {
        if hooks.createContainer.isEmpty, hooks.startContainer.isEmpty { return state }
        var inside = state
        do throws(KernelError) { inside.process = try ProcessFacts.innerNumber(of: state.process) } catch {
            throw error.failure("bundle.cannot-prepare", doing: "find the container's process by its number inside")
        }
        return inside
    }

    /// What fails when a limit leaves no memory for the launcher is something else each time, and never says so.
    private static func explained(_ failure: Failure, _ groups: BundleGroups, _ context: BundleContext) -> Failure {
        guard ["bundle.lost", "bundle.cannot-spawn", "bundle.cannot-prepare"].contains(failure.code) else {
            return failure
        }
        // Between clone and exec nobody is killed, and the call fails.
        let isRefused = context.linux.resources.memory.limit ?? 0 > 0 && failure.cause?.contains("ENOMEM") == true
        guard isRefused || groups.endedForMemory() > 0 else { return failure }
        return Failure(
            "bundle.out-of-memory", doing: "create the container",
            cause: "container init was OOM-killed (memory limit too low?)", remedy: "allow more of it",
            field: "linux.resources.memory.limit"
        ).also(failure)
    }

    /// What `start` needs to say which step failed: it has no plan.
    private func keepReports(_ plan: LaunchPlan, in place: OwnedDescriptor) throws(Failure) {
        let first = plan.steps.firstIndex { if case .awaitStart = $0.step { true } else { false } } ?? 0
        let sentences = plan.sentences(from: first).map { $0.filter { !$0.isNewline } }
        do throws(KernelError) {
            try place.open("steps", [.writeOnly, .create, .truncate], mode: 0o600).write(
                ([String(first)] + sentences).joined(separator: "\n"))
        } catch { throw BundleStore.failed(error, "keep the container's plan") }
    }

    private func userNamespace(
        of process: ProcessHandle, _ context: BundleContext
    ) throws(Failure) -> OwnedDescriptor? {
        guard context.hasUserNamespace else { return nil }
        do throws(KernelError) { return try OwnedDescriptor.open(RawPath("/proc/\(process.id)/ns/user")) } catch {
            throw error.failure("bundle.state", doing: "open the container's user namespace")
        }
    }

    /// Looks for the name only afterwards: whoever takes it away looks for a record only then, so one sees the other.
    private func keep(_ record: BundleRecord, in place: OwnedDescriptor) throws(Failure) {
        try store.save(record, in: place)
        guard try store.isNamed(record.id, place) else { throw Self.deleted(record.id) }
    }

    private static let deletedMeanwhile: Failure.Code = "bundle.deleted"

    private static func deleted(_ id: String) -> Failure {
        Failure(deletedMeanwhile, doing: "create the container", on: id, cause: "somebody has deleted it meanwhile")
    }

    private func takenBack(
        _ failure: Failure, _ context: BundleContext, _ groups: BundleGroups, _ place: OwnedDescriptor,
        _ progress: Progress
    ) -> Failure {
        var failure = failure
        func attempt(_ body: () throws(Failure) -> Void) {
            do throws(Failure) { try body() } catch { failure = failure.also(error) }
        }
        var held: HeldBundle?
        attempt { () throws(Failure) in
            held = try store.hold(context.id, place)
            // Then everything fails sooner or later, and that is why.
            if held == nil, failure.code != Self.deletedMeanwhile { failure = Self.deleted(context.id).also(failure) }
        }
        attempt { () throws(Failure) in try takeBack(groups, progress.claim) }
        // By that name there may be another container already.
        if context.sharesMounts, held != nil || !HostFacts.exists(store.directory(context.id)) {
            attempt { () throws(Failure) in try store.removeAnchor(context.id) }
        }
        // Hooks are run by whoever takes the name away.
        guard let ours = held else { return failure }
        var rest: RawPath?
        attempt { () throws(Failure) in rest = try store.takeName(ours) }
        guard let nameless = rest else { return failure }
        attempt { () throws(Failure) in try store.clear(nameless) }
        guard progress.hooked else { return failure }
        let state = RuntimeState(
            id: context.id, status: .stopped, process: 0, bundle: context.bundle,
            annotations: context.configuration.annotations)
        for hook in context.configuration.hooks.poststop {
            attempt { () throws(Failure) in try HookRunner.run([hook], point: "poststop", state: state) }
        }
        return failure
    }
}

// MARK: - Reading the bundle

extension BundleRuntime {
    private static func check(_ configuration: RuntimeConfiguration, _ terminal: TerminalUse) throws(Failure) {
        switch (configuration.process?.hasTerminal ?? false, terminal) {
        case (true, .refused):
            throw Failure(
                "bundle.terminal", doing: "give the container a terminal", cause: "nobody would have its other end",
                remedy: "name a --console-socket, or set process.terminal to false", field: "console-socket")
        case (false, .socket):
            throw Failure(
                "bundle.terminal", doing: "use the console socket", cause: "process.terminal is not true",
                remedy: "leave --console-socket out", field: "console-socket")
        default: break
        }
    }

    static func resolved(_ path: String, _ doing: String) throws(Failure) -> String {
        do throws(KernelError) {
            let place = try OwnedDescriptor.open(RawPath(path), [.path, .directory])
            return HostFacts.linkTarget(place.procPath) ?? path
        } catch { throw error.failure("bundle.not-found", doing: doing, on: path, remedy: "name a directory") }
    }

    static func configuration(_ path: String) throws(Failure) -> [UInt8] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path)).readAll(limit: 16 << 20)
        } catch {
            throw error.failure(
                "bundle.not-found", doing: "read the bundle's configuration", on: path,
                remedy: "make one with `spec`")
        }
    }

    static func context(
        _ id: String, _ bundle: String, _ configuration: RuntimeConfiguration, _ options: BundleOptions,
        _ groups: BundleGroups
    ) throws(Failure) -> BundleContext {
        var rootPath: String?
        if let root = configuration.root {
            rootPath = try resolved(
                root.path.begins(with: "/") ? root.path : "\(bundle)/\(root.path)", "open the root file system")
        }
        var context = BundleContext(
            id: id, bundle: bundle, rootPath: rootPath, configuration: configuration, process: configuration.process,
            options: options, groups: groups.view,
            heldCapabilities: CapabilitySet(rawValue: HostFacts.effectiveCapabilities()),
            isDirectory: { path in
                do throws(KernelError) {
                    return try OwnedDescriptor.open(RawPath(path), [.path]).status().kind == .directory
                } catch { return nil }
            })
        context.kernelMounts = KernelMounts.find
        context.ceilings = BundleLimits.ceilings(context.process, held: context.heldCapabilities)
        context.modules = SecurityModules.active()
        context.isSocket = ListenerAgent.isSocket
        if context.keepsGroups { context.keptGroups = HostFacts.groups() }
        if let rootPath { context.home = { HomeDirectory.find($0, root: rootPath) } }
        return context
    }
}
