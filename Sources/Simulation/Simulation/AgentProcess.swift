import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// One life of an agent: its core, and the shell around it as the real driver is.
final class AgentProcess {
    let machine: AgentMachine
    private(set) var core: Agent
    private(set) var isAlive = true
    private(set) var connection: Connection?
    private var timers: Set<TimerID> = []
    private var launching: [ContainerID: ContainerLaunch] = [:]
    private var doors: Set<ContainerID> = []
    private var executorStreams: [Agent.StreamID: ExecutorProgram] = [:]
    private var lastStream: UInt64 = 0
    /// Writes given to the disk and not answered; how many failures the core had heard of when each was ordered.
    private var writes: [(ticket: Agent.Ticket, epoch: Int)] = []
    private var isWriting = false
    private var failures = 0
    private var failedEpoch = -1
    private var pausedUntil: Instant?
    private var paused: [(event: AgentEvent, connection: Connection?)] = []

    init(_ machine: AgentMachine, seed: UInt64) {
        self.machine = machine
        // Of the same draw, so that other draws stay as they are.
        var random = SeededRandom(seed: ~seed)
        core = Agent(machine.configuration, seed: seed, key: AgentKey(using: &random))
    }

    var isIdle: Bool { writes.isEmpty && paused.isEmpty && launching.isEmpty }

    /// `connection`: where it came in; what comes from one that has been replaced does not count.
    func take(_ event: AgentEvent, on source: Connection? = nil, _ world: World) {
        guard isAlive else { return }
        if let pausedUntil, pausedUntil > world.now {
            paused.append((event, source))
            return
        }
        if let source, source !== connection { return }
        if case .storeFailed = event { failures += 1 }
        let effects = core.handle(event, at: world.now + machine.skew)
        for effect in effects {
            guard isAlive else { return }
            machine.effectsDone += 1
            if let crash = world.plan.crash, machine.index == 0, crash.effect == machine.effectsDone {
                switch crash.victim {
                case .agent:
                    if crash.isAfter { perform(effect, world) }
                    machine.kill(world, restartsAfter: .seconds(2))
                    return
                case .machine:
                    if crash.isAfter { perform(effect, world) }
                    machine.reboot(world, after: .seconds(20))
                    return
                case .master: break
                }
            }
            perform(effect, world)
        }
        if isAlive { world.checkAgent(machine) }
    }

    func pause(_ world: World, for duration: Duration) {
        world.say("agent \(machine.index) stands still for \(duration)")
        let until = max(pausedUntil ?? world.now, world.now + duration)
        pausedUntil = until
        world.at(until) { world in
            guard self.isAlive, self.pausedUntil == until else { return }
            self.pausedUntil = nil
            let due = self.paused
            self.paused = []
            for (event, source) in due { self.take(event, on: source, world) }
        }
    }

    func die(_ world: World) {
        isAlive = false
        connection?.fail(world, tellsClient: false)
        connection = nil
        // A launch that was under way has come about or not.
        for id in launching.keys.sorted() {
            guard let launch = launching[id], world.chance.chance(1, outOf: 2) else { continue }
            world.say("agent \(machine.index): container \(id) was just being launched")
            _ = machine.launch(launch, world)
        }
        launching = [:]
    }

    // MARK: - Effects

    private func perform(_ effect: AgentEffect, _ world: World) {
        switch effect {
        case .persist(let records, let ticket): write(records, ticket, replacesAll: false, world)
        case .compact(let records, let ticket): write(records, ticket, replacesAll: true, world)
        case .setTimer(let timer, let instant): set(timer, at: instant, world)
        case .cancelTimer(let timer): timers.remove(timer)
        case .recoverContainers(let known):
            later(.milliseconds(5), world) { .containersRecovered(self.machine.recover(known, $0)) }
        case .link(let registration): open(registration, world)
        case .unlink: unlink(world)
        case .send(let message): send(message, world)
        case .publish(let stream, let event):
            guard let executor = executorStreams[stream] else { return }
            world.after(.milliseconds(1)) { executor.hear(event, on: stream, $0) }
        case .closeStream(let stream):
            guard let executor = executorStreams.removeValue(forKey: stream) else { return }
            world.after(.milliseconds(1)) { executor.streamClosed(stream, $0) }
        case .note(let note): if note.level != .info { world.say("agent \(machine.index): \(note.name)") }
        case .stop(let why):
            world.say("agent \(machine.index) stops: \(why)")
            world.count("agent-stops")
            isAlive = false
            connection?.closeByClient(world)
            connection = nil
            machine.stopped(world)
        default: performOnMachine(effect, world)
        }
    }

