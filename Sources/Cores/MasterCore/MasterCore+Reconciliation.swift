import ClusterAPI
import ClusterModel
import Determinism

/// What a framework is told when it asks how things stand, and its wishes about tasks that run.
extension MasterCore {
    mutating func reconcile(
        _ framework: FrameworkID, _ asked: [SchedulerCall.TaskOfAgent], at now: Instant
    ) {
        if !asked.isEmpty {
            for task in asked { reconcile(framework, task, at: now) }
            return
        }
        for id in frameworks[framework]?.tasks ?? SortedSet() {
            let key = TaskReference(framework: framework, task: id)
            if let task = tasks[key] { tell(framework, task, at: now) }
        }
        for task in frameworks[framework]?.unreachableTasks.all ?? [] { tell(framework, task, at: now) }
    }

    /// The first that applies: known; nothing to say yet; and what became of the agent it is said to be on.
    private mutating func reconcile(
        _ framework: FrameworkID, _ asked: SchedulerCall.TaskOfAgent, at now: Instant
    ) {
        let key = TaskReference(framework: framework, task: asked.task)
        if let task = tasks[key] ?? frameworks[framework]?.unreachableTasks[asked.task] {
            tell(framework, task, at: now)
            return
        }
        // Its agent was lost with the update of its end, which was never acknowledged: our word is what is left of it.
        if let last = frameworks[framework]?.completedTasks[asked.task], last.pendingUpdate != nil {
            tell(framework, last, at: now)
            return
        }
        guard let agent = asked.agent else {
            // Any agent that is still to come back may have it.
            if recoveredAgents > 0 { return }
            answer(key, .unknown, "the task is not known", agent: nil, at: now)
            return
        }
        if let record = agents[agent] {
            if record.isRecovered { return }
            answer(key, .gone, "the agent does not have the task", agent: agent, at: now)
        } else if arrivals[agent] != nil {
            return
        } else if let former = formerAgents[agent] {
            switch former.entry.standing {
            case .gone: answer(key, .goneByOperator, "an operator has given the agent up", agent: agent, at: now)
            case .unreachable(let since):
                answer(
                    key, .unreachable, "the agent has not been heard of", agent: agent, unreachableSince: since, at: now
                )
            case .registered: return
            }
        } else {
            answer(key, .unknown, "the agent is not known", agent: agent, at: now)
        }
    }

    private mutating func answer(
        _ key: TaskReference, _ state: TaskState, _ message: String, agent: AgentID?,
        unreachableSince: Instant? = nil, at now: Instant
    ) {
        publish(
            .update(
                StatusUpdate(
                    framework: key.framework, task: key.task, state: wireState(state, for: key.framework),
                    source: .master, reason: .reconciliation, message: "Reconciliation: \(message)", agent: agent,
                    at: now, unreachableSince: unreachableSince)), to: key.framework)
    }

    /// The latest state, with what the agent said about it.
    private mutating func tell(_ framework: FrameworkID, _ task: TaskRecord, at now: Instant) {
        let last = task.statuses.last { $0.state == task.state }
        publish(
            .update(
                StatusUpdate(
                    framework: framework, task: task.spec.id, state: task.state, source: .master,
                    reason: .reconciliation, message: "Reconciliation: latest task state", agent: task.agent,
                    executor: task.executor, at: now, isHealthy: last?.isHealthy, labels: last?.labels ?? [],
                    unreachableSince: last?.unreachableSince, checkStatus: last?.checkStatus,
                    containerStatus: last?.containerStatus)), to: framework)
    }

    // MARK: Wishes

    mutating func kill(
        _ framework: FrameworkID, _ asked: SchedulerCall.TaskOfAgent, gracePeriod: Duration?, at now: Instant
    ) {
        let key = TaskReference(framework: framework, task: asked.task)
        guard let task = tasks[key] else {
            reconcile(framework, asked, at: now)
            return
        }
        // Which of two runs of the id is meant, only the framework knows: the wrong one must not end.
        if let agent = asked.agent, agent != task.agent {
            note(
                "task.elsewhere", "A framework kills a task on an agent that does not have it; nothing is done",
                level: .warning, ["task": asked.task.text, "framework": framework.text, "agent": agent.text])
            return
        }
        if task.state.isTerminal { return }
        // An agent that is away hears of it when it is back.
        tasks[key]?.killAsked = TaskRecord.KillRequest(gracePeriod: gracePeriod)
        send(.kill(key, gracePeriod: gracePeriod), to: task.agent)
    }

    mutating func shutdown(_ executor: ExecutorID, of framework: FrameworkID, on agent: AgentID) {
        guard agents[agent]?.isConnected == true else {
            counters.droppedMessages += 1
            note(
                "executor.out-of-reach", "An executor cannot be shut down: its agent is not connected", level: .warning,
                ["executor": executor.text, "framework": framework.text, "agent": agent.text])
            return
        }
        send(.shutdownExecutor(executor, framework: framework), to: agent)
    }

    mutating func message(
        _ data: [UInt8], to executor: ExecutorID, of framework: FrameworkID, on agent: AgentID
    ) {
        guard agents[agent]?.isConnected == true else {
            counters.invalidMessagesToExecutors += 1
            return
        }
        counters.messagesToExecutors += 1
        send(.message(data, executor: executor, framework: framework), to: agent)
    }
}
