import Allocation
import Authorization
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// What operations make of resources, and who may have them done.
extension MasterCore {
    /// What `change` takes of what was offered, and what it makes of that.
    ///
    /// Other offers of a shared volume that is to go are taken back.
    mutating func convert(
        _ change: ResourceOperation, of accepted: AcceptedOffers, at now: Instant
    ) throws(Failure) -> ResourceConversion {
        guard let agent = agents[accepted.agent] else {
            throw Failure(
                "agent.unknown", doing: "apply operation", on: change.name, cause: "agent \(accepted.agent) has gone",
                remedy: "use another offer")
        }
        if let refusal = refusal(of: change, by: accepted.principal) {
            throw Failure(
                "operation.unauthorized", doing: "apply operation", on: change.name, cause: refusal,
                remedy: "ask the operator for leave")
        }
        let rules = OperationRules(
            principal: accepted.principal ?? accepted.framework.principal, role: accepted.role,
            abilities: accepted.framework.capabilities, agent: agent.info, total: agent.total,
            used: usedVolumes(on: agent.id))
        let conversion = try rules.conversion(of: change)
        let available = accepted.remaining.unallocated()
        guard available.contains(conversion.consumed) else {
            throw Failure(
                "operation.exceeds-offer", doing: "apply operation", on: change.name,
                cause: "\(conversion.consumed) is not in what is left of the offers: \(available)",
                remedy: "use what is offered", field: "resources")
        }
        for shared in conversion.consumed.shared {
            for id in agent.offers.sorted() where offers[id]?.resources.unallocated().contains(shared) == true {
                rescind(id, at: now)
            }
        }
        return conversion
    }

    /// Volumes that tasks which have not ended, and executors, have on an agent.
    func usedVolumes(on agent: AgentID) -> Set<OperationRules.VolumeKey> {
        Set(usedResources(on: agent).compactMap(OperationRules.VolumeKey.init))
    }

    func usedResources(on agent: AgentID) -> Resources {
        guard let record = agents[agent] else { return .none }
        var used = Resources.none
        for key in record.tasks.sorted() {
            if let task = tasks[key], !task.hasReturnedResources { used += task.resources.unallocated() }
        }
        for framework in record.executors.keys.sorted() {
            let executors = record.executors[framework] ?? [:]
            for id in executors.keys.sorted() {
                used += Resources(executors[id]?.resources ?? []).unallocated()
            }
        }
        return used
    }

    // MARK: Authorization

    /// Why `principal` may not have this done; nil when it may.
    func refusal(of change: ResourceOperation, by principal: String?) -> String? {
        for (action, object) in Self.questions(about: change) {
            if let refusal = refusal(of: action, on: object, by: principal) { return refusal }
        }
        return nil
    }

    func refusal(of action: Action, on object: String?, by principal: String?) -> String? {
        let decision = configuration.authorizer.decide(Subject(principal: principal), to: action, on: object)
        guard case .refused(let rule) = decision else { return nil }
        let what = object.map { "\(action.rawValue) on '\($0)'" } ?? action.rawValue
        return "Not authorized to \(what)" + (rule.map { ": rule \($0)" } ?? ": no rule allows it")
    }

    static func questions(about change: ResourceOperation) -> [(Action, String?)] {
        switch change {
        case .reserve(let resources, let source):
            // What is taken from under another reservation is unreserved first.
            let taken = source.flatMap(\.reservations).filter { $0.origin == .requested }
            return resources.map { (.reserve, $0.reservedFor?.text) } + taken.map { (.unreserve, $0.principal) }
        case .unreserve(let resources): return resources.map { (.unreserve, $0.reservations.last?.principal) }
        case .create(let volumes): return volumes.map { (.createVolume, $0.reservedFor?.text) }
        case .destroy(let volumes): return volumes.map { (.destroyVolume, $0.disk?.persistence?.principal) }
        case .grow(let volume, _), .shrink(let volume, _): return [(.resizeVolume, volume.reservedFor?.text)]
        case .createDisk(let source, _, _): return [(.createVolume, source.reservedFor?.text)]
        case .destroyDisk(let source): return [(.destroyVolume, source.disk?.persistence?.principal)]
        }
    }

    // MARK: Operators

    /// Has an agent's resources changed for an operator: what is free is used, and offers are taken back as needed.
    mutating func operate(
        on agent: AgentID?, _ change: ResourceOperation, _ call: CallID, by principal: String?, at now: Instant
    ) {
        guard let agent else {
            answer(call, .invalid("agent_id is missing"))
            return
        }
        guard let record = agents[agent] else {
            answer(call, .invalid("No agent found with specified ID"))
            return
        }
        guard record.isConnected else {
            answer(call, .conflict("The agent is not connected; try again when it is back"))
            return
        }
        let rules = OperationRules(
            principal: principal, agent: record.info, total: record.total, used: usedVolumes(on: agent))
        do throws(Failure) {
            let conversion = try rules.conversion(of: change)
            try free(conversion.consumed, on: agent, at: now)
            try allocator.convert(on: agent, heldBy: nil, from: conversion.consumed, to: conversion.converted)
            let order = OperationOrder(key: newOperationKey(), change: change)
            send(order, to: agent, consumed: conversion.consumed, converted: conversion.converted, at: now)
            wantAllocation()
            answer(call, .accepted)
        } catch {
            let isConflict = error.code == "operation.not-free" || error.code == "volume.in-use"
            answer(call, isConflict ? .conflict(error.description) : .invalid(error.description))
        }
    }

    /// Takes offers of the agent back until `needed` is in nobody's hands.
    private mutating func free(_ needed: Resources, on agent: AgentID, at now: Instant) throws(Failure) {
        guard let record = agents[agent] else { return }
        let unused = record.total - usedResources(on: agent).nonShared
        guard unused.contains(needed) else {
            throw Failure(
                "operation.not-free", doing: "change resources of agent", on: agent.text,
                cause: "\(needed) is not there or in use", remedy: "wait for tasks to end, or name what is there",
                field: "resources", retry: .later)
        }
        var available = unused
        for id in record.offers { available -= offers[id]?.resources.nonShared.unallocated() ?? .none }
        let shared = needed.shared
        for id in record.offers.sorted() {
            guard let offered = offers[id]?.resources.unallocated() else { continue }
            let hasShared = shared.hasAny { offered.contains($0) }
            if available.contains(needed.nonShared), !hasShared { continue }
            // Of another kind than all that is missing: to take it back would not help.
            let helps = needed.hasAny { wanted in
                !available.contains(wanted) && offered.hasAny { $0.isSameKind(as: wanted) }
            }
            guard helps || hasShared else { continue }
            rescind(id, at: now)
            available += offered.nonShared
        }
    }
}
