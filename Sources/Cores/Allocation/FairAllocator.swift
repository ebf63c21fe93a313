import ClusterModel
public import Determinism
import Diagnostics

/// Hierarchical dominant-resource fairness: whoever has the smallest dominant share of what the cluster has, divided by
/// weight, is served first; among roles level by level, then among a role's frameworks. Ties go to who has had fewer
/// offers, then by name and by arrival.
///
/// A cycle looks only at agents about which something changed: more became available, a refusal ran out, somebody new
/// stands in line. An agent that was looked at and left has nothing for anybody until then, so the offers are the same
/// as if every agent had been looked at.
public struct FairAllocator: Allocator {
    let options: AllocatorOptions
    var scalarNames: [String] = []
    /// By slot; those whose agent left are vacant.
    var agents: [AgentRecord] = []
    var agentSlots: [AgentID: Int] = [:]
    var unusedAgents: [Int] = []
    var clients: [Client?] = []
    var unusedClients: [Int] = []
    var frameworks: [FrameworkID: FrameworkRecord] = [:]
    var tree = RoleTree()
    var tops: [TopRole] = []
    var topSlots: [RoleName: Int] = [:]
    var weights: [RoleName: Double] = [:]
    /// Tops with guarantees or limits.
    var quotaTops: [Int] = []
    /// Everything all agents have.
    var totals: Amounts = []
    /// Unreserved and non-revocable on active agents, in nobody's hands.
    var free: Amounts = []
    /// What unsatisfied guarantees are owed in all.
    var owed: Amounts = []
    var owedIsStale = true
    var arrivals = 0
    var cycles: UInt64 = 0
    var dirty: [Int] = []
    /// Agents that wait for quota by their place in the circle; some may have stopped to.
    var waiting: [WaitingAgent] = []
    var newlyWaiting: [WaitingAgent] = []
    /// No role may take anything unreserved any more in this cycle.
    var everyoneIsExhausted = false
    var quotaMayAllowMore = false
    var sharesAreStale = false
    var expiries = ExpiryHeap()
    var filterCount = 0
    /// Agents looked at since the beginning: what cycles cost.
    public internal(set) var looks = 0

    public init(options: AllocatorOptions = AllocatorOptions()) { self.options = options }

    public var nextWake: Instant? { expiries.first?.at }

    mutating func nextArrival() -> Int {
        arrivals += 1
        return arrivals
    }

    /// Never twice the same, so that an entry of an agent that left is not taken for its successor's.
    mutating func nextKey() -> UInt64 {
        SeededRandom.scrambled(SeededRandom.scrambled(options.seed) &+ UInt64(nextArrival()))
    }

    // MARK: Amounts

    mutating func number(of name: String) -> Int {
        if let index = scalarNames.firstIndex(of: name) { return index }
        scalarNames.append(name)
        return scalarNames.count - 1
    }

    mutating func amounts(of quantities: Quantities) -> Amounts {
        var result: Amounts = []
        for amount in quantities.amounts { result.change(number(of: amount.name), by: amount.scalar.thousandths) }
        return result
    }

    mutating func amounts(of resources: Resources, where isMeant: (Resource) -> Bool = { _ in true }) -> Amounts {
        var result: Amounts = []
        resources.forEach { resource in
            if case .scalar(let scalar) = resource.value, isMeant(resource) {
                result.change(number(of: resource.name), by: scalar.thousandths)
            }
        }
        return result
    }

    static func isFreeKind(_ resource: Resource) -> Bool { !resource.isReserved && !resource.isRevocable }

    func share(_ amounts: Amounts, weight: Double) -> Double {
        var largest = 0.0
        for index in amounts.indices where amounts[index] > 0 && totals.at(index) > 0 {
            if options.excludedFromFairness.isEmpty || !options.excludedFromFairness.contains(scalarNames[index]) {
                largest = max(largest, Double(amounts[index]) / Double(totals[index]))
            }
        }
        return largest / weight
    }

    // MARK: Line

    /// Counts `amounts` for (or with `sign` -1 no longer for) a client and every role above it.
    mutating func count(_ amounts: Amounts, unreserved: Amounts, for slot: Int, sign: Int64, isOffer: Bool) {
        guard var client = clients[slot] else { return }
        clients[slot] = nil
        client.use.amounts.add(amounts, times: sign)
        if isOffer { client.use.offers += 1 }
        let isFair = options.order == .fair
        if isFair { client.use.share = share(client.use.amounts, weight: 1) }
        clients[slot] = client
        if client.isActive, !sharesAreStale, isFair { repositionClient(slot, in: client.node) }
        tree.orderIsStale()
        tree[client.node].own.amounts.add(amounts, times: sign)
        if isFair { tree[client.node].own.share = share(tree[client.node].own.amounts, weight: 1) }
        if isOffer { tree[client.node].own.offers += 1 }
        var node = client.node
        while node > 0 {
            tree[node].use.amounts.add(amounts, times: sign)
            if isOffer { tree[node].use.offers += 1 }
            if isFair {
                tree[node].use.share = share(tree[node].use.amounts, weight: tree[node].weight)
                if !sharesAreStale { tree.reposition(node) }
            }
            node = tree[node].parent
        }
        tops[tree[client.node].top].used.add(unreserved, times: sign)
        owedIsStale = true
        if sign < 0 { quotaMayAllowMore = true }
    }

    func clientPrecedes(_ left: Int, _ right: Int) -> Bool {
        guard let one = clients[left], let other = clients[right] else { return false }
        if one.use.share != other.use.share { return one.use.share < other.use.share }
        if one.use.offers != other.use.offers { return one.use.offers < other.use.offers }
        return one.arrival < other.arrival
    }

    mutating func repositionClient(_ slot: Int, in node: Int) {
        if let old = tree[node].clients.firstIndex(of: slot) { tree[node].clients.remove(at: old) }
        var low = 0
        var high = tree[node].clients.count
        while low < high {
            let middle = (low + high) / 2
            if clientPrecedes(tree[node].clients[middle], slot) { low = middle + 1 } else { high = middle }
        }
        tree[node].clients.insert(slot, at: low)
    }

    // MARK: What is to be looked at

    mutating func markDirty(_ slot: Int) {
        guard agents[slot].isHere, !agents[slot].isDirty else { return }
        agents[slot].isDirty = true
        dirty.append(slot)
    }

    /// Somebody new stands in line: every agent with something left may have something for them.
    mutating func markAllDirty() {
        for slot in agents.indices where !agents[slot].available.isEmpty { markDirty(slot) }
    }
}
