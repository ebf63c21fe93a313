public import ClusterModel
import Determinism
public import Diagnostics

extension FairAllocator {
    public mutating func addAgent(_ agent: AgentInfo, holdings: [Holding]) {
        if agentSlots[agent.id] != nil { removeAgent(agent.id) }
        let slot: Int
        let record = AgentRecord(info: agent, key: nextKey())
        if let unused = unusedAgents.popLast() {
            agents[unused] = record
            slot = unused
        } else {
            agents.append(record)
            slot = agents.count - 1
        }
        agentSlots[agent.id] = slot
        setTotal(Resources(agent.resources).unallocated(), of: slot)
        for holding in holdings { hold(holding.resources, by: holding.framework, on: slot) }
        refreshAvailable(slot)
    }

    /// Counts what a framework turned out to have, role by role.
    private mutating func hold(_ resources: Resources, by framework: FrameworkID, on slot: Int) {
        var roles: [RoleName] = []
        resources.forEach { resource in
            let role = resource.allocatedTo ?? .anyone
            if !roles.contains(role) { roles.append(role) }
        }
        for role in roles {
            let part = resources.only { ($0.allocatedTo ?? .anyone) == role }.unallocated()
            give(part, to: client(of: framework, in: role), on: slot, isOffer: false)
        }
    }

    public mutating func removeAgent(_ id: AgentID) {
        guard let slot = agentSlots[id] else { return }
        let record = agents[slot]
        for (client, resources) in record.held { take(resources, from: client, on: slot) }
        setTotal(.none, of: slot)
        setFree([], of: slot)
        filterCount -= record.filters.values.reduce(0) { $0 + $1.count }
        agents[slot] = .vacant
        dirty.removeAll { $0 == slot }
        agentSlots[id] = nil
        unusedAgents.append(slot)
    }

    public mutating func updateAgent(_ agent: AgentInfo) {
        guard let slot = agentSlots[agent.id], let old = agents[slot].info else { return }
        agents[slot].info = agent
        setTotal(Resources(agent.resources).unallocated(), of: slot)
        if old.attributes != agent.attributes || old.domain != agent.domain || old.address != agent.address {
            agents[slot].blocked.removeAll()
        }
        refreshAvailable(slot)
    }

    public mutating func setAgent(_ id: AgentID, active: Bool) {
        guard let slot = agentSlots[id], agents[slot].isActive != active else { return }
        agents[slot].isActive = active
        refreshAvailable(slot)
    }

    // MARK: Accounting

    /// Sets what the agent has: the cluster's totals and every top role's reservations follow.
    mutating func setTotal(_ total: Resources, of slot: Int) {
        countTotal(agents[slot].total, sign: -1)
        countTotal(total, sign: 1)
        agents[slot].total = total
        agents[slot].isPlain = !total.hasAny { $0.isReserved || $0.isRevocable || $0.isShared }
        agents[slot].hasGPUs = total.hasAny { $0.name == "gpus" }
        // Bits were set for the kind of agent it was.
        agents[slot].blocked.removeAll()
    }

    private mutating func countTotal(_ resources: Resources, sign: Int64) {
        let all = amounts(of: resources)
        if !all.isZero { sharesAreStale = true }
        totals.add(all, times: sign)
        owedIsStale = true
        resources.reserved.forEach { resource in
            guard let role = resource.reservedFor, case .scalar(let scalar) = resource.value else { return }
            let top = self.top(role.top)
            tops[top].reserved.change(number(of: resource.name), by: sign * scalar.thousandths)
        }
        quotaMayAllowMore = true
    }

    /// Works out afresh what is available, after the total or the agent's standing changed.
    mutating func refreshAvailable(_ slot: Int) {
        guard agents[slot].isHere else { return }
        let record = agents[slot]
        let held = record.held.reduce(Resources()) { $0 + $1.resources }
        agents[slot].isOvercommitted = !record.total.nonShared.contains(held.nonShared)
        agents[slot].available = record.total.nonShared - held.nonShared + record.total.shared
        recountFree(slot)
        markDirty(slot)
    }

    mutating func recountFree(_ slot: Int) {
        let isFree = agents[slot].isHere && agents[slot].isActive
        setFree(isFree ? amounts(of: agents[slot].available, where: Self.isFreeKind) : [], of: slot)
    }

    private mutating func setFree(_ amounts: Amounts, of slot: Int) {
        free.add(agents[slot].free, times: -1)
        free.add(amounts)
        agents[slot].free = amounts
        quotaMayAllowMore = true
    }

    /// Counts `resources` (unallocated) as in the hands of a client; the caller sees to what is available.
    mutating func give(_ resources: Resources, to client: Int, on slot: Int, isOffer: Bool) {
        guard !resources.isEmpty else { return }
        if let index = agents[slot].index(of: client) {
            agents[slot].held[index].resources += resources
        } else {
            let index = agents[slot].held.firstIndex { $0.client > client } ?? agents[slot].held.count
            agents[slot].held.insert((client, resources), at: index)
        }
        let all = amounts(of: resources)
        let unreserved = amounts(of: resources, where: Self.isFreeKind)
        count(all, unreserved: unreserved, for: client, sign: 1, isOffer: isOffer)
    }

    /// The opposite of `give`, for resources the client is known to hold.
    mutating func take(_ resources: Resources, from client: Int, on slot: Int) {
        guard let index = agents[slot].index(of: client) else { return }
        agents[slot].held[index].resources -= resources
        if agents[slot].held[index].resources.isEmpty { agents[slot].held.remove(at: index) }
        let all = amounts(of: resources)
        let unreserved = amounts(of: resources, where: Self.isFreeKind)
        count(all, unreserved: unreserved, for: client, sign: -1, isOffer: false)
    }

    // MARK: Operations

    public mutating func convert(
        on agent: AgentID, heldBy framework: FrameworkID?, from source: Resources, to result: Resources
    ) throws(Failure) {
        guard let slot = agentSlots[agent] else { throw missing(source, on: agent) }
        let record = agents[slot]
        let before = source.unallocated()
        let after = result.unallocated()
        guard let framework else {
            guard record.available.contains(before) else { throw missing(source, on: agent) }
            replaceTotal(before, by: after, on: slot)
            return
        }
        let role = source.first { _ in true }?.allocatedTo ?? .anyone
        guard let client = knownClient(of: framework, in: role), let index = record.index(of: client),
            record.held[index].resources.contains(before)
        else { throw missing(source, on: agent) }
        take(before, from: client, on: slot)
        give(after, to: client, on: slot, isOffer: false)
        replaceTotal(before, by: after, on: slot)
    }

    private mutating func replaceTotal(_ before: Resources, by after: Resources, on slot: Int) {
        let total = agents[slot].total
        setTotal(total - before + after, of: slot)
        agents[slot].info?.resources = Array(total - before + after)
        refreshAvailable(slot)
    }

    private func missing(_ resources: Resources, on agent: AgentID) -> Failure {
        Failure(
            "allocation.missing", doing: "change resources on agent", on: agent.text,
            cause: "\(resources) is not there", remedy: "use resources of a current offer", field: "resources")
    }
}
