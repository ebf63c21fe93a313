import Allocation
import Authorization
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// How agents come and come back.
extension MasterCore {
    mutating func register(
        _ registration: AgentRegistration, on link: LinkID, by principal: String?, at now: Instant
    ) {
        let decision = configuration.authorizer.decide(Subject(principal: principal), to: .registerAgent, on: nil)
        register(registration, on: link, authorized: decision.isAllowed, at: now)
    }

    mutating func register(
        _ registration: AgentRegistration, on link: LinkID, authorized: Bool, at now: Instant
    ) {
        guard authorized else {
            refuse(link, "the agent is not authorized to register", isFinal: false)
            return
        }
        do throws(Failure) { try validate(registration) } catch {
            refuse(link, error.description, isFinal: false)
            return
        }
        if let downtime = downtime(of: registration.address) {
            // Its frameworks were told that what an agent had here is over: it ends that, and comes as another one. One
            // that has been nobody yet waits.
            refuse(link, downtime, isFinal: registration.id != nil)
            return
        }
        // One that died before it could remember its name is known by its key.
        guard let id = registration.id ?? registration.key.flatMap({ agentKeys[$0] }) else {
            admit(registration, on: link, at: now)
            return
        }
        if let known = knownKey(of: id), known != registration.key {
            refuse(
                link, "agent \(id) is known by another key: what registers here is not that agent. Mark \(id) as gone, "
                    + "or start this one with an empty work directory", isFinal: false)
            return
        }
        var registration = registration
        registration.id = id
        let waiting = WaitingRegistration(link: link, registration: registration)
        if let former = formerAgents[id], case .gone = former.entry.standing {
            refuse(link, "an operator has given agent \(id) up for good", isFinal: true)
        } else if agents[id] != nil {
            reregister(id, waiting, at: now)
        } else {
            arrive(id, waiting, changes: [], at: now)
        }
    }

    private func validate(_ registration: AgentRegistration) throws(Failure) {
        _ = try Resources(validating: registration.resources)
        _ = try Resources(validating: registration.totals)
        if configuration.requiresAgentDomain, registration.domain == nil {
            throw Failure(
                "agent.without-domain", doing: "admit the agent", cause: "it does not say which fault domain it is in",
                remedy: "start it with a domain", field: "domain")
        }
        if agents.count >= configuration.limits.agentsMax, registration.id.map({ agents[$0] == nil }) ?? true {
            throw Failure(
                "agent.too-many", doing: "admit the agent", cause: "there are \(agents.count) agents",
                remedy: "raise the limit or remove agents", limit: "agents \(configuration.limits.agentsMax)",
                retry: .later)
        }
        try checkRecords(of: registration)
    }

    /// What is new to the registry has to be small enough for it. What is there already is let through: an older master
    /// may have taken more, and an agent that is as it was comes back without a write.
    private func checkRecords(of registration: AgentRegistration) throws(Failure) {
        let id: AgentID
        if let named = registration.id {
            id = named
        } else {
            id = try AgentID("\(configuration.master.id)-S\(issued.agents)")
        }
        let info = registration.info(as: id)
        let known = agents[id]?.info ?? formerAgents[id]?.info
        if known != info {
            let entry = RegisteredAgent(info: info, registered: .distantPast)
            try RegistryChange.putAgent(entry).checkSize()
        }
        for info in registration.frameworks where frameworks[info.id] == nil && removedFrameworks[info.id] == nil {
            let entry = RegisteredFramework(info: info, registered: .distantPast)
            try RegistryChange.putFramework(entry).checkSize()
        }
    }

    /// Nil: it has never shown one.
    private func knownKey(of id: AgentID) -> AgentKey? {
        agents[id]?.entry.key ?? arrivals[id]?.entry.key ?? formerAgents[id]?.entry.key
    }

    /// Nobody is known by it any more.
    mutating func forgetKey(_ entry: RegisteredAgent) {
        guard let key = entry.key, agentKeys[key] == entry.info.id else { return }
        agentKeys[key] = nil
    }

    private mutating func refuse(_ link: LinkID, _ why: String, isFinal: Bool) {
        note("agent.refused", "An agent is not admitted", level: .warning, ["why": why])
        emit(.send(link, .refused(why, isFinal: isFinal)))
        closeLink(link)
    }

    /// A new one gets an id that no agent has had.
    private mutating func admit(_ registration: AgentRegistration, on link: LinkID, at now: Instant) {
        let id: AgentID
        do throws(Failure) {
            id = try newAgentID()
        } catch {
            refuse(link, error.description, isFinal: false)
            return
        }
        if let key = registration.key { agentKeys[key] = id }
        let waiting = WaitingRegistration(link: link, registration: registration, isRecorded: true)
        arrive(id, waiting, changes: [.putIssued(issued)], at: now)
    }

    /// One that nobody has: an agent may bring an id along that this master does not know, also the one that would come
    /// next here.
    private mutating func newAgentID() throws(Failure) -> AgentID {
        while true {
            let id = try AgentID("\(configuration.master.id)-S\(issued.agents)")
            issued.agents += 1
            if agents[id] == nil, arrivals[id] == nil, formerAgents[id] == nil { return id }
        }
    }

