public import ClusterModel

extension FairAllocator {
    public mutating func addFramework(
        _ framework: FrameworkInfo, suppressed: [RoleName], constraints: OfferConstraints
    ) {
        var record = frameworks[framework.id] ?? FrameworkRecord()
        record.isActive = true
        record.roles = framework.roles
        record.info = framework
        record.constraints = constraints
        frameworks[framework.id] = record
        // Whoever asks for a role's offers again asks for all of them, whatever it refused before.
        var forgetful: Set<Int> = []
        for role in framework.roles {
            let slot = client(of: framework.id, in: role)
            let isSuppressed = suppressed.contains(role)
            if !isSuppressed, clients[slot]?.isSuppressed == true { forgetful.insert(slot) }
            clients[slot]?.isSuppressed = isSuppressed
        }
        for slot in frameworks[framework.id]?.clients ?? [] {
            if let role = clients[slot]?.role, !framework.roles.contains(role) { forgetful.insert(slot) }
            describe(slot, as: framework, constraints: constraints)
            unblock(slot, forgetting: forgetful.contains(slot))
        }
        refreshActivity(of: framework.id)
    }

    private mutating func describe(_ slot: Int, as framework: FrameworkInfo, constraints: OfferConstraints) {
        guard let role = clients[slot]?.role else { return }
        let minimum = framework.minimumOffers[role] ?? options.minimumOffer
        clients[slot]?.minimum = minimum
        let least = minimum.alternatives.map { amounts(of: $0) }
        clients[slot]?.least = least
        clients[slot]?.capabilities = framework.capabilities
        clients[slot]?.constraints = constraints
    }

    public mutating func removeFramework(_ id: FrameworkID) {
        guard let record = frameworks[id] else { return }
        for client in record.clients {
            setActive(client, false)
            for slot in agents.indices { forget(client, on: slot) }
            guard let node = clients[client]?.node else { continue }
            clients[client] = nil
            unusedClients.append(client)
            release(node)
        }
        frameworks[id] = nil
    }

    /// Leaves no trace of a client on an agent; what it held becomes free.
    private mutating func forget(_ client: Int, on slot: Int) {
        guard agents[slot].isHere else { return }
        if let index = agents[slot].index(of: client) {
            take(agents[slot].held[index].resources, from: client, on: slot)
            refreshAvailable(slot)
        }
        agents[slot].blocked.remove(client)
        agents[slot].passed.remove(client)
        agents[slot].offered[client] = nil
        filterCount -= agents[slot].filters.removeValue(forKey: client)?.count ?? 0
    }

    public mutating func setFramework(_ id: FrameworkID, active: Bool) {
        guard let record = frameworks[id] else { return }
        frameworks[id]?.isActive = active
        if !active {
            for slot in record.clients { unblock(slot, forgetting: true) }
        }
        refreshActivity(of: id)
    }

    public mutating func suppress(_ framework: FrameworkID, roles: [RoleName]) {
        for slot in slots(of: framework, in: roles) { clients[slot]?.isSuppressed = true }
        refreshActivity(of: framework)
    }

    public mutating func revive(_ framework: FrameworkID, roles: [RoleName]) {
        for slot in slots(of: framework, in: roles) {
            clients[slot]?.isSuppressed = false
            unblock(slot, forgetting: true)
        }
        refreshActivity(of: framework)
    }

    private func slots(of framework: FrameworkID, in roles: [RoleName]) -> [Int] {
        (frameworks[framework]?.clients ?? []).filter { slot in
            guard let role = clients[slot]?.role else { return false }
            return roles.isEmpty || roles.contains(role)
        }
    }

    /// Has every agent look at the client again, and with `forgetting` drops what it refused and where it passed.
    private mutating func unblock(_ client: Int, forgetting: Bool) {
        for slot in agents.indices where agents[slot].isHere {
            if forgetting {
                filterCount -= agents[slot].filters.removeValue(forKey: client)?.count ?? 0
                agents[slot].passed.remove(client)
            }
            if agents[slot].blocked.remove(client) { markDirty(slot) }
        }
    }

    private mutating func refreshActivity(of framework: FrameworkID) {
        guard let record = frameworks[framework] else { return }
        for slot in record.clients {
            guard let client = clients[slot] else { continue }
            setActive(slot, record.isActive && !client.isSuppressed && record.roles.contains(client.role))
        }
    }

    private mutating func setActive(_ slot: Int, _ active: Bool) {
        guard let client = clients[slot], client.isActive != active else { return }
        clients[slot]?.isActive = active
        if active {
            tree.countActive(client.node, by: 1)
            repositionClient(slot, in: client.node)
            markAllDirty()
        } else {
            tree[client.node].clients.removeAll { $0 == slot }
            tree.countActive(client.node, by: -1)
        }
    }

    // MARK: Clients and roles

    func knownClient(of framework: FrameworkID, in role: RoleName) -> Int? {
        frameworks[framework]?.clients.first { clients[$0]?.role == role }
    }

    /// The framework in that role, made known (and not active) if need be.
    mutating func client(of framework: FrameworkID, in role: RoleName) -> Int {
        if let known = knownClient(of: framework, in: role) { return known }
        let node = self.node(of: role)
        tree[node].references += 1
        var client = Client(
            framework: framework, role: role, node: node, arrival: nextArrival(), minimum: options.minimumOffer)
        if let record = frameworks[framework], let info = record.info {
            client.minimum = info.minimumOffers[role] ?? options.minimumOffer
            client.least = client.minimum.alternatives.map { amounts(of: $0) }
            client.capabilities = info.capabilities
            client.constraints = record.constraints
        }
        let slot: Int
        if let unused = unusedClients.popLast() {
            clients[unused] = client
            slot = unused
        } else {
            clients.append(client)
            slot = clients.count - 1
        }
        frameworks[framework, default: FrameworkRecord()].clients.append(slot)
        return slot
    }

    private mutating func node(of role: RoleName) -> Int {
        if let known = tree.index(of: role) { return known }
        let parent = role.parent.map { node(of: $0) } ?? 0
        let top = self.top(role.top)
        tops[top].nodes += 1
        return tree.insert(role, parent: parent, top: top, weight: weights[role] ?? 1)
    }

    /// One reference fewer to a role: it and those above it go when nothing needs them.
    private mutating func release(_ start: Int) {
        var node = start
        tree[node].references -= 1
        while node > 0, tree[node].references == 0 {
            tops[tree[node].top].nodes -= 1
            node = tree.remove(node)
        }
        retireIdleTops()
    }
}
