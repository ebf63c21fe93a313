import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

@Suite("Offers")
struct OfferTests {
    @Test("an agent is offered at once when it comes and when a framework comes")
    func atOnce() {
        var scene = Scene()
        let framework = scene.framework()
        let agent = scene.agent()
        scene.pass(.milliseconds(30))
        #expect(scene.offers(framework).map(\.agent) == [agent.id])
        #expect(scene.offers(framework).first?.id.text == "m1-O0")
        #expect(scene.offers(framework).first?.resources.allSatisfy { $0.allocatedTo == .anyone } == true)
    }

    @Test("what is declined is not offered again before the refusal is over")
    func declined() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0]
        scene.call(.decline(offers: [offer.id], filter: OfferFilter(refuseFor: .seconds(60))), framework)
        #expect(scene.core.offers.isEmpty)
        scene.pass(.seconds(58))
        #expect(scene.offers(framework).isEmpty)
        scene.pass(.seconds(4))
        #expect(scene.offers(framework).count == 1)
    }

    @Test("a framework that refuses for no time is asked again, but not faster than the allocator's interval")
    func refusesForNoTime() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        for _ in 0..<10 {
            for offer in scene.offers(framework) {
                scene.call(.decline(offers: [offer.id], filter: .none), framework)
            }
            scene.pass(.milliseconds(250))
        }
        let made = scene.core.counters.offersSent
        #expect((3...4).contains(made), "\(made) offers in 3.6 seconds")
    }

    @Test("reviving forgets what was refused; suppressing stops offers")
    func reviveAndSuppress() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0]
        scene.call(.decline(offers: [offer.id], filter: OfferFilter(refuseFor: .seconds(600))), framework)
        scene.call(.revive([]), framework)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
        scene.call(.suppress([]), framework)
        scene.call(.decline(offers: scene.offers(framework).map(\.id), filter: .none), framework)
        scene.pass(.seconds(10))
        #expect(scene.offers(framework).isEmpty)
        #expect(scene.core.frameworks[framework.id]?.suppressedRoles == [.anyone])
    }

    @Test("a wish that names a role of others, or none that can be, is accepted and does nothing for any role")
    func wrongRoles() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework(roles: [role("mine")])
        scene.settle()
        let wrong: [[RoleName]?] = [[role("mine"), role("other")], nil]
        for roles in wrong { #expect(scene.call(.suppress(roles), framework) == .accepted) }
        #expect(scene.core.frameworks[framework.id]?.suppressedRoles.isEmpty == true)
        let offers = scene.offers(framework).map(\.id)
        #expect(offers.count == 1)
        scene.call(.decline(offers: offers, filter: OfferFilter(refuseFor: .seconds(600))), framework)
        for roles in wrong { #expect(scene.call(.revive(roles), framework) == .accepted) }
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        scene.call(.revive([role("mine")]), framework)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
    }

    @Test("an offer nobody answers is taken back, and another framework gets its turn")
    func timeout() {
        var scene = Scene()
        let agent = scene.agent()
        let first = scene.framework("first")
        scene.settle()
        let offer = scene.offers(first)[0].id
        let second = scene.framework("second")
        scene.pass(.seconds(121), alive: [agent])
        #expect(scene.rescinded(first) == [offer])
        #expect(scene.offers(second).count == 1)
        #expect(scene.core.counters.offersExpired == 1)
    }

    @Test("a link that ends takes its agent's offers along")
    func linkLost() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0].id
        scene.take(.linkClosed(agent.link))
        #expect(scene.rescinded(framework) == [offer])
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        _ = scene.register(agent.registration)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
    }

    @Test("accepting without operations is declining")
    func acceptNothing() {
        var scene = Scene()
        _ = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let offer = scene.offers(framework)[0].id
        scene.call(.accept(offers: [offer], operations: [], filter: OfferFilter(refuseFor: .seconds(60))), framework)
        scene.pass(.seconds(30))
        #expect(scene.offers(framework).isEmpty && scene.core.offers.isEmpty)
    }

    @Test("stale offers: tasks are lost or dropped, operations in error, and the other offers are given back")
    func stale() {
        var scene = Scene()
        let agent = scene.agent()
        let aware = scene.framework()
        scene.settle()
        let offer = scene.offers(aware)[0].id
        let task = scene.task("T", on: agent.id)
        let operations = [
            OfferOperation(.launch([task])), OfferOperation(id: id("op"), .change(.reserve(resources("cpus(r):1")))),
        ]
        scene.call(.accept(offers: [offer, id("gone")], operations: operations, filter: .none), aware)
        #expect(scene.updates(aware).map(\.state) == [.dropped])
        #expect(scene.updates(aware).map(\.reason) == [.invalidOffers])
        #expect(scene.operationUpdates(aware).map(\.state) == [.error])
        #expect(scene.core.offers[offer] == nil && scene.core.tasks.isEmpty)
        #expect(scene.told(agent).count == 1)
        scene.settle()
        #expect(scene.offers(aware).count == 1)
    }

    @Test("a framework that is not aware of partitions hears TASK_LOST of stale offers")
    func staleUnaware() {
        var scene = Scene()
        guard let plain = scene.subscribe(Scene.info(capabilities: [])) else {
            Issue.record("turned away")
            return
        }
        let operation = OfferOperation(.launch([scene.task("T", on: id("m1-S0"))]))
        scene.call(.accept(offers: [id("gone")], operations: [operation], filter: .none), plain)
        #expect(scene.updates(plain).map(\.state) == [.lost])
    }

    @Test("offers of different agents cannot be taken together; of one agent they can")
    func combining() {
        var scene = Scene()
        let first = scene.agent("a1", "cpus:2;mem:256")
        let second = scene.agent("a2", "cpus:2;mem:256")
        let framework = scene.framework()
        scene.settle()
        let offers = scene.offers(framework)
        let task = scene.task("T", on: first.id)
        scene.call(
            .accept(offers: offers.map(\.id), operations: [OfferOperation(.launch([task]))], filter: .none), framework)
        #expect(scene.updates(framework).map(\.reason) == [.invalidOffers])
        scene.settle()
        // Two offers of one agent: what a task gives back comes as an offer of its own.
        scene.launch([scene.task("small", on: second.id, "cpus:1;mem:128")], framework, refuse: 0)
        scene.settle()
        let running = ActedAgent(link: second.link, registration: second.registration, name: second.id)
        scene.report(.finished, of: id("small"), framework, from: running)
        scene.settle()
        let both = scene.offers(framework).filter { $0.agent == second.id }
        #expect(both.count == 2)
        let big = scene.task("big", on: second.id, "cpus:2;mem:256")
        scene.call(
            .accept(offers: both.map(\.id), operations: [OfferOperation(.launch([big]))], filter: .none), framework)
        #expect(scene.state(of: big.id, framework) == .staging)
    }

    @Test("offers name the framework's executors on the agent")
    func executorIDs() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        var task = scene.task("T", on: agent.id)
        task.runner = .executor(
            ExecutorSpec(
                id: id("E"), framework: framework.id, kind: .custom, command: CommandSpec(.shell("run")),
                resources: resources("cpus:0.1;mem:32")))
        scene.launch([task], framework)
        scene.settle()
        #expect(scene.offers(framework).first?.executors == [id("E")])
        scene.say(.executorLost(id("E"), framework: framework.id, status: 256), agent)
        #expect(scene.heard(framework).contains(.executorLost(id("E"), agent: agent.id, status: 256)))
    }
}
