import AgentCore
import ClusterAPI
import ClusterModel
import Determinism
import MasterCore

/// The checkers that look at the whole.
extension World {
    func isRemoved(_ framework: FrameworkID) -> Bool {
        registry.durable.frameworks[framework]?.removed != nil
    }

    func machine(called id: AgentID) -> AgentMachine? {
        machines.first { $0.process?.core.state.id == id }
            ?? machines.first { $0.configuration.address.hostname == leader?.core?.agents[id]?.info.address.hostname }
    }

    // MARK: - After each event

    /// The master's books: what it has given out of an agent is there, once.
    func check(_ core: MasterCore) {
        // One agent after another: what is wrong stays wrong long enough.
        bookChecks += 1
        guard let id = machines[bookChecks % machines.count].process?.core.state.id else { return }
        checkBooks(of: id, core)
    }

    private func checkBooks(of id: AgentID, _ core: MasterCore) {
        guard let agent = core.agents[id] else { return }
        var used = Resources.none
        for key in agent.tasks {
            guard let task = core.tasks[key] else {
                violate(.allocation, "the master's agent \(id) has task \(key.task), which is not in its table")
                return
            }
            if !task.hasReturnedResources { used += task.resources.unallocated() }
        }
        for executors in agent.executors.values {
            for executor in executors.values { used += Resources(executor.resources).unallocated() }
        }
        for offer in agent.offers {
            if let record = core.offers[offer] { used += record.resources.unallocated() }
        }
        if !agent.total.contains(used) {
            violate(.allocation, "agent \(id) has \(agent.total), and \(used) of it is given out")
        }
    }

    /// Planted: a batch is said to be durable before it is.
    func isToldTooEarly(_ records: [JournalRecord]) -> Bool {
        let plans = records.contains { if case .containerPlanned = $0 { true } else { false } }
        let reports = records.contains { if case .updateAdded = $0 { true } else { false } }
        return has(.launchesUnrecorded) && plans || has(.sendsUnrecorded) && reports && !plans
    }

    func checkAgent(_ machine: AgentMachine) {
        guard has(.repeatsAcknowledged), let id = ledger.anyAcknowledged, chance.chance(1, outOf: 400) else { return }
        guard let framework = schedulers.first?.id, let task = schedulers.first?.tasks.keys.first else { return }
        let update = StatusUpdate(
            framework: framework, task: task, state: .running, source: .agent, at: now, id: id)
        ledger.sent(update, by: machine.index, self)
    }

    // MARK: - Is everything over?

    /// What keeps the world from being quiet, and whose promise that is.
    func unsettled() -> [(checker: Checker, what: String)] {
        var left: [(Checker, String)] = []
        for scheduler in schedulers {
            if !scheduler.isSubscribed { left.append((.agreement, "\(scheduler.name) is not subscribed")) }
            for (task, known) in scheduler.tasks where !known.isOver {
                left.append((.noTaskLost, "\(scheduler.name) waits for the end of \(task), \(known.state.rawValue)"))
            }
        }
        for machine in machines { left += unsettled(machine) }
        if masters.count(where: { $0.core != nil }) > 1 { left.append((.leadership, "more than one master leads")) }
        guard let leader, let core = leader.core, leader.isIdle else {
            return left + [(.agreement, "the master does not idle")]
        }
        for key in core.tasks.keys.sorted() { left.append((.noTaskLost, "the master waits for task \(key.task)")) }
        if !core.operations.isEmpty {
            left.append((.agreement, "\(core.operations.count) operations are not over for the master"))
        }
        if !core.quotas.isEmpty { left.append((.agreement, "there are quotas")) }
        return left
    }

    private func unsettled(_ machine: AgentMachine) -> [(Checker, String)] {
        let name = "agent \(machine.index)"
        guard let process = machine.process else { return [(.agreement, "\(name) does not run")] }
        var left: [(Checker, String)] = []
        let state = process.core.state
        guard let id = state.id, let record = leader?.core?.agents[id], record.isConnected else {
            return [(.agreement, "\(name) is not registered")]
        }
        for executors in record.executors.values {
            for executor in executors.keys.sorted() {
                left.append((.agreement, "the master counts on executor \(executor) on agent \(machine.index)"))
            }
        }
        if !record.isActive { left.append((.agreement, "\(name) is not active")) }
        if !process.isIdle { left.append((.agreement, "\(name) does not idle")) }
        for key in state.tasks.keys { left.append((.noTaskLost, "\(name) has task \(key.task)")) }
        for (key, stream) in state.streams where !stream.pending.isEmpty {
            left.append((.updates, "\(name) waits for acknowledgements of \(key.task)"))
        }
        for id in state.containers.keys { left.append((.leaks, "\(name) has container \(id)")) }
        for id in machine.containers.entries.keys where state.containers[id] == nil {
            left.append((.leaks, "machine \(machine.index) has container \(id), which nobody knows"))
        }
        if !state.operations.isEmpty { left.append((.agreement, "\(name) has \(state.operations.count) operations")) }
        return left
    }

    // MARK: - When everything is quiet

    func checkSettled() {
        for machine in machines { checkSettled(machine) }
        checkEnds()
    }

    private func checkSettled(_ machine: AgentMachine) {
        guard let process = machine.process, let id = process.core.state.id, let record = leader?.core?.agents[id]
        else { return }
        let state = process.core.state
        let own = Resources(state.totals ?? machine.configuration.resources).unallocated()
        if record.total != own {
            violate(.agreement, "agent \(machine.index) has \(own), and the master counts \(record.total)")
        }
        for path in machine.sandboxes.sorted() {
            let isKnown = state.sandboxes.keys.contains { path == $0 || path.begins(with: $0 + "/") }
            if !isKnown { violate(.leaks, "sandbox \(path) on machine \(machine.index) is known to nobody") }
        }
        let named = Set(own.compactMap { $0.disk?.persistence?.id.text })
        // What an agent that was given up had on its volumes is for people to look at.
        for path in machine.volumes.sorted() where !machine.hasStartedOver {
            let name = path.cut(at: "/").last.map(String.init) ?? ""
            if !named.contains(name) { violate(.leaks, "volume \(path) on machine \(machine.index) is nobody's") }
        }
        let read = AgentState(machine.disk.records)
        if read != state { violate(.agreement, "agent \(machine.index)'s journal says other than the agent") }
    }

    /// Every task that started has ended, and its framework has heard how from its agent.
    private func checkEnds() {
        let live = Set(schedulers.compactMap(\.id))
        for (key, truth) in ledger.truths where live.contains(key.framework) && truth.starts > 0 {
            if truth.isRunning { violate(.noTaskLost, "task \(key.task) still runs") }
            let isExcused = truth.machine.map { ledger.givenUp.contains($0) } ?? false
            if truth.told == nil || truth.toldByMaster != nil, !isExcused {
                let told = truth.told?.rawValue ?? "nothing"
                violate(.noTaskLost, "task \(key.task) ran, and its framework was told \(told) of its end")
            }
        }
    }
}
