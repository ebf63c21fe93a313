import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

@Suite("A new master")
struct RecoveryTests {
    /// A master with an agent, a framework and a running task; then another one in its place.
    static func succeed() -> (Scene, AgentRegistration, FrameworkInfo, TaskSpec) {
        var (scene, agent, framework) = TaskTests.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.report(.running, of: task.id, framework, from: agent)
        var registration = agent.registration
        registration.frameworks = [framework.info]
        var spec = task
        spec.resources = Array(Resources(task.resources).allocated(to: .anyone))
        registration.tasks = [TaskReport(framework: framework.id, spec: spec, state: .running)]
        return (scene.successor(), registration, framework.info, task)
    }

    @Test("agents come back with their tasks, frameworks with their ids, and nobody is offered what is used")
    func adopts() {
        var (scene, registration, info, task) = Self.succeed()
        #expect(scene.core.agents.values.allSatisfy { $0.isRecovered })
        let agent = scene.register(registration)
        #expect(agent.id == registration.id)
        #expect(scene.told(agent).contains { if case .reconcile = $0 { true } else { false } } == false)
        guard let framework = scene.subscribe(info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        #expect(scene.state(of: task.id, framework) == .running)
        scene.settle()
        let offered = Resources(scene.offers(framework)[0].resources)
        #expect(offered.amount(of: "cpus") == Scalar(3))
        #expect(scene.core.frameworks[info.id]?.reregistered != nil)
        #expect(scene.core.agents[agent.id]?.isRecovered == false)
    }

    @Test("new ids are none that an earlier master has given")
    func ids() {
        var (scene, registration, _, _) = Self.succeed()
        _ = scene.register(registration)
        let fresh = scene.agent("a2")
        #expect(fresh.id.text == "m2-S1")
        #expect(scene.framework().id.text == "m2-0001")
    }

    @Test("while an agent may still come back nothing is said about tasks that may be on it")
    func silent() {
        var (scene, registration, info, task) = Self.succeed()
        guard let framework = scene.subscribe(info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        scene.call(.reconcile([.init(task: task.id)]), framework)
        scene.call(.reconcile([.init(task: task.id, agent: registration.id)]), framework)
        #expect(scene.updates(framework).isEmpty)
        scene.pass(.seconds(601))
        scene.call(.reconcile([.init(task: task.id, agent: registration.id)]), framework)
        #expect(scene.updates(framework).map(\.state) == [.unreachable])
        #expect(scene.core.agents.isEmpty)
        #expect(scene.core.counters.recoveredAgentRemovals == 1)
    }

    @Test("a framework that was connected has as long as the agents to come back, then its tasks are ended")
    func frameworkStaysAway() {
        var (scene, registration, info, _) = Self.succeed()
        let agent = scene.register(registration)
        scene.pass(.seconds(590), alive: [agent])
        #expect(scene.core.frameworks[info.id] != nil)
        scene.pass(.seconds(20), alive: [agent])
        #expect(scene.core.frameworks[info.id] == nil)
        #expect(scene.told(agent).contains(.shutdownFramework(info.id)))
    }

    @Test("a framework that was away already has the rest of its time, and no less than a scheduler needs to come back")
    func deadlineIsKept() {
        var scene = Scene()
        let framework = scene.framework(timeout: .seconds(300))
        scene.take(.streamClosed(framework.stream))
        var next = scene.successor(after: .seconds(100))
        next.pass(.seconds(190))
        #expect(next.core.frameworks[framework.id] != nil)
        next.pass(.seconds(20))
        #expect(next.core.frameworks[framework.id] == nil)
        var late = scene.successor(after: .seconds(10_000))
        late.pass(.seconds(60))
        #expect(late.subscribe(framework.info, isNew: false) != nil)
    }

    @Test("a framework only its agent knows is there for it to come back to")
    func unknownFramework() {
        var (scene, registration, info, task) = Self.succeed()
        scene = Scene(at: scene.now)
        let agent = scene.register(registration)
        #expect(agent.id == registration.id, "an agent the registry does not know keeps its id")
        #expect(scene.registry.frameworks[info.id]?.info.name == info.name)
        guard let framework = scene.subscribe(info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        #expect(scene.state(of: task.id, framework) == .running)
    }

    @Test("an update that waits for its acknowledgement is acknowledged through the new master")
    func pendingUpdate() {
        var (scene, registration, info, task) = Self.succeed()
        let update = StatusUpdate(
            framework: info.id, task: task.id, state: .running, source: .executor, agent: registration.id,
            at: scene.now, id: UpdateID(high: 1, low: 2))
        registration.tasks[0].pending = update
        let agent = scene.register(registration)
        guard let framework = scene.subscribe(info, isNew: false) else {
            Issue.record("turned away")
            return
        }
        scene.call(.acknowledge(UpdateID(high: 1, low: 2), task: task.id, agent: agent.id), framework)
        #expect(
            scene.told(agent).last
                == .acknowledge(UpdateID(high: 1, low: 2), TaskReference(framework: info.id, task: task.id)))
    }

    @Test("agents that were away for very long are forgotten")
    func forgets() {
        var scene = Scene { $0.agentMemory = .seconds(3_600) }
        let agent = scene.agent()
        scene.pass(.seconds(100))
        #expect(scene.registry.agents[agent.id] != nil)
        scene.pass(.seconds(3_600 + 1_000))
        #expect(scene.registry.agents.isEmpty && scene.core.formerAgents.isEmpty)
    }
}
