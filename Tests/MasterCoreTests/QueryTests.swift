import Authorization
import ClusterAPI
import ClusterModel
import MasterCore
import Testing

@Suite("What operators see")
struct QueryTests {
    /// Two frameworks in roles of their own with a task each, one task ended.
    static func begin(
        _ configure: (inout MasterConfiguration) -> Void = { _ in }
    ) -> (Scene, ActedAgent, [ActedFramework]) {
        var scene = Scene(configure)
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        var frameworks: [ActedFramework] = []
        for name in ["eng", "ops"] {
            let framework = scene.framework(name, roles: [role(name)])
            scene.settle()
            scene.launch([scene.task("t-\(name)", on: agent.id)], framework)
            frameworks.append(framework)
            for offer in scene.offers(framework) {
                scene.call(.decline(offers: [offer.id], filter: OfferFilter(refuseFor: .seconds(600))), framework)
            }
        }
        let update = scene.report(.finished, of: id("t-eng"), frameworks[0], from: agent)
        scene.call(.acknowledge(update, task: id("t-eng"), agent: agent.id), frameworks[0])
        return (scene, agent, frameworks)
    }

    @Test("the state shows agents, frameworks and tasks with what they have")
    func state() throws {
        let (scene, agent, frameworks) = Self.begin()
        guard case .state(let state) = scene.core.response(to: .state) else {
            Issue.record("another answer")
            return
        }
        #expect(state.agents.agents.map(\.info.id) == [agent.id])
        #expect(Resources(state.agents.agents[0].allocated).amount(of: "cpus") == Scalar(1))
        #expect(state.frameworks.frameworks.map(\.info.id) == frameworks.map(\.id))
        #expect(state.tasks.tasks.map(\.id.text) == ["t-ops"] && state.tasks.completed.map(\.id.text) == ["t-eng"])
        #expect(state.tasks.completed.first?.state == .finished)
        guard case .tasks(let tasks) = scene.core.response(to: .tasks) else { return }
        #expect(tasks == state.tasks)
        #expect(scene.core.response(to: .executors) == .executors([]))
        #expect(scene.core.response(to: .operations) == .operations([]))
    }

    @Test("roles show their frameworks, weights and what they have")
    func roles() {
        var (scene, agent, frameworks) = Self.begin()
        scene.operate(.updateWeights([RoleWeight(role("rare"), weight: 3)]))
        scene.operate(.apply(.reserve(OperationRulesTests.reserved("cpus:1", for: "kept")), on: agent.id))
        guard case .roles(let roles) = scene.core.response(to: .roles) else {
            Issue.record("another answer")
            return
        }
        #expect(roles.map(\.name.text) == ["eng", "kept", "ops", "rare"])
        #expect(roles.first { $0.name == role("ops") }?.frameworks == [frameworks[1].id])
        #expect(roles.first { $0.name == role("ops") }?.allocated == ["cpus": Scalar(1), "mem": Scalar(128)])
        #expect(roles.first { $0.name == role("rare") }?.weight == 3)
    }

    @Test("with a list of roles those on it are shown, in use or not, and everybody's, which is always allowed")
    func listedRoles() {
        var scene = Scene { $0.roles = [role("eng/web"), role("ops")] }
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        scene.operate(.apply(.reserve(OperationRulesTests.reserved("cpus:1", for: "kept")), on: agent.id))
        guard let framework = scene.subscribe(Scene.info(roles: [role("ops"), .anyone])),
            case .roles(let roles) = scene.core.response(to: .roles)
        else {
            Issue.record("the framework is turned away")
            return
        }
        #expect(roles.map(\.name.text) == ["*", "eng", "eng/web", "ops"])
        #expect(roles.map(\.frameworks) == [[framework.id], [], [], [framework.id]])
        #expect(scene.subscribe(Scene.info("other", roles: [role("kept")])) == nil)
    }

