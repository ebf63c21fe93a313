import Allocation
import ClusterAPI
public import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// Quota and weights of roles.
extension MasterCore {
    static let quotasMax = 10_000
    static let weightsMax = 10_000

    // MARK: Weights

    mutating func updateWeights(
        _ weights: [RoleWeight], _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        var met: Set<RoleName> = []
        for weight in weights {
            guard weight.weight > 0, weight.weight.isFinite else {
                throw Failure(
                    "weight.invalid", doing: "set weight of role", on: weight.role.text,
                    cause: "\(weight.weight) is not above zero", remedy: "give a finite number above zero",
                    field: "weight")
            }
            if !configuration.allows(weight.role) {
                throw Failure(
                    "weight.invalid", doing: "set weight of role", on: weight.role.text,
                    cause: "it is not in the master's list of roles", remedy: "name one that is", field: "role")
            }
            if !met.insert(weight.role).inserted {
                throw Failure(
                    "weight.invalid", doing: "set weight of role", on: weight.role.text, cause: "it is named twice",
                    remedy: "give each role one weight", field: "role")
            }
        }
        guard self.weights.count + weights.count <= Self.weightsMax else {
            throw Failure(
                "weight.too-many", doing: "set weights", cause: "\(self.weights.count) roles have one",
                remedy: "set weights of unused roles to 1", limit: "weights \(Self.weightsMax)")
        }
        // A weight of one is what every role has.
        let changes = weights.map { weight in
            weight.weight == 1
                ? RegistryChange.remove(.weight(weight.role)) : .putWeight(weight.weight, weight.role)
        }
        persist(changes, then: .operated(call, change))
    }

    mutating func weightsAreStored(_ weights: [RoleWeight], at now: Instant) {
        for weight in weights {
            self.weights[weight.role] = weight.weight == 1 ? nil : weight.weight
            do throws(Failure) { try allocator.setWeight(weight.weight, for: weight.role) } catch {
                note("weight.unfit", "A weight cannot be used", level: .error, ["failure": error.description])
            }
        }
        // Who competes with these roles is to be served anew.
        let tops = Set(weights.map(\.role.top))
        if offers.values.contains(where: { tops.contains($0.offer.role.top) }) {
            for id in offers.keys.sorted() { rescind(id, at: now) }
        }
        note("weights.changed", "Weights of roles have been set", ["roles": "\(weights.count)"])
    }

    // MARK: Quota

    /// `checksUse`: what a role uses may not be above its new limit; nothing is taken away from anybody.
    mutating func updateQuota(
        _ configs: [QuotaConfig], isForced: Bool, checksUse: Bool = true, _ call: CallID
    ) throws(Failure) {
        var met: Set<RoleName> = []
        for config in configs {
            try config.quota.validate(for: config.role)
            // What was set for a role that was allowed once can be removed.
            if config.quota != .unlimited, !configuration.allows(config.role) {
                throw quotaFailure(config.role, "it is not in the master's list of roles", field: "role")
            }
            if !met.insert(config.role).inserted {
                throw quotaFailure(config.role, "it is named twice", field: "role")
            }
        }
        guard quotas.count + configs.count <= Self.quotasMax else {
            throw Failure(
                "quota.too-many", doing: "set quota", cause: "\(quotas.count) roles have one",
                remedy: "remove quota of unused roles", limit: "quotas \(Self.quotasMax)")
        }
        if !isForced {
            if checksUse { for config in configs { try checkConsumption(config) } }
            try checkCapacity(configs)
        }
        let changes = configs.map { config in
            config.quota == .unlimited
                ? RegistryChange.remove(.quota(config.role)) : .putQuota(config.quota, config.role)
        }
        for change in changes { try change.checkSize() }
        persist(changes, then: .operated(call, .updateQuota(configs, isForced: isForced)))
    }

    /// The older way: what is guaranteed is the limit as well.
    mutating func setQuota(
        _ role: RoleName, _ guarantee: Quantities, isForced: Bool, _ call: CallID
    ) throws(Failure) {
        if quotas[role] != nil {
            throw quotaFailure(role, "it has quota already; remove that first or use UPDATE_QUOTA", field: "role")
        }
        if guarantee.isEmpty { throw quotaFailure(role, "nothing is guaranteed", field: "guarantee") }
        var limits = QuantityLimits()
        for amount in guarantee.amounts { limits[amount.name] = amount.scalar }
        let config = QuotaConfig(role, quota: Quota(guarantees: guarantee, limits: limits))
        // By the protocol this call looks at nothing but what the cluster has.
        try updateQuota([config], isForced: isForced, checksUse: false, call)
    }

