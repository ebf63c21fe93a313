import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// How far a container has come that is not in the journal: made anew at each start.
struct ContainerProgress: Hashable, Sendable {
    enum Step: Hashable, Sendable {
        /// For the container it is to run in.
        case waiting
        case preparing
        case fetching
        case launching
        case done
    }
    var step = Step.waiting
    /// A launch has been ordered and not been answered.
    var isLaunchPending = false
    var isDestroyPending = false
    /// Not to be launched any more, and to be destroyed should it have been.
    var isDoomed = false
    /// Operators' calls to remove it, which wait for its remains to be gone.
    var removals: [Agent.CallID] = []
}

/// Every container's way: sandbox, fetched files, launch; then its end, and the end of its remains.
extension Agent {
    mutating func plan(_ run: ContainerRun) {
        record(.containerPlanned(run))
        progress[run.id] = ContainerProgress()
    }

    /// Starts, or after a restart resumes, the way to a launch. Every step may be done twice.
    mutating func begin(_ id: ContainerID) {
        guard let run = state.containers[id], run.phase == .planned, progress[id]?.isDoomed != true else { return }
        progress[id, default: ContainerProgress()].step = .preparing
        send(.prepareSandbox(id, run.sandbox))
    }

    mutating func sandboxPrepared(_ id: ContainerID, _ failure: Failure?) {
        guard let run = state.containers[id], run.phase == .planned, progress[id]?.step == .preparing else { return }
        if let failure {
            launchFailed(id, failure)
        } else if run.fetches.isEmpty {
            launch(run)
        } else {
            progress[id]?.step = .fetching
            send(.fetch(id, run.fetches, into: run.sandbox.path))
        }
    }

    mutating func fetched(_ id: ContainerID, _ failure: Failure?) {
        guard let run = state.containers[id], run.phase == .planned, progress[id]?.step == .fetching else { return }
        if let failure {
            counters.fetchesFailed += 1
            launchFailed(id, failure)
        } else {
            counters.fetchesSucceeded += 1
            launch(run)
        }
    }

    private mutating func launch(_ run: ContainerRun) {
        progress[run.id]?.step = .launching
        progress[run.id]?.isLaunchPending = true
        send(.launch(run.launch))
    }

    mutating func launched(_ id: ContainerID, _ result: LaunchResult) {
        progress[id]?.isLaunchPending = false
        guard let run = state.containers[id] else {
            // Nobody wants it any more: its end was decided while it was being launched.
            if case .launched = result { send(.destroy(id)) }
            return
        }
        if run.exit != nil {
            destroy(id)
            return
        }
        guard run.phase == .planned else { return }
        switch result {
        case .launched(let info): containerLaunched(id, info)
        case .alreadyLaunched: containerLaunched(id, RunningContainer())
        case .notSupported(let failure), .failed(let failure): launchFailed(id, failure)
        }
        // Its end was decided while it was being launched.
        if progress[id]?.isDoomed == true { doom(id) }
    }

    mutating func launchFailed(_ id: ContainerID, _ failure: Failure) {
        counters.launchFailures += 1
        containerEnded(
            id, ContainerExit(
                reason: .launchFailed, code: 126, endedAt: now.seconds, message: failure.description))
    }

    mutating func containerLaunched(_ id: ContainerID, _ info: RunningContainer) {
        record(.containerLaunched(id, at: now, info))
        progress[id, default: ContainerProgress()].step = .done
        guard let run = state.containers[id] else { return }
        switch run.purpose {
        case .task(let task): taskLaunched(task, run, info)
        case .executor: executorLaunched(run)
        case .ordered: orderedLaunched(id)
        }
    }

    mutating func exited(_ id: ContainerID, _ exit: ContainerExit) {
        guard let run = state.containers[id], run.exit == nil else { return }
        // The end may overtake the answer to the launch.
        if run.phase == .planned, exit.reason != .launchFailed { containerLaunched(id, RunningContainer()) }
        containerEnded(id, exit)
    }

    /// The one place where a container ends: remembers how, tells whom it concerns, has its remains removed.
    mutating func containerEnded(_ id: ContainerID, _ exit: ContainerExit) {
        guard let run = state.containers[id], run.exit == nil else { return }
        record(.containerEnded(id, exit))
        mayHaveSettled = true
        progress[id, default: ContainerProgress()].step = .done
        disarm(.kill(id))
        disarm(.destroy(id))
        switch run.purpose {
        case .task(let task): taskContainerEnded(task, exit)
        case .executor: executorContainerEnded(id, exit)
        case .ordered: orderedEnded(id, exit)
        }
        answerWaiters(for: id, exit)
        endSessions(in: id)
        destroy(id)
    }

    mutating func destroy(_ id: ContainerID) {
        disarm(.destroy(id))
        guard progress[id]?.isDestroyPending != true else { return }
        progress[id, default: ContainerProgress()].isDestroyPending = true
        send(.destroy(id))
    }

    mutating func destroyed(_ id: ContainerID, _ result: DestroyResult) {
        progress[id]?.isDestroyPending = false
        guard let run = state.containers[id] else { return }
        switch result {
        case .stuck(let failure):
            for call in progress[id]?.removals ?? [] { send(.answer(call, .refused(failure))) }
            progress[id]?.removals = []
            counters.destroyFailures += 1
            note("container.stuck", "a container cannot be removed yet; trying again", .warning,
                ["container": id.text, "failure": failure.description])
            arm(.destroy(id), after: configuration.timing.destroyRetry)
        case .gone(let exit):
            if run.exit == nil, progress[id]?.isLaunchPending != true {
                progress[id]?.isDestroyPending = true
                containerEnded(id, exit ?? unseenExit("it was destroyed before anybody saw how it ended"))
                progress[id]?.isDestroyPending = false
            }
            // A launch that is still under way may yet leave something behind.
            guard progress[id]?.isLaunchPending != true else { return }
            containerGone(id)
        }
    }

    func unseenExit(_ message: String) -> ContainerExit {
        ContainerExit(reason: .unknown, code: 137, endedAt: now.seconds, message: message)
    }

    private mutating func containerGone(_ id: ContainerID) {
        guard let run = state.containers[id] else { return }
        for child in state.children(of: id) {
            containerEnded(child.id, unseenExit("the container it was in has ended"))
            forget(child)
        }
        // How one that an operator ordered ended can be asked for until it is removed, or its parent is gone.
        if run.purpose != .ordered {
            forget(run)
        } else if let calls = progress[id]?.removals, !calls.isEmpty {
            remove(run, for: calls)
        }
    }

    mutating func forget(_ run: ContainerRun) {
        guard state.containers[run.id] != nil else { return }
        if run.launch.parent == nil { record(.sandboxEnded(path: run.sandbox.path, at: now)) }
        record(.containerForgotten(run.id))
        if case .executor = run.purpose, let executor = state.executors[run.id] {
            completed.add(executor.spec)
            record(.executorForgotten(run.id))
        }
        progress[run.id] = nil
        mayHaveSettled = true
    }
}