    private func performOnMachine(_ effect: AgentEffect, _ world: World) {
        switch effect {
        case .prepareSandbox(let id, let order): prepare(order, for: id, world)
        case .fetch(let id, _, _): later(world.delay(), world) { _ in .fetched(id, nil) }
        case .launch(let launch): self.launch(launch, world)
        case .signal(let id, let number):
            world.say("agent \(machine.index): signal \(number) to \(id)")
            world.after(.milliseconds(1)) { self.machine.signal(id, number, $0) }
        case .destroy(let id):
            doors.remove(id)
            later(.milliseconds(1) + world.writeTime(), world) { .destroyed(id, self.machine.destroy(id, $0)) }
        case .probe(let id, _):
            let result = world.chance.chance(9, outOf: 10) ? ProbeResult.connected : .failed("nobody answers")
            later(.milliseconds(20), world) { _ in .probed(id, result) }
        case .openExecutorDoor(let id, _, _):
            world.after(.milliseconds(2)) { _ in if self.isAlive { self.doors.insert(id) } }
        case .update(let id, _): later(.milliseconds(2), world) { _ in .limitsUpdated(id, nil) }
        case .measureDisk: later(.milliseconds(5), world) { .diskMeasured(usage: $0.chance.fraction() * 0.8) }
        case .collect(let path): collect(path, world)
        case .pruneImages: later(.milliseconds(5), world) { _ in .imagesPruned(nil) }
        case .changeVolumes(let key, let orders):
            later(world.writeTime(), world) { _ in
                for order in orders { self.change(order) }
                return .volumesChanged(key, nil)
            }
        // Nobody in this world opens sessions or waits over the agent's own API.
        default: break
        }
    }

    private func later(_ delay: Duration, _ world: World, _ make: @escaping (World) -> AgentEvent) {
        world.after(delay) { world in
            guard self.isAlive else { return }
            self.take(make(world), world)
        }
    }

    private func set(_ timer: TimerID, at instant: Instant, _ world: World) {
        timers.insert(timer)
        world.at(instant - machine.skew) { world in
            guard self.isAlive, self.timers.remove(timer) != nil else { return }
            self.take(.timer(timer), world)
        }
    }

    // MARK: - Disk

    private func write(_ records: [JournalRecord], _ ticket: Agent.Ticket, replacesAll: Bool, _ world: World) {
        world.say("agent \(machine.index): \(ticket) with \(records.count) records")
        machine.disk.begin(records, replacesAll: replacesAll)
        writes.append((ticket, failures))
        if world.isToldTooEarly(records) { later(.zero, world) { _ in .stored(ticket) } }
        writeNext(world)
    }

    private func writeNext(_ world: World) {
        guard !isWriting, let next = writes.first else { return }
        isWriting = true
        world.after(world.writeTime()) { world in
            guard self.isAlive else { return }
            self.isWriting = false
            self.writes.removeFirst()
            let isFull = self.machine.disk.fullUntil.map { $0 > world.now } ?? false
            let isDurable = !isFull && next.epoch > self.failedEpoch
            let records = self.machine.disk.finish(isDurable: isDurable)
            world.say("agent \(self.machine.index): \(next.ticket) \(isDurable ? "is durable" : "fails")")
            if isDurable {
                world.ledger.durable(records, on: self.machine.index)
                self.take(.stored(next.ticket), world)
            } else {
                if isFull { self.failedEpoch = max(self.failedEpoch, next.epoch) }
                self.take(.storeFailed(next.ticket, SimulatedDisk.full), world)
            }
            if self.isAlive { self.writeNext(world) }
        }
    }

    private func prepare(_ order: SandboxOrder, for id: ContainerID, _ world: World) {
        let fails = world.happens(world.faults.failedSandboxes)
        later(.milliseconds(1), world) { _ in
            if fails { return .sandboxPrepared(id, SimulatedDisk.full) }
            self.machine.sandboxes.insert(order.path)
            return .sandboxPrepared(id, nil)
        }
    }

