import Determinism
import OrderedCollections

/// What a `ScriptedMaster` knows: a cluster with one framework.
struct ScriptedCluster: Sendable {
    enum Item: Sendable {
        case record([UInt8])
        case failure(Failure)
    }
    struct Connection: Sendable {
        let number: Int
        let framework: FrameworkID
        let items: AsyncStream<Item>
        let feed: AsyncStream<Item>.Continuation
    }
    struct RunningTask: Sendable {
        let spec: TaskSpec
        /// What was said last; nil: nothing yet.
        var state: TaskState?
        var upcoming: [TaskState]
        var unacknowledged: StatusUpdate?
        var isFreed = false
    }

    let conduct: ScriptedMaster.Conduct
    private let agents: [ScriptedMaster.Agent]
    private(set) var calls: [SchedulerCall] = []
    private(set) var tasks: OrderedDictionary<TaskID, RunningTask> = [:]
    private(set) var subscriptions = 0
    private(set) var session: Connection?
    var refusal: Failure?
    private var framework: FrameworkID?
    private var capabilities: Set<FrameworkInfo.Capability> = []
    private var role = RoleName.anyone
    private var free: OrderedDictionary<AgentID, Resources> = [:]
    private var offered: OrderedDictionary<OfferID, Offer> = [:]
    /// Agents whose rest the framework does not want for now.
    private var refused: Set<AgentID> = []
    private var isSuppressed = false
    private var lastOffer = 0
    private var lastUpdate: UInt64 = 0

    init(agents: [ScriptedMaster.Agent], conduct: @escaping ScriptedMaster.Conduct) {
        self.agents = agents
        self.conduct = conduct
        for agent in agents { free[agent.id] = Resources(agent.resources) }
    }

    private(set) var launched: [TaskSpec] = []
    var unacknowledged: [StatusUpdate] { tasks.values.compactMap(\.unacknowledged) }

    // MARK: - Subscriptions

    mutating func subscribe(_ call: SchedulerCall) throws(Failure) -> Connection {
        calls.append(call)
        if let refusal { throw refusal }
        guard case .subscribe(let subscription) = call.action else { throw Self.invalid("it is no SUBSCRIBE") }
        let fresh = try FrameworkID("framework-1")
        let id = subscription.framework.id ?? framework ?? fresh
        if session != nil {
            send(.error("Framework failed over"))
            session?.feed.finish()
        }
        framework = id
        capabilities = subscription.framework.capabilities
        role = subscription.framework.roles.first ?? .anyone
        subscriptions += 1
        let (items, feed) = AsyncStream.makeStream(of: Item.self)
        let connection = Connection(number: subscriptions, framework: id, items: items, feed: feed)
        session = connection
        returnOffers()
        send(.subscribed(id, heartbeat: .seconds(15), master: Self.master))
        for update in unacknowledged { send(.update(update)) }
        makeOffers()
        return connection
    }

    private static let master = MasterInfo(
        id: "scripted", address: NetworkAddress(hostname: "localhost", address: "127.0.0.1", port: 5_050),
        version: "1.0.0")

    mutating func disconnect(_ failure: Failure) {
        session?.feed.yield(.failure(failure))
        end()
    }

    mutating func leave(_ number: Int) {
        if session?.number == number { end() }
    }

    private mutating func end() {
        session?.feed.finish()
        session = nil
        returnOffers()
    }

    /// What was offered over a connection that is gone is free again.
    private mutating func returnOffers() {
        for offer in offered.values { giveBack(Resources(offer.resources), on: offer.agent) }
        offered = [:]
        refused = []
    }

    func send(_ event: SchedulerEvent) {
        let value = event.value(for: capabilities)
        session?.feed.yield(.record(WireCodec.encode(value, as: SchedulerEvent.messageName, .json)))
    }

    // MARK: - Calls

