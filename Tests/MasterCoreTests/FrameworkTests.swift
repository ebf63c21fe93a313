import Authorization
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

@Suite("Frameworks")
struct FrameworkTests {
    @Test("a framework hears SUBSCRIBED only when the registry has it")
    func storedFirst() {
        var scene = Scene()
        scene.storesAtOnce = false
        let call = scene.nextCall()
        let subscription = Subscription(framework: FrameworkRequest(Scene.info(), isNew: true))
        let request = SchedulerCall(framework: nil, .subscribe(subscription))
        scene.take(.scheduler(call, stream: nil, principal: nil, request))
        #expect(scene.streamOfCall[call] == nil && scene.core.frameworks.isEmpty)
        scene.storeAll()
        guard let stream = scene.streamOfCall[call] else {
            Issue.record("no stream")
            return
        }
        #expect(scene.events[stream] == [.subscribed(id("m1-0000"), heartbeat: .seconds(15), master: Scene.master)])
        #expect(scene.registry.frameworks[id("m1-0000")]?.info.name == "f")
    }

    @Test("an id that the master does not know is accepted as it is")
    func chosenID() {
        var scene = Scene()
        let framework = scene.subscribe(Scene.info(id: id("mine")), isNew: false)
        #expect(framework?.id == id("mine"))
    }

    @Test("every stream has a heartbeat every 15 seconds")
    func heartbeat() {
        var scene = Scene()
        let framework = scene.framework()
        scene.pass(.seconds(61))
        #expect(scene.heard(framework).filter { $0 == .heartbeat }.count == 4)
        #expect(scene.announcements.filter { $0 == .heartbeat }.count == 4)
    }

    @Test("a second scheduler takes over: the first hears so, and its offers are gone")
    func failover() {
        var scene = Scene()
        _ = scene.agent()
        let first = scene.framework()
        scene.settle()
        let offer = scene.offers(first)[0].id
        guard let second = scene.subscribe(first.info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        #expect(scene.heard(first).last == .error("Framework failed over"))
        #expect(scene.closedStreams == [first.stream])
        #expect(second.id == first.id && second.stream != first.stream)
        #expect(scene.core.offers[offer] == nil)
        scene.settle()
        #expect(scene.offers(second).count == 1)
        // The end of the first connection ends nothing.
        scene.take(.streamClosed(first.stream))
        #expect(scene.core.frameworks[first.id]?.isConnected == true)
    }

    @Test("a framework that is away gives its offers back and is removed when its time is over")
    func failoverTimeout() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework(timeout: .seconds(100))
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.settle()
        scene.take(.streamClosed(framework.stream))
        #expect(scene.core.offers.isEmpty)
        #expect(scene.registry.frameworks[framework.id]?.failoverDeadline == scene.now + .seconds(100))
        scene.pass(.seconds(99), alive: [agent])
        #expect(scene.core.frameworks[framework.id] != nil)
        scene.pass(.seconds(2), alive: [agent])
        #expect(scene.core.frameworks.isEmpty && scene.core.tasks.isEmpty)
        #expect(scene.told(agent).contains(.shutdownFramework(framework.id)))
        #expect(scene.registry.frameworks[framework.id]?.removed != nil)
        #expect(scene.core.completedFrameworks.first?.tasks.first?.state == .killed)
    }

    @Test("a framework that comes back in time goes on, and the registry forgets the deadline")
    func comesBack() {
        var scene = Scene()
        let framework = scene.framework()
        scene.take(.streamClosed(framework.stream))
        scene.pass(.seconds(50))
        let again = scene.subscribe(framework.info, isNew: false)
        #expect(again?.id == framework.id)
        #expect(scene.registry.frameworks[framework.id]?.failoverDeadline == nil)
        scene.pass(.seconds(500))
        #expect(scene.core.frameworks[framework.id] != nil)
    }

