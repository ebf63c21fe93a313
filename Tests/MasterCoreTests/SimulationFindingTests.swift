import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

/// What playing seeds of the whole cluster has brought to light.
@Suite("What the simulation found in the master")
struct SimulationFindingTests {
    /// An agent becomes unreachable with a task on it.
    static func unreachable() -> (Scene, ActedAgent, ActedFramework, TaskSpec) {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.pass(.seconds(100))
        #expect(scene.updates(framework).last?.state.withoutPartitions == .lost)
        return (scene, agent, framework, task)
    }

    @Test("a task that is not on an agent that was unreachable and is back has an end")
    func unreachableNoMore() {
        var (scene, agent, framework, task) = Self.unreachable()
        _ = scene.register(agent.registration)
        #expect(scene.core.frameworks[framework.id]?.unreachableTasks.count == 0)
        #expect(scene.updates(framework, of: task.id).last?.state.withoutPartitions == .lost)
        scene.call(.reconcile([.init(task: task.id, agent: agent.id)]), framework)
        #expect(scene.updates(framework, of: task.id).last?.unreachableSince == nil)
    }

    @Test("tasks of an unreachable agent that is given up have an end")
    func unreachableAndGone() {
        var (scene, agent, framework, task) = Self.unreachable()
        let before = scene.updates(framework, of: task.id).count
        scene.take(.operator(scene.nextCall(), principal: nil, .change(.markAgentGone(agent.id))))
        #expect(scene.updates(framework, of: task.id).count == before + 1)
        #expect(scene.updates(framework, of: task.id).last?.reason == .agentRemovedByOperator)
        #expect(scene.core.frameworks[framework.id]?.unreachableTasks.count == 0)
    }

    @Test("a task that was lost with its link holds nothing when the agent is back without it")
    func lostOnTheWay() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        let task = scene.task("T", on: agent.id, "cpus:4;mem:128")
        scene.launch([task], framework)
        scene.take(.linkClosed(agent.link))
        let back = scene.register(agent.registration)
        #expect(scene.told(back).contains(.reconcile([TaskReference(framework: framework.id, task: task.id)])))
        scene.settle()
        let offered = Resources(scene.offers(framework).last?.resources ?? [])
        #expect(offered.amount(of: "cpus") == Scalar(4))
        scene.report(.dropped, of: task.id, framework, from: back)
        #expect(scene.core.tasks[TaskReference(framework: framework.id, task: task.id)]?.state == .dropped)
    }

    @Test("an agent that is being emptied is empty when the last framework on it is removed")
    func emptiedByRemoval() {
        var scene = Scene()
        let agent = scene.agent()
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.take(.operator(scene.nextCall(), principal: nil, .change(.drainAgent(agent.id, DrainConfiguration()))))
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .draining)
        scene.take(.operator(scene.nextCall(), principal: nil, .change(.teardown(framework.id))))
        #expect(scene.core.agents[agent.id]?.entry.drain?.state == .drained)
    }
}