    mutating func take(_ call: SchedulerCall, on number: Int) throws(Failure) {
        guard session?.number == number else { throw ScriptedMaster.gone }
        guard call.framework == framework else { throw Self.invalid("the framework is another") }
        calls.append(call)
        switch call.action {
        case .accept(let offers, let operations, let filter): try accept(offers, operations, filter)
        case .decline(let offers, let filter):
            for offer in offers { giveBack(answered: offer, filter) }
            makeOffers()
        case .suppress: isSuppressed = true
        case .revive:
            isSuppressed = false
            refused = []
            makeOffers()
        case .kill(let task, _): kill(task.task)
        case .acknowledge(let id, let task, _): acknowledge(id, task)
        case .reconcile(let asked):
            for task in asked.isEmpty ? Array(tasks.keys) : asked.map(\.task) {
                reconcile(task, isAsked: !asked.isEmpty)
            }
        case .teardown: tearDown()
        case .subscribe: throw Self.invalid("a subscription needs a connection of its own")
        default: break
        }
    }

    private mutating func tearDown() {
        for (id, task) in tasks where task.state?.isTerminal != true {
            tasks[id]?.state = .killed
            tasks[id]?.upcoming = []
        }
        for id in tasks.keys { tasks[id]?.unacknowledged = nil }
        for agent in agents { free[agent.id] = Resources(agent.resources) }
        offered = [:]
        framework = nil
        end()
    }

    private static func invalid(_ cause: String) -> Failure {
        Failure("client.refused", doing: "have the master do this", cause: cause, remedy: "correct the call")
    }

    // MARK: - Offers

    mutating func offer(_ agent: ScriptedMaster.Agent) throws(Failure) -> OfferID {
        try add(agent.id, Resources(agent.resources), agent.attributes)
    }

    mutating func rescind(_ offer: OfferID) {
        guard let gone = offered.removeValue(forKey: offer) else { return }
        giveBack(Resources(gone.resources), on: gone.agent)
        send(.rescind(offer))
    }

    private mutating func makeOffers() {
        guard session != nil, !isSuppressed else { return }
        for agent in agents {
            guard let rest = free[agent.id], !rest.isEmpty, !refused.contains(agent.id) else { continue }
            free[agent.id] = Resources.none
            do throws(Failure) {
                _ = try add(agent.id, rest, agent.attributes)
            } catch {
                send(.error(error.description))
            }
        }
    }

    private mutating func add(
        _ agent: AgentID, _ resources: Resources, _ attributes: [Attribute]
    ) throws(Failure) -> OfferID {
        guard let framework else { throw ScriptedMaster.gone }
        lastOffer += 1
        let offer = Offer(
            id: try OfferID("offer-\(lastOffer)"), framework: framework, agent: agent, role: role,
            address: NetworkAddress(hostname: agent.text, address: "127.0.0.1", port: 5_051),
            resources: Array(resources.allocated(to: role)), attributes: attributes)
        offered[offer.id] = offer
        send(.offers([offer]))
        return offer.id
    }

    private mutating func giveBack(answered id: OfferID, _ filter: OfferFilter) {
        guard let offer = offered.removeValue(forKey: id) else { return }
        if filter.refuseFor > .zero { refused.insert(offer.agent) }
        giveBack(Resources(offer.resources), on: offer.agent)
    }

    /// Resources of agents that only a test's own offer has named are nobody's.
    private mutating func giveBack(_ resources: Resources, on agent: AgentID) {
        if let rest = free[agent] { free[agent] = rest + resources.unallocated() }
    }

