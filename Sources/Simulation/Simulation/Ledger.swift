import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import OrderedCollections

/// What really happened, beside what anybody believes: the checkers compare the two.
final class Ledger {
    /// Of one task, from the call that asked for it.
    struct Truth {
        var spec: TaskSpec
        var group: [TaskID] = []
        /// Where its program started, and how often.
        var machine: Int?
        var boot = 0
        var container: ContainerID?
        var starts = 0
        var isRunning = false
        var exit: ContainerExit?
        /// Its machine stopped under it.
        var wasCutOff = false
        /// Somebody wanted it ended: a framework, an operator, a rule.
        var isUnwanted = false
        /// Its updates as the agent stored them, and how many of them its framework has heard of.
        var stored: [UpdateID] = []
        var heard = 0
        /// The end that its framework was told, by its agent or by the master for good.
        var told: TaskState?
        var toldByMaster: String?
    }
    private(set) var truths: OrderedDictionary<TaskReference, Truth> = [:]
    private var tasksOfContainers: [ContainerID: TaskReference] = [:]
    /// What journals have, ever.
    private var planned: Set<ContainerID> = []
    private var keys: Set<AgentKey> = []
    private var stored: Set<UpdateID> = []
    private var acknowledged: Set<UpdateID> = []
    /// Of whom nothing is expected any more: removed frameworks, agents that were given up.
    private(set) var removed: Set<FrameworkID> = []
    var givenUp: Set<Int> = []
    /// Agents that are, or were, being emptied.
    var emptied: Set<Int> = []
    /// Executors whose ends take tasks along.
    private(set) var endedExecutors: Set<ContainerID> = []

    // MARK: - What is asked for

    func asked(_ spec: TaskSpec, of framework: FrameworkID, group: [TaskID] = []) {
        truths[TaskReference(framework: framework, task: spec.id)] = Truth(spec: spec, group: group)
    }

    func unwanted(_ key: TaskReference) { truths[key]?.isUnwanted = true }

    func removed(_ framework: FrameworkID) {
        removed.insert(framework)
        for key in truths.keys where key.framework == framework { truths[key]?.isUnwanted = true }
    }

    func truth(_ key: TaskReference) -> Truth? { truths[key] }

    // MARK: - What happens

    func started(_ launch: ContainerLaunch, on machine: AgentMachine, _ world: World) {
        let names = Ledger.names(launch)
        guard let framework = names.framework, let task = names.task else { return }
        tasksOfContainers[launch.id] = TaskReference(framework: framework, task: task)
        started(TaskReference(framework: framework, task: task), in: launch.id, on: machine, world)
    }

    func started(_ key: TaskReference, in container: ContainerID, on machine: AgentMachine, _ world: World) {
        guard var truth = truths[key] else {
            world.violate(.startedOnce, "task \(key.task) started, and nobody asked for it")
            return
        }
        if machine.isOff { world.violate(.world, "task \(key.task) starts on machine \(machine.index), which is off") }
        truth.starts += 1
        truth.machine = machine.index
        truth.boot = machine.boot
        truth.container = container
        truth.isRunning = true
        truths[key] = truth
        world.say("machine \(machine.index): task \(key.task) runs in \(container)")
        if truth.starts > 1 {
            world.violate(.startedOnce, "task \(key.task) of \(key.framework) has started \(truth.starts) times")
        }
        if let told = truth.told {
            let who = truth.toldByMaster.map { " by the master (\($0))" } ?? ""
            world.violate(.trueEnds, "task \(key.task) starts after its framework was told \(told.rawValue)\(who)")
        }
        checkCapacity(of: machine, world)
    }

    /// A container has ended; nil: its machine went off under it.
    func ended(_ container: ContainerID, _ exit: ContainerExit?, on machine: Int) {
        endedExecutors.insert(container)
        guard let key = tasksOfContainers[container] else {
            for (key, truth) in truths where truth.container == container && truth.isRunning { end(key, exit) }
            return
        }
        end(key, exit)
    }

