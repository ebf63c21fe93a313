import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

/// An agent's core with a machine, a journal and a master that do at once what they are told, unless a test holds
/// something back. Time moves only when the test moves it.
struct Scenario {
    /// What runs here; survives the agent.
    struct Machine {
        struct Running {
            var launch: ContainerLaunch
            var exit: ContainerExit?
        }
        var containers: [ContainerID: Running] = [:]
        var order: [ContainerID] = []
        /// How often each container was really started.
        var starts: [ContainerID: Int] = [:]
        /// Commands whose tasks do not heed SIGTERM.
        var isStubborn = false
        var launchFailure: Failure?
        var refusesToGo = false
    }

    enum Held: Hashable { case stores, sandboxes, fetches, launches, destroys, link, volumes }

    var agent: Agent
    var machine = Machine()
    var journal: [[AgentRecord]] = []
    var now: Instant
    var held: Set<Held> = []
    var waiting: [(Held, AgentEvent)] = []
    /// Everything done since the last `forgetEffects`.
    var effects: [AgentEffect] = []
    var timers: [TimerID: Instant] = [:]
    var sent: [AgentMessage] = []
    var registrations: [AgentRegistration] = []
    /// Whether the master answers registrations and acknowledges updates by itself.
    var masterAnswers = true
    var masterAcknowledges = true
    var isLinked = false
    var stopped: String?
    var answeredProbes: Set<Agent.ProbeID> = []
    /// The agent dies when it is about to store its batch of this number, or has just stored it.
    var crash: (batch: Int, isStored: Bool)?
    var hasCrashed = false
    var crashes = 0
    var boots = 1
    let configuration: AgentConfiguration
    private var queue: [AgentEvent] = []

    static let agentID = id(AgentID.self, "A")
    static let startedAt = Instant(seconds: 1_800_000_000)

    init(
        _ configuration: AgentConfiguration = .sample, seed: UInt64 = 1, starts: Bool = true,
        change: (inout Scenario) -> Void = { _ in }
    ) {
        self.configuration = configuration
        agent = Agent(configuration, seed: seed, key: Scenario.key(seed))
        now = Scenario.startedAt
        change(&self)
        if starts {
            start()
            advance(by: .seconds(2))
        }
    }

    static func key(_ seed: UInt64) -> AgentKey {
        var random = SeededRandom(seed: seed)
        return AgentKey(using: &random)
    }

    mutating func start() {
        feed(.started(journal.flatMap { $0 }, bootID: "boot-\(boots)"))
    }

    // MARK: Running

    mutating func feed(_ event: AgentEvent) {
        queue.append(event)
        while !queue.isEmpty, !hasCrashed {
            let next = queue.removeFirst()
            for effect in agent.handle(next, at: now) where !hasCrashed { perform(effect) }
        }
    }

    mutating func master(_ message: MasterMessage) { feed(.master(message)) }

