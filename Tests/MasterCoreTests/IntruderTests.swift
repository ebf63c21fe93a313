import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

/// Agents and frameworks that take what is another one's.
@Suite("Intruders")
struct IntruderTests {
    /// An agent that runs a task, and one that may only register.
    static func begin() -> (Scene, owner: ActedAgent, thief: ActedAgent, ActedFramework, TaskSpec) {
        var (scene, owner, framework) = TaskTests.begin()
        let thief = scene.agent("thief")
        let task = scene.task("T", on: owner.id)
        scene.launch([task], framework)
        scene.report(.running, of: task.id, framework, from: owner)
        return (scene, owner, thief, framework, task)
    }

    // MARK: Names

    @Test("a framework gets no id that somebody has, had, or is about to have")
    func frameworkIDs() {
        var scene = Scene()
        #expect(scene.subscribe(Scene.info("first", id: id("m1-0000")), isNew: false)?.id.text == "m1-0000")
        #expect(scene.framework("honest").id.text == "m1-0001")
        guard let removed = scene.subscribe(Scene.info("removed", id: id("m1-0002")), isNew: false) else {
            Issue.record("turned away")
            return
        }
        scene.call(.teardown, removed)
        #expect(scene.framework("next").id.text == "m1-0003")
        scene.storesAtOnce = false
        _ = scene.subscribe(Scene.info("early", id: id("m1-0004")), isNew: false)
        _ = scene.subscribe(Scene.info("late"))
        scene.storeAll()
        #expect(scene.core.frameworks[id("m1-0004")]?.info.name == "early")
        #expect(scene.core.frameworks[id("m1-0005")]?.info.name == "late")
    }

    @Test("an agent gets no id that another has, had, or is about to have")
    func agentIDs() {
        var scene = Scene()
        #expect(scene.register(Scene.registration("a1", id: id("m1-S0"))).id.text == "m1-S0")
        #expect(scene.agent("a2").id.text == "m1-S1")
        let former = scene.register(Scene.registration("a3", id: id("m1-S2")))
        scene.take(.linkClosed(former.link))
        scene.pass(.seconds(100))
        #expect(scene.core.formerAgents[former.id] != nil)
        #expect(scene.agent("a4").id.text == "m1-S3")
        scene.storesAtOnce = false
        _ = scene.register(Scene.registration("a5", id: id("m1-S4")))
        let late = scene.agent("a6")
        scene.storeAll()
        #expect(scene.registeredID(on: late.link)?.text == "m1-S5")
    }

    // MARK: Tasks

    @Test("what an agent says of a task on another agent reaches nobody, and it is told to end what it has")
    func status() {
        var (scene, _, thief, framework, task) = Self.begin()
        let key = TaskReference(framework: framework.id, task: task.id)
        let before = scene.updates(framework).count
        let end = scene.report(.finished, of: task.id, framework, from: thief, number: 2)
        #expect(scene.told(thief).contains(.acknowledge(end, key)))
        #expect(!scene.told(thief).contains(.kill(key, gracePeriod: nil)))
        scene.report(.running, of: task.id, framework, from: thief, number: 3)
        #expect(scene.told(thief).contains(.kill(key, gracePeriod: nil)))
        #expect(scene.updates(framework).count == before)
        #expect(scene.state(of: task.id, framework) == .running)
    }

    @Test("a status is of the agent that sends it, whatever it says")
    func sender() {
        var (scene, owner, thief, framework, _) = Self.begin()
        let unknown: TaskID = id("U")
        let update = StatusUpdate(
            framework: framework.id, task: unknown, state: .running, source: .executor, agent: owner.id, at: scene.now)
        scene.say(.status(update, latest: .running), thief)
        #expect(scene.updates(framework, of: unknown).map(\.agent) == [thief.id])
    }

    @Test("an agent that registers with another's task is told to end it, also while the other is away",
        arguments: [false, true])
    func registration(isUnreachable: Bool) {
        var (scene, owner, thief, framework, task) = Self.begin()
        let key = TaskReference(framework: framework.id, task: task.id)
        if isUnreachable {
            scene.take(.linkClosed(owner.link))
            scene.pass(.seconds(100), alive: [thief])
        }
        var stolen = thief.registration
        stolen.frameworks = [framework.info]
        stolen.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        let back = scene.register(stolen)
        #expect(scene.told(back).filter { $0 == .kill(key, gracePeriod: nil) }.count == 1)
        #expect(scene.core.agents[back.id]?.tasks.isEmpty == true)
        if isUnreachable {
            #expect(scene.core.frameworks[framework.id]?.unreachableTasks[task.id]?.agent == owner.id)
            var registration = owner.registration
            registration.frameworks = stolen.frameworks
            registration.tasks = stolen.tasks
            _ = scene.register(registration)
        }
        #expect(scene.core.tasks[key]?.agent == owner.id)
        #expect(scene.state(of: task.id, framework) == .running)
    }

    @Test("to a new master one agent's word is as good as another's: a task that two have is ended on neither")
    func claims() {
        var scene = Scene()
        let framework = scene.framework("f")
        let agents = [scene.agent("first"), scene.agent("second")]
        let task = scene.task("T", on: agents[1].id)
        let key = TaskReference(framework: framework.id, task: task.id)
        let back = agents.map { agent in
            var registration = agent.registration
            registration.frameworks = [framework.info]
            registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
            return scene.register(registration)
        }
        let before = scene.updates(framework).count
        let end = scene.report(.finished, of: task.id, framework, from: back[1], number: 2)
        for agent in back { #expect(!scene.told(agent).contains(.kill(key, gracePeriod: nil))) }
        // It is sent again until the other has gone.
        #expect(!scene.told(back[1]).contains(.acknowledge(end, key)))
        #expect(scene.updates(framework).count == before)
        #expect(scene.core.tasks[key]?.agent == agents[0].id)
    }

    @Test("executors speak to frameworks that have something on their agent, and to no others")
    func messages() {
        var (scene, owner, thief, framework, _) = Self.begin()
        scene.say(.message([1], executor: id("E"), framework: framework.id), thief)
        #expect(!scene.heard(framework).contains { if case .message = $0 { true } else { false } })
        #expect(scene.core.counters.invalidMessagesFromExecutors == 1)
        scene.say(.message([2], executor: id("E"), framework: framework.id), owner)
        #expect(scene.heard(framework).last == .message([2], executor: id("E"), agent: owner.id))
    }

    // MARK: Operations

    @Test("an agent neither reports on another's operation nor takes it over")
    func operations() {
        var (scene, owner, framework) = OperationTests.begin()
        let thief = scene.agent("thief")
        let offer = scene.offers(framework)[0].id
        let operation = OfferOperation(id: id("op"), .change(.reserve(OperationTests.reserved("cpus:1"))))
        scene.call(.accept(offers: [offer], operations: [operation], filter: .none), framework)
        guard let order = OperationTests().order(owner, scene) else {
            Issue.record("no order")
            return
        }
        let update = UpdateID(high: 4, low: 5)
        let status = OperationStatus(operation: id("op"), state: .failed, id: update, agent: owner.id)
        for key in [order.key, UpdateID(high: 8, low: 9)] {
            scene.say(.operation(status, key: key, framework: framework.id), thief)
            #expect(scene.told(thief).contains(.acknowledgeOperation(update, key: key)))
        }
        #expect(scene.operationUpdates(framework).isEmpty)
        var stolen = thief.registration
        stolen.operations = [OperationReport(order: order, status: status)]
        _ = scene.register(stolen)
        #expect(scene.core.operations[order.key]?.agent == owner.id)
    }
}
