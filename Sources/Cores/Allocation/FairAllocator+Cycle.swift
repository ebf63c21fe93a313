import ClusterModel
public import Determinism

extension FairAllocator {
    public mutating func cycle(at now: Instant) -> [Allocation] {
        dropExpiredFilters(at: now)
        refreshShares()
        cycles += 1
        let start = SeededRandom.scrambled(options.seed &+ cycles)
        let candidates = takeCandidates(from: start)
        refreshOwed()
        everyoneIsExhausted = false
        var line = WaitingLine(start: start, gained: quotaMayAllowMore ? topsThatGained() : [])
        var result: [Allocation] = []
        if quotaTops.contains(where: { isOwed($0) }) {
            pass(candidates, line, onlyOwed: true, into: &result)
        }
        let owed = result.count
        if owed > 0 { line.gained.removeAll { !hasGained($0) } }
        pass(candidates, line, onlyOwed: false, into: &result)
        keepWaiting()
        // What this cycle handed out allows nobody more.
        quotaMayAllowMore = false
        return owed > 0 ? merged(result) : result
    }

    /// Looks at every agent about which something changed, and between them at those that wait for quota as long as
    /// some role may take more of them than when they were last looked at.
    private mutating func pass(
        _ candidates: [Int], _ waitingLine: WaitingLine, onlyOwed: Bool, into result: inout [Allocation]
    ) {
        var line = waitingLine
        if onlyOwed { line.gained.removeAll { !isOwed($0) } }
        var handed = result.count
        for slot in candidates {
            serveWaiting(&line, before: agents[slot].key, onlyOwed: onlyOwed, into: &result)
            serve(slot, onlyOwed: onlyOwed, among: nil, into: &result)
            if result.count > handed {
                handed = result.count
                line.refresh { hasGained($0) }
            }
        }
        serveWaiting(&line, before: nil, onlyOwed: onlyOwed, into: &result)
        if !onlyOwed { forgetCeilings(of: line) }
    }

    /// One allocation for each framework, role and agent, where the first found it.
    private func merged(_ allocations: [Allocation]) -> [Allocation] {
        struct Key: Hashable {
            var framework: FrameworkID
            var role: RoleName
            var agent: AgentID
        }
        var places: [Key: Int] = [:]
        var result: [Allocation] = []
        for allocation in allocations {
            let key = Key(framework: allocation.framework, role: allocation.role, agent: allocation.agent)
            if let place = places[key] {
                result[place].resources += allocation.resources
            } else {
                places[key] = result.count
                result.append(allocation)
            }
        }
        return result
    }

    /// The agents to look at. Their order is a circle that stays the same, entered at another place each cycle: it
    /// does not depend on which other agents there are.
    private mutating func takeCandidates(from start: UInt64) -> [Int] {
        var keyed: [(key: UInt64, slot: Int)] = []
        keyed.reserveCapacity(dirty.count)
        for slot in dirty {
            let key = agents[slot].key
            agents[slot].isDirty = false
            agents[slot].waitsForQuota = false
            guard agents[slot].isActive, !agents[slot].available.isEmpty else { continue }
            keyed.append((key &- start, slot))
        }
        dirty.removeAll(keepingCapacity: true)
        keyed.sort { $0.key < $1.key }
        return keyed.map(\.slot)
    }

    /// Hands out what one agent has until nobody takes any more. Who gave an offer of it back whole comes last.
    /// `among`: only these roles at the top, the others are known to take nothing.
    mutating func serve(_ slot: Int, onlyOwed: Bool, among: [Int]?, into result: inout [Allocation]) {
        guard !agents[slot].available.isEmpty else { return }
        looks += 1
        if !agents[slot].ceiling.contains(agents[slot].available) {
            agents[slot].blocked.removeAll()
            agents[slot].ceiling = agents[slot].available
        }
        var served: [Int] = []
        for includesPassed in agents[slot].passed.isEmpty ? [false] : [false, true] {
            while let allocation = firstTaker(
                of: slot, onlyOwed: onlyOwed, among: among, includesPassed: includesPassed, served: &served)
            {
                result.append(allocation)
                if agents[slot].available.isEmpty { return }
            }
        }
        if !served.isEmpty { markDirty(slot) }
    }

    private mutating func firstTaker(
        of slot: Int, onlyOwed: Bool, among: [Int]?, includesPassed: Bool, served: inout [Int]
    ) -> Allocation? {
        let isPlain = agents[slot].isPlain
        let hasQuota = !quotaTops.isEmpty
        if hasQuota {
            refreshOwed()
            if everyoneIsExhausted, isPlain, !onlyOwed {
                wait(slot)
                return nil
            }
        }
        var someoneHasRoom = false
        for node in tree.order() {
            let top = tree[node].top
            if onlyOwed, !isOwed(top) { continue }
            if let among, !among.contains(top) { continue }
            if hasQuota, !onlyOwed {
                if isExhausted(node) {
                    if isPlain {
                        if tree[node].clients.contains(where: { !agents[slot].blocked.contains($0) }) { wait(slot) }
                        continue
                    }
                } else {
                    someoneHasRoom = true
                }
            }
            if let taker = firstTaker(of: slot, at: node, onlyOwed: onlyOwed, includesPassed, served: &served) {
                return taker
            }
        }
        if hasQuota, !someoneHasRoom, among == nil, !onlyOwed { everyoneIsExhausted = true }
        return nil
    }

