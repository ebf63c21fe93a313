import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

@Suite("Draining and giving up agents")
struct DrainTests {
    static let drain = DrainConfiguration(maxGracePeriod: .seconds(5))

    /// An agent with one task, and another framework's offer of it.
    static func begin() -> (Scene, ActedAgent, ActedFramework) {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.settle()
        return (scene, agent, framework)
    }

    @Test("a draining agent is offered no more, told so, and drained when its tasks have ended")
    func drains() {
        var (scene, agent, framework) = Self.begin()
        #expect(scene.offers(framework).count == 1)
        #expect(scene.operate(.drainAgent(agent.id, Self.drain)) == .done)
        #expect(scene.has(.drain(Self.drain), agent))
        #expect(scene.offers(framework).isEmpty)
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .draining)
        #expect(scene.registry.agents[agent.id]?.drain?.state == .draining)
        #expect(scene.operate(.reactivateAgent(agent.id))?.status == 400)
        let update = scene.report(.killed, of: id("t"), framework, from: agent)
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
        scene.call(.acknowledge(update, task: id("t"), agent: agent.id), framework)
        #expect(scene.has(.acknowledge(update, TaskReference(framework: framework.id, task: id("t"))), agent))
        #expect(scene.registry.agents[agent.id]?.drain?.state == .drained)
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        guard case .agents(let view) = scene.core.response(to: .agents) else { return }
        #expect(view.agents.first?.drain?.state == .drained && view.agents.first?.isDeactivated == true)
        #expect(scene.operate(.reactivateAgent(agent.id)) == .done)
        #expect(scene.has(.cancelDrain, agent))
        scene.settle()
        #expect(scene.offers(framework).count == 1)
    }

    @Test("an agent whose machine is in the maintenance schedule is not drained as well")
    func scheduled() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let other = scene.agent("b1")
        scene.operate(.updateMaintenanceSchedule(MaintenanceTests.schedule))
        #expect(scene.operate(.drainAgent(agent.id, Self.drain))?.status == 400)
        #expect(scene.core.agents[agent.id]?.entry.drain == nil && !scene.has(.drain(Self.drain), agent))
        #expect(scene.operate(.drainAgent(other.id, Self.drain)) == .done)
        scene.operate(.updateMaintenanceSchedule(MaintenanceSchedule()))
        #expect(scene.operate(.drainAgent(agent.id, Self.drain)) == .done)
    }

    @Test("nothing is done before the registry has it")
    func durable() {
        var (scene, agent, framework) = Self.begin()
        scene.storesAtOnce = false
        #expect(scene.operate(.drainAgent(agent.id, Self.drain)) == nil)
        #expect(!scene.has(.drain(Self.drain), agent) && scene.offers(framework).count == 1)
        // One change at a time.
        #expect(scene.operate(.deactivateAgent(agent.id))?.status == 409)
        scene.storeAll()
        #expect(scene.has(.drain(Self.drain), agent) && scene.offers(framework).isEmpty)
    }

    @Test("an empty agent is drained at once, and given up if that was asked for", arguments: [false, true])
    func empty(_ marksGone: Bool) {
        var scene = Scene()
        let agent = scene.agent("a1")
        scene.operate(.drainAgent(agent.id, DrainConfiguration(marksGone: marksGone)))
        if marksGone {
            #expect(scene.core.agents[agent.id] == nil)
            #expect(scene.registry.agents[agent.id]?.standing == .gone(at: scene.now))
            #expect(scene.closedLinks.contains(agent.link))
        } else {
            #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
        }
    }

    @Test("a framework that is away holds no drain up, and hears the end when it is back")
    func detached() {
        var (scene, agent, framework) = Self.begin()
        scene.report(.running, of: id("t"), framework, from: agent)
        scene.take(.streamClosed(framework.stream))
        scene.operate(.drainAgent(agent.id, Self.drain))
        // The update of the end waits behind the one that nobody acknowledges; the state comes at once.
        scene.report(.running, of: id("t"), framework, from: agent, latest: .killed)
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
        // Should the machine be taken away now, the master's word is what is left.
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(80))
        guard let back = scene.subscribe(framework.info, isNew: false) else {
            Issue.record("the framework is turned away")
            return
        }
        scene.call(.reconcile([.init(task: id("t"), agent: agent.id)]), back)
        #expect(scene.updates(back, of: id("t")).last?.state == .killed)
        #expect(scene.updates(back, of: id("t")).last?.reason == .reconciliation)
    }

    @Test("an update that was acknowledged is not told again when only the task's end is new")
    func acknowledged() {
        var (scene, agent, framework) = Self.begin()
        let update = scene.report(.running, of: id("t"), framework, from: agent)
        scene.call(.acknowledge(update, task: id("t"), agent: agent.id), framework)
        let heard = scene.updates(framework, of: id("t")).count
        // The acknowledgement is on its way while the agent tells that the task has ended meanwhile.
        scene.report(.running, of: id("t"), framework, from: agent, latest: .failed)
        #expect(scene.updates(framework, of: id("t")).count == heard)
        #expect(scene.core.tasks[TaskReference(framework: framework.id, task: id("t"))]?.state == .failed)
    }

    @Test("an agent that is to be given up is drained first, and given up when the last update is acknowledged")
    func drainedThenGone() {
        var (scene, agent, framework) = Self.begin()
        scene.operate(.drainAgent(agent.id, DrainConfiguration(marksGone: true)))
        let update = scene.report(.killed, of: id("t"), framework, from: agent)
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
        #expect(scene.registry.agents[agent.id]?.standing == .registered)
        scene.call(.acknowledge(update, task: id("t"), agent: agent.id), framework)
        #expect(scene.core.agents[agent.id] == nil)
        #expect(scene.registry.agents[agent.id]?.standing == .gone(at: scene.now))
    }

    @Test("the acknowledgement that comes while the drain is being written counts")
    func acknowledgedMeanwhile() {
        var (scene, agent, framework) = Self.begin()
        scene.operate(.drainAgent(agent.id, DrainConfiguration(marksGone: true)))
        scene.storesAtOnce = false
        let update = scene.report(.killed, of: id("t"), framework, from: agent)
        scene.call(.acknowledge(update, task: id("t"), agent: agent.id), framework)
        scene.storeAll()
        #expect(scene.registry.agents[agent.id]?.standing == .gone(at: scene.now))
    }

    @Test("an unreachable agent drains when it is back")
    func unreachable() {
        var (scene, agent, _) = Self.begin()
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(200))
        #expect(scene.core.formerAgents[agent.id] != nil)
        #expect(scene.operate(.drainAgent(agent.id, Self.drain)) == .done)
        #expect(scene.registry.agents[agent.id]?.drain?.state == .draining)
        let back = scene.register(agent.registration)
        #expect(back.name == agent.id && scene.has(.drain(Self.drain), back))
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
    }

    @Test("a new master goes on with the drain")
    func successor() {
        var (scene, agent, _) = Self.begin()
        scene.operate(.drainAgent(agent.id, Self.drain))
        var next = scene.successor()
        var registration = agent.registration
        registration.drain = DrainInfo(state: .draining, configuration: Self.drain)
        let back = next.register(registration)
        #expect(next.has(.drain(Self.drain), back))
        #expect(next.core.agents[agent.id]?.isActive == false)
    }

    @Test("a deactivated agent keeps its tasks and is offered no more until it is reactivated")
    func deactivated() {
        var (scene, agent, framework) = Self.begin()
        #expect(scene.operate(.deactivateAgent(agent.id)) == .done)
        #expect(scene.offers(framework).isEmpty && scene.state(of: id("t"), framework) == .staging)
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        #expect(scene.successor().core.agents[agent.id]?.entry.isDeactivated == true)
        #expect(scene.operate(.reactivateAgent(agent.id)) == .done)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
    }

    @Test("only an agent that is deactivated can be reactivated, and not while that is being written")
    func active() {
        var (scene, agent, _) = Self.begin()
        #expect(scene.operate(.reactivateAgent(agent.id))?.status == 400)
        scene.storesAtOnce = false
        #expect(scene.operate(.deactivateAgent(agent.id)) == nil)
        #expect(scene.operate(.reactivateAgent(agent.id))?.status == 409)
        scene.storeAll()
        scene.storesAtOnce = true
        #expect(scene.operate(.reactivateAgent(agent.id)) == .done)
        #expect(scene.registry.agents[agent.id]?.isDeactivated == false)
        #expect(scene.operate(.reactivateAgent(agent.id))?.status == 400)
    }

    @Test("an agent given up never comes back, and its tasks are gone")
    func gone() {
        var (scene, agent, framework) = Self.begin()
        #expect(scene.operate(.markAgentGone(agent.id)) == .done)
        #expect(scene.updates(framework, of: id("t")).last?.state == .goneByOperator)
        let back = scene.register(agent.registration)
        #expect(back.name == nil && scene.closedLinks.contains(back.link))
        #expect(scene.operate(.markAgentGone(agent.id)) == .done)
        #expect(scene.operate(.drainAgent(agent.id, Self.drain))?.status == 400)
    }

    @Test("an unreachable agent can be given up, too")
    func unreachableGone() {
        var (scene, agent, _) = Self.begin()
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(200))
        #expect(scene.operate(.markAgentGone(agent.id)) == .done)
        #expect(scene.register(agent.registration).name == nil)
    }

    static let changes: [(OperatorChange, Int)] = [
        (.drainAgent(id("nobody"), drain), 400), (.deactivateAgent(id("nobody")), 400),
        (.reactivateAgent(id("nobody")), 400), (.markAgentGone(id("nobody")), 404),
    ]

    @Test("an agent nobody knows is refused, and is not found where it was to be given up", arguments: changes)
    func unknown(_ change: OperatorChange, _ status: Int) {
        var scene = Scene()
        #expect(scene.operate(change)?.status == status)
    }

    @Test("the link that ends while a drain is written leaves nothing behind")
    func linkEndsMeanwhile() {
        var (scene, agent, _) = Self.begin()
        scene.storesAtOnce = false
        scene.operate(.drainAgent(agent.id, Self.drain))
        scene.take(.linkClosed(agent.link))
        let back = scene.register(agent.registration)
        scene.storeAll()
        scene.storesAtOnce = true
        #expect(scene.core.agents[agent.id]?.link == back.link)
        #expect(scene.has(.drain(Self.drain), back))
    }
}
