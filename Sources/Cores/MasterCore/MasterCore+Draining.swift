import ClusterAPI
import ClusterModel
import Coordination
import Determinism

/// Emptying agents.
extension MasterCore {
    /// An agent that registers is told what it may have missed.
    mutating func agentHasReturned(_ agent: AgentID, drain reported: DrainInfo?, at now: Instant) {
        guard let record = agents[agent] else { return }
        if let drain = record.entry.drain {
            send(.drain(drain.configuration), to: agent)
        } else if reported != nil {
            send(.cancelDrain, to: agent)
        }
        taskEndedOnAgent(agent, at: now)
    }

    /// Looks whether an agent that is being emptied is empty.
    mutating func taskEndedOnAgent(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent], var drain = record.entry.drain, drain.state == .draining,
            record.tasks.isEmpty, record.operations.isEmpty, record.transition == nil
        else { return }
        drain.state = .drained
        var entry = record.entry
        entry.drain = drain
        agents[agent]?.entry.drain = drain
        persist([.putAgent(entry)], then: .kept)
    }
}
