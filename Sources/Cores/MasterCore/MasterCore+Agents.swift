import Allocation
import ClusterAPI
import ClusterModel
import Coordination
import Determinism

/// Contact with agents: their messages, their links, and what tells whether they live.
extension MasterCore {
    mutating func agentMessage(
        _ message: AgentMessage, on link: LinkID, by principal: String?, at now: Instant
    ) {
        if let name = message.counterName { counters.agentMessages[name, default: 0] += 1 }
        if case .register(let registration) = message {
            register(registration, on: link, by: principal, at: now)
            return
        }
        // Not registered yet, or another link has taken its place.
        guard let agent = links[link], agents[agent]?.link == link else {
            counters.droppedMessages += 1
            return
        }
        agentLives(agent)
        switch message {
        case .register, .pong: break
        case .status(let update, let latest): statusUpdate(update, latest: latest, from: agent, at: now)
        case .executorLost(let executor, let framework, let status):
            executorLost(executor, of: framework, on: agent, status: status, at: now)
        case .message(let data, let executor, let framework):
            // Nobody speaks to a framework that has nothing on it.
            guard let record = frameworks[framework], record.isConnected, record.agents[agent] != nil else {
                counters.invalidMessagesFromExecutors += 1
                return
            }
            counters.messagesFromExecutors += 1
            publish(.message(data, executor: executor, agent: agent), to: framework)
        case .operation(let status, let key, let framework):
            operationUpdate(status, key: key, of: framework, from: agent, at: now)
        case .resources(let resources): agentHas(Resources(resources), agent, at: now)
        }
    }

    mutating func linkClosed(_ link: LinkID, at now: Instant) {
        guard let agent = links.removeValue(forKey: link) else { return }
        if agents[agent]?.waiting?.link == link { agents[agent]?.waiting = nil }
        if formerAgents[agent]?.waiting?.link == link { formerAgents[agent]?.waiting = nil }
        if arrivals[agent]?.waiting?.link == link { arrivals[agent]?.waiting = nil }
        guard agents[agent]?.link == link else { return }
        agents[agent]?.link = nil
        note("agent.disconnected", "The agent's link has ended", level: .warning, ["agent": agent.text])
        rescindOffers(of: agent, at: now)
        refreshActivity(of: agent)
    }

    /// Has the allocator give of the agent, or not, as things stand.
    mutating func refreshActivity(of agent: AgentID) {
        guard let record = agents[agent] else { return }
        allocator.setAgent(agent, active: record.isActive)
        if record.isActive { wantAllocation() }
    }

    /// What the agent says it has counts, unless an operation is on its way to it that it does not know of yet.
    private mutating func agentHas(_ total: Resources, _ agent: AgentID, at now: Instant) {
        let current = total.unallocated()
        guard let record = agents[agent], record.total != current else { return }
        let isBusy = record.operations.contains { operations[$0]?.status.state == .pending }
        if isBusy { return }
        agents[agent]?.total = current
        if let info = agents[agent]?.currentInfo { allocator.updateAgent(info) }
        note("agent.resources-changed", "The agent has other resources", ["agent": agent.text])
        // What was offered may not be there any more.
        rescindOffers(of: agent, at: now)
        wantAllocation()
    }

    // MARK: Pings

    mutating func agentLives(_ agent: AgentID) {
        let isKept = agents.change(agent) { record in
            record.isPinged = false
            record.missedPings = 0
            guard record.isRemovalScheduled, record.transition == nil else { return false }
            record.isRemovalScheduled = false
            return true
        }
        if isKept == true { counters.agentUnreachableCanceled += 1 }
    }

    mutating func startPinging(_ agent: AgentID, at now: Instant) {
        cancel(agents[agent]?.pingTimer)
        let timer = setTimer(.ping(agent), at: now + configuration.pingInterval)
        agents.change(agent) { record in
            record.isPinged = false
            record.missedPings = 0
            record.pingTimer = timer
        }
    }