    @Test("a framework that comes back is offered at once what it had refused before it was cut off")
    func refusalsEnd() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0].id
        scene.call(.decline(offers: [offer], filter: OfferFilter(refuseFor: .seconds(6_000))), framework)
        scene.take(.streamClosed(framework.stream))
        guard let again = scene.subscribe(framework.info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        scene.settle()
        #expect(scene.offers(again).count == 1)
    }

    @Test("a framework that asked for no time is removed as soon as it is away, once the registry has it")
    func noTimeout() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework(timeout: .zero)
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.storesAtOnce = false
        scene.take(.streamClosed(framework.stream))
        #expect(!scene.told(agent).contains(.shutdownFramework(framework.id)))
        scene.storeAll()
        #expect(scene.told(agent).contains(.shutdownFramework(framework.id)))
        #expect(scene.core.frameworks.isEmpty)
    }

    @Test("agents that have something of a framework are told when it is back, to send again what waits for it")
    func back() {
        var scene = Scene()
        let agent = scene.agent()
        let idle = scene.agent("idle")
        let framework = scene.framework(timeout: .seconds(60))
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.take(.streamClosed(framework.stream))
        #expect(scene.subscribe(framework.info, isNew: false)?.id == framework.id)
        #expect(scene.told(agent).contains { if case .updateFramework = $0 { true } else { false } })
        #expect(!scene.told(idle).contains { if case .updateFramework = $0 { true } else { false } })
    }

    @Test("an id that was removed is refused for good, also by the next master")
    func removed() {
        var scene = Scene()
        let framework = scene.framework()
        #expect(scene.call(.teardown, framework) == .accepted)
        #expect(scene.closedStreams.contains(framework.stream))
        #expect(scene.subscribe(framework.info, isNew: false) == nil)
        #expect(scene.events.values.joined().contains(.error("Framework has been removed")))
        var next = scene.successor()
        #expect(next.subscribe(framework.info, isNew: false) == nil)
    }

    @Test("an operator's teardown tells the framework, and is answered when the registry has it")
    func operatorTeardown() {
        var scene = Scene()
        let framework = scene.framework()
        scene.storesAtOnce = false
        let call = scene.nextCall()
        scene.take(.operator(call, principal: nil, .change(.teardown(framework.id))))
        #expect(scene.answers[call] == nil)
        scene.storeAll()
        #expect(scene.answers[call] == .done)
        #expect(scene.heard(framework).last == .error("Framework has been removed"))
        #expect(scene.closedStreams.contains(framework.stream))
    }

    @Test("removed frameworks are remembered up to a limit, the oldest forgotten first")
    func remembers() {
        var scene = Scene { $0.limits.completedFrameworksMax = 2 }
        let all = (0..<3).map { number in scene.framework("f\(number)") }
        for framework in all { scene.call(.teardown, framework) }
        #expect(scene.core.removedFrameworks.keys.sorted() == [all[1].id, all[2].id])
        #expect(scene.registry.frameworks.keys.sorted() == [all[1].id, all[2].id])
    }

    // MARK: Who may call

    @Test("a call of a framework that is not known is refused")
    func unknown() {
        var scene = Scene()
        var framework = scene.framework()
        framework.id = id("other")
        #expect(scene.call(.revive([]), framework) == .invalid("Framework cannot be found"))
    }

    @Test("a call on no stream, another stream or after the stream has ended is refused")
    func streams() {
        var scene = Scene()
        let framework = scene.framework()
        for (stream, status) in [(nil, 400), (StreamID.foreign, 400), (StreamID(99), 400), (framework.stream, 202)] {
            let call = scene.nextCall()
            scene.take(
                .scheduler(call, stream: stream, principal: nil, SchedulerCall(framework: framework.id, .revive([]))))
            #expect(scene.answers[call]?.status == status)
        }
        scene.take(.streamClosed(framework.stream))
        #expect(scene.call(.revive([]), framework) == .forbidden("Framework is not subscribed"))
    }

    @Test("SUBSCRIBE with a stream id is refused")
    func subscribeWithStream() {
        var scene = Scene()
        let call = scene.nextCall()
        let subscription = Subscription(framework: FrameworkRequest(Scene.info(), isNew: true))
        scene.take(
            .scheduler(
                call, stream: .foreign, principal: nil, SchedulerCall(framework: nil, .subscribe(subscription))))
        #expect(scene.answers[call]?.status == 400)
    }

    @Test("the principal is the authenticated one, and another one may not call")
    func principals() {
        var scene = Scene()
        let framework = scene.subscribe(Scene.info(), by: "ops")
        #expect(framework.flatMap { scene.core.frameworks[$0.id]?.info.principal } == "ops")
        guard let framework else { return }
        let call = scene.nextCall()
        scene.take(
            .scheduler(
                call, stream: framework.stream, principal: "eve", SchedulerCall(framework: framework.id, .revive([]))))
        #expect(scene.answers[call]?.status == 400)
        var info = framework.info
        info.principal = "eve"
        #expect(scene.subscribe(info, isNew: false, by: "eve") == nil)
        #expect(scene.subscribe(framework.info, isNew: false, by: "ops") != nil)
    }

    @Test("a role that the rules refuse is refused with an ERROR on the stream")
    func authorization() {
        let rules = [
            AuthorizationRule(
                principals: [.anyone], actions: [.one(.registerFramework)], objects: [.exactly("eng")],
                isAllowed: false),
            AuthorizationRule(principals: [.anyone], actions: [.every], objects: [.every], isAllowed: true),
        ]
        var scene = Scene { $0.authorizer = RuleAuthorizer(rules) }
        #expect(scene.subscribe(Scene.info(roles: [role("eng")])) == nil)
        #expect(scene.events.values.joined().contains(.error("Not authorized to use role 'eng'")))
        #expect(scene.subscribe(Scene.info(roles: [role("ops")])) != nil)
    }

    @Test("roles deeper than the limit are refused")
    func deepRoles() {
        var scene = Scene()
        let deep = (0..<17).map { "r\($0)" }.joined(separator: "/")
        #expect(scene.subscribe(Scene.info(roles: [role(deep)])) == nil)
        #expect(scene.closedStreams.count == 1)
    }

    // MARK: UPDATE_FRAMEWORK

    @Test("an update changes roles, tells agents and takes offers of lost roles back")
    func update() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework(roles: [role("a"), role("b")])
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.settle()
        var info = framework.info
        info.roles = [role("c")]
        info.name = "renamed"
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: false))
        #expect(scene.call(.updateFramework(subscription), framework) == .done)
        #expect(scene.told(agent).contains(.updateFramework(info)))
        scene.settle()
        #expect(scene.offers(framework).map(\.role) == [role("c")])
        #expect(scene.registry.frameworks[framework.id]?.info.name == "renamed")
    }

    @Test("an update that is being written when the stream ends counts, and the deadline with it")
    func updateAndDisconnect() {
        var scene = Scene()
        let framework = scene.framework()
        scene.storesAtOnce = false
        var info = framework.info
        info.name = "renamed"
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: false))
        scene.call(.updateFramework(subscription), framework)
        scene.take(.streamClosed(framework.stream))
        scene.storeAll()
        #expect(scene.registry.frameworks[framework.id]?.info.name == "renamed")
        #expect(scene.registry.frameworks[framework.id]?.failoverDeadline == scene.now + .seconds(100))
        #expect(scene.core.frameworks[framework.id]?.isActive == false)
    }

    @Test("a role that an update takes out of suppression has refused nothing")
    func unsuppressed() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0].id
        scene.call(.decline(offers: [offer], filter: OfferFilter(refuseFor: .seconds(6_000))), framework)
        var subscription = Subscription(
            framework: FrameworkRequest(framework.info, isNew: false), suppressedRoles: [.anyone])
        #expect(scene.call(.updateFramework(subscription), framework) == .done)
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        subscription.suppressedRoles = []
        #expect(scene.call(.updateFramework(subscription), framework) == .done)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
    }

    @Test("user and checkpoint cannot be updated, and stay as they are when a framework subscribes again")
    func immutable() {
        var scene = Scene()
        let framework = scene.framework()
        var info = framework.info
        info.user = "nobody"
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: false))
        #expect(scene.call(.updateFramework(subscription), framework)?.status == 400)
        _ = scene.subscribe(info, isNew: false)
        #expect(scene.core.frameworks[framework.id]?.info.user == "root")
    }

    @Test("operators see everything that is there, then what changes; the oldest makes room for one too many")
    func observers() {
        var scene = Scene { $0.limits.observersMax = 1 }
        let framework = scene.framework()
        let first = scene.nextCall()
        scene.take(.operator(first, principal: nil, .subscribe))
        guard let stream = scene.streamOfCall[first], let state = scene.introduced[stream] else {
            Issue.record("no state")
            return
        }
        #expect(state.frameworks.frameworks.map(\.info.id) == [framework.id])
        scene.take(.operator(scene.nextCall(), principal: nil, .subscribe))
        #expect(scene.closedStreams.contains(stream))
    }
}