    /// Moves time, firing what is due in order.
    mutating func advance(by duration: Duration) {
        let end = now + duration
        while let (timer, at) = timers.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }), at <= end {
            timers[timer] = nil
            now = max(now, at)
            feed(.timer(timer))
            if hasCrashed { return }
        }
        now = end
    }

    /// Lets go of what was held back, in order.
    mutating func release(_ kind: Held) {
        held.remove(kind)
        let due = waiting.filter { $0.0 == kind }.map(\.1)
        waiting.removeAll { $0.0 == kind }
        for event in due { feed(event) }
    }

    private mutating func answer(_ event: AgentEvent, _ kind: Held) {
        if held.contains(kind) { waiting.append((kind, event)) } else { queue.append(event) }
    }

    private mutating func perform(_ effect: AgentEffect) {
        effects.append(effect)
        switch effect {
        case .persist(let records, let ticket): store(ticket) { $0.journal.append(records) }
        case .compact(let records, let ticket): store(ticket) { $0.journal = [records] }
        case .setTimer(let timer, let at): timers[timer] = at
        case .cancelTimer(let timer): timers[timer] = nil
        case .recoverContainers(let known): queue.append(.containersRecovered(recovery(known)))
        case .link(let registration): linkAsked(registration)
        case .unlink: isLinked = false
        case .send(let message): if isLinked { received(message) }
        case .prepareSandbox(let id, _): answer(.sandboxPrepared(id, nil), .sandboxes)
        case .fetch(let id, _, _): answer(.fetched(id, nil), .fetches)
        case .launch(let launch): self.launch(launch)
        case .signal(let id, let signal): self.signal(id, signal)
        case .destroy(let id): destroy(id)
        case .update(let id, _): queue.append(.limitsUpdated(id, nil))
        case .changeVolumes(let key, _): answer(.volumesChanged(key, nil), .volumes)
        case .measureDisk: queue.append(.diskMeasured(usage: 0.5))
        case .collect(let path): queue.append(.collected(path: path, nil))
        case .pruneImages: queue.append(.imagesPruned(nil))
        case .stop(let reason): stopped = reason
        case .probe, .cancelProbe, .openExecutorDoor, .publish, .closeStream, .answer, .openSession, .signalSession,
            .note:
            break
        }
    }

    private mutating func store(_ ticket: Agent.Ticket, _ write: (inout Scenario) -> Void) {
        if let crash, crash.batch == Int(ticket.number) {
            if crash.isStored { write(&self) }
            hasCrashed = true
            crashes += 1
            return
        }
        write(&self)
        answer(.stored(ticket), .stores)
    }

    // MARK: The machine

    private mutating func launch(_ launch: ContainerLaunch) {
        if let failure = machine.launchFailure {
            answer(.launched(launch.id, .failed(failure)), .launches)
            return
        }
        guard machine.containers[launch.id] == nil else {
            answer(.launched(launch.id, .alreadyLaunched), .launches)
            return
        }
        machine.containers[launch.id] = Machine.Running(launch: launch)
        machine.order.append(launch.id)
        machine.starts[launch.id, default: 0] += 1
        answer(.launched(launch.id, .launched(RunningContainer(pid: 42))), .launches)
    }

    private mutating func signal(_ id: ContainerID, _ signal: Int32) {
        guard machine.containers[id] != nil, machine.containers[id]?.exit == nil else { return }
        if signal == 15, machine.isStubborn { return }
        let exit = ContainerExit(
            reason: .killed, code: 128 + signal, signal: signal, endedAt: now.seconds,
            message: "killed with signal \(signal) on request")
        machine.containers[id]?.exit = exit
        queue.append(.exited(id, exit))
    }

    private mutating func destroy(_ id: ContainerID) {
        if machine.refusesToGo {
            queue.append(.destroyed(id, .stuck(Failure("container.stuck", doing: "destroy container"))))
            return
        }
        for child in machine.order where machine.containers[child]?.launch.parent == id { remove(child) }
        answer(.destroyed(id, .gone(remove(id))), .destroys)
    }

    @discardableResult
    private mutating func remove(_ id: ContainerID) -> ContainerExit? {
        guard let old = machine.containers.removeValue(forKey: id) else { return nil }
        return old.exit ?? ContainerExit(
            reason: .killed, code: 137, signal: 9, endedAt: now.seconds, message: "killed with signal 9 on request")
    }

    /// A container ends by itself.
    mutating func end(_ id: ContainerID, code: Int32) {
        let exit = ContainerExit(
            reason: .ended, code: code, endedAt: now.seconds,
            message: code == 0 ? "ended" : "ended with exit code \(code)")
        end(id, exit)
    }

    mutating func end(_ id: ContainerID, _ exit: ContainerExit) {
        guard machine.containers[id]?.exit == nil, machine.containers[id] != nil else { return }
        machine.containers[id]?.exit = exit
        feed(.exited(id, exit))
    }

    private mutating func recovery(_ known: [ContainerLaunch]) -> ContainerRecovery {
        var recovery = ContainerRecovery()
        for id in machine.order where machine.containers[id] != nil && !known.contains(where: { $0.id == id }) {
            if machine.refusesToGo {
                let failure = Failure("container.stuck", doing: "end container", retry: .later)
                recovery.left.append(ContainerRecovery.LeftContainer(id: id, failure: failure))
                continue
            }
            remove(id)
            recovery.destroyed.append(id)
        }
        for launch in known {
            if let running = machine.containers[launch.id] {
                if let exit = running.exit {
                    recovery.ended.append(ContainerRecovery.EndedContainer(id: launch.id, exit: exit))
                } else {
                    recovery.adopted.append(launch.id)
                }
            } else {
                recovery.vanished.append(launch.id)
            }
        }
        return recovery
    }

    /// The agent's program dies and is started again with what its journal holds.
    mutating func restart(
        seed: UInt64 = 2, reboots: Bool = false, configuration changed: AgentConfiguration? = nil,
        settles: Duration = .seconds(2),
        whileAway: (inout Machine) -> Void = { _ in }
    ) {
        if reboots {
            machine.containers = [:]
            boots += 1
        }
        whileAway(&machine)
        agent = Agent(changed ?? configuration, seed: seed, key: Scenario.key(seed))
        queue = []
        waiting = []
        timers = [:]
        held = []
        isLinked = false
        hasCrashed = false
        crash = nil
        start()
        advance(by: settles)
    }

    // MARK: The master

    private mutating func linkAsked(_ registration: AgentRegistration) {
        registrations.append(registration)
        guard masterAnswers else { return }
        isLinked = true
        answer(.linked, .link)
        answer(
            .master(.registered(registration.id ?? Scenario.agentID, pingInterval: .seconds(15), pingsMissedMax: 5)),
            .link)
    }

    private mutating func received(_ message: AgentMessage) {
        sent.append(message)
        switch message {
        case .status(let update, _):
            guard masterAcknowledges, let id = update.id else { return }
            let task = TaskReference(framework: update.framework, task: update.task)
            queue.append(.master(.acknowledge(id, task)))
        case .operation(let status, let key, _):
            guard masterAcknowledges, let id = status.id else { return }
            queue.append(.master(.acknowledgeOperation(id, key: key)))
        default: break
        }
    }
}