    mutating func pingDue(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent] else { return }
        let timer = setTimer(.ping(agent), at: now + configuration.pingInterval)
        agents[agent]?.pingTimer = timer
        if record.isPinged || record.link == nil {
            let missed = record.missedPings + 1
            agents[agent]?.missedPings = missed
            if missed >= configuration.pingTimeouts { scheduleRemoval(of: agent, at: now) }
        }
        agents[agent]?.isPinged = record.link != nil
        send(.ping, to: agent)
    }

    // MARK: Becoming unreachable

    /// Has the agent become unreachable, at once or when its turn comes: should a switch fail, agents go one by one and
    /// somebody has time to look.
    mutating func scheduleRemoval(of agent: AgentID, at now: Instant) {
        guard let record = agents[agent], !record.isRemovalScheduled, record.transition == nil else { return }
        agents[agent]?.isRemovalScheduled = true
        counters.agentUnreachableScheduled += 1
        guard configuration.agentRemovalInterval > .zero else {
            becomeUnreachable(agent, at: now)
            return
        }
        removalQueue.append(agent)
        if removalTimer == nil { removeNextInLine(at: now) }
    }

    mutating func removeNextInLine(at now: Instant) {
        removalTimer = nil
        if now < nextRemoval {
            removalTimer = setTimer(.agentRemoval, at: nextRemoval)
            return
        }
        while !removalQueue.isEmpty {
            let agent = removalQueue.removeFirst()
            guard let record = agents[agent], record.isRemovalScheduled, record.transition == nil else { continue }
            becomeUnreachable(agent, at: now)
            nextRemoval = now + configuration.agentRemovalInterval
            break
        }
        if !removalQueue.isEmpty { removalTimer = setTimer(.agentRemoval, at: nextRemoval) }
    }

    private mutating func becomeUnreachable(_ agent: AgentID, at now: Instant) {
        guard var entry = agents[agent]?.entry else { return }
        entry.standing = .unreachable(since: now)
        let ticket = persist([.putAgent(entry)], then: .agentUnreachable(agent))
        agents[agent]?.transition = ticket
    }

    mutating func agentIsUnreachable(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent] else { return }
        counters.agentUnreachableCompleted += 1
        if record.isRecovered {
            counters.agentRemovalsUnregistered += 1
        } else {
            counters.agentRemovalsUnhealthy += 1
        }
        note(
            "agent.unreachable", "The agent has not been heard of and counts as unreachable", level: .warning,
            ["agent": agent.text, "hostname": record.info.address.hostname, "tasks": "\(record.tasks.count)"])
        remove(agent, for: .unreachable, standing: .unreachable(since: now), at: now)
    }

    mutating func agentIsGone(_ agent: AgentID, _ call: CallID?, at now: Instant) {
        note("agent.gone", "An operator has given the agent up for good", level: .warning, ["agent": agent.text])
        if agents[agent] != nil {
            send(.shutdown("an operator has given this agent up for good"), to: agent)
            remove(agent, for: .gone, standing: .gone(at: now), at: now)
        } else if let former = formerAgents[agent] {
            endUnreachable(
                on: agent, as: .goneByOperator, because: .agentRemovedByOperator,
                "an operator has given agent \(agent) up for good", at: now)
            formerAgents[agent]?.entry.standing = .gone(at: now)
            formerAgents[agent]?.transition = nil
            formerAgents[agent]?.waiting = nil
            if let waiting = former.waiting {
                register(waiting.registration, on: waiting.link, authorized: true, at: now)
            }
        }
        if let call { answer(call, .done) }
    }

    // MARK: Removal

    enum AgentRemoval {
        case unreachable
        case gone
        /// Its machine is down for maintenance.
        case takenDown
    }

    /// Takes the agent out of everything; who has something on it is told. The registry knows already. `standing`: in
    /// which it is remembered; nil: it is not.
    mutating func remove(
        _ agent: AgentID, for why: AgentRemoval, standing: RegisteredAgent.Standing?, at now: Instant
    ) {
        guard let record = agents[agent] else { return }
        counters.agentRemovals += 1
        rescindOffers(of: agent, at: now)
        for key in record.tasks.sorted() { taskLostItsAgent(key, for: why, at: now) }
        for key in record.operations.sorted(by: { ($0.high, $0.low) < ($1.high, $1.low) }) {
            operationLostItsAgent(key, for: why)
        }
        for framework in record.executors.keys.sorted() {
            count(framework, on: agent, by: -(record.executors[framework]?.count ?? 0))
        }
        allocator.removeAgent(agent)
        inverseAnswers[agent] = nil
        if record.isRecovered { recoveredAgents -= 1 }
        cancel(record.pingTimer)
        if let link = record.link { closeLink(link) }
        agents[agent] = nil
        if let standing {
            var entry = record.entry
            entry.standing = standing
            formerAgents[agent] = FormerAgent(entry: entry)
            formerOrder.append(agent)
        } else {
            forgetKey(record.entry)
        }
        for framework in frameworks.keys.sorted() { publish(.agentLost(agent), to: framework) }
        announce { _ in .agentRemoved(agent) }
        wantAllocation()
        if let waiting = record.waiting {
            register(waiting.registration, on: waiting.link, authorized: true, at: now)
        }
    }

    mutating func closeLink(_ link: LinkID) {
        links[link] = nil
        emit(.closeLink(link))
    }

    /// Counts what a framework has on an agent: tasks, executors.
    mutating func count(_ framework: FrameworkID, on agent: AgentID, by change: Int) {
        guard change != 0, frameworks[framework] != nil else { return }
        let count = (frameworks[framework]?.agents[agent] ?? 0) + change
        frameworks[framework]?.agents[agent] = count > 0 ? count : nil
    }
}

extension AgentMessage {
    /// As metrics name it. An answer to a ping is none of the protocol's messages.
    fileprivate var counterName: String? {
        switch self {
        case .register(let registration): registration.id == nil ? "register_slave" : "reregister_slave"
        case .status: "status_update"
        case .executorLost: "exited_executor"
        case .message: "executor_to_framework"
        case .operation: "operation_status_update"
        case .resources: "update_slave"
        case .pong: nil
        }
    }
}
