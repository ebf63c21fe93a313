import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import MasterCore

/// A master's machine: its process, when it runs, and the shell around the core as the real driver is. The core is
/// there while it leads.
final class MasterHost {
    let index: Int
    private(set) var core: MasterCore?
    /// Changes with each start and each end: what was meant for an earlier life does not reach this one.
    private(set) var life = 0
    private(set) var isUp = false
    /// Which of all the masters there have been it is, while it leads.
    private(set) var term = 0
    /// What it has read or written last.
    private var version = RegistryVersion.initial
    /// Until then it may believe that it leads.
    private var sessionEnds = Instant.distantPast
    /// With the service that elects; another one each time it stands anew.
    private(set) var session = 0
    /// Cut off from the service that elects, and from nothing else.
    private var isIsolated = false
    private var skew = Duration.zero
    private var timers: [TimerID: Instant] = [:]
    private var links: [LinkID: Connection] = [:]
    private var streams: [StreamID: Connection] = [:]
    private var calls: [CallID: Call] = [:]
    private var lastLink: UInt64 = 0
    private var lastCall: UInt64 = 0
    private var effectsDone = 0
    private var pausedUntil: Instant?
    private var paused: [MasterCore.Event] = []
    private var orders: [(changes: [RegistryChange], ticket: Ticket)] = []
    /// What is being written right now.
    private var writing: [RegistryChange]?
    private var isRegistryBroken = false

    /// Where an answer goes.
    private struct Call {
        var connection: Connection?
        /// Events of the stream that the call opens.
        var hear: ((SchedulerEvent, World) -> Void)?
        var opened: ((StreamID, World) -> Void)?
        var answered: (CallAnswer, World) -> Void
    }
    private var listeners: [StreamID: (SchedulerEvent, World) -> Void] = [:]

    init(index: Int) { self.index = index }

    var isIdle: Bool { core != nil && orders.isEmpty && writing == nil && paused.isEmpty }

    // MARK: - Life

    func start(_ world: World) {
        guard !isUp else { return }
        isUp = true
        life += 1
        let skewMax = Int(world.faults.skew.saturatingNanoseconds)
        skew = .nanoseconds(world.chance.within(-skewMax...skewMax))
        world.say("master \(index) starts")
        stand(world)
    }

    private func stand(_ world: World) {
        session = world.elections.newSession()
        renew(life, world)
    }

    /// Keeps its session with the service that elects, as long as it lives.
    private func renew(_ life: Int, _ world: World) {
        guard isUp, self.life == life else { return }
        let isHeard = !isIsolated && !(pausedUntil.map { $0 > world.now } ?? false)
        if isHeard {
            // A session that was lost before this is not had back.
            if sessionEnds > .distantPast, !world.elections.has(self, at: world.now) {
                lose(world)
                return
            }
            sessionEnds = world.elections.renew(self, world)
        } else if core != nil, world.now >= sessionEnds, isIsolated, pausedUntil == nil {
            lose(world)
            return
        }
        if world.masters.count > 1 { world.after(SimulatedElection.renewalInterval) { self.renew(life, $0) } }
    }

    func elected(_ world: World) {
        guard isUp, core == nil else { return }
        term = world.nextTerm()
        guard let (snapshot, version) = world.registry.takeOver(by: self, world) else {
            world.say("master \(index) cannot take the registry over")
            standAgain(world)
            return
        }
        self.version = version
        var configuration = MasterConfiguration(
            master: MasterInfo(
                id: "m\(term)", address: NetworkAddress(hostname: "master", address: "10.0.0.1", port: 5050),
                version: "1.11.0"))
        configuration.seed = world.chance.next()
        configuration.offerTimeout = .seconds(60)
        configuration.agentReturnWindow = .seconds(120)
        configuration.agentRemovalInterval = term % 2 == 0 ? .seconds(20) : .zero
        core = MasterCore(configuration, registry: snapshot)
        world.say("master \(index) leads as m\(term)")
        world.count("masters")
        if world.masters.count(where: { $0.core != nil }) > 1 { world.count("leaders-at-once") }
        take(.started, world)
    }

    /// kill -9.
    func kill(_ world: World, restartsAfter delay: Duration) {
        guard isUp else { return }
        world.say("master \(index) dies")
        world.count("master-kills")
        end(world)
        isUp = false
        world.after(delay) { self.start($0) }
    }

    /// Its session is over: it stops at once, tells nobody anything, and stands again.
    private func lose(_ world: World) {
        world.say("master \(index) leads no more")
        world.count("lost-sessions-noticed")
        end(world)
        stand(world)
    }