    /// The task of an executor has ended, by the executor's own word.
    func ended(_ key: TaskReference, code: Int32, at now: Instant) {
        end(key, ContainerExit(reason: .ended, code: code, endedAt: now.seconds, message: "ended with \(code)"))
    }

    private func end(_ key: TaskReference, _ exit: ContainerExit?) {
        guard truths[key]?.isRunning == true else { return }
        truths[key]?.isRunning = false
        truths[key]?.exit = exit
        if exit == nil { truths[key]?.wasCutOff = true }
    }

    static func names(_ launch: ContainerLaunch) -> (framework: FrameworkID?, task: TaskID?, executor: ExecutorID?) {
        var texts: [String: String] = [:]
        for line in launch.environment where line.begins(with: "MESOS_") {
            guard let equals = line.position(of: "=") else { continue }
            texts[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        return (
            texts["MESOS_FRAMEWORK_ID"].flatMap(Name.framework), texts["MESOS_TASK_ID"].flatMap(Name.task),
            texts["MESOS_EXECUTOR_ID"].flatMap(Name.executor)
        )
    }

    // MARK: - Journals

    func durable(_ records: [JournalRecord], on machine: Int) {
        for record in records {
            switch record {
            case .containerPlanned(let run): planned.insert(run.id)
            case .keyed(let key): keys.insert(key)
            case .updateAdded(let update), .updateKept(let update):
                guard let id = update.id, stored.insert(id).inserted else { continue }
                truths[TaskReference(framework: update.framework, task: update.task)]?.stored.append(id)
            case .updateAcknowledged(_, let id): acknowledged.insert(id)
            default: break
            }
        }
    }

    func isStored(_ key: AgentKey) -> Bool { keys.contains(key) }

    func isPlanned(_ container: ContainerID) -> Bool { planned.contains(container) }

    /// An update leaves its agent.
    func sent(_ update: StatusUpdate, by agent: Int, _ world: World) {
        guard let id = update.id else { return }
        // An agent that ends for good has nothing more to remember.
        if !stored.contains(id), !givenUp.contains(agent) {
            world.violate(
                .durability, "agent \(agent) reports \(update.state.rawValue) of \(update.task) before it is stored")
        }
        if acknowledged.contains(id) {
            world.violate(
                .updates, "agent \(agent) reports \(update.state.rawValue) of \(update.task) again after it was "
                    + "acknowledged")
        }
    }

    /// Some that was acknowledged.
    var anyAcknowledged: UpdateID? { acknowledged.min { ($0.high, $0.low) < ($1.high, $1.low) } }

    // MARK: - What frameworks hear

    func heard(_ update: StatusUpdate, _ world: World) {
        let key = TaskReference(framework: update.framework, task: update.task)
        guard var truth = truths[key] else {
            world.violate(.trueEnds, "an update tells of task \(key.task), which nobody asked for")
            return
        }
        if let id = update.id {
            hear(id, of: key, &truth, world)
            truths[key] = truth
        }
        guard update.state.isTerminal || update.state == .unknown || update.state == .goneByOperator else { return }
        if update.id != nil || update.source != .master {
            guard truth.told == nil || truth.toldByMaster != nil else { return }
            truths[key]?.told = update.state
            truths[key]?.toldByMaster = nil
            if let lie = lie(in: update, truth, world) {
                world.violate(.trueEnds, "\(update.state.rawValue) is told of task \(key.task), but \(lie)")
            }
        } else if truth.told == nil, Ledger.isFinal(update) {
            truths[key]?.told = update.state
            truths[key]?.toldByMaster = update.message ?? ""
        }
    }

    private func hear(_ id: UpdateID, of key: TaskReference, _ truth: inout Truth, _ world: World) {
        guard let place = truth.stored.firstIndex(of: id) else {
            world.violate(.updates, "an update of task \(key.task) is heard that no agent has stored")
            return
        }
        if place > truth.heard {
            world.violate(
                .updates, "update \(place + 1) of task \(key.task) is heard before update \(truth.heard + 1)")
        }
        truth.heard = max(truth.heard, place + 1)
    }

    /// What the master says for good, unlike what it says of agents that may come back, or that an operator gave up
    /// while nobody could reach them: what waits on such an agent may start until the agent hears of it.
    private static func isFinal(_ update: StatusUpdate) -> Bool {
        update.unreachableSince == nil && update.state != .goneByOperator && update.reason != .agentRemoved
            && update.reason != .agentRemovedByOperator
    }

    /// What is wrong with the end that an agent tells; nil: it is what happened.
    private func lie(in update: StatusUpdate, _ truth: Truth, _ world: World) -> String? {
        let isWell = truth.exit.map { $0.reason == .ended && $0.code == 0 && $0.signal == nil } ?? false
        if truth.wasCutOff, [.killed, .finished].contains(update.state) { return "its machine had gone off under it" }
        switch update.state {
        case .finished:
            return isWell ? nil : "it ended \(truth.exit.map { "with \($0.code)" } ?? "in no way anybody saw")"
        case .failed:
            let isAllowed = update.reason != .commandExecutorFailed || truth.spec.healthCheck != nil
            return isWell && !isAllowed ? "it ended well" : nil
        case .killed:
            return truth.isUnwanted || hasCause(truth) ? nil : "nobody wanted it ended"
        case .dropped, .error:
            return truth.starts > 0 ? "it had started" : nil
        case .gone:
            let isSame = truth.machine.map { world.machines[$0].boot == truth.boot } ?? false
            return isSame ? "its machine was not started anew" : nil
        default: return nil
        }
    }

    private func hasCause(_ truth: Truth) -> Bool {
        if truth.machine.map({ emptied.contains($0) || givenUp.contains($0) }) ?? true { return true }
        return truth.spec.healthCheck != nil || truth.spec.maxCompletionTime != nil || !truth.group.isEmpty
            || truth.container.map { endedExecutors.contains($0) } ?? false
    }

    // MARK: - Capacity

    /// What runs on a machine fits on it. Tasks of a framework that was removed end a little later than the master
    /// gives what they had to others: the protocol has it so.
    private func checkCapacity(of machine: AgentMachine, _ world: World) {
        var used = Resources.none
        for (key, truth) in truths where truth.isRunning && truth.machine == machine.index {
            guard !removed.contains(key.framework), !world.isRemoved(key.framework) else { continue }
            used += Resources(truth.spec.resources).unallocated().withoutReservations()
        }
        let capacity = machine.capacity.quantities
        for amount in used.quantities.amounts where capacity[amount.name] < amount.scalar {
            world.violate(
                .allocation, "tasks on machine \(machine.index) use \(amount.scalar) \(amount.name) of "
                    + "\(capacity[amount.name])")
        }
    }
}

/// Names that are fit to be names, or nil.
enum Name {
    static func framework(_ text: String) -> FrameworkID? {
        do throws(Failure) { return try FrameworkID(text) } catch { return nil }
    }
    static func task(_ text: String) -> TaskID? {
        do throws(Failure) { return try TaskID(text) } catch { return nil }
    }
    static func executor(_ text: String) -> ExecutorID? {
        do throws(Failure) { return try ExecutorID(text) } catch { return nil }
    }
    static func operation(_ text: String) -> OperationID? {
        do throws(Failure) { return try OperationID(text) } catch { return nil }
    }
    static func volume(_ text: String) -> VolumeID? {
        do throws(Failure) { return try VolumeID(text) } catch { return nil }
    }
    static func role(_ text: String) -> RoleName? {
        do throws(Failure) { return try RoleName(text) } catch { return nil }
    }
}
