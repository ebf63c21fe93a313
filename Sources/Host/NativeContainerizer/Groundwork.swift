import Diagnostics
import LaunchPlanning
import LinuxKernel

/// The half of a launch that needs no process of the container: what the container stands on is written and made, then
/// what it will see is opened. It goes on in a thread of its own while the launch's own thread makes the process, and
/// the launcher in that prepares itself.
///
///     groundwork    record | writable layer | audit line, all that no ids map | root, volumes
///     launch        plan   | cgroup         | clone3, exec of the launcher, id maps | record, network   | release
///     launcher                                                                    | its own mounts | all other steps
///
/// Each waits for the other where it must: `recorded` because nothing is made that no record tells of; `open` gives the
/// plan, when the cgroup is there and nothing can be refused any more; `map` the user namespace. One of `opened` and
/// `abandoned` ends it.
final class Groundwork: Sendable {
    private struct Progress {
        var isRecorded = false
        var isLaid = false
        var order: (plan: LaunchPlan, opener: DescriptorOpener)?
        var userNamespace: OwnedDescriptor?
        var isMapped = false
        var isAbandoned = false
        var failure: Failure?
        var opened: [OwnedDescriptor] = []
    }

    private let progress: Monitor<Progress>
    private let thread: WorkerThread

    /// Begins with `record`, then `lay`; before anything is opened, `announce`. None is undone here.
    init(
        record: @escaping @Sendable () throws(Failure) -> Void, lay: @escaping @Sendable () throws(Failure) -> Void,
        announce: @escaping @Sendable () throws(Failure) -> Void
    ) throws(Failure) {
        let progress = Monitor(Progress())
        self.progress = progress
        do throws(KernelError) {
            thread = try WorkerThread {
                do throws(Failure) {
                    try record()
                    progress.withLock { $0.isRecorded = true }
                    try lay()
                    progress.withLock { $0.isLaid = true }
                    let order = progress.waitFor { state in
                        state.isAbandoned ? .some(nil) : state.order.map(Optional.some)
                    }
                    guard let order else { return }
                    try announce()
                    let opened = try Self.open(order.plan, with: order.opener, progress)
                    progress.withLock { $0.opened = opened }
                } catch {
                    progress.withLock { $0.failure = error }
                }
            }
        } catch {
            throw error.failure("launch.no-thread", doing: "start a thread for the launch", retry: .later)
        }
    }

    private static func open(
        _ plan: LaunchPlan, with opener: DescriptorOpener, _ progress: Monitor<Progress>
    ) throws(Failure) -> [OwnedDescriptor] {
        do throws(KernelError) {
            try MountWorkshop.moveIn()
            return try opener.open(plan) { () throws(KernelError) in
                let isMapped = progress.waitFor { $0.isAbandoned ? false : $0.isMapped ? true : nil }
                guard isMapped else { throw KernelError(call: "wait for the container's ids", errno: Errno.noProcess) }
                return progress.withLock { $0.userNamespace }
            }
        } catch {
            throw HeldProcess.cannotOpen(error)
        }
    }

    /// Returns when the record is there.
    func recorded() throws(Failure) {
        let failure: Failure?? = progress.waitFor { state in
            state.isRecorded ? .some(nil) : state.failure.map(Optional.some)
        }
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
        thread.join()
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
        progress.withLock { $0.isAbandoned = true }
        thread.join()
        // A plan is refused while the writable layer is made, but what was wrong with that is told as before.
        return progress.withLock { $0.isLaid ? failure : $0.failure ?? failure }
    }
}
