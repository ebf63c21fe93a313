import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import MasterCore
import OrderedCollections

/// A framework's scheduler as a careful person writes it: remembers what it asked for before it asks, acknowledges what
/// it has taken in, asks again about what it hears nothing of, and comes back when it is cut off.
final class Scheduler {
    let index: Int
    let wire = Wire()
    let roles: [RoleName]
    let isPartitionAware: Bool
    let failoverTimeout: Duration
    /// What it remembers, whatever happens to its process.
    var id: FrameworkID?
    var tasks: OrderedDictionary<TaskID, Known> = [:]
    /// Executors of its own, and where; they run until they are told to end.
    var executors: OrderedDictionary<ExecutorID, OrderedSet<AgentID>> = [:]
    var lives = 1
    var random: SeededRandom
    /// Its process, while it has a stream or tries to get one.
    private(set) var session: Session?
    private(set) var isDown = false
    var isSettling = false
    var settledAt: Instant?
    var lastName = 0
    /// Offers it holds and has not answered.
    var offers: OrderedDictionary<OfferID, Offer> = [:]
    var isSuppressed = false

    struct Known {
        var spec: TaskSpec
        var agent: AgentID
        var executor: ExecutorID?
        var state = TaskState.staging
        var isOver = false
        /// Over by the word of its agent: nothing may follow.
        var isEnded = false
        var isUnwanted = false
        var heardAt: Instant
        var askedAt: Instant
    }

    final class Session {
        let connection: Connection
        /// Other calls go here, in order.
        let calls: Connection
        var stream: StreamID?
        var isSubscribed = false
        var heardAt: Instant
        init(_ wire: Wire, at now: Instant) {
            connection = Connection(wire)
            calls = Connection(wire)
            heardAt = now
        }
    }

    init(index: Int, world: World) {
        self.index = index
        random = world.work.split()
        let names = random.pick([["web"], ["batch/etl"], ["web", "batch"], ["web/front"]]) ?? ["web"]
        roles = names.compactMap(Name.role)
        isPartitionAware = random.chance(2, outOf: 3)
        failoverTimeout = .seconds(random.pick([90, 3_000, 3_000]) ?? 3_000)
    }

    var name: String { "framework \(index)" }
    var isSubscribed: Bool { session?.isSubscribed ?? false }
    var isQuiet: Bool { isSubscribed && tasks.values.allSatisfy(\.isOver) }

    // MARK: - Life

    func start(_ world: World) {
        scheduleTick(world)
        connect(world)
    }

    func crash(_ world: World, restartsAfter delay: Duration) {
        guard !isDown else { return }
        world.say("\(name) dies")
        world.count("scheduler-crashes")
        isDown = true
        drop(world)
        world.after(delay) { world in
            self.isDown = false
            self.connect(world)
        }
    }

    private func drop(_ world: World) {
        guard let old = session else { return }
        session = nil
        offers = [:]
        old.connection.clientNotices = nil
        old.calls.clientNotices = nil
        old.connection.closeByClient(world)
        old.calls.closeByClient(world)
    }

    private func connect(_ world: World) {
        guard !isDown, session == nil else { return }
        let session = Session(wire, at: world.now)
        self.session = session
        session.connection.clientNotices = { self.lost(session, $0) }
        session.calls.clientNotices = { self.lost(session, $0) }
        let call = SchedulerCall(framework: id, .subscribe(Subscription(framework: request)))
        session.connection.send(.up, world) { world in
            guard let leader = world.leader else { return session.connection.fail(world, tellsMaster: false) }
            session.connection.host = leader
            leader.subscribe(
                call, on: session.connection, world,
                opened: { stream, _ in session.stream = stream },
                hear: { event, world in
                    guard self.session === session else { return }
                    session.heardAt = world.now
                    self.hear(event, world)
                },
                answered: { answer, world in
                    world.say("\(self.name) may not subscribe: \(answer.status)")
                    self.lost(session, world)
                })
        }
    }

    private var request: FrameworkRequest {
        var capabilities: Set<FrameworkInfo.Capability> = [
            .multiRole, .reservationRefinement, .taskKillingState, .sharedResources,
        ]
        if isPartitionAware { capabilities.insert(.partitionAware) }
        let placeholder = id ?? Name.framework("new")
        guard let placeholder else { preconditionFailure("'new' is a name") }
        let info = FrameworkInfo(
            id: placeholder, name: "f\(index)-\(lives)", roles: roles, capabilities: capabilities,
            failoverTimeout: failoverTimeout)
        return FrameworkRequest(info, isNew: id == nil)
    }

    private func lost(_ session: Session, _ world: World) {
        guard self.session === session else { return }
        world.say("\(name) is cut off")
        drop(world)
        world.after(.milliseconds(random.within(100...3_000))) { self.connect($0) }
    }

