import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

@Suite("Agents")
struct AgentTests {
    @Test("an agent hears its id only when the registry has it")
    func storedFirst() {
        var scene = Scene()
        scene.storesAtOnce = false
        let agent = scene.agent()
        #expect(agent.name == nil && scene.core.agents.isEmpty)
        scene.storeAll()
        #expect(scene.registeredID(on: agent.link)?.text == "m1-S0")
        #expect(scene.registry.agents[id("m1-S0")]?.standing == .registered)
        #expect(scene.registry.issued.agents == 1)
    }

    @Test("agents get ids that differ, and operators hear of each")
    func ids() {
        var scene = Scene()
        let names = (0..<3).map { scene.agent("a\($0)").id.text }
        #expect(names == ["m1-S0", "m1-S1", "m1-S2"])
        let added = scene.announcements.filter { if case .agentAdded = $0 { true } else { false } }
        #expect(added.count == 3)
    }

    @Test("an agent that hangs up before it hears its id leaves nothing behind")
    func hangsUpEarly() {
        var scene = Scene()
        scene.storesAtOnce = false
        let agent = scene.agent()
        scene.take(.linkClosed(agent.link))
        scene.storeAll()
        #expect(scene.core.agents.isEmpty && scene.registry.agents.isEmpty)
    }

    @Test("of two links of one agent the newest wins")
    func newestLink() {
        var scene = Scene()
        let old = scene.agent()
        let new = scene.register(old.registration)
        #expect(new.id == old.id)
        #expect(scene.closedLinks == [old.link])
        #expect(scene.core.agents[old.id]?.link == new.link)
        scene.take(.agent(old.link, principal: nil, .pong))
        #expect(scene.core.counters.droppedMessages == 1)
        scene.take(.linkClosed(old.link))
        #expect(scene.core.agents[old.id]?.isConnected == true)
    }

    @Test("an agent that answers no ping becomes unreachable after five of them")
    func unreachable() {
        var scene = Scene()
        let agent = scene.agent()
        scene.pass(.seconds(15 * 5 + 1))
        #expect(scene.core.agents[agent.id] != nil)
        scene.pass(.seconds(15))
        #expect(scene.core.agents.isEmpty)
        #expect(scene.closedLinks.contains(agent.link))
        #expect(scene.announcements.contains(.agentRemoved(agent.id)))
        guard case .unreachable = scene.registry.agents[agent.id]?.standing else {
            Issue.record("the registry says \(String(describing: scene.registry.agents[agent.id]?.standing))")
            return
        }
    }

    @Test("an agent that answers stays")
    func alive() {
        var scene = Scene()
        let agent = scene.agent()
        scene.pass(.seconds(600), alive: [agent])
        #expect(scene.core.agents[agent.id]?.isConnected == true)
        #expect(scene.told(agent).filter { $0 == .ping }.count == 40)
    }

