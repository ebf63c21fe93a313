import ClusterAPI
import ClusterModel
import MasterCore
import Testing

@Suite("Quota and weights set by operators")
struct QuotaChangeTests {
    static func quota(_ name: String, guarantee cpus: Int? = nil, limit: Int? = nil) -> QuotaConfig {
        var limits = QuantityLimits()
        if let limit { limits["cpus"] = Scalar(limit) }
        let guarantees: Quantities = cpus.map { ["cpus": Scalar($0)] } ?? .none
        return QuotaConfig(role(name), quota: Quota(guarantees: guarantees, limits: limits))
    }

    @Test("quota is stored before it counts, and then offers beyond the limit are taken back")
    func limit() {
        var scene = Scene()
        _ = scene.agent("a1", "cpus:4;mem:1024")
        let framework = scene.framework("f", roles: [role("eng")])
        scene.settle()
        scene.storesAtOnce = false
        let config = Self.quota("eng", limit: 2)
        #expect(scene.operate(.updateQuota([config], isForced: false)) == nil)
        #expect(scene.core.quotas.isEmpty && scene.rescinded(framework).isEmpty)
        scene.storeAll()
        scene.storesAtOnce = true
        #expect(scene.answers.values.contains(.done))
        #expect(scene.registry.quotas == [role("eng"): config.quota])
        #expect(scene.rescinded(framework).count == 1)
        scene.settle()
        #expect(Resources(scene.offers(framework).flatMap(\.resources)).amount(of: "cpus") == Scalar(2))
        #expect(scene.core.response(to: .quota) == .quota(QuotaStatus([config])))
    }

