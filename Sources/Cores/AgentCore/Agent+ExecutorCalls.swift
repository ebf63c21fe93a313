public import ClusterAPI
import ClusterModel
import Containers
import Determinism
public import Diagnostics
import OrderedCollections

/// What executors say, and what they are told.
extension Agent {
    /// Why an executor's call cannot be served, for the driver's answer; nil: it can. A stream that has broken refuses
    /// nothing: what the executor says meanwhile is taken, and is acknowledged when it comes again.
    public func refusal(of call: ExecutorCall) -> Failure? {
        guard isServing else {
            return Failure(
                "agent.not-ready", doing: "serve the executor", cause: "the agent is recovering",
                remedy: "try again in a moment", retry: .later)
        }
        guard let run = state.executor(ExecutorKey(call.framework, call.executor)), !run.isPod else {
            return Failure(
                "executor.unknown", doing: "serve the executor", on: call.executor.text,
                cause: "the agent runs no such executor of framework '\(call.framework)'",
                remedy: "use the ids of the environment", field: "executor_id")
        }
        if case .subscribe = call.action { return nil }
        guard subscribedExecutors.contains(run.container) else {
            return Failure(
                "executor.not-subscribed", doing: "serve the executor", on: call.executor.text,
                cause: "it has not subscribed since the agent started", remedy: "subscribe first")
        }
        return nil
    }

    mutating func executorSubscribed(_ stream: StreamID, _ call: ExecutorCall) {
        guard refusal(of: call) == nil, case .subscribe(let known, let updates) = call.action, let agent = info,
            let run = state.executor(ExecutorKey(call.framework, call.executor)),
            let framework = state.frameworks[call.framework]
        else {
            let why = refusal(of: call)?.description ?? "the agent does not know the executor's framework"
            send(.publish(stream, .error(why)))
            send(.closeStream(stream))
            return
        }
        if let old = executorStreams[run.container], old != stream { send(.closeStream(old)) }
        executorStreams[run.container] = stream
        subscribedExecutors.insert(run.container)
        disarm(.executorRegistration(run.container))
        disarm(.executorReturn(run.container))
        let path = state.containers[run.container]?.path
        send(
            .publish(
                stream, .subscribed(run.spec, framework: framework.info, agent: agent, container: path)))
        for update in updates { takeFromExecutor(update, run) }
        arm(.executorHeartbeat(run.container), after: configuration.timing.executorHeartbeat)
        if run.ending != nil {
            send(.publish(stream, .shutdown))
        } else {
            deliver(to: run.container, known: Set(known.map(\.id)))
        }
    }

    mutating func executorStreamClosed(_ stream: StreamID) {
        guard let container = executorStreams.first(where: { $0.value == stream })?.key else { return }
        executorStreams.removeValue(forKey: container)
        disarm(.executorHeartbeat(container))
    }

    /// Hands over the tasks that wait. `known`, of an executor that has come back: those it says it has.
    mutating func deliver(to container: ContainerID, known: Set<TaskID>?) {
        guard let stream = executorStreams[container] else { return }
        if let known { takeBack(from: container, known) }
        var groups: [(group: UInt64, tasks: [TaskSpec])] = []
        for task in state.liveTasks(under: container) {
            if task.isDelivered {
                if known != nil, let ending = task.ending { publishKill(task, max(.zero, ending.deadline - now)) }
                continue
            }
            guard !task.spec.lacksSecrets else {
                report(
                    task.key, .failed, source: .agent, reason: .containerLaunchFailed,
                    message: "a secret it was given by its value is gone: the agent was started again before its "
                        + "executor had the task, and writes no secret down")
                continue
            }
            record(.taskDelivered(task.key))
            if let group = task.group {
                if groups.last?.group == group {
                    groups[groups.count - 1].tasks.append(task.spec)
                } else {
                    groups.append((group, [task.spec]))
                }
            } else {
                send(.publish(stream, .launch(task.spec)))
            }
        }
        for group in groups { send(.publish(stream, .launchGroup(group.tasks))) }
    }

    /// A task that an executor does not know, and never reported on, was lost on its way: it has not been handed over.
    /// One that is to end does not begin.
    private mutating func takeBack(from container: ContainerID, _ known: Set<TaskID>) {
        let lost = state.liveTasks(under: container).filter {
            $0.isDelivered && $0.state == .staging && !known.contains($0.spec.id)
        }
        for task in lost {
            var task = task
            task.isDelivered = false
            record(.taskAccepted(task))
        }
        for key in lost.map(\.key) { endUndelivered(key) }
    }

    /// Ends a task that is to end and has not been handed to its executor.
    private mutating func endUndelivered(_ key: TaskReference) {
        guard let task = state.tasks[key], let ending = task.ending, !task.state.isTerminal else { return }
        let verdict = Verdict.ended(
            ending.cause, "it had not been handed to its executor", during: .taskKilledDuringLaunch)
        report(key, verdict.state, source: .agent, reason: verdict.reason, message: verdict.message)
        taskEnded(task, verdict.state)
    }

