import ClusterAPI
import ClusterModel
import Containers
import Determinism

/// The fold: what each record changes.
extension AgentState {
    mutating func apply(_ record: AgentRecord) {
        switch record {
        case .booted(let id): bootID = id
        case .configured(let identity): self.identity = identity
        case .keyed(let key): self.key = key
        case .admitted(let id): self.id = id
        case .frameworkSeen, .frameworkShutDown, .frameworkForgotten: applyFramework(record)
        case .executorAdded, .executorEnding, .executorForgotten: applyExecutor(record)
        case .taskAccepted, .taskEnding, .taskDelivered: applyTask(record)
        case .containerPlanned, .containerLaunched, .containerEnded, .containerForgotten: applyContainer(record)
        case .updateAdded(let update): add(update)
        case .updateAcknowledged(let task, let id): acknowledge(id, of: task)
        case .streamKept(let task, let ids): streams[task] = UpdateStream(acknowledged: ids)
        case .updateKept(let update): streams[update.reference, default: UpdateStream()].pending.append(update)
        case .totalsChanged(let totals): self.totals = totals
        case .operationAccepted, .operationEnded, .operationForgotten: applyOperation(record)
        case .drainOrdered(let order, let at): drain = DrainInfo(state: .draining, configuration: order, startedAt: at)
        case .drainCancelled: drain = nil
        case .sandboxEnded(let path, let at): sandboxes[path] = at
        case .sandboxCollected(let path): sandboxes.removeValue(forKey: path)
        }
    }

    private mutating func applyFramework(_ record: AgentRecord) {
        switch record {
        case .frameworkSeen(let info):
            frameworks[info.id] = FrameworkRun(info: info, isShutDown: frameworks[info.id]?.isShutDown ?? false)
        case .frameworkShutDown(let id): frameworks[id]?.isShutDown = true
        case .frameworkForgotten(let id):
            frameworks.removeValue(forKey: id)
            tasks.removeAll { $0.key.framework == id }
            streams.removeAll { $0.key.framework == id }
        default: break
        }
    }

    private mutating func applyExecutor(_ record: AgentRecord) {
        switch record {
        case .executorAdded(let run): executors[run.container] = run
        case .executorEnding(let container, let order): executors[container]?.ending = order
        case .executorForgotten(let container): executors.removeValue(forKey: container)
        default: break
        }
    }

    private mutating func applyTask(_ record: AgentRecord) {
        switch record {
        case .taskAccepted(let run): tasks[run.key] = run
        case .taskEnding(let task, let order): tasks[task]?.ending = order
        case .taskDelivered(let task): tasks[task]?.isDelivered = true
        default: break
        }
    }

    private mutating func applyContainer(_ record: AgentRecord) {
        switch record {
        case .containerPlanned(let run): containers[run.id] = run
        case .containerLaunched(let id, let at, let info):
            containers[id]?.phase = .launched(at: at, info)
            forgetSecrets(of: id)
        case .containerEnded(let id, let exit):
            containers[id]?.phase = .ended(exit)
            forgetSecrets(of: id)
        case .containerForgotten(let id): containers.removeValue(forKey: id)
        default: break
        }
    }

    /// The container has them by now; nobody needs them any more.
    private mutating func forgetSecrets(of id: ContainerID) {
        guard let run = containers[id], run.launch.secrets != nil else { return }
        containers[id]?.launch = run.launch.withoutSecretValues
    }

    private mutating func applyOperation(_ record: AgentRecord) {
        switch record {
        case .operationAccepted(let order): operations[order.key] = OperationRun(order: order)
        case .operationEnded(let key, let status): operations[key]?.status = status
        case .operationForgotten(let key): operations.removeValue(forKey: key)
        default: break
        }
    }

    private mutating func add(_ update: StatusUpdate) {
        let key = update.reference
        streams[key, default: UpdateStream()].pending.append(update)
        guard var task = tasks[key] else { return }
        task.state = update.state
        task.isHealthy = update.isHealthy ?? task.isHealthy
        task.checkStatus = update.checkStatus ?? task.checkStatus
        var kept = update
        kept.data = nil
        task.statuses.removeAll { $0.state == update.state }
        task.statuses.append(kept)
        tasks[key] = task
    }

    /// The acknowledgement of a terminal update is the end of the task.
    private mutating func acknowledge(_ id: UpdateID, of key: TaskReference) {
        guard var stream = streams[key], let head = stream.head, head.id == id else { return }
        stream.pending.removeFirst()
        guard !head.state.isTerminal else {
            streams.removeValue(forKey: key)
            tasks.removeValue(forKey: key)
            return
        }
        stream.acknowledged.append(id)
        if stream.acknowledged.count > UpdateStream.acknowledgedMax { stream.acknowledged.removeFirst() }
        streams[key] = stream
    }

    // MARK: Snapshot

    /// Records that add up to this very state, for a journal that has grown long.
    public var snapshot: [AgentRecord] {
        var records: [AgentRecord] = []
        if let bootID { records.append(.booted(bootID)) }
        if let identity { records.append(.configured(identity)) }
        if let key { records.append(.keyed(key)) }
        if let id { records.append(.admitted(id)) }
        for framework in frameworks.values {
            records.append(.frameworkSeen(framework.info))
            if framework.isShutDown { records.append(.frameworkShutDown(framework.info.id)) }
        }
        for container in containers.values { records.append(.containerPlanned(container)) }
        for executor in executors.values { records.append(.executorAdded(executor)) }
        for task in tasks.values { records.append(.taskAccepted(task)) }
        for (task, stream) in streams {
            records.append(.streamKept(task, acknowledged: stream.acknowledged))
            for update in stream.pending { records.append(.updateKept(update)) }
        }
        if let totals { records.append(.totalsChanged(totals)) }
        for operation in operations.values {
            records.append(.operationAccepted(operation.order))
            if let status = operation.status { records.append(.operationEnded(key: operation.order.key, status)) }
        }
        if let drain { records.append(.drainOrdered(drain.configuration, at: drain.startedAt ?? .epoch)) }
        for (path, at) in sandboxes { records.append(.sandboxEnded(path: path, at: at)) }
        return records
    }
}

extension StatusUpdate {
    var reference: TaskReference { TaskReference(framework: framework, task: task) }
}
