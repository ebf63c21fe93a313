import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// Emptying agents, keeping them out of offers, and giving them up. An agent that is away is told when it is back.
extension MasterCore {
    mutating func drain(
        _ agent: AgentID, _ drain: DrainConfiguration, _ change: OperatorChange, _ call: CallID, at now: Instant
    ) throws(Failure) {
        if let period = drain.maxGracePeriod, period < .zero {
            throw Failure(
                "drain.invalid", doing: "drain agent", on: agent.text, cause: "the grace period is negative",
                remedy: "leave it out or give a longer one", field: "max_grace_period")
        }
        // Two plans for one machine would undo each other: whoever ends the maintenance knows of no drain.
        if let record = agents[agent], !record.isRecovered, unavailability(of: record.info) != nil {
            throw Failure(
                "drain.in-maintenance", doing: "drain agent", on: agent.text,
                cause: "its machine is in the maintenance schedule",
                remedy: "take the machine out of the schedule, or let its maintenance empty it", field: "agent_id")
        }
        try update(agent, "drain agent", change, call) { entry in
            entry.isDeactivated = true
            entry.drain = DrainInfo(state: .draining, configuration: drain, startedAt: now)
        }
    }

    mutating func drainIsStored(_ agent: AgentID, _ drain: DrainConfiguration, at now: Instant) {
        note("agent.draining", "An agent is being emptied", ["agent": agent.text])
        if let former = formerAgents[agent] {
            formerAgents[agent]?.entry.isDeactivated = true
            formerAgents[agent]?.entry.drain = DrainInfo(state: .draining, configuration: drain, startedAt: now)
            returned(former, agent, at: now)
            return
        }
        agents[agent]?.entry.isDeactivated = true
        agents[agent]?.entry.drain = DrainInfo(state: .draining, configuration: drain, startedAt: now)
        rescindOffers(of: agent, at: now)
        refreshActivity(of: agent)
        send(.drain(drain), to: agent)
        released(agent, at: now)
        taskEndedOnAgent(agent, at: now)
    }

    mutating func deactivateAgent(
        _ agent: AgentID, _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        try update(agent, "deactivate agent", change, call) { $0.isDeactivated = true }
    }

    mutating func deactivationIsStored(_ agent: AgentID, at now: Instant) {
        note("agent.deactivated", "An agent is kept out of offers", ["agent": agent.text])
        if let former = formerAgents[agent] {
            formerAgents[agent]?.entry.isDeactivated = true
            returned(former, agent, at: now)
            return
        }
        agents[agent]?.entry.isDeactivated = true
        rescindOffers(of: agent, at: now)
        refreshActivity(of: agent)
        released(agent, at: now)
    }

    mutating func reactivateAgent(
        _ agent: AgentID, _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        if (agents[agent]?.entry ?? formerAgents[agent]?.entry)?.drain?.state == .draining {
            throw Failure(
                "agent.draining", doing: "reactivate agent", on: agent.text, cause: "it is being emptied",
                remedy: "wait until it is drained", retry: .later)
        }
        // Not before it is known that nothing about it is being written: it may be deactivated in a moment.
        guard try entry(of: agent, "reactivate agent").isDeactivated else {
            throw Failure(
                "agent.active", doing: "reactivate agent", on: agent.text, cause: "it is not deactivated",
                remedy: "name another agent", field: "agent_id")
        }
        try update(agent, "reactivate agent", change, call) { entry in
            entry.isDeactivated = false
            entry.drain = nil
        }
    }

    mutating func reactivationIsStored(_ agent: AgentID, at now: Instant) {
        note("agent.reactivated", "An agent is offered again", ["agent": agent.text])
        if let former = formerAgents[agent] {
            formerAgents[agent]?.entry.isDeactivated = false
            formerAgents[agent]?.entry.drain = nil
            returned(former, agent, at: now)
            return
        }
        let wasDrained = agents[agent]?.entry.drain != nil
        agents[agent]?.entry.isDeactivated = false
        agents[agent]?.entry.drain = nil
        if wasDrained { send(.cancelDrain, to: agent) }
        released(agent, at: now)
        refreshActivity(of: agent)
    }

