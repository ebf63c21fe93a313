import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

/// What crosses on the link, and what waits behind other things: the master's side.
@Suite("Messages that cross")
struct CrossingTests {
    static let executor = ExecutorSpec(
        id: id("E"), framework: id("unset"), kind: .custom, command: CommandSpec(.shell("x")),
        resources: resources("cpus:1;mem:32"))

    static func under(_ framework: ActedFramework, _ name: String, _ agent: ActedAgent, _ scene: Scene) -> TaskSpec {
        var spec = scene.task(name, on: agent.id, "cpus:1;mem:64")
        var executor = executor
        executor.framework = framework.id
        spec.runner = .executor(executor)
        return spec
    }

    static func starts(_ scene: Scene, _ agent: ActedAgent) -> [Bool?] {
        scene.told(agent).compactMap { message -> Bool?? in
            switch message {
            case .runTask(_, _, let starts), .runGroup(_, _, _, let starts): .some(starts)
            default: nil
            }
        }
    }

    @Test("the agent is told whether a task starts its executor: the first does, later ones do not, until it is lost")
    func startsExecutor() {
        var (scene, agent, framework) = TaskTests.begin("cpus:8;mem:1024")
        scene.launch([Self.under(framework, "a", agent, scene), Self.under(framework, "b", agent, scene)], framework)
        scene.settle()
        scene.launch([Self.under(framework, "c", agent, scene), scene.task("d", on: agent.id)], framework)
        #expect(Self.starts(scene, agent) == [true, false, false, nil])
        scene.say(.executorLost(Self.executor.id, framework: framework.id, status: 0), agent)
        scene.settle()
        scene.launch([Self.under(framework, "e", agent, scene)], framework)
        #expect(Self.starts(scene, agent) == [true, false, false, nil, true])
        #expect(scene.core.agents[agent.id]?.executors[framework.id]?.count == 1)
    }

    @Test("the end of a task frees what it had although its update waits, and nothing is sent twice for it")
    func endBehindOthers() {
        var (scene, agent, framework) = TaskTests.begin()
        scene.launch([scene.task("T", on: agent.id, "cpus:4;mem:128")], framework)
        let first = scene.report(.running, of: id("T"), framework, from: agent)
        #expect(scene.updates(framework, of: id("T")).map(\.state) == [.running])
        scene.report(.running, of: id("T"), framework, from: agent, latest: .finished)
        #expect(scene.updates(framework, of: id("T")).map(\.state) == [.running])
        #expect(scene.state(of: id("T"), framework) == .finished)
        scene.settle()
        #expect(Resources(scene.offers(framework).last?.resources ?? []).amount(of: "cpus") == Scalar(4))
        // Sent again because nobody has acknowledged it: that is passed on.
        scene.report(.running, of: id("T"), framework, from: agent, latest: .finished)
        #expect(scene.updates(framework, of: id("T")).map(\.state) == [.running, .running])
        scene.call(.acknowledge(first, task: id("T"), agent: agent.id), framework)
        #expect(scene.core.tasks.count == 1, "its end is still to be heard of")
    }

    @Test("an agent that is back with less is offered as it is now")
    func less() {
        var (scene, agent, framework) = TaskTests.begin("cpus:4;mem:1024")
        let task = scene.task("T", on: agent.id, "cpus:1;mem:128")
        scene.launch([task], framework)
        scene.report(.running, of: task.id, framework, from: agent)
        scene.take(.linkClosed(agent.link))
        var registration = agent.registration
        registration.resources = resources("cpus:2;mem:1000")
        registration.totals = registration.resources
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        registration.frameworks = [framework.info]
        #expect(scene.register(registration).name == agent.id)
        scene.settle()
        let offered = Resources(scene.offers(framework).last?.resources ?? [])
        #expect(offered.amount(of: "cpus") == Scalar(1) && offered.amount(of: "mem") == Scalar(872))
        #expect(scene.registry.agents[agent.id]?.info.resources == registration.resources)
    }
}
