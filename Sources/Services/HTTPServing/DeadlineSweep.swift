import NIOCore
import Synchronization

/// Rings connections whose time is up: one timer for all of an event loop. A timer of its own for each would be put
/// into the loop's heap, and taken out of it, with every request, and the heap be as large as there are connections.
///
/// Lives on its event loop.
final class DeadlineSweep {
    /// So often at most, however many deadlines there are. Nothing that is bounded here is bounded more exactly.
    static let interval = TimeAmount.milliseconds(20)

    private let loop: any EventLoop
    private var members: [Connection] = []
    private var next: (at: NIODeadline, task: Scheduled<Void>)?

    init(loop: any EventLoop) { self.loop = loop }

    /// Those that wait for something.
    var count: Int { members.count }

    /// Rings `connection` soon after `time`, unless it waits for nothing then.
    func add(_ connection: Connection, at time: NIODeadline) {
        if connection.placeInSweep == nil {
            connection.placeInSweep = members.count
            members.append(connection)
        }
        arm(at: time)
    }

    /// Idempotent.
    func remove(_ connection: Connection) {
        guard let place = connection.placeInSweep else { return }
        connection.placeInSweep = nil
        let last = members.removeLast()
        guard last !== connection else { return }
        members[place] = last
        last.placeInSweep = place
    }

    private func arm(at time: NIODeadline) {
        if let next {
            guard time < next.at else { return }
            next.task.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        next = (time, loop.scheduleTask(deadline: time) { bound.value.ring() })
    }

    private func ring() {
        next = nil
        let now = NIODeadline.now()
        var due: [Connection] = []
        var idle: [Connection] = []
        var soonest: NIODeadline?
        for connection in members {
            guard let time = connection.nextLook else {
                idle.append(connection)
                continue
            }
            if time <= now { due.append(connection) } else { soonest = min(soonest ?? time, time) }
        }
        for connection in idle + due { remove(connection) }
        if let soonest { arm(at: max(soonest, now + DeadlineSweep.interval)) }
        for connection in due { connection.timeIsUp(at: now) }
    }
}

/// The sweeps of one server, by event loop.
final class DeadlineSweeps: Sendable {
    private let sweeps = Mutex<[ObjectIdentifier: NIOLoopBound<DeadlineSweep>]>([:])

    /// To be asked for on `loop`.
    func sweep(of loop: any EventLoop) -> DeadlineSweep {
        sweeps.withLock { sweeps in
            if let known = sweeps[ObjectIdentifier(loop)] { return known }
            let sweep = NIOLoopBound(DeadlineSweep(loop: loop), eventLoop: loop)
            sweeps[ObjectIdentifier(loop)] = sweep
            return sweep
        }.value
    }
}