    /// Has the registry told of the agent's new entry; until it knows, nothing else about the agent is written.
    private mutating func update(
        _ agent: AgentID, _ doing: String, _ change: OperatorChange, _ call: CallID,
        _ apply: (inout RegisteredAgent) -> Void
    ) throws(Failure) {
        var entry = try entry(of: agent, doing)
        apply(&entry)
        let ticket = persist([.putAgent(entry)], then: .operated(call, change))
        if agents[agent] != nil {
            agents[agent]?.transition = ticket
        } else {
            formerAgents[agent]?.transition = ticket
        }
    }

    /// Of an agent that is admitted or unreachable, and about which nothing is being written.
    private func entry(of agent: AgentID, _ doing: String) throws(Failure) -> RegisteredAgent {
        let isBusy = agents[agent]?.transition != nil || formerAgents[agent]?.transition != nil
        if isBusy || arrivals[agent] != nil {
            throw Failure(
                "agent.busy", doing: doing, on: agent.text, cause: "another change of it is being written",
                remedy: "try again", retry: .later)
        }
        if let record = agents[agent] { return record.entry }
        guard let former = formerAgents[agent] else {
            throw Failure(
                "agent.unknown", doing: doing, on: agent.text, cause: "there is no agent with this id",
                remedy: "look it up among the agents", field: "agent_id")
        }
        if case .gone = former.entry.standing {
            throw Failure(
                "agent.gone", doing: doing, on: agent.text, cause: "it has been given up for good",
                remedy: "name another agent", field: "agent_id")
        }
        return former.entry
    }

    /// What was put off while the change was being written.
    private mutating func released(_ agent: AgentID, at now: Instant) { agentChanged(agent, at: now) }

    private mutating func returned(_ former: FormerAgent, _ agent: AgentID, at now: Instant) {
        formerAgents[agent]?.transition = nil
        formerAgents[agent]?.waiting = nil
        if let waiting = former.waiting {
            register(waiting.registration, on: waiting.link, authorized: true, at: now)
        }
    }

    // MARK: Drained

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

    /// Looks whether an agent that is being emptied is empty: every task and every operation on it is over. Updates
    /// that nobody has acknowledged do not count: the framework may be away for days, and the agent keeps them. Only
    /// one that is to be given up waits for them, because they would go with it.
    mutating func taskEndedOnAgent(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent], let drain = record.entry.drain, record.isConnected, record.transition == nil,
            record.tasks.allSatisfy({ tasks[$0]?.state.isTerminal ?? true }),
            record.operations.allSatisfy({ operations[$0]?.status.state != .pending })
        else { return }
        var entry = record.entry
        entry.drain?.state = .drained
        if drain.configuration.marksGone, record.tasks.isEmpty, record.operations.isEmpty {
            entry.standing = .gone(at: now)
            let ticket = persist([.putAgent(entry)], then: .agentGone(agent, nil))
            agents[agent]?.transition = ticket
        } else if drain.state == .draining {
            let ticket = persist([.putAgent(entry)], then: .agentDrained(agent))
            agents[agent]?.transition = ticket
        }
    }

    mutating func agentIsDrained(_ agent: AgentID, at now: Instant) {
        agents[agent]?.entry.drain?.state = .drained
        let waiting = agents[agent]?.tasks.count ?? 0
        note("agent.drained", "An agent is empty", ["agent": agent.text, "unacknowledged": "\(waiting)"])
        released(agent, at: now)
        // The last acknowledgement may have come while this was being written.
        taskEndedOnAgent(agent, at: now)
    }

    // MARK: Gone

    /// Gives an agent up for good. One that is given up already is.
    mutating func markGone(_ agent: AgentID, _ call: CallID, at now: Instant) throws(Failure) {
        if let former = formerAgents[agent], case .gone = former.entry.standing {
            answer(call, .done)
            return
        }
        var entry = try entry(of: agent, "give up agent")
        entry.standing = .gone(at: now)
        let ticket = persist([.putAgent(entry)], then: .agentGone(agent, call))
        if agents[agent] != nil {
            agents[agent]?.transition = ticket
        } else {
            formerAgents[agent]?.transition = ticket
        }
    }
}
