import ClusterModel

/// A walk along the agents that wait for quota, from one cycle's place in the circle on.
struct WaitingLine {
    let start: UInt64
    /// Roles at the top that may take more than when these agents were last looked at.
    var gained: [Int]
    /// How many entries the walk has passed.
    var position = 0

    init(start: UInt64, gained: [Int]) {
        self.start = start
        self.gained = gained
    }

    mutating func refresh(_ hasGained: (Int) -> Bool) { gained.removeAll { !hasGained($0) } }
}

/// An agent that has something left which somebody would take if quota allowed.
struct WaitingAgent: Sendable {
    var key: UInt64
    var slot: Int
}

/// Agents that wait for quota are not looked at again until a role may take more than it could when it was refused.
///
/// For every role at the top `ceiling` is a lower bound of what it was allowed at each refusal on an agent that still
/// waits: as long as it is allowed no more than that, all of them would refuse it again. Within a cycle what a role is
/// allowed only shrinks, so the walk ends as soon as nobody is above the own ceiling any more, usually at once.
extension FairAllocator {
    func topsThatGained() -> [Int] {
        tops.indices.filter { tops[$0].nodes > 0 && hasGained($0) }
    }

    func hasGained(_ top: Int) -> Bool {
        guard let ceiling = tops[top].ceiling else { return false }
        return scalarNames.indices.contains { allowance(of: top, $0) > ceiling.at($0) }
    }

    /// Looks at the waiting agents up to `key` in the circle, or to its end.
    mutating func serveWaiting(
        _ line: inout WaitingLine, before key: UInt64?, onlyOwed: Bool, into result: inout [Allocation]
    ) {
        guard !line.gained.isEmpty else { return }
        let first = firstWaiting(from: line.start)
        while line.position < waiting.count {
            let entry = waiting[(first + line.position) % waiting.count]
            if let key, entry.key &- line.start >= key &- line.start { return }
            line.position += 1
            guard agents[entry.slot].key == entry.key, agents[entry.slot].waitsForQuota, agents[entry.slot].isActive
            else { continue }
            let handed = result.count
            serve(entry.slot, onlyOwed: onlyOwed, among: line.gained, into: &result)
            guard result.count > handed else { continue }
            refreshOwed()
            line.refresh { hasGained($0) }
            if line.gained.isEmpty { return }
        }
    }

    /// Where the circle is entered: the first entry whose key is not below `start`.
    private func firstWaiting(from start: UInt64) -> Int {
        var low = 0
        var high = waiting.count
        while low < high {
            let middle = (low + high) / 2
            if waiting[middle].key < start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Roles that walked past every waiting agent start anew with what they were refused on the way.
    mutating func forgetCeilings(of line: WaitingLine) {
        guard line.position == waiting.count else { return }
        for top in line.gained { tops[top].ceiling = nil }
    }

    // MARK: Remembering

    mutating func wait(_ slot: Int) {
        guard !agents[slot].waitsForQuota else { return }
        agents[slot].waitsForQuota = true
        if agents[slot].isListed { return }
        agents[slot].isListed = true
        newlyWaiting.append(WaitingAgent(key: agents[slot].key, slot: slot))
    }

    mutating func wait(_ slot: Int, for top: Int, having allowance: Amounts) {
        wait(slot)
        noteRefusal(of: top, having: allowance)
    }

    private mutating func noteRefusal(of top: Int, having allowance: Amounts) {
        guard var lowest = tops[top].refused else {
            tops[top].refused = allowance
            return
        }
        for index in lowest.indices { lowest[index] = min(lowest[index], allowance.at(index)) }
        tops[top].refused = lowest
    }

    /// Whether no framework of the role itself can be offered anything unreserved any more in this cycle, because even
    /// all it is allowed is below the least it wants. What a role is allowed only shrinks within a cycle, so this is
    /// found out once.
    mutating func isExhausted(_ node: Int) -> Bool {
        if tree[node].exhaustedIn == cycles { return true }
        let top = tree[node].top
        if tree[node].clients.contains(where: { isReachable($0, within: top) }) { return false }
        tree[node].exhaustedIn = cycles
        noteRefusal(of: top, having: allowance(of: top))
        return true
    }

    private func isReachable(_ client: Int, within top: Int) -> Bool {
        guard let least = clients[client]?.least, !least.isEmpty else {
            return scalarNames.indices.contains { allowance(of: top, $0) > 0 }
        }
        return least.contains { amounts in
            amounts.indices.allSatisfy { amounts[$0] == 0 || amounts[$0] <= allowance(of: top, $0) }
        }
    }

    /// After a cycle: the new ones take their places, and what was refused lowers the ceilings.
    mutating func keepWaiting() {
        for top in tops.indices {
            guard let refused = tops[top].refused else { continue }
            if var ceiling = tops[top].ceiling {
                for index in ceiling.indices { ceiling[index] = min(ceiling[index], refused.at(index)) }
                tops[top].ceiling = ceiling
            } else {
                tops[top].ceiling = refused
            }
            tops[top].refused = nil
        }
        guard !newlyWaiting.isEmpty else { return }
        let isBulk = newlyWaiting.count > 64 || waiting.count > 2 * agentSlots.count
        if isBulk {
            // Entries of agents that left or no longer wait go when there is work on the whole list anyway.
            waiting.removeAll { entry in
                guard agents[entry.slot].key == entry.key else { return true }
                if agents[entry.slot].waitsForQuota { return false }
                agents[entry.slot].isListed = false
                return true
            }
            waiting += newlyWaiting
            waiting.sort { $0.key < $1.key }
        } else {
            for entry in newlyWaiting { waiting.insert(entry, at: firstWaiting(from: entry.key)) }
        }
        newlyWaiting.removeAll(keepingCapacity: true)
    }

    /// Quota itself changed: whoever waited is looked at as if for the first time.
    mutating func wakeWaiting() {
        for entry in waiting {
            guard agents[entry.slot].key == entry.key else { continue }
            agents[entry.slot].isListed = false
            if agents[entry.slot].waitsForQuota { markDirty(entry.slot) }
        }
        waiting.removeAll()
        for top in tops.indices { tops[top].ceiling = nil }
    }
}