    mutating func removeQuota(_ role: RoleName, _ call: CallID) throws(Failure) {
        guard quotas[role] != nil else { throw quotaFailure(role, "it has no quota", field: "role") }
        try updateQuota([QuotaConfig(role, quota: .unlimited)], isForced: true, call)
    }

    /// A limit below what is in use does not hold until enough of that has ended.
    private func checkConsumption(_ config: QuotaConfig) throws(Failure) {
        let consumed = consumedQuota(of: config.role)
        for bound in config.quota.limits.bounds where consumed[bound.name] > bound.scalar {
            throw Failure(
                "quota.in-use", doing: "set quota", on: config.role.text,
                cause: "\(consumed[bound.name]) \(bound.name) are in use, more than the limit of \(bound.scalar)",
                remedy: "end tasks first, raise the limit, or force it", field: "limits", retry: .later)
        }
    }

    /// A guarantee that the cluster cannot keep is most likely a slip. Looks at all there is, not at what can be given:
    /// what is reserved counts as a role's use of its quota, also where agents reserve it by configuration, so it is
    /// something to guarantee. Agents that are not connected right now count as well, as they come back.
    private func checkCapacity(_ configs: [QuotaConfig]) throws(Failure) {
        guard configs.contains(where: { !$0.quota.guarantees.isEmpty }) else { return }
        var guaranteed = Quantities.none
        for role in quotas.keys.sorted() where !configs.contains(where: { $0.role == role }) {
            guaranteed += quotas[role]?.guarantees ?? .none
        }
        for config in configs { guaranteed += config.quota.guarantees }
        let capacity = agents.values.reduce(into: Quantities.none) { sum, agent in
            sum += agent.total.nonRevocable.quantities
        }
        for amount in guaranteed.amounts where capacity[amount.name] < amount.scalar {
            throw Failure(
                "quota.overcommitted", doing: "set quota", on: configs[0].role.text,
                cause: "all guarantees are \(amount.scalar) \(amount.name), and the cluster has "
                    + "\(capacity[amount.name])",
                remedy: "add agents, guarantee less, or force it", field: "guarantees")
        }
    }

    /// What counts against a role's quota: what is reserved for it and below, and what its tasks have of the rest.
    public func consumedQuota(of role: RoleName) -> Quantities {
        var consumed = Quantities.none
        for agent in agents.values {
            consumed += agent.total.only { $0.reservedFor?.isWithin(role) == true }.quantities
            for executors in agent.executors.values {
                for executor in executors.values { consumed += Self.unreserved(executor.resources, of: role) }
            }
        }
        for task in tasks.values where task.role.isWithin(role) && !task.hasReturnedResources {
            consumed += Self.unreserved(Array(task.resources), of: role)
        }
        return consumed
    }

    private static func unreserved(_ resources: [Resource], of role: RoleName) -> Quantities {
        Resources(resources).only { resource in
            !resource.isReserved && !resource.isRevocable && resource.allocatedTo?.isWithin(role) == true
        }.quantities
    }

    mutating func quotaIsStored(_ configs: [QuotaConfig], at now: Instant) {
        for config in configs {
            quotas[config.role] = config.quota == .unlimited ? nil : config.quota
            do throws(Failure) { try allocator.setQuota(config.quota, for: config.role) } catch {
                note("quota.unfit", "Quota cannot be used", level: .error, ["failure": error.description])
            }
        }
        for config in configs { rescindForQuota(config, at: now) }
        note("quota.changed", "Quota of roles has been set", ["roles": "\(configs.count)"])
    }

    /// What the role has been offered may be above its new limit; what others have been offered may be what it has been
    /// guaranteed.
    private mutating func rescindForQuota(_ config: QuotaConfig, at now: Instant) {
        let ids = offers.keys.sorted()
        let consumed = consumedQuota(of: config.role)
        if !config.quota.limits.isEmpty {
            for id in ids where offers[id]?.offer.role.isWithin(config.role) == true { rescind(id, at: now) }
        }
        var missing = config.quota.guarantees - consumed
        for id in ids {
            if missing.isEmpty { return }
            guard let record = offers[id], !record.offer.role.isWithin(config.role) else { continue }
            let freed = record.resources.unreserved.nonRevocable.quantities
            guard missing.amounts.contains(where: { !freed[$0.name].isZero }) else { continue }
            rescind(id, at: now)
            missing -= freed
        }
    }

    private func quotaFailure(_ role: RoleName, _ cause: String, field: String) -> Failure {
        Failure("quota.invalid", doing: "set quota", on: role.text, cause: cause, remedy: "correct it", field: field)
    }
}