    func isolate(_ world: World, for duration: Duration) {
        guard !isIsolated else { return }
        world.say("master \(index) is cut off from the service that elects")
        world.count("isolations")
        isIsolated = true
        world.after(duration) { _ in self.isIsolated = false }
    }

    func heal() { isIsolated = false }

    private func end(_ world: World) {
        core = nil
        life += 1
        sessionEnds = .distantPast
        if let writing { world.registry.cut(writing, on: version, by: self, world) }
        let open = links.sorted { $0.key < $1.key }.map(\.value) + streams.sorted { $0.key < $1.key }.map(\.value)
            + calls.sorted { $0.key < $1.key }.compactMap(\.value.connection)
        timers = [:]
        links = [:]
        streams = [:]
        calls = [:]
        listeners = [:]
        orders = []
        paused = []
        pausedUntil = nil
        writing = nil
        isRegistryBroken = false
        for connection in open { connection.fail(world, tellsMaster: false) }
    }

    /// Stands still, and does everything late.
    func pause(_ world: World, for duration: Duration) {
        guard isUp else { return }
        world.say("master \(index) stands still for \(duration)")
        let until = max(pausedUntil ?? world.now, world.now + duration)
        pausedUntil = until
        let life = life
        world.at(until) { world in
            guard self.life == life, self.pausedUntil == until else { return }
            self.pausedUntil = nil
            let due = self.paused
            self.paused = []
            for event in due where self.life == life { self.take(event, world) }
        }
    }

    // MARK: - From outside

    func openLink(_ connection: Connection, _ registration: AgentRegistration, _ world: World) {
        lastLink += 1
        let link = LinkID(lastLink)
        links[link] = connection
        let life = life
        connection.masterNotices = { world in
            guard self.life == life else { return }
            self.links[link] = nil
            self.take(.linkClosed(link), world)
        }
        world.say("link \(link.number): registers as \(registration.id?.text ?? "new")")
        take(.agent(link, principal: nil, .register(registration)), world)
    }

    /// The link's name for later messages: the latest one opened on the connection.
    func deliver(_ message: AgentMessage, on connection: Connection, _ world: World) {
        guard let link = links.first(where: { $0.value === connection })?.key else { return }
        take(.agent(link, principal: nil, message), world)
    }

    func subscribe(
        _ call: SchedulerCall, on connection: Connection, _ world: World,
        opened: @escaping (StreamID, World) -> Void, hear: @escaping (SchedulerEvent, World) -> Void,
        answered: @escaping (CallAnswer, World) -> Void
    ) {
        lastCall += 1
        let id = CallID(lastCall)
        calls[id] = Call(connection: connection, hear: hear, opened: opened, answered: answered)
        take(.scheduler(id, stream: nil, principal: nil, call), world)
    }

    func call(
        _ call: SchedulerCall, stream: StreamID, on connection: Connection, _ world: World,
        answered: @escaping (CallAnswer, World) -> Void
    ) {
        lastCall += 1
        let id = CallID(lastCall)
        calls[id] = Call(connection: connection, answered: answered)
        // A name that another master gave out means nothing here.
        let known = streams[stream] != nil ? stream : .foreign
        take(.scheduler(id, stream: known, principal: nil, call), world)
    }

    /// An operator's, over a connection of its own that does not fail.
    func operate(_ change: OperatorChange, _ world: World, answered: @escaping (CallAnswer, World) -> Void) {
        guard core != nil else { return }
        lastCall += 1
        let id = CallID(lastCall)
        calls[id] = Call(connection: nil, answered: answered)
        take(.operator(id, principal: nil, .change(change)), world)
    }

    private func take(_ event: MasterCore.Event, _ world: World) {
        guard core != nil else { return }
        if let pausedUntil, pausedUntil > world.now {
            paused.append(event)
            return
        }
        // What a leader does after its session is over, another may have decided otherwise.
        if world.now >= sessionEnds {
            lose(world)
            return
        }
        let life = life
        let effects = core?.handle(event, at: world.now + skew) ?? []
        for effect in effects {
            guard self.life == life else { return }
            effectsDone += 1
            if let crash = world.plan.crash, crash.victim == .master, index == 0, crash.effect == effectsDone {
                if crash.isAfter { perform(effect, world) }
                kill(world, restartsAfter: .seconds(2))
                return
            }
            perform(effect, world)
        }
        if self.life == life, let core { world.check(core) }
    }

    // MARK: - Effects

