public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LaunchPlanning
public import LinuxKernel
import Snapshots

/// What the caller gives a container as its standard streams, and gets back.
public struct Attachment: Sendable {
    /// The container's 0, 1 and 2; output streams are the write ends of pipes the caller reads.
    public var streams: [Int: OwnedDescriptor]
    /// A process that joins ends with the program that started it, also when that is killed.
    public var endsWithCaller: Bool
    public init(streams: [Int: OwnedDescriptor] = [:], endsWithCaller: Bool = false) {
        self.streams = streams
        self.endsWithCaller = endsWithCaller
    }
    var hasReader: Bool { streams[1] != nil }
}

/// A container that runs.
public struct RunningContainer: Sendable {
    public var record: ContainerRecord
    /// Init, or the monitor of a container without one.
    public var process: ProcessHandle
    /// The master side of its terminal, if it has one.
    public var terminal: OwnedDescriptor?
    /// Whether that process is a child of this one, to be reaped by it.
    public var isChild = true
    /// Says, as long as this process lives, that the container's end will be settled here.
    var mark: OwnedDescriptor?
    /// Keeps the container's mounts for a moment after its end, so that nobody waits for the kernel to take them apart.
    var mounts: SlowDescriptor?

    /// What it holds is held for long.
    fileprivate mutating func park() {
        process = ProcessHandle(id: process.id, descriptor: process.descriptor.parked())
        terminal = terminal?.parked()
        mark = mark?.parked()
    }
}