    private func collect(_ path: String, _ world: World) {
        later(.milliseconds(5), world) { world in
            if !world.has(.leaksSandboxes) {
                self.machine.sandboxes = self.machine.sandboxes.filter { $0 != path && !$0.begins(with: path + "/") }
            }
            return .collected(path: path, nil)
        }
    }

    private func change(_ order: VolumeOrder) {
        switch order {
        case .make(let path): machine.volumes.insert(path)
        case .remove(let path, _): machine.volumes.remove(path)
        }
    }

    // MARK: - Containers

    private func launch(_ launch: ContainerLaunch, _ world: World) {
        if !world.ledger.isPlanned(launch.id) {
            world.violate(.durability, "container \(launch.id) is launched, and the journal has not got it")
        }
        launching[launch.id] = launch
        let fails = world.happens(world.faults.failedLaunches)
        world.after(.milliseconds(2) + world.writeTime()) { world in
            guard self.isAlive, self.launching.removeValue(forKey: launch.id) != nil else { return }
            let failure = Failure("launch.mount", doing: "mount", on: launch.id.text, cause: "EIO: input/output error")
            let result = fails ? LaunchResult.failed(failure) : self.machine.launch(launch, world)
            self.later(.microseconds(200), world) { _ in .launched(launch.id, result) }
        }
    }

    func containerEnded(_ id: ContainerID, _ exit: ContainerExit, _ world: World) {
        take(.exited(id, exit), world)
    }

    // MARK: - Link

    private func open(_ registration: AgentRegistration, _ world: World) {
        unlink(world)
        let connection = Connection(machine.wire, machine: machine.index)
        self.connection = connection
        var registration = registration
        if world.has(.inflatesResources) { registration = AgentProcess.inflated(registration) }
        let sent = registration
        if let key = sent.key, !world.ledger.isStored(key) {
            world.violate(.durability, "agent \(machine.index) registers with a key that is not stored")
        }
        connection.clientNotices = { world in
            guard self.isAlive, self.connection === connection else { return }
            self.connection = nil
            self.take(.linkLost(Failure("link.lost", doing: "keep the link", cause: "the connection ended")), world)
        }
        connection.send(.up, world) { world in
            guard let leader = world.leader else { return connection.fail(world, tellsMaster: false) }
            connection.host = leader
            connection.send(.down, world) { world in
                guard self.isAlive, self.connection === connection else { return }
                self.take(.linked, on: connection, world)
            }
            leader.openLink(connection, sent, world)
        }
    }

    private func unlink(_ world: World) {
        connection?.closeByClient(world)
        connection = nil
    }

    private static func inflated(_ registration: AgentRegistration) -> AgentRegistration {
        var copy = registration
        let twice = { (list: [Resource]) in list.map { resource in
            var resource = resource
            if case .scalar(let amount) = resource.value { resource.value = .scalar(amount + amount) }
            return resource
        } }
        copy.resources = twice(copy.resources)
        copy.totals = twice(copy.totals)
        return copy
    }

    private func send(_ message: AgentMessage, _ world: World) {
        if case .status(let update, _) = message {
            world.ledger.sent(update, by: machine.index, world)
            if world.has(.dropsEnds), update.state.isTerminal { return }
        }
        guard let connection else { return }
        connection.send(.up, world) { world in
            world.say("agent \(self.machine.index) to master: \(message.short)")
            connection.host?.deliver(message, on: connection, world)
        }
    }

    // MARK: - Executors

    /// An executor opens its stream. Nil: nobody is at the door.
    func openStream(_ executor: ExecutorProgram, _ call: ExecutorCall, _ world: World) -> Agent.StreamID? {
        guard isAlive, doors.contains(executor.id) else { return nil }
        lastStream += 1
        let stream = Agent.StreamID(lastStream)
        executorStreams[stream] = executor
        take(.executorSubscribed(stream, call), world)
        return stream
    }

    func call(_ call: ExecutorCall, _ world: World) {
        guard isAlive, core.refusal(of: call) == nil else { return }
        take(.executorCalled(call), world)
    }

    func closed(_ stream: Agent.StreamID, _ world: World) {
        guard executorStreams.removeValue(forKey: stream) != nil else { return }
        take(.executorStreamClosed(stream), world)
    }
}
