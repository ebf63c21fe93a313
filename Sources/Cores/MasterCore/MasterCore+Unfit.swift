import ClusterAPI
import ClusterModel
import Determinism

/// Parts of an ACCEPT that could be read but not be meant. Whoever sent them hears why, and the rest is carried out.
extension MasterCore {
    /// Its id may be no identifier: it is looked up nowhere and kept nowhere.
    mutating func report(_ state: TaskState, _ task: UnfitTask, of framework: FrameworkID, at now: Instant) {
        let state = wireState(state, for: framework)
        publish(.unfitTask(task, state: state, at: now), to: framework)
        counters.endings[TaskEnding(state, .master, task.reason), default: 0] += 1
    }

    /// Says nothing of one without an id: nobody waits to hear how it went.
    mutating func refuse(_ operation: UnfitOperation, of framework: FrameworkID, on agent: AgentID?) {
        note(
            "operation.refused", "An operation cannot be done", level: .warning,
            ["framework": framework.text, "why": operation.why])
        count(nil, in: .error)
        guard operation.id != nil else { return }
        publish(.unfitOperation(operation, on: agent), to: framework)
    }
}