    private func perform(_ effect: MasterCore.Effect, _ world: World) {
        switch effect {
        case .persist(let changes, let ticket):
            orders.append((changes, ticket))
            write(world)
        case .openStream(let call, let stream): open(stream, for: call, world)
        case .answer(let call, let answer): self.answer(call, answer, world)
        case .publish(let stream, let event, _): publish(event, on: stream, world)
        case .introduce, .announce: break
        case .closeStream(let stream):
            listeners[stream] = nil
            streams.removeValue(forKey: stream)?.closeByMaster(world)
        case .send(let link, let message): send(message, on: link, world)
        case .closeLink(let link): links.removeValue(forKey: link)?.closeByMaster(world)
        case .setTimer(let timer, let instant): set(timer, at: instant, world)
        case .cancelTimer(let timer): timers[timer] = nil
        case .note(let note): if note.level != .info { world.say("master: \(note.name)") }
        case .stepDown(let failure):
            world.say("master \(index) steps down: \(failure.code.rawValue)")
            world.count("step-downs")
            standAgain(world)
        }
    }

    /// As a process that has ended and is started anew.
    private func standAgain(_ world: World) {
        world.elections.resign(self, world)
        end(world)
        let life = life
        world.after(.seconds(2)) { world in
            if self.isUp, self.life == life { self.stand(world) }
        }
    }

    private func set(_ timer: TimerID, at instant: Instant, _ world: World) {
        timers[timer] = instant
        let life = life
        world.at(instant - skew) { world in
            guard self.life == life, self.timers[timer] == instant else { return }
            self.timers[timer] = nil
            self.take(.timer(timer), world)
        }
    }

    private func open(_ stream: StreamID, for id: CallID, _ world: World) {
        guard let call = calls.removeValue(forKey: id), let connection = call.connection else { return }
        streams[stream] = connection
        listeners[stream] = call.hear
        let life = life
        connection.masterNotices = { world in
            guard self.life == life else { return }
            self.streams[stream] = nil
            self.listeners[stream] = nil
            self.take(.streamClosed(stream), world)
        }
        connection.send(.down, world) { call.opened?(stream, $0) }
    }

    private func answer(_ id: CallID, _ answer: CallAnswer, _ world: World) {
        guard let call = calls.removeValue(forKey: id) else { return }
        if let connection = call.connection {
            connection.send(.down, world) { call.answered(answer, $0) }
        } else {
            world.after(world.delay()) { call.answered(answer, $0) }
        }
    }

    private func publish(_ event: SchedulerEvent, on stream: StreamID, _ world: World) {
        guard let connection = streams[stream], let hear = listeners[stream] else { return }
        if case .subscribed(let framework, _, _) = event {
            let entry = world.registry.durable.frameworks[framework]
            if entry == nil || entry?.removed != nil {
                world.violate(.durability, "framework \(framework) is subscribed, and the registry has not got it")
            }
        }
        connection.send(.down, world) { hear(event, $0) }
    }

    private func send(_ message: MasterMessage, on link: LinkID, _ world: World) {
        guard let connection = links[link], let machine = world.machine(on: connection) else { return }
        world.say("master to agent \(machine.index): \(message.short)")
        if case .registered(let id, _, _) = message, world.registry.durable.agents[id]?.standing != .registered {
            world.violate(.durability, "agent \(id) is admitted, and the registry has not got it")
        }
        if case .acknowledge = message, world.has(.dropsAcknowledgements) { return }
        connection.send(.down, world) { machine.hear(message, on: connection, $0) }
    }

    // MARK: - Registry

    /// One write at a time; what came together goes together.
    private func write(_ world: World) {
        guard writing == nil, !orders.isEmpty else { return }
        let batch = orders
        let changes = batch.flatMap(\.changes)
        writing = changes
        if dies(world) { return kill(world, restartsAfter: .seconds(5)) }
        let life = life
        world.after(world.writeTime()) { world in
            guard self.life == life else { return }
            self.orders.removeFirst(batch.count)
            self.writing = nil
            let failure = self.isRegistryBroken ? SimulatedRegistry.broken : self.apply(changes, world)
            if failure != nil { self.isRegistryBroken = true }
            for order in batch where self.life == life {
                self.take(failure.map { .storeFailed(order.ticket, $0) } ?? .stored(order.ticket), world)
            }
            if self.life == life { self.write(world) }
        }
    }

    /// Planted with `onlyReads`: it takes a write that is late for the mistake to show, and these are rare.
    private func dies(_ world: World) -> Bool {
        world.has(.onlyReads) && world.masters.count > 1 && world.act == .safety && world.election.chance(1, outOf: 8)
    }

    /// Nil: written.
    private func apply(_ changes: [RegistryChange], _ world: World) -> Failure? {
        do throws(Failure) {
            switch try world.registry.apply(changes, expecting: version, by: self, world) {
            case .applied(let next): version = next
            case .overtaken(let other): return SimulatedRegistry.overtaken(version, other)
            }
        } catch { return error }
        return nil
    }
}
