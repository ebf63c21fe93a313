import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

@Suite("Unfit parts of an ACCEPT")
struct UnfitTests {
    private static let unfit = UnfitTask(id: "a/b", agent: nil, .taskInvalid, because: "it has a slash")

    private func unfitEvents(_ scene: Scene, _ framework: ActedFramework) -> [SchedulerEvent] {
        scene.heard(framework).filter { event in
            switch event {
            case .unfitTask, .unfitOperation: true
            default: false
            }
        }
    }

    @Test("an unfit task is in error by the id it came with, its siblings start, and the rest is offered again")
    func task() {
        var (scene, agent, framework) = TaskTests.begin()
        let right = scene.task("right", on: agent.id, "cpus:1;mem:128")
        let offer = scene.offers(framework)[0].id
        let operation = OfferOperation(.launch([right]), unfitTasks: [Self.unfit])
        let answer = scene.call(.accept(offers: [offer], operations: [operation], filter: .none), framework)
        #expect(answer == .accepted)
        #expect(unfitEvents(scene, framework) == [.unfitTask(Self.unfit, state: .error, at: scene.now)])
        #expect(scene.state(of: right.id, framework) == .staging)
        #expect(scene.core.tasks.count == 1)
        #expect(scene.core.counters.endings[TaskEnding(.error, .master, .taskInvalid)] == 1)
        scene.settle()
        #expect(Resources(scene.offers(framework)[0].resources).amount(of: "cpus") == Scalar(3))
    }

    @Test("an unfit task by the id of one that runs leaves that one as it is")
    func known() {
        var (scene, agent, framework) = TaskTests.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.settle()
        let offer = scene.offers(framework)[0].id
        let twin = UnfitTask(id: "T", agent: agent.id, .taskInvalid, because: "it has no command")
        let operation = OfferOperation(.launch([]), unfitTasks: [twin])
        scene.call(.accept(offers: [offer], operations: [operation], filter: .none), framework)
        #expect(unfitEvents(scene, framework) == [.unfitTask(twin, state: .error, at: scene.now)])
        #expect(scene.state(of: task.id, framework) == .staging)
        #expect(scene.core.tasks[TaskReference(framework: framework.id, task: task.id)]?.statuses.isEmpty == true)
    }

    @Test("a group in which something is unfit starts none of its tasks, and each is told so")
    func group() {
        var (scene, agent, framework) = TaskTests.begin()
        let tasks = ["A", "B"].map { UnfitTask(id: $0, agent: agent.id, .taskGroupInvalid, because: "no") }
        let offer = scene.offers(framework)[0].id
        let operation = OfferOperation(.unfit(UnfitOperation(id: nil, because: "no")), unfitTasks: tasks)
        scene.call(.accept(offers: [offer], operations: [operation], filter: .none), framework)
        let now = scene.now
        let expected = tasks.map { SchedulerEvent.unfitTask($0, state: .error, at: now) }
        #expect(unfitEvents(scene, framework) == expected)
        #expect(scene.core.tasks.isEmpty)
        scene.settle()
        #expect(Resources(scene.offers(framework)[0].resources).amount(of: "cpus") == Scalar(4))
    }

    @Test("an unfit operation is in error when it has an id, is passed over without, and what follows is done")
    func operation() {
        var (scene, agent, framework) = OperationTests.begin()
        let offer = scene.offers(framework)[0].id
        let named = UnfitOperation(id: "a/b", because: "no")
        let operations = [
            OfferOperation(.unfit(named)), OfferOperation(.unfit(UnfitOperation(id: nil, because: "no"))),
            OfferOperation(id: id("op"), .change(.reserve(OperationTests.reserved("cpus:1")))),
        ]
        scene.call(.accept(offers: [offer], operations: operations, filter: .none), framework)
        #expect(unfitEvents(scene, framework) == [.unfitOperation(named, on: agent.id)])
        #expect(scene.core.operations.count == 1)
    }

    @Test("with offers that are gone they are lost or dropped, and in error, for that reason")
    func stale() {
        var scene = Scene()
        _ = scene.agent()
        let aware = scene.framework()
        guard let plain = scene.subscribe(Scene.info(capabilities: [])) else {
            Issue.record("turned away")
            return
        }
        let operations = [
            OfferOperation(.launch([]), unfitTasks: [Self.unfit]),
            OfferOperation(.unfit(UnfitOperation(id: "op", because: "no"))),
        ]
        for (framework, state) in [(aware, TaskState.dropped), (plain, TaskState.lost)] {
            scene.call(.accept(offers: [id("gone")], operations: operations, filter: .none), framework)
            let heard = unfitEvents(scene, framework)
            guard heard.count == 2, case .unfitTask(let task, let told, _) = heard[0],
                case .unfitOperation(let operation, nil) = heard[1]
            else {
                Issue.record("\(heard)")
                continue
            }
            #expect(told == state && task.id == "a/b" && task.reason == .invalidOffers)
            #expect(operation.id == "op" && operation.why.contains("invalid offers"))
        }
    }

    @Test("unfit tasks count among the tasks that a call may have")
    func many() {
        var (scene, agent, framework) = TaskTests.begin { $0.limits.tasksInCallMax = 1 }
        let offer = scene.offers(framework)[0].id
        let operation = OfferOperation(.launch([scene.task("T", on: agent.id)]), unfitTasks: [Self.unfit])
        let answer = scene.call(.accept(offers: [offer], operations: [operation], filter: .none), framework)
        #expect(answer?.status == 400)
        #expect(unfitEvents(scene, framework).isEmpty && scene.core.tasks.isEmpty)
    }
}
