import Authorization
import ClusterAPI
import ClusterModel
import MasterCore
import Testing

@Suite("Operators change resources")
struct OperatorOperationTests {
    typealias Rules = OperationRulesTests

    @Test("what is offered is taken back as needed, and offered anew with its reservation")
    func reserve() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        let framework = scene.framework("f", roles: [role("eng")])
        scene.settle()
        let offer = scene.offers(framework)[0]
        let wanted = Rules.reserved("cpus:2", for: "eng", by: "ops")
        #expect(scene.operate(.apply(.reserve(wanted), on: agent.id), by: "ops") == .accepted)
        #expect(scene.rescinded(framework) == [offer.id])
        #expect(scene.orders(agent).map(\.change) == [.reserve(wanted)])
        #expect(scene.total(agent) == Resources(resources("cpus:2;mem:1024") + wanted))
        scene.finish(scene.orders(agent)[0], agent)
        scene.settle()
        #expect(scene.offers(framework)[0].resources.contains { $0.reservedFor == role("eng") })
        #expect(scene.core.operations.isEmpty)
    }

    @Test("offers that would not help stay")
    func otherOffersStay() {
        var scene = Scene { $0.allocator.offersPerAgent = 1 }
        let agent = scene.agent("a1", "cpus:4;mem:1024;disk(eng):100")
        let other = scene.agent("a2", "cpus:4;mem:1024")
        let framework = scene.framework("f", roles: [role("eng")])
        scene.settle()
        #expect(scene.offers(framework).count == 2)
        scene.operate(.apply(.reserve(Rules.reserved("cpus:1", for: "ops")), on: other.id))
        #expect(scene.rescinded(framework).count == 1)
        scene.pass(.milliseconds(30))
        #expect(Set(scene.offers(framework).map(\.agent)) == [agent.id, other.id])
    }

    @Test("what tasks use cannot be taken: 409")
    func inUse() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id, "cpus:3;mem:512")], framework)
        let answer = scene.operate(.apply(.reserve(Rules.reserved("cpus:2", for: "eng")), on: agent.id))
        #expect(answer?.status == 409)
        #expect(scene.orders(agent).isEmpty)
        #expect(scene.operate(.apply(.reserve(Rules.reserved("cpus:1", for: "eng")), on: agent.id)) == .accepted)
    }

    @Test("a volume is made, offered, used, not destroyed while used, and destroyed")
    func volumes() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024;disk:1000")
        let framework = scene.framework("f", roles: [role("eng")])
        let volume = Rules.volume("v")
        scene.operate(.apply(.reserve(Rules.reserved("disk:100", for: "eng")), on: agent.id))
        #expect(scene.operate(.apply(.create(volumes: [volume]), on: agent.id)) == .accepted)
        for order in scene.orders(agent) { scene.finish(order, agent) }
        scene.settle()
        var task = scene.task("t", on: agent.id, "cpus:1;mem:64")
        task.resources.append(volume)
        scene.launch([task], framework)
        #expect(scene.state(of: id("t"), framework) == .staging)
        #expect(scene.operate(.apply(.destroy(volumes: [volume]), on: agent.id))?.status == 409)
        let update = scene.report(.finished, of: id("t"), framework, from: agent)
        scene.call(.acknowledge(update, task: id("t"), agent: agent.id), framework)
        #expect(scene.operate(.apply(.destroy(volumes: [volume]), on: agent.id)) == .accepted)
        #expect(!scene.total(agent).hasAny { $0.isPersistentVolume })
        #expect(scene.total(agent).amount(of: "disk") == Scalar(1_000))
    }

    @Test("what the agent could not do is undone")
    func undone() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        scene.operate(.apply(.reserve(Rules.reserved("cpus:1", for: "eng")), on: agent.id))
        scene.finish(scene.orders(agent)[0], agent, .failed)
        #expect(scene.total(agent) == Resources(resources("cpus:4;mem:1024")))
    }

    @Test("bad calls are refused with what is wrong")
    func refused() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4")
        let change = ResourceOperation.reserve(Rules.reserved("cpus:1", for: "eng"))
        #expect(scene.operate(.apply(change, on: nil))?.status == 400)
        #expect(scene.operate(.apply(change, on: id("nobody")))?.status == 400)
        #expect(scene.operate(.apply(.reserve(resources("cpus:1")), on: agent.id))?.status == 400)
        scene.take(.linkClosed(agent.link))
        #expect(scene.operate(.apply(change, on: agent.id))?.status == 409)
    }

    @Test("rules say who may reserve for which role")
    func authorization() {
        var scene = Scene { configuration in
            configuration.authorizer = RuleAuthorizer([
                AuthorizationRule(
                    principals: [.named("ops")], actions: [.one(.reserve)], objects: [.exactly("eng")],
                    isAllowed: true),
                AuthorizationRule(
                    principals: [.anyone], actions: [.one(.registerAgent)], objects: [.every], isAllowed: true),
            ])
        }
        let agent = scene.agent("a1", "cpus:4")
        let allowed = ResourceOperation.reserve(Rules.reserved("cpus:1", for: "eng", by: "ops"))
        #expect(scene.operate(.apply(allowed, on: agent.id), by: "ops") == .accepted)
        #expect(scene.operate(.apply(allowed, on: agent.id), by: "other")?.status == 403)
        let other = ResourceOperation.reserve(Rules.reserved("cpus:1", for: "prod", by: "ops"))
        #expect(scene.operate(.apply(other, on: agent.id), by: "ops")?.status == 403)
        #expect(scene.operate(.drainAgent(agent.id, DrainConfiguration()), by: "ops")?.status == 403)
    }

    @Test("who may empty agents gives one up for good only with the right to that as well")
    func drainingForGood() {
        var scene = Scene { configuration in
            configuration.authorizer = RuleAuthorizer([
                AuthorizationRule(
                    principals: [.anyone], actions: [.one(.registerAgent)], objects: [.every], isAllowed: true),
                AuthorizationRule(
                    principals: [.named("ops"), .named("head")], actions: [.one(.drainAgent)], objects: [.every],
                    isAllowed: true),
                AuthorizationRule(
                    principals: [.named("head")], actions: [.one(.markAgentGone)], objects: [.every], isAllowed: true),
            ])
        }
        let agent = scene.agent("a1", "cpus:4")
        let change = OperatorChange.drainAgent(agent.id, DrainConfiguration(marksGone: true))
        #expect(scene.operate(change, by: "ops")?.status == 403)
        #expect(scene.registry.agents[agent.id]?.drain == nil)
        #expect(scene.operate(change, by: "head") == .done)
    }
}
