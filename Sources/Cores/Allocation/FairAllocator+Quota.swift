public import ClusterModel
public import Diagnostics

extension FairAllocator {
    public mutating func setQuota(_ quota: Quota, for role: RoleName) throws(Failure) {
        try quota.validate(for: role, isStored: true)
        let top = self.top(role)
        tops[top].quota = quota
        tops[top].guarantees = amounts(of: quota.guarantees)
        var limits: Amounts = []
        for bound in quota.limits.bounds {
            let index = number(of: bound.name)
            while limits.count <= index { limits.append(-1) }
            limits[index] = bound.scalar.thousandths
        }
        tops[top].limits = limits
        quotaTops = tops.indices.filter { tops[$0].quota != .unlimited }
        owedIsStale = true
        wakeWaiting()
        retireIdleTops()
    }

    public mutating func setWeight(_ weight: Double, for role: RoleName) throws(Failure) {
        guard weight > 0, weight.isFinite else {
            throw Failure(
                "weight.invalid", doing: "set weight of role", on: role.text, cause: "\(weight) is not above zero",
                remedy: "give a finite number above zero", field: "weight")
        }
        weights[role] = weight == 1 ? nil : weight
        if let node = tree.index(of: role) {
            tree[node].weight = weight
            sharesAreStale = true
        }
    }

    /// The record of a role at the top, made if need be.
    mutating func top(_ role: RoleName) -> Int {
        if let known = topSlots[role] { return known }
        if let idle = tops.firstIndex(where: { $0.isIdle && topSlots[$0.name] == nil }) {
            tops[idle] = TopRole(name: role)
            topSlots[role] = idle
            return idle
        }
        tops.append(TopRole(name: role))
        topSlots[role] = tops.count - 1
        return tops.count - 1
    }

    mutating func retireIdleTops() {
        for index in tops.indices where tops[index].isIdle && topSlots[tops[index].name] == index {
            topSlots[tops[index].name] = nil
        }
    }

    /// Works out what all unsatisfied guarantees together are owed, unless that is still known.
    mutating func refreshOwed() {
        guard owedIsStale else { return }
        owedIsStale = false
        owed = scalarNames.indices.map { index in quotaTops.reduce(0) { $0 + tops[$1].unsatisfied(index) } }
    }

    /// What a role under `top` may still take of an unreserved amount: what it is owed and what is free beyond what
    /// anybody is owed, within its limit. `owed` must be fresh.
    func allowance(of top: Int, _ index: Int) -> Int64 {
        let allowed = tops[top].unsatisfied(index) + max(0, free.at(index) - owed.at(index))
        return tops[top].room(index).map { min($0, allowed) } ?? allowed
    }

    func allowance(of top: Int) -> Amounts { scalarNames.indices.map { allowance(of: top, $0) } }

    func isOwed(_ top: Int) -> Bool {
        tops[top].guarantees.indices.contains { tops[top].unsatisfied($0) > 0 }
    }
}
