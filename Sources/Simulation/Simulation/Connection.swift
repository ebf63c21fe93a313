import Determinism

/// How a machine, or a scheduler's host, is joined with the master's.
final class Wire {
    /// Nothing gets through; what is sent waits, as TCP has it.
    private(set) var isCut = false
    private var connections: [Connection] = []
    private var waiting: [Agenda.Action] = []

    func add(_ connection: Connection) {
        connections.removeAll { $0.isOver }
        connections.append(connection)
    }

    func cut() { isCut = true }

    func heal(_ world: World) {
        guard isCut else { return }
        isCut = false
        for connection in connections { connection.release(world) }
        let due = waiting
        waiting = []
        for action in due { world.after(world.delay(), action) }
    }

    /// Does it now or, while the wire is cut, when it is healed.
    func whenWhole(_ world: World, _ action: @escaping Agenda.Action) {
        if isCut { waiting.append(action) } else { action(world) }
    }

    /// Nothing is sent any more, and nobody waits for anything.
    func dismantle() {
        for connection in connections { connection.dismantle() }
        connections = []
        waiting = []
    }

    /// One of them, whichever the draw hits.
    func someConnection(_ random: inout SeededRandom) -> Connection? {
        connections.removeAll { $0.isOver }
        return random.pick(connections)
    }
}

/// One connection to the master. What is sent one way arrives in order or not at all, and after one loss nothing more
/// arrives.
final class Connection {
    enum Way { case up, down }
    private struct Lane {
        var ready = Instant.distantPast
        /// On their way, in order: whatever arrives is the first of them.
        var queue: [Agenda.Action] = []
        /// So many of them are there already, and wait for the wire to be whole.
        var held = 0
    }
    private let wire: Wire
    private var up = Lane()
    private var down = Lane()
    private var isBroken = false
    private var isClosedByClient = false
    private var isClosedByMaster = false
    /// What each side does when it notices that the other is not there any more. Each at most once.
    var clientNotices: Agenda.Action?
    var masterNotices: Agenda.Action?

    /// The machine whose agent it is; nil: a scheduler's.
    let machine: Int?
    /// The master it has reached.
    weak var host: MasterHost?

    init(_ wire: Wire, machine: Int? = nil) {
        self.wire = wire
        self.machine = machine
        wire.add(self)
    }

    var isOver: Bool { isBroken || (isClosedByClient && isClosedByMaster) }

    func send(_ way: Way, _ world: World, _ action: @escaping Agenda.Action) {
        guard !isBroken, !(way == .up ? isClosedByClient : isClosedByMaster) else { return }
        enqueue(way, world, action)
    }

    private func enqueue(_ way: Way, _ world: World, _ action: @escaping Agenda.Action) {
        if way == .up { up.queue.append(action) } else { down.queue.append(action) }
        travel(way, world)
    }

    /// One more of the queue is there after a while.
    private func travel(_ way: Way, _ world: World) {
        let arrival = max(world.now + world.delay(), way == .up ? up.ready : down.ready)
        if way == .up { up.ready = arrival } else { down.ready = arrival }
        world.at(arrival) { self.arrive(way, $0) }
    }

    private func arrive(_ way: Way, _ world: World) {
        guard !isBroken else { return }
        switch way {
        case .up:
            if wire.isCut { up.held += 1 } else { up.queue.removeFirst()(world) }
        case .down:
            guard !wire.isCut else {
                down.held += 1
                return
            }
            let action = down.queue.removeFirst()
            if !isClosedByClient { action(world) }
        }
    }

    func release(_ world: World) {
        let (rising, falling) = (up.held, down.held)
        up.held = 0
        down.held = 0
        for _ in 0..<rising { travel(.up, world) }
        for _ in 0..<falling { travel(.down, world) }
    }

    /// The client lets go: what it has sent may still arrive.
    func closeByClient(_ world: World) {
        guard !isBroken, !isClosedByClient else { return }
        if world.network.chance(1, outOf: 2) {
            fail(world, tellsClient: false)
            return
        }
        isClosedByClient = true
        clientNotices = nil
        enqueue(.up, world) { self.noticeAtMaster($0) }
    }

    /// The master ends it after what it has sent.
    func closeByMaster(_ world: World) {
        guard !isBroken, !isClosedByMaster else { return }
        isClosedByMaster = true
        masterNotices = nil
        enqueue(.down, world) { self.noticeAtClient($0) }
    }

    /// It is lost, with everything on its way. Each side notices by itself.
    func fail(_ world: World, tellsClient: Bool = true, tellsMaster: Bool = true) {
        guard !isBroken else { return }
        isBroken = true
        up = Lane()
        down = Lane()
        if !tellsClient { clientNotices = nil }
        if !tellsMaster { masterNotices = nil }
        world.after(world.delay()) { self.wire.whenWhole($0) { self.noticeAtClient($0) } }
        world.after(world.delay()) { self.wire.whenWhole($0) { self.noticeAtMaster($0) } }
    }

    func dismantle() {
        up = Lane()
        down = Lane()
        clientNotices = nil
        masterNotices = nil
    }

    private func noticeAtClient(_ world: World) {
        let action = clientNotices
        clientNotices = nil
        action?(world)
    }

    private func noticeAtMaster(_ world: World) {
        let action = masterNotices
        masterNotices = nil
        action?(world)
    }
}