    mutating func executorCalled(_ call: ExecutorCall) {
        guard let run = state.executor(ExecutorKey(call.framework, call.executor)) else { return }
        switch call.action {
        case .subscribe, .heartbeat: break
        case .update(let update): takeFromExecutor(update, run)
        case .message(let data):
            guard data.count <= configuration.bounds.messageBytesMax else {
                note("message.refused", "an executor's message is larger than messageBytesMax", .warning,
                    ["executor": call.executor.text])
                return
            }
            send(.send(.message(data, executor: call.executor, framework: call.framework)))
        }
    }

    /// An executor's update: remembered, then acknowledged to the executor, which may forget it then.
    private mutating func takeFromExecutor(_ update: StatusUpdate, _ run: ExecutorRun) {
        let key = update.reference
        guard let id = update.id else { return }
        if let task = state.tasks[key], task.executorContainer == run.container {
            var whole = withinBounds(update)
            whole.agent = state.id
            whole.executor = run.spec.id
            whole.containerStatus = containerStatus(task)
            if !task.isDelivered { record(.taskDelivered(key)) }
            let isNew = state.streams[key]?.knows(id) != true
            if take(whole), isNew {
                if update.state.isTerminal {
                    taskEnded(task, update.state)
                } else if task.state != .running, update.state == .running, let most = task.spec.maxCompletionTime {
                    arm(.completion(key), after: most)
                }
            }
        } else if state.streams[key]?.knows(id) != true {
            counters.invalidUpdates += 1
            note("update.foreign", "an executor reports on a task that is not one of its own", .warning,
                ["executor": run.spec.id.text, "task": update.task.text])
        }
        // Also when it was refused: the executor would send it for ever.
        if let stream = executorStreams[run.container] {
            send(.publish(stream, .acknowledged(id, task: update.task)))
        }
    }

    /// Executors put into updates what they like, and all of it goes into the journal. What is too large is left out,
    /// and the update says so: without it the task's end would not be told.
    private func withinBounds(_ update: StatusUpdate) -> StatusUpdate {
        let bounds = configuration.bounds
        var (whole, left) = (update, [String]())
        if let message = update.message, message.utf8.count > bounds.updateMessageMax {
            whole.message = String(decoding: message.utf8.prefix(bounds.updateMessageMax), as: UTF8.self)
            left.append("the rest of its message was left out: \(message.utf8.count) bytes, updateMessageMax")
        }
        if let data = update.data, data.count > bounds.updateDataMax {
            whole.data = nil
            left.append("its data was left out: \(data.count) bytes, updateDataMax")
        }
        if !update.labels.isEmpty || !update.limitation.isEmpty {
            var parts = update
            (parts.message, parts.data, parts.containerStatus) = (nil, nil, nil)
            let count = WireValue.update(parts).bytes.count
            if count > bounds.updatePartsMax {
                (whole.labels, whole.limitation) = ([], [])
                left.append("its labels and resources were left out: \(count) bytes, updatePartsMax")
            }
        }
        if !left.isEmpty { whole.message = "\(whole.message ?? "") (\(left.joined(separator: "; ")))" }
        return whole
    }

    // MARK: Orders to executors

    mutating func passOn(_ data: [UInt8], to key: ExecutorKey) {
        guard let run = state.executor(key), let stream = executorStreams[run.container],
            data.count <= configuration.bounds.messageBytesMax
        else {
            counters.invalidMessages += 1
            note("message.dropped", "a message has no executor to go to", .info, ["executor": key.executor.text])
            return
        }
        send(.publish(stream, .message(data)))
    }

    /// A kill for a task of an executor: its own business, unless it has not got the task yet.
    mutating func killUnder(_ container: ContainerID, _ key: TaskReference, grace: Duration, isFirst: Bool) {
        guard let task = state.tasks[key] else { return }
        guard task.isDelivered else {
            endUndelivered(key)
            // An executor that never got a task, and has none to wait for, has no reason to be.
            let hasServed = state.tasks(under: container).contains { $0.isDelivered }
            if !hasServed, state.liveTasks(under: container).isEmpty, executorStreams[container] == nil {
                end(container, .unneeded)
            }
            return
        }
        publishKill(task, grace)
    }

    private mutating func publishKill(_ task: TaskRun, _ grace: Duration) {
        guard let container = task.executorContainer, let stream = executorStreams[container] else { return }
        send(.publish(stream, .kill(task.spec.id, gracePeriod: grace)))
    }

    mutating func heartbeat(_ container: ContainerID) {
        guard let stream = executorStreams[container] else { return }
        send(.publish(stream, .heartbeat))
        arm(.executorHeartbeat(container), after: configuration.timing.executorHeartbeat)
    }
}