extension NativeContainerizer {
    /// Starts a container. The request's ids are leased here. When this throws, nothing of the container is left.
    ///
    /// `beforeRelease` runs when the process is there in its namespaces and nothing of the plan has been done yet; what
    /// it throws ends the launch.
    ///
    /// The launch, as a line: mark, name, ids, record, snapshot, plan, cgroup, spawn, maps, mounts, release, report.
    public func launch(
        _ request: ContainerRequest, layers: [String], attachment: Attachment,
        beforeRelease: (ProcessHandle) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> RunningContainer {
        try launches.during { () throws(Failure) in
            guard let namespaces else { return try made(request, layers, attachment, beforeRelease) }
            return try namespaces.launching { () throws(Failure) in
                try made(request, layers, attachment, beforeRelease)
            }
        }
    }

    private func made(
        _ request: ContainerRequest, _ layers: [String], _ attachment: Attachment,
        _ beforeRelease: (ProcessHandle) throws(Failure) -> Void
    ) throws(Failure) -> RunningContainer {
        let groundwork: Groundwork?
        do throws(Failure) {
            try checkVolumes(of: request)
            groundwork = try launches.isAlone ? Groundwork(launches) : nil
        } catch {
            throw trail.refused(error, request)
        }
        try records.prepare()
        let mark = try marks.begin(request.id)
        do throws(Failure) { try records.makeDirectory(request.id) } catch {
            try marks.dropPending(request.id)
            throw error
        }
        guard let lock = try records.lock(request.id, wait: true, create: true) else {
            throw Failure(
                "container.exists", doing: "make container", on: request.id.text, cause: "it is being removed")
        }
        defer { withExtendedLifetime(lock) {} }
        var record = ContainerRecord(request: request, createdAt: HostFacts.wallClock(), layers: layers)
        do throws(Failure) {
            try names.take(request.name, for: request.id) { other in records.exists(other) }
            Failpoint.pass("launch.recorded")
            try SecurityLabelIsolator.resolve(&record.request.isolation, host)
            let shared = try sharedContainer(of: request)
            var prepared: PreparedNamespaces?
            if let shared {
                record.request.isolation.identities = shared.range
                try leases.share(shared.range, with: request.id)
            } else {
                if request.isolation.network.isOwn { prepared = try namespaces?.take(for: request.id) }
                if let prepared { record.request.isolation.identities = prepared.identities } else {
                    record.request.isolation.identities = try leases.take(for: request.id)
                }
            }
            if case .bridge(var bridge) = request.isolation.network {
                bridge.lease = try networks.reserve(bridge, for: request.id, holder: places.records)
                record.request.isolation.network = .bridge(bridge)
            }
            Failpoint.pass("launch.addressed")
            var running = try start(
                &record, groundwork, attachment: attachment, joining: shared?.process, in: prepared,
                beforeRelease: beforeRelease)
            try marks.launched(request.id)
            running.mark = mark
            running.park()
            return running
        } catch {
            var failure = error
            do throws(Failure) { try discard(record) } catch { failure = failure.also(error) }
            throw trail.refused(failure, record.request)
        }
    }

    private func start(
        _ record: inout ContainerRecord, _ early: Groundwork?, attachment: Attachment, joining: ProcessHandle?,
        in prepared: PreparedNamespaces?, beforeRelease: (ProcessHandle) throws(Failure) -> Void
    ) throws(Failure) -> RunningContainer {
        let (request, root) = (record.request, rootTree(record.request, layers: record.layers))
        let work = Groundwork.Work(
            record: { [record] () throws(Failure) in try records.write(record) },
            lay: { [record] () throws(Failure) in
                try prepareRoot(record)
                Failpoint.pass("launch.snapshot")
            }, announce: { () throws(Failure) in try trail.launching(request) })
        let groundwork: Groundwork
        if let early {
            early.begin(work)
            groundwork = early
        } else {
            groundwork = try Groundwork(launches, work)
        }
        let held: HeldProcess, plan: LaunchPlan
        let context = context(request, root: root, hasReader: attachment.hasReader)
        var mounts: SlowDescriptor?
        do throws(Failure) {
            (held, plan) = try hold(context, attachment, joining, prepared, groundwork)
            do throws(Failure) {
                try attach(context, &record, plan, held, groundwork)
                try beforeRelease(held.process)
                mounts = try keptMounts(of: request, held, plan)
            } catch {
                throw held.abandoned(error)
            }
        } catch {
            throw groundwork.abandoned(error)
        }
        do throws(Failure) {
            try held.release(try groundwork.opened())
            Failpoint.pass("launch.released")
            let terminal = try held.awaitStart(plan) { (listener) throws(Failure) in
                try hand(listener, of: request, in: held.process)
            }
            try checkStarted(held.process, request.id)
            record.phase = .started
            record.startedAt = HostFacts.wallClock()
            try records.advance(record)
            Failpoint.pass("launch.started")
            return RunningContainer(
                record: record, process: held.process, terminal: terminal, isChild: held.isChild, mounts: mounts)
        } catch {
            throw held.abandoned(error)
        }
    }

    /// The container's mount namespace, to outlive it until `wait` has told of the end. Not where that can be seen:
    /// what was counted against a disk limit, or is the host's, is let go of before the end is known.
    private func keptMounts(
        of request: ContainerRequest, _ held: HeldProcess, _ plan: LaunchPlan
    ) throws(Failure) -> SlowDescriptor? {
        guard held.isChild, plan.spawn.namespaces.contains(.mount), request.volumes.isEmpty,
            !request.limits.limitsDisk
        else { return nil }
        do throws(KernelError) {
            return SlowDescriptor(try OwnedDescriptor.open(RawPath("/proc/\(held.process.id)/ns/mnt")).parked())
        } catch {
            throw error.failure("launch.no-namespace", doing: "open the container's mount namespace")
        }
    }

    /// The container's first process, in its namespaces and its cgroup, waiting. What it will see is being opened.
    private func hold(
        _ context: LaunchContext, _ attachment: Attachment, _ joining: ProcessHandle?, _ prepared: PreparedNamespaces?,
        _ groundwork: Groundwork
    ) throws(Failure) -> (HeldProcess, LaunchPlan) {
        let id = context.request.id
        try starter?.check(context.request)
        let plan = try starter == nil ? ContainerPlan.build(context) : innerPlan(context)
        let file = try HeldProcess.encoded(plan)
        try groundwork.recorded()
        for isolator in Isolators.all { try isolator.establish(context) }
        try ControlGroup(id, host: host)?.claim(for: places.volatile)
        Failpoint.pass("launch.established")
        groundwork.open(plan, with: opener(for: context.request, attachment: attachment))
        let namespaces = prepared.flatMap { $0.suit(plan.spawn) ? $0.held : nil }
        if let namespaces { groundwork.map(through: namespaces.userNamespace) }
        let held: HeldProcess
        if let starter {
            try groundwork.announced()
            held = try spawn(through: starter, context, file)
        } else {
            held = try HeldProcess.spawn(
                plan, file, launcher: try LauncherImage(path: launcherPath), group: ControlGroup(id, host: host),
                joining: joining, prepared: namespaces)
        }
        Failpoint.pass("launch.spawned")
        return (held, plan)
    }

    /// Everything about the waiting process that only somebody outside can do.
    private func attach(
        _ context: LaunchContext, _ record: inout ContainerRecord, _ plan: LaunchPlan, _ held: HeldProcess,
        _ groundwork: Groundwork
    ) throws(Failure) {
        if !held.isMapped {
            try held.writeIdentityMaps(plan.spawn)
            groundwork.map(through: try held.userNamespace())
        }
        if held.isChild { try held.prepare() } else { try enterGroup(held.process, context.request.id) }
        record.process = try identity(of: held.process)
        record.phase = .held
        try records.advance(record)
        try held.raiseLimits(for: plan)
        for isolator in Isolators.all { try isolator.attach(context, process: held.process.id) }
        try startEmulator(context.request, for: held.process)
        Failpoint.pass("launch.attached")
    }

    /// The container whose network and ids `request` shares; nil when it shares none.
    private func sharedContainer(
        of request: ContainerRequest
    ) throws(Failure) -> (process: ProcessHandle, range: IdentityRange)? {
        guard case .container(let other) = request.isolation.network else { return nil }
        let process = try running(other, to: "share the network of")
        guard let record = try records.read(other) else {
            throw Failure(
                "container.not-found", doing: "share the network of container", on: other.text,
                cause: "it was removed meanwhile")
        }
        // Of what belongs to the host itself, a container's user namespace would show nothing.
        guard record.request.isolation.network != .host else {
            throw Failure(
                "container.shares-host", doing: "share the network of container", on: other.text,
                cause: "it uses the host's", remedy: "ask for the host's network instead", field: "network")
        }
        return (process, record.request.isolation.identities)
    }

    /// The end of the launcher's reports means that the task was executed, or that the launcher was killed before it
    /// could say anything. A task that has ended by now left a record, or was killed for its memory.
    private func checkStarted(_ process: ProcessHandle, _ id: ContainerID) throws(Failure) {
        do throws(KernelError) {
            // A process that was killed closes its files some time before it has ended; init has its name by then.
            if try !process.hasEnded() {
                if try isInit(process) { return }
                _ = try process.waitForEnd(milliseconds: 5_000)
            }
        } catch {
            throw error.failure("launch.lost", doing: "look at the container's first process")
        }
        if try exitRecord(of: id) != nil { return }
        if ControlGroup(id, host: host)?.value(of: "oom_kill", in: "memory.events") ?? 0 > 0 { return }
        throw Failure(
            "launch.lost", doing: "start the container", on: id.text,
            cause: "its first process was killed before the task ran", retry: .later)
    }

    private func opener(for request: ContainerRequest, attachment: Attachment) -> DescriptorOpener {
        let id = request.id
        return DescriptorOpener(
            places: places, identities: request.isolation.identities, group: ControlGroup(id, host: host)?.path,
            exitRecord: records.exitRecord(id), logs: [records.log(id, 0), records.log(id, 1)],
            streams: attachment.streams, process: nil)
    }

    private func identity(of process: ProcessHandle) throws(Failure) -> ContainerRecord.ProcessIdentity {
        do throws(KernelError) {
            return ContainerRecord.ProcessIdentity(
                id: process.id, startTime: try ProcessFacts.startTime(of: process.id) ?? 0,
                bootID: try ProcessFacts.bootID())
        } catch {
            throw error.failure("launch.no-identity", doing: "identify the container's process")
        }
    }

    /// Removes everything a container has or had, in reverse of how it was made. Finding nothing is fine. `layer` is
    /// the removal of its writable layer, where that has been begun.
    func discard(_ record: ContainerRecord, layer: Errand? = nil) throws(Failure) {
        let id = record.request.id
        var first: Failure?
        func attempt(_ body: () throws(Failure) -> Void) {
            do throws(Failure) { try body() } catch { first = first?.also(error) ?? error }
        }
        for isolator in Isolators.all.reversed() {
            attempt { () throws(Failure) in try isolator.cleanUp(id, host: host) }
        }
        attempt { () throws(Failure) in try dismissEmulator(of: id) }
        attempt { () throws(Failure) in try starter?.cleanUp(id) }
        attempt { () throws(Failure) in if let layer { try layer.finish() } else { try releaseDisk(record) } }
        attempt { () throws(Failure) in try leases.release(record.request.isolation.identities, of: id) }
        attempt { () throws(Failure) in try names.release(record.request.name, of: id) }
        // The record and the mark go last: while they are there, the next command knows of something to clean.
        if first == nil { attempt { () throws(Failure) in try records.removeDirectory(id) } }
        if first == nil { attempt { () throws(Failure) in try marks.settled(id) } }
        if let first { throw first }
    }
}
