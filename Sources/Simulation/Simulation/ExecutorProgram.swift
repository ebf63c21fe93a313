import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import OrderedCollections

/// A framework's own executor in its container: subscribes, runs tasks, reports, comes back when the agent does.
final class ExecutorProgram {
    let id: ContainerID
    private let machine: AgentMachine
    private let framework: FrameworkID?
    private let executor: ExecutorID?
    private var random: SeededRandom
    private var stream: Agent.StreamID?
    private var isOver = false
    private var isConnecting = false
    private var apartSince: Instant?

    private struct Task {
        var spec: TaskSpec
        var isOver = false
        var isAcknowledged = false
    }
    private var tasks: OrderedDictionary<TaskID, Task> = [:]
    private var unacknowledged: OrderedDictionary<UpdateID, StatusUpdate> = [:]

    init(_ launch: ContainerLaunch, on machine: AgentMachine, _ world: World) {
        id = launch.id
        self.machine = machine
        let names = Ledger.names(launch)
        framework = names.framework
        executor = names.executor
        random = SeededRandom(seed: world.chance.next())
    }

    func start(_ world: World) {
        if world.happens(world.faults.diedExecutors) {
            let code = Int32(random.below(3))
            machine.ends(id, after: .milliseconds(random.below(20_000)), .ended, code: code, world)
        }
        connect(world)
    }

    func end() { isOver = true }

    /// Ends everything and itself.
    func shutDown(_ world: World) {
        guard !isOver else { return }
        machine.ends(id, after: .milliseconds(random.within(1...400)), .ended, code: 0, world)
    }

    // MARK: - Connection

    func agentDied(_ world: World) {
        stream = nil
        if apartSince == nil { apartSince = world.now }
        connect(world)
    }

    func streamClosed(_ closed: Agent.StreamID, _ world: World) {
        guard stream == closed else { return }
        agentDied(world)
    }

    private func connect(_ world: World) {
        guard !isOver, stream == nil, !isConnecting else { return }
        if let since = apartSince, world.now - since > .seconds(900) {
            machine.ends(id, after: .milliseconds(1), .ended, code: 1, world)
            return
        }
        isConnecting = true
        world.after(.milliseconds(random.below(2_000) + 1)) { world in
            self.isConnecting = false
            guard !self.isOver, self.stream == nil, let framework = self.framework, let executor = self.executor
            else { return }
            let known = self.tasks.values.filter { !$0.isAcknowledged }.map(\.spec)
            let call = ExecutorCall(
                framework: framework, executor: executor,
                .subscribe(tasks: known, updates: Array(self.unacknowledged.values)))
            self.stream = self.machine.process?.openStream(self, call, world)
            if self.stream == nil { self.connect(world) } else { self.apartSince = nil }
        }
    }

    // MARK: - Events

    func hear(_ event: ExecutorEvent, on heard: Agent.StreamID, _ world: World) {
        guard !isOver, stream == nil || stream == heard else { return }
        world.say("executor \(executor?.text ?? "-") hears \(event.short)")
        switch event {
        case .launch(let spec): launch(spec, world)
        case .launchGroup(let specs): for spec in specs { launch(spec, world) }
        case .kill(let task, let grace): kill(task, grace ?? .seconds(3), world)
        case .acknowledged(let id, let task):
            guard let update = unacknowledged.removeValue(forKey: id) else { return }
            if update.state.isTerminal { tasks[task]?.isAcknowledged = true }
        case .shutdown: shutDown(world)
        case .subscribed, .message, .error, .heartbeat: break
        }
    }

    private func launch(_ spec: TaskSpec, _ world: World) {
        guard let framework else { return }
        let key = TaskReference(framework: framework, task: spec.id)
        tasks[spec.id] = Task(spec: spec)
        world.ledger.started(key, in: id, on: machine, world)
        report(spec.id, .running, world)
        let program = spec.data.flatMap { TaskProgram(String(decoding: $0, as: UTF8.self)) }
        guard let program, let lasts = program.lasts else { return }
        world.after(lasts) { world in
            self.end(spec.id, program.code == 0 ? .finished : .failed, code: program.code, world)
        }
    }

    private func kill(_ task: TaskID, _ grace: Duration, _ world: World) {
        guard let known = tasks[task], !known.isOver else { return }
        let program = known.spec.data.flatMap { TaskProgram(String(decoding: $0, as: UTF8.self)) }
        let wait = program?.manner == .ignores ? grace : .milliseconds(random.within(1...200))
        world.after(wait) { self.end(task, .killed, code: 137, $0) }
    }

    private func end(_ task: TaskID, _ state: TaskState, code: Int32, _ world: World) {
        guard !isOver, tasks[task]?.isOver == false, let framework else { return }
        tasks[task]?.isOver = true
        world.ledger.ended(TaskReference(framework: framework, task: task), code: code, at: world.now)
        report(task, state, world)
    }

    private func report(_ task: TaskID, _ state: TaskState, _ world: World) {
        guard let framework, let executor else { return }
        let id = UpdateID(high: random.next(), low: random.next())
        let update = StatusUpdate(
            framework: framework, task: task, state: state, source: .executor, executor: executor, at: world.now,
            id: id)
        unacknowledged[id] = update
        guard stream != nil else { return }
        world.after(.milliseconds(1)) { world in
            guard !self.isOver, self.stream != nil else { return }
            self.machine.process?.call(
                ExecutorCall(framework: framework, executor: executor, .update(update)), world)
        }
    }
}