    @Test("frameworks hear of a lost agent, and its tasks are unreachable or lost as the framework understands it")
    func lostTasks() {
        var scene = Scene()
        let agent = scene.agent("a1", "cpus:4;mem:1024")
        let aware = scene.framework("aware")
        scene.settle()
        scene.launch([scene.task("T", on: agent.id, "cpus:1;mem:512")], aware, refuse: 1_000)
        guard let plain = scene.subscribe(Scene.info("plain", capabilities: [.multiRole])) else {
            Issue.record("turned away")
            return
        }
        scene.settle()
        scene.launch([scene.task("T", on: agent.id, "cpus:1;mem:512")], plain, refuse: 1_000)
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(100))
        #expect(scene.updates(aware).last?.state == .unreachable)
        #expect(scene.updates(aware).last?.unreachableSince != nil)
        #expect(scene.updates(plain).last?.state == .lost)
        #expect(scene.updates(plain).last?.reason == .agentRemoved)
        #expect(scene.updates(plain).last?.id == nil)
        #expect(scene.heard(aware).contains(.agentLost(agent.id)))
        #expect(scene.heard(plain).contains(.agentLost(agent.id)))
        #expect(scene.core.tasks.isEmpty)
        #expect(scene.core.frameworks[aware.id]?.unreachableTasks.count == 1)
    }

    @Test("an unreachable agent that comes back brings its tasks back")
    func comesBack() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.report(.running, of: task.id, framework, from: agent)
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(100))
        #expect(scene.core.agents.isEmpty)
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        scene.storesAtOnce = false
        let back = scene.register(registration)
        #expect(back.name == nil, "the registry does not know yet")
        scene.storeAll()
        #expect(scene.registeredID(on: back.link) == agent.id)
        #expect(scene.state(of: task.id, framework) == .running)
        #expect(scene.updates(framework).last?.reason == .agentReregistered)
        #expect(scene.updates(framework).last?.state == .running)
        #expect(scene.core.frameworks[framework.id]?.unreachableTasks.count == 0)
        #expect(scene.core.formerAgents.isEmpty)
    }

    @Test("what an agent does not bring back it is asked about, and its answer counts")
    func reconcilesAgent() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.take(.linkClosed(agent.link))
        let back = scene.register(agent.registration)
        let reference = TaskReference(framework: framework.id, task: task.id)
        #expect(scene.told(back).contains(.reconcile([reference])))
        scene.say(
            .status(
                StatusUpdate(
                    framework: framework.id, task: task.id, state: .dropped, source: .agent, agent: agent.id,
                    at: scene.now), latest: .dropped), back)
        #expect(scene.state(of: task.id, framework) == nil)
        #expect(scene.updates(framework).last?.state == .dropped)
        scene.settle()
        #expect(scene.offers(framework).last?.resources.count == 2)
    }

    @Test("a kill that could not reach its agent does so when the agent is back")
    func killLater() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.take(.linkClosed(agent.link))
        scene.call(.kill(.init(task: task.id), gracePeriod: .seconds(7)), framework)
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        let back = scene.register(registration)
        let reference = TaskReference(framework: framework.id, task: task.id)
        #expect(scene.told(back).contains(.kill(reference, gracePeriod: .seconds(7))))
    }

    @Test("the removal rate lets agents go one by one, and one that answers meanwhile stays")
    func removalRate() {
        var scene = Scene { $0.agentRemovalInterval = .seconds(60) }
        let agents = (0..<3).map { scene.agent("a\($0)") }
        scene.pass(.seconds(91))
        #expect(scene.core.agents.count == 2)
        scene.say(.pong, agents[2])
        #expect(scene.core.counters.agentUnreachableCanceled == 1)
        scene.pass(.seconds(61), alive: [agents[2]])
        #expect(scene.core.agents.count == 1 && scene.core.agents[agents[2].id] != nil)
    }

    @Test("tasks of a framework that was removed are shut down when their agent comes back")
    func removedFramework() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.take(.linkClosed(agent.link))
        scene.call(.teardown, framework)
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        let back = scene.register(registration)
        #expect(scene.told(back).contains(.shutdownFramework(framework.id)))
        #expect(scene.core.tasks.isEmpty)
        let other = scene.framework("other")
        scene.settle()
        #expect(scene.offers(other).first?.resources.count == 2)
    }

    @Test("a registry that cannot be written makes the master step down, and it does nothing more")
    func stepsDown() {
        var scene = Scene()
        scene.storesAtOnce = false
        let agent = scene.agent()
        scene.take(.storeFailed(scene.unstored[0].ticket, .init("store.lost", doing: "write the registry")))
        #expect(scene.hasSteppedDown)
        let count = scene.effects.count
        scene.take(.stored(scene.unstored[0].ticket))
        scene.take(.linkClosed(agent.link))
        #expect(scene.effects.count == count)
    }

    @Test("an agent without a domain is refused where one is required")
    func domain() {
        var scene = Scene { $0.requiresAgentDomain = true }
        let agent = scene.agent()
        guard case .refused(_, let isFinal) = scene.told(agent).first else {
            Issue.record("it is told \(scene.told(agent))")
            return
        }
        #expect(!isFinal && scene.closedLinks.contains(agent.link))
    }

    @Test("an agent that registers twice while the registry is slow is taken in as it is at last")
    func registersWhileWriting() {
        var scene = Scene()
        let agent = scene.agent()
        scene.storesAtOnce = false
        var registration = agent.registration
        registration.attributes = [Attribute("rack", .text("r1"))]
        let second = scene.register(registration)
        registration.attributes = [Attribute("rack", .text("r2"))]
        let third = scene.register(registration)
        #expect(scene.core.agents[agent.id]?.link == agent.link, "the registry does not know yet")
        scene.storeAll()
        #expect(scene.closedLinks == [agent.link, second.link])
        #expect(scene.core.agents[agent.id]?.link == third.link)
        #expect(scene.registry.agents[agent.id]?.info.attributes == registration.attributes)
    }

    @Test("an agent that registers while it is being given up comes back right after")
    func registersWhileGivenUp() {
        var scene = Scene()
        let agent = scene.agent()
        scene.storesAtOnce = false
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(80))
        #expect(scene.unstored.count == 1)
        let back = scene.register(agent.registration)
        #expect(scene.registeredID(on: back.link) == nil)
        scene.storeAll()
        #expect(scene.registeredID(on: back.link) == agent.id)
        #expect(scene.registry.agents[agent.id]?.standing == .registered)
    }
}
