import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// Starting, and starting again after a crash, an upgrade or a reboot: whatever was running runs on, whatever ended is
/// reported as it ended, whatever was about to be launched still is.
extension Agent {
    mutating func start(_ records: [AgentRecord], bootID: String) {
        guard phase == .new else { return }
        startedAt = now
        phase = .recovering
        state = AgentState(records)
        outbox.begin(appended: records.count)
        let identity = AgentIdentity(
            hostname: configuration.address.hostname, resources: configuration.resources,
            attributes: configuration.attributes, domain: configuration.domain)
        if let old = state.identity, configuration.recovery == .reconnect {
            switch Reconfiguration(from: old, to: identity, of: state, hasRebooted: state.bootID != bootID) {
            case .impossible(let why):
                stop(why)
                return
            case .possible(let totals): if let totals, totals != state.totals { record(.totalsChanged(totals)) }
            }
        }
        if state.identity != identity { record(.configured(identity)) }
        if state.key == nil { record(.keyed(drawnKey)) }
        hasRebooted = state.bootID != nil && state.bootID != bootID
        self.bootID = bootID
        // Also of what has ended: the containerizer keeps it until it has been told to destroy it.
        send(.recoverContainers(state.containers.values.map(\.launch)))
    }

    mutating func containersRecovered(_ recovery: ContainerRecovery) {
        guard phase == .recovering else { return }
        phase = .running
        recoveredAt = now
        mayHaveSettled = true
        // Remembered together with what became of everything: after a crash in between, what ran before the reboot
        // would pass for what was never started.
        if let bootID, state.bootID != bootID { record(.booted(bootID)) }
        for stranger in recovery.destroyed {
            note("container.stranger", "a container that no record knows was destroyed", .warning,
                ["container": stranger.text])
        }
        for stranger in recovery.left {
            note("container.stuck", "a container that no record knows cannot be removed; the next start tries again",
                .warning, ["container": stranger.id.text, "failure": stranger.failure.description])
        }
        for id in state.containers.keys { progress[id] = ContainerProgress() }
        for each in recovery.ended { containerWasEnded(each.id, each.exit) }
        for id in recovery.adopted { containerWasAdopted(id) }
        for id in recovery.vanished { containerHasVanished(id) }
        for run in state.containers.values where run.launch.parent == nil { resume(run) }
        for framework in state.frameworks.values where framework.isShutDown { endFramework(framework.info.id) }
        for operation in state.operations.values where operation.status == nil { resumeOperation(operation.order) }
        for executor in state.executors.values { endIdlePod(executor) }
        if configuration.recovery == .cleanup {
            cleanUp()
        } else {
            planRegistration()
            arm(.disk, after: configuration.timing.diskWatch)
        }
    }

    private mutating func containerWasEnded(_ id: ContainerID, _ exit: ContainerExit) {
        guard let run = state.containers[id] else { return }
        if run.exit != nil { destroy(id) } else { exited(id, exit) }
    }

    private mutating func containerWasAdopted(_ id: ContainerID) {
        guard let run = state.containers[id] else { return }
        switch run.phase {
        case .ended: destroy(id)
        case .planned: containerLaunched(id, RunningContainer())
        case .launched(let at, _): carryOn(run, since: at)
        }
    }

    /// A container that ran before the restart and runs now.
    private mutating func carryOn(_ run: ContainerRun, since launch: Instant) {
        switch run.purpose {
        case .task(let key):
            guard let task = state.tasks[key], !task.state.isTerminal else {
                destroy(run.id)
                return
            }
            if task.ending != nil { killAgain(key) } else { watch(key, since: launch) }
        case .executor: executorRunsOn(run)
        case .ordered: break
        }
    }

    private mutating func executorRunsOn(_ run: ContainerRun) {
        guard let executor = state.executors[run.id] else {
            destroy(run.id)
            return
        }
        guard !executor.isPod else { return }
        for task in state.liveTasks(under: run.id) {
            let running = task.statuses.first { $0.state == .running }
            if let most = task.spec.maxCompletionTime, let running { arm(.completion(task.key), at: running.at + most) }
        }
        openDoor(executor)
        giveResources(to: run.id)
        if let ending = executor.ending {
            send(.signal(run.id, Signals.terminate))
            arm(.executorShutdown(run.id), at: max(now, ending.deadline))
        } else {
            let patience = min(configuration.timing.executorReregistration, AgentTiming.executorReregistrationMax)
            arm(.executorReturn(run.id), after: patience)
        }
    }

    /// Nothing is left of it. Planned and on the same boot, it was never started: it can be, still. Otherwise its exit
    /// is lost with it.
    private mutating func containerHasVanished(_ id: ContainerID) {
        guard let run = state.containers[id] else { return }
        switch run.phase {
        case .ended: destroyed(id, .gone(nil))
        case .planned where !hasRebooted: break
        case .planned, .launched:
            let why = hasRebooted
                ? "the host was started anew while it ran"
                : "nothing is left of its container, and its exit code with it"
            containerEnded(id, unseenExit(why))
        }
    }

    /// Goes on with launches that were cut off.
    private mutating func resume(_ run: ContainerRun) {
        guard state.containers[run.id]?.phase == .planned else {
            if case .launched = state.containers[run.id]?.phase {
                for child in state.children(of: run.id) where child.phase == .planned { resume(child) }
            }
            return
        }
        switch run.purpose {
        // It may have been launched, and been destroyed since: it must not start again.
        case .task(let key) where state.tasks[key]?.ending != nil: doom(run.id)
        case .executor where state.executors[run.id]?.ending != nil: doom(run.id)
        case .task, .executor: begin(run.id)
        // Whoever ordered it lost the connection and never learned that it was taken.
        case .ordered: doom(run.id)
        }
    }

    private mutating func endIdlePod(_ executor: ExecutorRun) {
        guard executor.isPod, state.liveTasks(under: executor.container).isEmpty else { return }
        doom(executor.container)
    }

    private mutating func resumeOperation(_ order: OperationOrder) {
        record(.operationForgotten(key: order.key))
        apply(order)
    }

    /// `--recover=cleanup`: everything ends, and the agent with it.
    private mutating func cleanUp() {
        note("agent.cleaning", "ending everything that is left, as asked for", .warning)
        phase = .stopping("everything that was left has been ended and forgotten")
        for container in state.containers.values where container.exit == nil { doom(container.id) }
    }
}