    /// Has the registry told of an agent that is new, or back after it was given up or forgotten.
    private mutating func arrive(
        _ id: AgentID, _ waiting: WaitingRegistration, changes: [RegistryChange], at now: Instant
    ) {
        bind(waiting.link, to: id)
        if let earlier = arrivals[id] {
            if let link = earlier.waiting?.link, link != waiting.link { closeLink(link) }
            arrivals[id]?.waiting = waiting
            return
        }
        if let former = formerAgents[id], former.transition != nil {
            if let link = former.waiting?.link, link != waiting.link { closeLink(link) }
            formerAgents[id]?.waiting = waiting
            return
        }
        var waiting = waiting
        waiting.isRecorded = true
        let info = waiting.registration.info(as: id)
        var entry = formerAgents[id]?.entry ?? RegisteredAgent(info: info, registered: now)
        entry.standing = .registered
        entry.info = info
        entry.key = waiting.registration.key ?? entry.key
        let all = changes + [.putAgent(entry)] + admitFrameworks(of: waiting.registration, at: now)
        persist(all, then: .agentArrived(id))
        arrivals[id] = Arrival(entry: entry, waiting: waiting, isNew: waiting.registration.id == nil)
    }

    mutating func agentArrived(_ id: AgentID, at now: Instant) {
        guard let arrival = arrivals.removeValue(forKey: id) else { return }
        if arrival.isNew, arrival.waiting == nil {
            // It hung up before it heard its id, and will come as a new one.
            forgetKey(arrival.entry)
            persist([.remove(.agent(id))], then: .kept)
            return
        }
        let wasUnreachable = formerAgents.removeValue(forKey: id) != nil
        if arrival.isNew {
            counters.agentRegistrations += 1
        } else {
            counters.agentReregistrations += 1
        }
        note(
            "agent.admitted", wasUnreachable ? "An agent that was unreachable is back" : "An agent has been admitted",
            ["agent": id.text, "hostname": arrival.entry.info.address.hostname])
        var record = AgentRecord(entry: arrival.entry, isRecovered: arrival.waiting == nil)
        // One that nobody knew was forgotten, or its machine was down: its tasks were given up as well.
        record.wasUnreachable = wasUnreachable || !arrival.isNew
        record.waiting = arrival.waiting
        agents[id] = record
        if record.isRecovered { recoveredAgents += 1 }
        startPinging(id, at: now)
        takeUp(id, at: now)
    }

    /// An admitted agent registers again: its link or the master is new, or it has been configured anew.
    private mutating func reregister(_ id: AgentID, _ waiting: WaitingRegistration, at now: Instant) {
        guard let record = agents[id] else { return }
        bind(waiting.link, to: id)
        if let earlier = record.waiting, earlier.link != waiting.link { closeLink(earlier.link) }
        agents.change(id) { record in
            record.waiting = waiting
            record.reregistered = now
        }
        counters.agentReregistrations += 1
        note("agent.reregistered", "An agent registers again", ["agent": id.text])
        if record.transition == nil { takeUp(id, at: now) }
    }

    /// What was being written about the agent is; one that registered meanwhile has waited for it.
    mutating func agentChanged(_ id: AgentID, at now: Instant) {
        agents[id]?.transition = nil
        takeUp(id, at: now)
    }

    /// Joins whoever waits, once the registry knows what it said of itself.
    private mutating func takeUp(_ id: AgentID, at now: Instant) {
        guard let record = agents[id] else { return }
        if isDown(record) {
            takeDown(id, at: now)
            return
        }
        guard var waiting = record.waiting else { return }
        if !waiting.isRecorded {
            let info = waiting.registration.info(as: id)
            var changes = admitFrameworks(of: waiting.registration, at: now)
            let key = waiting.registration.key ?? record.entry.key
            if info != record.info || key != record.entry.key {
                var entry = record.entry
                entry.info = info
                entry.key = key
                changes.append(.putAgent(entry))
            }
            if !changes.isEmpty {
                waiting.isRecorded = true
                agents[id]?.waiting = waiting
                let ticket = persist(changes, then: .agentChanged(id))
                agents[id]?.transition = ticket
                return
            }
        }
        agents.change(id) { $0.waiting = nil }
        connect(id, waiting, at: now)
    }

    private mutating func bind(_ link: LinkID, to id: AgentID) { links[link] = id }

    /// Joins the link, the newest wins, and takes in what the agent brings.
    private mutating func connect(_ id: AgentID, _ waiting: WaitingRegistration, at now: Instant) {
        guard let record = agents[id] else { return }
        if let old = record.link, old != waiting.link { closeLink(old) }
        rescindOffers(of: id, at: now)
        let registration = waiting.registration
        if let key = registration.key { agentKeys[key] = id }
        if record.isRecovered { recoveredAgents -= 1 }
        agents.change(id) { $0.connect(waiting.link, registration) }
        agentLives(id)
        startPinging(id, at: now)
        emit(
            .send(
                waiting.link,
                .registered(id, pingInterval: configuration.pingInterval, pingsMissedMax: configuration.pingTimeouts)))
        adopt(registration, by: id, wasUnreachable: record.wasUnreachable, at: now)
        agentHasReturned(id, drain: registration.drain, at: now)
        refreshActivity(of: id)
        if !record.isAnnounced { announce { core in core.agentView(id).map { .agentAdded($0) } } }
    }
}

/// An agent of which the registry is being told.
struct Arrival: Sendable {
    var entry: RegisteredAgent
    /// Nil once its link has ended.
    var waiting: WaitingRegistration?
    var isNew: Bool
}