    @Test("a role shows what those below it have, in plain amounts, and is there for their sake alone")
    func ancestors() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024;ports:[1-9]")
        let framework = scene.framework(roles: [role("a/b/c")])
        scene.settle()
        scene.launch([scene.task("t", on: agent.id, "cpus:1;mem:128;ports:[1-2]")], framework, refuse: 600)
        scene.settle()
        scene.operate(.updateWeights([RoleWeight(role("x/y"), weight: 2)]))
        guard case .roles(let roles) = scene.core.response(to: .roles) else {
            Issue.record("another answer")
            return
        }
        #expect(roles.map(\.name.text) == ["a", "a/b", "a/b/c", "x", "x/y"])
        #expect(roles.map(\.frameworks) == [[], [], [framework.id], [], []])
        let used: Quantities = ["cpus": Scalar(1), "mem": Scalar(128)]
        #expect(roles.map(\.allocated) == [used, used, used, .none, .none])
        #expect(roles.map(\.weight) == [1, 1, 1, 1, 2])
        // What is offered counts like what is used.
        _ = scene.framework("other", roles: [role("x/y")])
        scene.settle()
        guard case .roles(let later) = scene.core.response(to: .roles) else { return }
        let offered: Quantities = ["cpus": Scalar(3), "mem": Scalar(896)]
        #expect(later.map(\.allocated) == [used, used, used, offered, offered])
    }

    @Test("operations that are under way are shown with their last word")
    func operations() {
        var (scene, agent, _) = Self.begin()
        scene.operate(.apply(.reserve(OperationRulesTests.reserved("cpus:1", for: "kept")), on: agent.id))
        guard case .operations(let views) = scene.core.response(to: .operations) else { return }
        #expect(views.count == 1 && views.first?.latest.state == .pending && views.first?.agent == agent.id)
    }

    @Test("a removed framework and its tasks are shown as completed")
    func completed() {
        var (scene, _, frameworks) = Self.begin()
        scene.operate(.teardown(frameworks[1].id))
        guard case .state(let state) = scene.core.response(to: .state) else { return }
        #expect(state.frameworks.completed.map(\.info.id) == [frameworks[1].id])
        #expect(state.frameworks.completed.first?.unregisteredAt == scene.now)
        #expect(Set(state.tasks.completed.map(\.id.text)) == ["t-eng", "t-ops"] && state.tasks.tasks.isEmpty)
    }

    @Test("who may see one role sees its framework and tasks, and nothing of the others")
    func authorization() {
        let (scene, _, frameworks) = Self.begin { configuration in
            let everyone: [Action] = [.registerAgent, .registerFramework, .runTask]
            configuration.authorizer = RuleAuthorizer([
                AuthorizationRule(
                    principals: [.anyone], actions: everyone.map { .one($0) }, objects: [.every], isAllowed: true),
                AuthorizationRule(
                    principals: [.named("eve")], actions: [.one(.viewFramework), .one(.viewTask), .one(.viewRole)],
                    objects: [.exactly("eng")], isAllowed: true),
            ])
        }
        guard case .state(let seen) = scene.core.response(to: .state, by: "eve"),
            case .state(let unseen) = scene.core.response(to: .state),
            case .roles(let roles) = scene.core.response(to: .roles, by: "eve")
        else {
            Issue.record("another answer")
            return
        }
        #expect(seen.frameworks.frameworks.map(\.info.id) == [frameworks[0].id])
        #expect(seen.tasks.completed.map(\.id.text) == ["t-eng"] && seen.tasks.tasks.isEmpty)
        #expect(seen.agents.agents.isEmpty && unseen == StateView())
        #expect(roles.map(\.name.text) == ["eng"])
    }

    @Test("only who may see everything may watch")
    func watching() {
        var scene = Scene { configuration in
            configuration.authorizer = RuleAuthorizer([
                AuthorizationRule(
                    principals: [.named("ops")], actions: [.every], objects: [.every], isAllowed: true)
            ])
        }
        let call = scene.nextCall()
        scene.take(.operator(call, principal: "eve", .subscribe))
        #expect(scene.answers[call]?.status == 403)
        let other = scene.nextCall()
        scene.take(.operator(other, principal: "ops", .subscribe))
        #expect(scene.streamOfCall[other] != nil)
    }
}