    /// The first of one role's own line who takes something.
    private mutating func firstTaker(
        of slot: Int, at node: Int, onlyOwed: Bool, _ includesPassed: Bool, served: inout [Int]
    ) -> Allocation? {
        let top = tree[node].top
        var allowance: Amounts?
        let line = tree[node].clients
        for client in line {
            if agents[slot].blocked.contains(client) || served.contains(client) { continue }
            if !includesPassed, agents[slot].passed.contains(client) { continue }
            if allowance == nil, !quotaTops.isEmpty { allowance = self.allowance(of: top) }
            guard let offer = offer(of: slot, to: client, allowance: allowance, owed: onlyOwed ? top : nil)
            else { continue }
            served.append(client)
            let share = piece(of: offer, for: client, on: slot, line: line, served: served, allowance: allowance)
            return hand(share, of: slot, to: client)
        }
        return nil
    }

    /// What a client can be offered of an agent now; nil for nothing, remembering so when that lasts.
    private mutating func offer(of slot: Int, to client: Int, allowance: Amounts?, owed: Int?) -> Resources? {
        guard let taker = clients[client] else { return nil }
        guard let base = suitable(slot, for: taker), taker.minimum.isMet(by: base.quantities),
            !isRefused(base, by: client, on: slot)
        else {
            block(client, on: slot)
            return nil
        }
        guard let allowance else { return base }
        let names = scalarNames
        let trimmed = base.trimmingUnreserved { name in
            names.firstIndex(of: name).map { Scalar(thousandths: allowance[$0]) }
        }
        if let owed, !contributes(trimmed, to: owed) { return nil }
        if trimmed.sharesStorage(with: base) || trimmed == base { return base }
        if owed == nil { wait(slot, for: tree[taker.node].top, having: allowance) }
        guard !trimmed.isEmpty, taker.minimum.isMet(by: trimmed.quantities),
            !isRefused(trimmed, by: client, on: slot)
        else { return nil }
        return trimmed
    }

    /// Nothing for this client here, and no more until something about it or more than now is available.
    private mutating func block(_ client: Int, on slot: Int) {
        agents[slot].blocked.insert(client)
        if !agents[slot].ceiling.sharesStorage(with: agents[slot].available) {
            agents[slot].ceiling = agents[slot].available
        }
    }

    /// What of the agent a client could ever have: its role's and nobody's, of the kinds its framework understands.
    private func suitable(_ slot: Int, for client: Client) -> Resources? {
        let abilities = client.capabilities
        if options.keepsGPUsApart, agents[slot].hasGPUs, !abilities.contains(.gpuResources) { return nil }
        if let region = options.region, let domain = agents[slot].info?.domain, domain.region != region,
            !abilities.contains(.regionAware)
        {
            return nil
        }
        if !client.constraints.groups.isEmpty, let info = agents[slot].info,
            !client.constraints.accept(info, for: client.role)
        {
            return nil
        }
        if agents[slot].isPlain { return agents[slot].available }
        let result = agents[slot].available.only { resource in
            resource.isAllocatable(to: client.role)
                && (!resource.isRevocable || abilities.contains(.revocableResources))
                && (!resource.isShared || abilities.contains(.sharedResources))
                && (!resource.isRefined || abilities.contains(.reservationRefinement))
        }
        // A shared volume alone is never free or taken: it goes along with something else.
        return result.nonShared.isEmpty ? nil : result
    }

    private mutating func contributes(_ resources: Resources, to top: Int) -> Bool {
        let offered = amounts(of: resources, where: Self.isFreeKind)
        return offered.indices.contains { offered[$0] > 0 && tops[top].unsatisfied($0) > 0 }
    }

    /// The part of `offer` for one of several in line, when agents are divided; all of it when that leaves too little.
    private mutating func piece(
        of offer: Resources, for client: Int, on slot: Int, line: [Int], served: [Int], allowance: Amounts?
    ) -> Resources {
        let places = options.offersPerAgent - served.count + 1
        guard places > 1 else { return offer }
        var waiting = 0
        for other in line where waiting < places - 1 && !served.contains(other) {
            if agents[slot].blocked.contains(other) { continue }
            if self.offer(of: slot, to: other, allowance: allowance, owed: nil) != nil { waiting += 1 }
        }
        guard waiting > 0 else { return offer }
        let part = offer.trimmingUnreserved { name in
            Scalar(thousandths: offer.unreserved.nonRevocable.amount(of: name).thousandths / Int64(waiting + 1))
        }
        let isEnough = clients[client]?.minimum.isMet(by: part.quantities) ?? false
        return isEnough && !isRefused(part, by: client, on: slot) ? part : offer
    }

    private mutating func hand(_ resources: Resources, of slot: Int, to client: Int) -> Allocation? {
        guard let taker = clients[client], let id = agents[slot].info?.id else { return nil }
        if agents[slot].passed.contains(client) { agents[slot].passed.removeAll() }
        if agents[slot].available.sharesStorage(with: resources) {
            agents[slot].available = resources.shared
        } else {
            agents[slot].available -= resources.nonShared
        }
        agents[slot].offered[client] = resources
        give(resources, to: client, on: slot, isOffer: true)
        recountFree(slot)
        return Allocation(
            framework: taker.framework, role: taker.role, agent: id, resources: resources.allocated(to: taker.role))
    }
}
