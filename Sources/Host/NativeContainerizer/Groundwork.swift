import Diagnostics
import LaunchPlanning
import LinuxKernel
import Synchronization

/// The half of a launch that needs no process of the container: what the container stands on is written and made, then
/// what it will see is opened. It goes on in a thread of its own while the launch's own thread makes the process, and
/// the launcher in that prepares itself.
///
///     groundwork    record | writable layer | audit line, all that no ids map | root, volumes
///     launch        plan   | cgroup         | clone3, exec of the launcher, id maps | record, network   | release
///     launcher                                                                    | its own mounts | all other steps
///
/// Each waits for the other where it must: `recorded` because nothing is made that no record tells of; `open` gives the
/// plan, when the cgroup is there and nothing can be refused any more; `announced` because another runtime's program
/// opens the writable layer itself; `map` the user namespace. It has ended with `opened` or `abandoned`.
///
/// Where a launch is alone the thread is started, and put on another processor, before there is anything to do: that
/// processor may be asleep, and takes longer to wake than the first piece of work. Docs/Decisions/0158.
final class Groundwork: Sendable {
    struct Work: Sendable {
        var record: @Sendable () throws(Failure) -> Void
        /// After `record`.
        var lay: @Sendable () throws(Failure) -> Void
        /// Before anything is opened.
        var announce: @Sendable () throws(Failure) -> Void
    }

    private struct Progress {
        var work: Work?
        var isRecorded = false
        var isLaid = false
        var order: (plan: LaunchPlan, opener: DescriptorOpener)?
        var userNamespace: OwnedDescriptor?
        var isMapped = false
        var isAnnounced = false
        var isAbandoned = false
        var isOver = false
        var failure: Failure?
        var opened: [OwnedDescriptor] = []
    }

    private let progress: Monitor<Progress>
    private let launches: LaunchesUnderWay
    private let thread: WorkerThread
    private let isJoined = Atomic(false)

    /// With `work` it begins at once, else with `begin`.
    init(_ launches: LaunchesUnderWay, _ work: Work? = nil) throws(Failure) {
        let progress = Monitor(Progress(work: work))
        self.progress = progress
        self.launches = launches
        do throws(KernelError) {
            thread = try WorkerThread {
                var failure: Failure?
                do throws(Failure) { try Self.run(progress, launches) } catch { failure = error }
                progress.withLock {
                    $0.failure = failure
                    $0.isOver = true
                }
            }
        } catch {
            throw error.failure("launch.no-thread", doing: "start a thread for the launch", retry: .later)
        }
        // Others' launches keep the other processors awake, and busy.
        if launches.isAlone { thread.moveAway() }
    }

    deinit { end() }

    private func end() {
        progress.withLock { $0.isAbandoned = true }
        if !isJoined.exchange(true, ordering: .relaxed) { thread.join() }
    }

    /// From now on it is done. Nothing of it is undone here.
    func begin(_ work: Work) { progress.withLock { $0.work = work } }

    private static func run(_ progress: Monitor<Progress>, _ launches: LaunchesUnderWay) throws(Failure) {
        // What was begun is done also when the launch has failed meanwhile: what a caller is told must not be a matter
        // of who was faster.
        let work = progress.waitFor(launches.patience) { state in
            state.work.map(Optional.some) ?? (state.isAbandoned ? .some(nil) : nil)
        }
        guard let work else { return }
        try work.record()
        progress.withLock { $0.isRecorded = true }
        try work.lay()
        progress.withLock { $0.isLaid = true }
        let order = progress.waitFor(launches.patience) { state in
            state.isAbandoned ? .some(nil) : state.order.map(Optional.some)
        }
        guard let order else { return }
        try work.announce()
        progress.withLock { $0.isAnnounced = true }
        let opened = try open(order.plan, with: order.opener, progress, launches)
        progress.withLock { $0.opened = opened }
    }

    private static func open(
        _ plan: LaunchPlan, with opener: DescriptorOpener, _ progress: Monitor<Progress>, _ launches: LaunchesUnderWay
    ) throws(Failure) -> [OwnedDescriptor] {
        do throws(KernelError) {
            try MountWorkshop.moveIn()
            return try opener.open(plan) { () throws(KernelError) in
                let isMapped = progress.waitFor(launches.patience) { $0.isAbandoned ? false : $0.isMapped ? true : nil }
                guard isMapped else { throw KernelError(call: "wait for the container's ids", errno: Errno.noProcess) }
                return progress.withLock { $0.userNamespace }
            }
        } catch {
            throw HeldProcess.cannotOpen(error)
        }
    }

    /// What the thread brings. When that takes long the processor it was sent to may be busy, and this one is free now.
    private func awaited<Value>(_ body: (inout Progress) -> Value?) -> Value {
        progress.waitFor(launches.patience, impatient: { thread.moveAnywhere() }, body)
    }

    /// Returns when the record is there.
    func recorded() throws(Failure) { try reached { $0.isRecorded } }

    /// Returns when the writable layer is there too and the launch is told of: for whoever opens what the container
    /// sees elsewhere. After `open`.
    func announced() throws(Failure) { try reached { $0.isAnnounced } }

    private func reached(_ point: (Progress) -> Bool) throws(Failure) {
        let failure: Failure?? = awaited { state in point(state) ? .some(nil) : state.failure.map(Optional.some) }
        if case .some(.some(let failure)) = failure { throw failure }
    }

    /// From now on what `plan` names is opened.
    func open(_ plan: LaunchPlan, with opener: DescriptorOpener) {
        progress.withLock { $0.order = (plan, opener) }
    }

    /// What waited for the container's user namespace goes on. Its maps must be written.
    func map(through userNamespace: OwnedDescriptor?) {
        progress.withLock {
            $0.userNamespace = userNamespace
            $0.isMapped = true
        }
    }

    /// One descriptor for each of the plan's.
    func opened() throws(Failure) -> [OwnedDescriptor] {
        awaited { $0.isOver ? () : nil }
        return try progress.withLock { (state) throws(Failure) in
            if let failure = state.failure { throw failure }
            // The container has them from now on, and nobody else.
            defer { state = Progress() }
            return state.opened
        }
    }

    /// Waits until nothing goes on here any more, because the launch has failed with `failure`; gives what it failed
    /// with first. What was opened is closed.
    func abandoned(_ failure: Failure) -> Failure {
        end()
        // A plan is refused while the writable layer is made, but what was wrong with that is told as before.
        return progress.withLock { $0.isLaid ? failure : $0.failure ?? failure }
    }
}

/// The launches of this process that go on just now.
final class LaunchesUnderWay: Sendable {
    private let count = Atomic(0)

    func during<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        count.wrappingAdd(1, ordering: .relaxed)
        defer { count.wrappingSubtract(1, ordering: .relaxed) }
        return try body()
    }

    var isAlone: Bool { count.load(ordering: .relaxed) <= 1 }

    /// What the threads of one launch have for one another. Where many are launched nobody waits awake: others have
    /// work for every processor.
    var patience: Patience { isAlone ? Patience(microseconds: 200) : .none }
}
