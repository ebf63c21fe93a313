import ClusterAPI
import ClusterModel
import Coordination
import Determinism

/// Operators: quota, weights, draining, giving agents up, maintenance. In the end they put everything in order.
final class Operators {
    private var isSettling = false

    func start(_ world: World) {
        guard let every = world.faults.operators else { return }
        world.after(world.around(every)) { world in
            if !self.isSettling { self.act(world) }
            self.start(world)
        }
    }

    private func act(_ world: World) {
        guard let core = world.leader?.core else { return }
        let agent = world.wishes.pick(core.agents.keys.sorted())
        let tops = ["web", "batch"].compactMap(Name.role)
        guard let role = world.wishes.pick(tops) else { return }
        switch world.wishes.below(10) {
        case 0:
            let amount = Scalar(world.wishes.within(1...4))
            let quota = Quota(guarantees: ["cpus": amount], limits: ["cpus": Scalar(12)])
            ask(.updateQuota([QuotaConfig(role, quota: quota)], isForced: world.wishes.chance(1, outOf: 2)), world)
        case 1: ask(.updateQuota([QuotaConfig(role, quota: .unlimited)], isForced: true), world)
        case 2: ask(.updateWeights([RoleWeight(role, weight: Double(world.wishes.within(1...5)))]), world)
        case 3, 4:
            guard let agent, let machine = world.machine(called: agent) else { return }
            let isForGood = world.wishes.chance(1, outOf: 6)
            world.ledger.emptied.insert(machine.index)
            if isForGood { world.ledger.givenUp.insert(machine.index) }
            let grace: Duration? = world.wishes.chance(1, outOf: 2) ? .seconds(world.wishes.within(0...10)) : nil
            ask(.drainAgent(agent, DrainConfiguration(maxGracePeriod: grace, marksGone: isForGood)), world)
        case 5: if let agent { ask(.deactivateAgent(agent), world) }
        case 6, 7: reactivate(world)
        case 8:
            guard world.wishes.chance(1, outOf: 5), let agent, let machine = world.machine(called: agent)
            else { return }
            world.ledger.givenUp.insert(machine.index)
            ask(.markAgentGone(agent), world)
        default: maintain(world)
        }
    }

    private func ask(_ change: OperatorChange, _ world: World) {
        world.count("operator-calls")
        world.say("operator: \(change.short)")
        world.leader?.operate(change, world) { answer, world in
            if answer.status >= 300 { world.say("operator: \(change.short) is answered \(answer.status)") }
        }
    }

    private func maintain(_ world: World) {
        guard let machine = world.wishes.pick(world.machines) else { return }
        let address = machine.configuration.address
        let id = MachineID(hostname: address.hostname, address: address.address)
        if world.wishes.chance(1, outOf: 3) {
            ask(.updateMaintenanceSchedule(MaintenanceSchedule()), world)
            return
        }
        let window = MaintenanceWindow(
            machines: [id], unavailability: Unavailability(start: world.now + .seconds(30), duration: .seconds(60)))
        ask(.updateMaintenanceSchedule(MaintenanceSchedule([window])), world)
    }

    private func reactivate(_ world: World) {
        guard let core = world.leader?.core else { return }
        for id in core.agents.keys.sorted() where core.agents[id]?.entry.isDeactivated == true {
            ask(.reactivateAgent(id), world)
        }
        for id in core.formerAgents.keys.sorted() where core.formerAgents[id]?.entry.isDeactivated == true {
            if case .unreachable = core.formerAgents[id]?.entry.standing { ask(.reactivateAgent(id), world) }
        }
    }

    // MARK: - In the end

    func settle(_ world: World) {
        isSettling = true
        tidy(world)
    }

    private func tidy(_ world: World) {
        if let core = world.leader?.core {
            for role in core.quotas.keys.sorted() {
                ask(.updateQuota([QuotaConfig(role, quota: .unlimited)], isForced: true), world)
            }
            if !core.maintenance.isEmpty { ask(.updateMaintenanceSchedule(MaintenanceSchedule()), world) }
            reactivate(world)
        }
        world.after(.seconds(7)) { self.tidy($0) }
    }
}

extension OperatorChange {
    var short: String {
        switch self {
        case .updateWeights: "weights"
        case .apply(let operation, _): "apply \(operation.short)"
        case .updateMaintenanceSchedule(let schedule): "schedule of \(schedule.windows.count)"
        case .startMaintenance: "start maintenance"
        case .stopMaintenance: "stop maintenance"
        case .drainAgent(let id, let drain): "drain \(id)\(drain.marksGone ? " for good" : "")"
        case .deactivateAgent(let id): "deactivate \(id)"
        case .reactivateAgent(let id): "reactivate \(id)"
        case .markAgentGone(let id): "give \(id) up"
        case .updateQuota(let configs, _): "quota of \(configs.map(\.role.text).joined(separator: ","))"
        case .setQuota(let role, _, _): "quota of \(role)"
        case .removeQuota(let role): "no quota of \(role)"
        case .teardown(let id): "tear \(id) down"
        }
    }
}