    @Test("a limit below what is in use is refused unless it is forced")
    func inUse() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        let framework = scene.framework("f", roles: [role("eng/web")])
        scene.settle()
        scene.launch([scene.task("t", on: agent.id, "cpus:3;mem:64")], framework)
        #expect(scene.core.consumedQuota(of: role("eng"))["cpus"] == Scalar(3))
        #expect(scene.operate(.updateQuota([Self.quota("eng", limit: 2)], isForced: false))?.status == 400)
        #expect(scene.core.quotas.isEmpty && scene.registry.quotas.isEmpty)
        #expect(scene.operate(.updateQuota([Self.quota("eng", limit: 2)], isForced: true)) == .done)
        #expect(scene.core.quotas.count == 1)
    }

    @Test("the older call looks at what the cluster has, and not at what is in use")
    func inUseOlder() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        let framework = scene.framework("f", roles: [role("eng")])
        scene.settle()
        scene.launch([scene.task("t", on: agent.id, "cpus:3;mem:64")], framework)
        let guarantee: Quantities = ["cpus": Scalar(2)]
        #expect(scene.operate(.setQuota(role("eng"), guarantee: guarantee, isForced: false)) == .done)
        #expect(scene.core.quotas[role("eng")]?.limits["cpus"] == Scalar(2))
    }

    @Test("with a list of roles only those on it are given quota and weights")
    func listed() {
        var scene = Scene { $0.roles = [role("ops")] }
        #expect(scene.operate(.updateQuota([Self.quota("eng", limit: 2)], isForced: true))?.status == 400)
        #expect(scene.operate(.updateWeights([RoleWeight(role("eng"), weight: 2)]))?.status == 400)
        #expect(scene.core.quotas.isEmpty && scene.core.weights.isEmpty)
        #expect(scene.operate(.updateQuota([Self.quota("ops", limit: 2)], isForced: true)) == .done)
        #expect(scene.operate(.updateWeights([RoleWeight(role("ops"), weight: 2)])) == .done)
        // What was set before there was a list can be removed.
        var next = scene.successor { $0.roles = [] }
        #expect(next.operate(.removeQuota(role("ops"))) == .done)
    }

    @Test("guarantees beyond the cluster, with what agents keep for roles, are refused unless they are forced")
    func overcommit() {
        var scene = Scene()
        _ = scene.agent("a1", "cpus:4;cpus(static):4;mem:1024")
        #expect(scene.operate(.updateQuota([Self.quota("eng", guarantee: 3)], isForced: false)) == .done)
        #expect(scene.operate(.updateQuota([Self.quota("ops", guarantee: 6)], isForced: false))?.status == 400)
        #expect(scene.operate(.updateQuota([Self.quota("ops", guarantee: 6)], isForced: true)) == .done)
        let more: Quantities = ["cpus": Scalar(5)]
        #expect(scene.operate(.setQuota(role("new"), guarantee: more, isForced: false))?.status == 409)
        #expect(scene.operate(.setQuota(role("new"), guarantee: more, isForced: true)) == .done)
        scene.operate(.removeQuota(role("new")))
        // In place of the old one, not beside it.
        #expect(scene.operate(.updateQuota([Self.quota("eng", guarantee: 1)], isForced: false)) == .done)
        let rest: Quantities = ["cpus": Scalar(1)]
        #expect(scene.operate(.setQuota(role("new"), guarantee: rest, isForced: false)) == .done)
    }

    @Test("a guarantee takes offers back from others until it can be kept")
    func guarantee() {
        var scene = Scene()
        for number in 0..<4 { _ = scene.agent("a\(number)", "cpus:2;mem:512") }
        let greedy = scene.framework("greedy", roles: [role("ops")])
        scene.settle()
        #expect(scene.offers(greedy).count == 4)
        scene.operate(.updateQuota([Self.quota("eng", guarantee: 3)], isForced: false))
        #expect(scene.rescinded(greedy).count == 2)
        let sure = scene.framework("sure", roles: [role("eng")])
        scene.settle()
        #expect(Resources(scene.offers(sure).flatMap(\.resources)).amount(of: "cpus") >= Scalar(3))
    }

    @Test("all or none: one bad entry refuses the call")
    func atomic() {
        var scene = Scene()
        _ = scene.agent("a1", "cpus:4")
        let below = QuotaConfig(role("eng/web"), quota: Quota(guarantees: ["cpus": Scalar(1)]))
        #expect(scene.operate(.updateQuota([Self.quota("ops", limit: 2), below], isForced: true))?.status == 400)
        let twice = [Self.quota("ops", limit: 2), Self.quota("ops", limit: 3)]
        #expect(scene.operate(.updateQuota(twice, isForced: true))?.status == 400)
        // No force makes sense of what contradicts itself.
        let contrary = [Self.quota("ops", limit: 2), Self.quota("eng", guarantee: 3, limit: 2)]
        #expect(scene.operate(.updateQuota(contrary, isForced: true))?.status == 400)
        #expect(scene.core.quotas.isEmpty)
    }

    @Test("the older calls set and remove once")
    func older() {
        var scene = Scene()
        _ = scene.agent("a1", "cpus:4")
        let guarantee: Quantities = ["cpus": Scalar(2)]
        #expect(scene.operate(.setQuota(role("eng"), guarantee: guarantee, isForced: false)) == .done)
        #expect(scene.core.quotas[role("eng")]?.limits["cpus"] == Scalar(2))
        #expect(scene.operate(.setQuota(role("eng"), guarantee: guarantee, isForced: false))?.status == 400)
        #expect(scene.operate(.removeQuota(role("eng"))) == .done)
        #expect(scene.core.quotas.isEmpty && scene.registry.quotas.isEmpty)
        #expect(scene.operate(.removeQuota(role("eng")))?.status == 400)
    }

    @Test("weights are stored, shown and survive the master; one is what every role has")
    func weights() {
        var scene = Scene()
        let weights = [RoleWeight(role("eng"), weight: 2.5), RoleWeight(role("ops"), weight: 1)]
        #expect(scene.operate(.updateWeights(weights)) == .done)
        #expect(scene.core.response(to: .weights) == .weights([weights[0]]))
        #expect(scene.registry.weights == [role("eng"): 2.5])
        #expect(scene.successor().core.weights == [role("eng"): 2.5])
        #expect(scene.operate(.updateWeights([RoleWeight(role("eng"), weight: 0)]))?.status == 400)
        #expect(scene.operate(.updateWeights([weights[0], weights[0]]))?.status == 400)
    }
}