    /// Its id is of no use any more: it begins anew, without what it had.
    func abandon(_ world: World) {
        if let id {
            world.say("\(name) is over as \(id)")
            world.ledger.removed(id)
        }
        id = nil
        tasks = [:]
        executors = [:]
        lives += 1
    }

    func settle(_ world: World) {
        isSettling = true
        isSuppressed = false
    }

    // MARK: - Calls

    func call(_ action: SchedulerCall.Action, _ world: World) {
        guard let session, let stream = session.stream, let id, session.isSubscribed else { return }
        if world.happens(world.faults.lostCalls) {
            world.count("lost-calls")
            return
        }
        let call = SchedulerCall(framework: id, action)
        session.calls.send(.up, world) { world in
            guard let host = session.connection.host, host.core != nil else {
                return session.calls.fail(world, tellsMaster: false)
            }
            host.call(call, stream: stream, on: session.calls, world) { answer, world in
                guard self.session === session, answer.status >= 400 else { return }
                world.say("\(self.name): \(call.action.short) is answered \(answer.status)")
                self.lost(session, world)
            }
        }
    }

    // MARK: - Events

    private func hear(_ event: SchedulerEvent, _ world: World) {
        if case .heartbeat = event { return }
        world.say("\(name) hears \(event.short)")
        switch event {
        case .subscribed(let id, _, _): subscribed(id, world)
        case .offers(let offers): for offer in offers { offered(offer, world) }
        case .rescind(let id): offers[id] = nil
        case .update(let update): hear(update, world)
        case .updateOperation(let status):
            guard let id = status.id, let operation = status.operation else { return }
            call(.acknowledgeOperation(id, SchedulerCall.OperationOfAgent(operation: operation, agent: status.agent)),
                world)
        case .inverseOffers(let offers):
            let ids = offers.map(\.id)
            call(random.chance(1, outOf: 2)
                ? .acceptInverseOffers(ids, filter: .standard) : .declineInverseOffers(ids, filter: .standard), world)
        case .error(let why):
            guard let session else { return }
            if why.contains("removed") { abandon(world) }
            lost(session, world)
        case .unfitTask, .unfitOperation, .rescindInverseOffer, .message, .agentLost, .executorLost, .heartbeat: break
        }
    }

    private func subscribed(_ id: FrameworkID, _ world: World) {
        self.id = id
        session?.isSubscribed = true
        isSuppressed = false
        world.count("subscriptions")
        // What it waits to hear of, it asks about.
        reconcile(world, silentFor: .zero)
    }

    func reconcile(_ world: World, silentFor silence: Duration) {
        var asked: [SchedulerCall.TaskOfAgent] = []
        for (task, known) in tasks where !known.isOver && world.now - known.heardAt >= silence {
            asked.append(SchedulerCall.TaskOfAgent(task: task, agent: known.agent))
            tasks[task]?.heardAt = world.now
        }
        if !asked.isEmpty { call(.reconcile(asked), world) }
    }

    private func hear(_ update: StatusUpdate, _ world: World) {
        world.ledger.heard(update, world)
        if var known = tasks[update.task] {
            known.heardAt = world.now
            let isOver = update.state.isTerminal || update.state == .goneByOperator || update.state == .unknown
            if known.isEnded, !isOver {
                let (now, before) = (update.state.rawValue, known.state.rawValue)
                world.violate(.trueEnds, "task \(update.task) is \(now) after \(before)")
            }
            known.state = update.state
            known.isOver = isOver || known.isEnded
            if isOver, update.id != nil { known.isEnded = true }
            if isOver, update.id != nil { world.count("ends") }
            tasks[update.task] = known
        }
        guard let id = update.id, let agent = update.agent else { return }
        let session = session
        world.after(.milliseconds(random.pick([0, 1, 300]) ?? 0)) { world in
            guard self.session === session else { return }
            self.call(.acknowledge(id, task: update.task, agent: agent), world)
        }
    }

    // MARK: - Every now and then

    private func scheduleTick(_ world: World) {
        world.after(.milliseconds(random.within(2_000...6_000))) { world in
            self.tick(world)
            self.scheduleTick(world)
        }
    }

    private func tick(_ world: World) {
        guard !isDown, let session else { return }
        if world.now - session.heardAt > .seconds(50) {
            world.say("\(name) hears nothing")
            lost(session, world)
            return
        }
        guard session.isSubscribed else { return }
        for (task, known) in tasks where known.isUnwanted && !known.isOver {
            guard world.now - known.askedAt > .seconds(12) else { continue }
            tasks[task]?.askedAt = world.now
            call(.kill(SchedulerCall.TaskOfAgent(task: task, agent: known.agent), gracePeriod: nil), world)
        }
        if isSettling, random.chance(1, outOf: 6) { call(.reconcile([]), world) }
        reconcile(world, silentFor: isSettling ? .seconds(25) : .seconds(60))
        if isSettling { settleOn(world) } else { act(world) }
    }
}