    private mutating func accept(
        _ ids: [OfferID], _ operations: [OfferOperation], _ filter: OfferFilter
    ) throws(Failure) {
        var rest = Resources()
        var agents: OrderedSet<AgentID> = []
        var isValid = !ids.isEmpty
        for id in ids {
            guard let offer = offered.removeValue(forKey: id) else {
                isValid = false
                continue
            }
            agents.append(offer.agent)
            rest += Resources(offer.resources)
        }
        isValid = isValid && agents.count == 1
        for operation in operations {
            for task in operation.launched {
                launch(task, from: &rest, isValid: isValid && agents.contains(task.agent))
            }
            guard case .change = operation.action, let id = operation.id else { continue }
            send(.updateOperation(OperationStatus(operation: id, state: isValid ? .finished : .dropped)))
        }
        if let agent = agents.first {
            if filter.refuseFor > .zero { refused.insert(agent) }
            giveBack(rest, on: agent)
        }
        makeOffers()
    }
}

// MARK: - Tasks

extension ScriptedCluster {
    private mutating func launch(_ task: TaskSpec, from rest: inout Resources, isValid: Bool) {
        let wanted = Resources(task.resources)
        if !isValid {
            report(task.id, .dropped, .invalidOffers, "the offer is not valid any more", agent: task.agent)
        } else if tasks[task.id] != nil {
            report(task.id, .error, .taskInvalid, "the task id has been used before", agent: task.agent)
        } else if !rest.contains(wanted) {
            report(task.id, .error, .taskInvalid, "it wants \(wanted) of \(rest)", agent: task.agent)
        } else {
            rest -= wanted
            launched.append(task)
            tasks[task.id] = RunningTask(spec: task, upcoming: [])
            next(task.id, conduct(task))
        }
    }

    /// Said by the master itself: nobody waits for an acknowledgement.
    private func report(
        _ task: TaskID, _ state: TaskState, _ reason: StatusReason, _ message: String, agent: AgentID?
    ) {
        guard let framework else { return }
        send(
            .update(
                StatusUpdate(
                    framework: framework, task: task, state: state, source: .master, reason: reason, message: message,
                    agent: agent, at: .epoch)))
    }

    mutating func next(_ task: TaskID, _ states: [TaskState]) {
        tasks[task]?.upcoming += states
        advance(task)
    }

    /// Says what is next when what was said before has been acknowledged.
    private mutating func advance(_ id: TaskID) {
        guard let framework, var task = tasks[id], task.unacknowledged == nil, !task.upcoming.isEmpty,
            task.state?.isTerminal != true
        else { return }
        let state = task.upcoming.removeFirst()
        lastUpdate += 1
        let update = StatusUpdate(
            framework: framework, task: id, state: state, source: .executor, agent: task.spec.agent,
            at: .epoch + .seconds(Int64(lastUpdate)), id: UpdateID(high: 0, low: lastUpdate))
        task.state = state
        task.unacknowledged = update
        tasks[id] = task
        send(.update(update))
    }

    private mutating func acknowledge(_ id: UpdateID, _ name: TaskID) {
        guard let task = tasks[name], task.unacknowledged?.id == id else { return }
        tasks[name]?.unacknowledged = nil
        guard task.state?.isTerminal == true else { return advance(name) }
        guard !task.isFreed else { return }
        tasks[name]?.isFreed = true
        refused.remove(task.spec.agent)
        giveBack(Resources(task.spec.resources), on: task.spec.agent)
        makeOffers()
    }

    private mutating func kill(_ task: TaskID) {
        guard let known = tasks[task] else { return reconcile(task, isAsked: true) }
        guard known.state?.isTerminal != true else { return }
        tasks[task]?.upcoming = [.killed]
        advance(task)
    }

    private func reconcile(_ name: TaskID, isAsked: Bool) {
        guard let task = tasks[name] else {
            return report(name, .unknown, .reconciliation, "Reconciliation: the task is not known", agent: nil)
        }
        guard isAsked || task.state?.isTerminal != true else { return }
        report(
            name, task.state ?? .staging, .reconciliation, "Reconciliation: latest task state", agent: task.spec.agent)
    }
}

extension OfferOperation {
    fileprivate var launched: [TaskSpec] {
        switch action {
        case .launch(let tasks), .launchGroup(_, let tasks): tasks
        case .change, .unfit: []
        }
    }
}
