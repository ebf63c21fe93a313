public import ClusterModel
public import Determinism

extension FairAllocator {
    /// Refusals one framework can have about one agent and role; the one that ends first makes room.
    static let filtersMax = 8

    public mutating func recover(_ holding: Holding, filter: OfferFilter?, at now: Instant) {
        guard let slot = agentSlots[holding.agent] else { return }
        var roles: [RoleName] = []
        holding.resources.forEach { resource in
            let role = resource.allocatedTo ?? .anyone
            if !roles.contains(role) { roles.append(role) }
        }
        for role in roles {
            guard let client = knownClient(of: holding.framework, in: role) else { continue }
            let part =
                roles.count == 1 ? holding.resources : holding.resources.only { ($0.allocatedTo ?? .anyone) == role }
            recover(part.unallocated(), from: client, on: slot, filter: filter, at: now)
        }
    }

    private mutating func recover(
        _ resources: Resources, from client: Int, on slot: Int, filter: OfferFilter?, at now: Instant
    ) {
        guard let index = agents[slot].index(of: client) else { return }
        let held = agents[slot].held[index].resources
        let returned = held.contains(resources) ? resources : held - (held - resources)
        guard !returned.isEmpty else { return }
        let offer = agents[slot].offered.removeValue(forKey: client)
        if filter != nil, offer == returned {
            agents[slot].passed.insert(client)
        } else {
            agents[slot].passed.removeAll()
        }
        take(returned, from: client, on: slot)
        makeAvailable(returned, on: slot)
        if let filter, filter.refuseFor > .zero {
            refuse(returned, by: client, on: slot, for: filter.refuseFor, at: now)
        }
    }

    private mutating func makeAvailable(_ resources: Resources, on slot: Int) {
        guard agents[slot].isHere else { return }
        // A total that shrank meanwhile does not give back what it no longer has.
        if agents[slot].isPlain, !agents[slot].isOvercommitted {
            agents[slot].available += resources
            recountFree(slot)
            markDirty(slot)
        } else {
            refreshAvailable(slot)
        }
    }

    // MARK: Refusals

    private mutating func refuse(
        _ resources: Resources, by client: Int, on slot: Int, for duration: Duration, at now: Instant
    ) {
        let expires = now + max(duration, options.refuseMin)
        var filters = agents[slot].filters[client] ?? []
        filterCount -= filters.count
        filters.removeAll { $0.expires <= expires && resources.contains($0.refused) }
        if filters.count == Self.filtersMax,
            let first = filters.indices.min(by: { filters[$0].expires < filters[$1].expires })
        {
            filters.remove(at: first)
        }
        // Thousands of frameworks refuse the same: one copy serves them all.
        let available = agents[slot].available
        filters.append(Filter(refused: available == resources ? available : resources, expires: expires))
        filterCount += filters.count
        agents[slot].filters[client] = filters
        expiries.insert(ExpiryHeap.Entry(at: expires, agent: slot, client: client))
        if expiries.entries.count > 2 * filterCount + 1_024 { rebuildExpiries() }
    }

    /// Drops entries whose filters are gone. Their order among equals does not matter.
    private mutating func rebuildExpiries() {
        var rebuilt = ExpiryHeap()
        for slot in agents.indices {
            for (client, filters) in agents[slot].filters {
                for filter in filters { rebuilt.insert(.init(at: filter.expires, agent: slot, client: client)) }
            }
        }
        expiries = rebuilt
    }

    mutating func dropExpiredFilters(at now: Instant) {
        while let entry = expiries.popExpired(at: now) {
            guard let filters = agents[entry.agent].filters[entry.client] else { continue }
            let rest = filters.filter { $0.expires > now }
            if rest.count == filters.count { continue }
            filterCount -= filters.count - rest.count
            agents[entry.agent].filters[entry.client] = rest.isEmpty ? nil : rest
            agents[entry.agent].blocked.remove(entry.client)
            markDirty(entry.agent)
        }
    }

    func isRefused(_ resources: Resources, by client: Int, on slot: Int) -> Bool {
        agents[slot].filters[client]?.contains { $0.refused.contains(resources) } ?? false
    }
}
