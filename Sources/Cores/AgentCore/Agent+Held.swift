import ClusterAPI
import ClusterModel

/// Orders that build on an operation on resources: a volume is made on the disk before the resources have it, and the
/// task that uses it, or what is to become of it next, follows at once.
///
/// What waits is not remembered. A link that ends takes it along, as if it had not arrived.
extension Agent {
    /// Whether an order has to wait for the operation that is being carried out, behind those that do already.
    func waits(_ message: MasterMessage) -> Bool {
        let bound = configuration.bounds.tasksMax + configuration.bounds.operationsMax
        guard held.count < bound, !held.isEmpty || state.operations.values.contains(where: { $0.status == nil })
        else { return false }
        switch message {
        // Without a journal tasks are refused at once.
        case .runTask, .runGroup: return !held.isEmpty || !outbox.isFailing
        case .apply(let order): return state.operations[order.key] == nil
        case .shutdownExecutor: return !held.isEmpty
        default: return false
        }
    }

    /// Carries on, up to the next operation that takes its time.
    mutating func carryOnHeld() {
        while let message = held.first, !state.operations.values.contains(where: { $0.status == nil }) {
            held.removeFirst()
            ordered(message)
        }
    }

    func isHeld(_ task: TaskReference) -> Bool { held.contains { $0.tasksToRun.contains(task) } }

    /// A task that waits, and with it its group, will not run.
    mutating func killHeld(_ task: TaskReference) {
        guard let index = held.firstIndex(where: { $0.tasksToRun.contains(task) }) else { return }
        let message = held.remove(at: index)
        for each in message.tasksToRun {
            report(
                each, .killed, source: .agent, reason: .taskKilledDuringLaunch,
                message: "killed by the framework: it waited for an operation on resources")
        }
        missExecutors(of: message.specsToRun, startsExecutor: message.startsExecutor)
    }

    mutating func withdrawHeld(of isMeant: (FrameworkID) -> Bool) {
        held.removeAll { message in message.tasksToRun.first.map { isMeant($0.framework) } ?? false }
    }
}

extension MasterMessage {
    var specsToRun: [TaskSpec] {
        switch self {
        case .runTask(let spec, _, _): [spec]
        case .runGroup(let specs, _, _, _): specs
        default: []
        }
    }

    var executorToUse: ExecutorSpec? {
        switch self {
        case .runTask(let spec, _, _): if case .executor(let executor) = spec.runner { executor } else { nil }
        case .runGroup(_, let executor, _, _): executor
        default: nil
        }
    }

    var startsExecutor: Bool? {
        switch self {
        case .runTask(_, _, let starts), .runGroup(_, _, _, let starts): starts
        default: nil
        }
    }

    /// The tasks it orders to run.
    var tasksToRun: [TaskReference] {
        switch self {
        case .runTask(let spec, let framework, _): [TaskReference(framework: framework.id, task: spec.id)]
        case .runGroup(let specs, _, let framework, _):
            specs.map { TaskReference(framework: framework.id, task: $0.id) }
        default: []
        }
    }
}
