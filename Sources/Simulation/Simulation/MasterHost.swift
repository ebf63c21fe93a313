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
    var version = RegistryVersion.initial
    /// Until then it may believe that it leads.
    private var sessionEnds = Instant.distantPast
    /// With the service that elects; another one each time it stands anew.
    private(set) var session = 0
    /// Cut off from the service that elects, and from nothing else.
    private var isIsolated = false
    var skew = Duration.zero
    var timers: [TimerID: Instant] = [:]
    var links: [LinkID: Connection] = [:]
    var streams: [StreamID: Connection] = [:]
    var calls: [CallID: Call] = [:]
    private var lastLink: UInt64 = 0
    private var lastCall: UInt64 = 0
    private var effectsDone = 0
    private var pausedUntil: Instant?
    private var paused: [MasterCore.Event] = []
    var orders: [(changes: [RegistryChange], ticket: Ticket)] = []
    /// What is being written right now.
    var writing: [RegistryChange]?
    var isRegistryBroken = false

    /// Where an answer goes.
    struct Call {
        var connection: Connection?
        /// Events of the stream that the call opens.
        var hear: ((SchedulerEvent, World) -> Void)?
        var opened: ((StreamID, World) -> Void)?
        var answered: (CallAnswer, World) -> Void
    }
    var listeners: [StreamID: (SchedulerEvent, World) -> Void] = [:]

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

    func stand(_ world: World) {
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

    func end(_ world: World) {
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

    func take(_ event: MasterCore.Event, _ world: World) {
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
}
