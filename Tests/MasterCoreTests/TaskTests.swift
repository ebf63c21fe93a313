import Authorization
import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

@Suite("Tasks")
struct TaskTests {
    /// A scene with an agent and a framework that has an offer of it.
    static func begin(
        _ text: String = "cpus:4;mem:1024", roles: [RoleName] = [.anyone],
        _ configure: (inout MasterConfiguration) -> Void = { _ in }
    ) -> (Scene, ActedAgent, ActedFramework) {
        var scene = Scene(configure)
        let agent = scene.agent("a1", text)
        let framework = scene.framework(roles: roles)
        scene.settle()
        return (scene, agent, framework)
    }

    // MARK: Launching

    @Test("an accepted task is staging at once and sent to its agent with its framework")
    func launch() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        #expect(scene.launch([task], framework) == .accepted)
        #expect(scene.state(of: task.id, framework) == .staging)
        guard case .runTask(let spec, let info, _) = scene.told(agent).last else {
            Issue.record("it is told \(scene.told(agent))")
            return
        }
        #expect(info.id == framework.id && spec.id == task.id)
        #expect(spec.resources.allSatisfy { $0.allocatedTo == .anyone })
        #expect(scene.updates(framework).isEmpty)
        #expect(scene.core.counters.tasksNow[.staging] == 1)
    }

    @Test("what is left of an offer comes again, without what is used")
    func leftover() {
        var (scene, agent, framework) = Self.begin()
        scene.launch([scene.task("T", on: agent.id, "cpus:1;mem:128")], framework)
        scene.settle()
        let left = Resources(scene.offers(framework)[0].resources)
        #expect(left.amount(of: "cpus") == Scalar(3) && left.amount(of: "mem") == Scalar(896))
    }

    @Test("an invalid task is in error and the others start all the same")
    func invalidTask() {
        var (scene, agent, framework) = Self.begin()
        var wrong = scene.task("wrong", on: agent.id)
        wrong.agent = id("elsewhere")
        let right = scene.task("right", on: agent.id)
        let offer = scene.offers(framework)[0].id
        scene.call(
            .accept(offers: [offer], operations: [OfferOperation(.launch([wrong, right]))], filter: .none), framework)
        #expect(scene.updates(framework, of: wrong.id).map(\.state) == [.error])
        #expect(scene.updates(framework, of: wrong.id).first?.reason == .taskInvalid)
        #expect(scene.updates(framework, of: wrong.id).first?.source == .master)
        #expect(scene.updates(framework, of: wrong.id).first?.id == nil)
        #expect(scene.state(of: right.id, framework) == .staging)
    }

    @Test("a task that wants more than is left of the offers is in error")
    func tooMuch() {
        var (scene, agent, framework) = Self.begin("cpus:4;mem:1024")
        let tasks = (1...3).map { scene.task("T\($0)", on: agent.id, "cpus:2;mem:128") }
        scene.launch(tasks, framework)
        #expect(scene.updates(framework).map(\.task) == [tasks[2].id])
        #expect(scene.updates(framework).first?.state == .error)
        #expect(scene.core.tasks.count == 2)
    }

    @Test("an id that is in use is refused until the task is over and acknowledged")
    func duplicateID() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.settle()
        scene.launch([task], framework)
        #expect(scene.updates(framework).map(\.reason) == [.taskInvalid])
        #expect(scene.core.tasks.count == 1)
    }

    @Test("a task as a user that the rules refuse is in error")
    func unauthorized() {
        let rules = [
            AuthorizationRule(
                principals: [.anyone], actions: [.one(.runTask)], objects: [.exactly("root")], isAllowed: false),
            AuthorizationRule(principals: [.anyone], actions: [.every], objects: [.every], isAllowed: true),
        ]
        var (scene, agent, framework) = Self.begin { $0.authorizer = RuleAuthorizer(rules) }
        scene.launch([scene.task("T", on: agent.id)], framework)
        #expect(scene.updates(framework).map(\.reason) == [.taskUnauthorized])
        #expect(scene.core.tasks.isEmpty)
    }

    static func executor(_ name: String, of framework: ActedFramework) -> ExecutorSpec {
        ExecutorSpec(
            id: id(name), framework: framework.id, kind: .custom, command: CommandSpec(.shell("run")),
            resources: resources("cpus:0.5;mem:32"))
    }

    @Test("an executor is paid for once, and gives back what it had when it ends")
    func executors() {
        var (scene, agent, framework) = Self.begin()
        var first = scene.task("T1", on: agent.id, "cpus:1;mem:128")
        first.runner = .executor(Self.executor("E", of: framework))
        var second = first
        second.id = id("T2")
        scene.launch([first, second], framework)
        scene.settle()
        #expect(Resources(scene.offers(framework)[0].resources).amount(of: "cpus") == Scalar(thousandths: 1_500))
        for task in [first, second] { scene.report(.finished, of: task.id, framework, from: agent) }
        scene.say(.executorLost(id("E"), framework: framework.id, status: 0), agent)
        scene.settle()
        let all = scene.offers(framework).reduce(into: Scalar.zero) { $0 += Resources($1.resources).amount(of: "cpus") }
        #expect(all == Scalar(4))
    }

    @Test("a group starts whole, under its executor")
    func group() {
        var (scene, agent, framework) = Self.begin()
        let executor = ExecutorSpec(
            id: id("pod"), framework: framework.id, kind: .standard, resources: resources("cpus:0.1;mem:32"))
        let tasks = ["A", "B"].map { name in
            var task = scene.task(name, on: agent.id)
            task.runner = .executor(executor)
            task.groupCommand = CommandSpec(.shell("sleep 1"))
            return task
        }
        let offer = scene.offers(framework)[0].id
        scene.call(
            .accept(offers: [offer], operations: [OfferOperation(.launchGroup(executor, tasks))], filter: .none),
            framework)
        #expect(scene.updates(framework).isEmpty, "\(scene.updates(framework).map(\.message))")
        guard case .runGroup(let specs, let under, _, _) = scene.told(agent).last else {
            Issue.record("it is told \(scene.told(agent))")
            return
        }
        #expect(specs.map(\.id) == tasks.map(\.id) && under.id == executor.id)
        #expect(scene.core.tasks.count == 2)
    }

    @Test("one invalid task fails its whole group")
    func invalidGroup() {
        var (scene, agent, framework) = Self.begin()
        let executor = ExecutorSpec(
            id: id("pod"), framework: framework.id, kind: .standard, resources: resources("cpus:0.1;mem:32"))
        let tasks = [scene.task("A", on: agent.id, "cpus:1;mem:128"), scene.task("B", on: agent.id, "cpus:100;mem:128")]
            .map { task in
                var task = task
                task.runner = .executor(executor)
                task.groupCommand = CommandSpec(.shell("sleep 1"))
                return task
            }
        let offer = scene.offers(framework)[0].id
        scene.call(
            .accept(offers: [offer], operations: [OfferOperation(.launchGroup(executor, tasks))], filter: .none),
            framework)
        #expect(scene.updates(framework).map(\.reason) == [.taskGroupInvalid, .taskGroupInvalid])
        #expect(scene.core.tasks.isEmpty)
        scene.settle()
        #expect(Resources(scene.offers(framework)[0].resources).amount(of: "cpus") == Scalar(4))
    }

    // MARK: Updates

    @Test("an update reaches the framework with its id, and its acknowledgement the agent")
    func acknowledged() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        let update = scene.report(.running, of: task.id, framework, from: agent)
        #expect(scene.updates(framework).map(\.id) == [update])
        #expect(scene.state(of: task.id, framework) == .running)
        let reference = TaskReference(framework: framework.id, task: task.id)
        scene.call(.acknowledge(UpdateID(high: 9, low: 9), task: task.id, agent: agent.id), framework)
        #expect(!scene.told(agent).contains(.acknowledge(update, reference)))
        scene.call(.acknowledge(update, task: task.id, agent: agent.id), framework)
        #expect(scene.told(agent).contains(.acknowledge(update, reference)))
        #expect(scene.core.counters.validAcknowledgements == 1)
        #expect(scene.core.counters.invalidAcknowledgements == 1)
    }

    @Test("resources are free when the task has ended; the task is known until its end is acknowledged")
    func ended() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id, "cpus:4;mem:1024")
        scene.launch([task], framework)
        scene.settle()
        #expect(scene.offers(framework).isEmpty)
        let update = scene.report(.failed, of: task.id, framework, from: agent)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
        #expect(scene.state(of: task.id, framework) == .failed)
        scene.call(.acknowledge(update, task: task.id, agent: agent.id), framework)
        #expect(scene.core.tasks.isEmpty)
        #expect(scene.core.frameworks[framework.id]?.completedTasks[task.id]?.state == .failed)
        #expect(scene.core.counters.tasksEnded[.failed] == 1)
        #expect(scene.core.counters.tasksNow.values.allSatisfy { $0 == 0 })
    }

    @Test("resources are free at the latest state, though an older update is still on its way")
    func latestState() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id, "cpus:4;mem:1024")
        scene.launch([task], framework)
        let running = scene.report(.running, of: task.id, framework, from: agent, latest: .finished)
        scene.settle()
        #expect(scene.offers(framework).count == 1)
        scene.call(.acknowledge(running, task: task.id, agent: agent.id), framework)
        #expect(scene.state(of: task.id, framework) == .finished, "its end has not been acknowledged")
        let finished = scene.report(.finished, of: task.id, framework, from: agent)
        scene.call(.acknowledge(finished, task: task.id, agent: agent.id), framework)
        #expect(scene.core.tasks.isEmpty)
    }

    @Test("an ended task stays ended, whatever comes late")
    func staysEnded() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.report(.finished, of: task.id, framework, from: agent)
        scene.report(.running, of: task.id, framework, from: agent)
        #expect(scene.state(of: task.id, framework) == .finished)
    }

    @Test("a repeated update is forwarded again, and operators hear of it once")
    func repeated() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        for _ in 0..<3 { scene.report(.running, of: task.id, framework, from: agent) }
        #expect(scene.updates(framework).count == 3)
        let announced = scene.announcements.filter { if case .taskUpdated = $0 { true } else { false } }
        #expect(announced.count == 1)
    }

    @Test("a kill goes to the agent; of a task that is not known the framework hears what became of it")
    func kill() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        scene.call(.kill(.init(task: task.id), gracePeriod: .seconds(3)), framework)
        let reference = TaskReference(framework: framework.id, task: task.id)
        #expect(scene.told(agent).last == .kill(reference, gracePeriod: .seconds(3)))
        scene.call(.kill(.init(task: id("other"), agent: agent.id), gracePeriod: nil), framework)
        #expect(scene.updates(framework).map(\.state) == [.gone])
        scene.call(.kill(.init(task: id("other")), gracePeriod: nil), framework)
        #expect(scene.updates(framework).map(\.state) == [.gone, .unknown])
    }

    @Test("a kill that names an agent which does not have the task is accepted and does nothing, now or later")
    func killElsewhere() {
        var (scene, agent, framework) = Self.begin()
        let task = scene.task("T", on: agent.id)
        scene.launch([task], framework)
        let told = scene.told(agent)
        let asked = SchedulerCall.TaskOfAgent(task: task.id, agent: id("elsewhere"))
        #expect(scene.call(.kill(asked, gracePeriod: nil), framework) == .accepted)
        #expect(scene.told(agent) == told && scene.updates(framework).isEmpty)
        scene.take(.linkClosed(agent.link))
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        let back = scene.register(registration)
        #expect(!scene.told(back).contains { if case .kill = $0 { true } else { false } })
    }

    @Test("messages pass between framework and executor")
    func messages() {
        var (scene, agent, framework) = Self.begin()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.call(.message([1, 2], executor: id("E"), agent: agent.id), framework)
        #expect(scene.told(agent).last == .message([1, 2], executor: id("E"), framework: framework.id))
        scene.say(.message([3], executor: id("E"), framework: framework.id), agent)
        #expect(scene.heard(framework).last == .message([3], executor: id("E"), agent: agent.id))
        scene.call(.shutdown(id("E"), agent: agent.id), framework)
        #expect(scene.told(agent).last == .shutdownExecutor(id("E"), framework: framework.id))
    }

    @Test("completed tasks are remembered up to a limit, the oldest forgotten first")
    func remembers() {
        var (scene, agent, framework) = Self.begin { $0.limits.completedTasksMax = 2 }
        for number in 1...3 {
            let task = scene.task("T\(number)", on: agent.id)
            scene.launch([task], framework)
            let update = scene.report(.finished, of: task.id, framework, from: agent)
            scene.call(.acknowledge(update, task: task.id, agent: agent.id), framework)
            scene.settle()
        }
        #expect(scene.core.frameworks[framework.id]?.completedTasks.all.map(\.spec.name) == ["T2", "T3"])
    }

    // MARK: Reconciliation

    @Test("reconciling nothing tells the latest state of every task")
    func implicit() {
        var (scene, agent, framework) = Self.begin()
        scene.launch(["A", "B"].map { scene.task($0, on: agent.id) }, framework)
        scene.report(.running, of: id("A"), framework, from: agent)
        scene.call(.reconcile([]), framework)
        let answers = scene.updates(framework).filter { $0.reason == .reconciliation }
        #expect(answers.map(\.state) == [.running, .staging])
        #expect(answers.allSatisfy { $0.id == nil && $0.source == .master })
    }

    @Test(
        "reconciling a task that is not known says what became of its agent",
        arguments: [("registered", TaskState.gone), ("unreachable", .unreachable), ("never", .unknown)])
    func explicit(_ what: String, _ expected: TaskState) {
        for isAware in [true, false] {
            var scene = Scene()
            let agent = scene.agent()
            if what == "unreachable" {
                scene.take(.linkClosed(agent.link))
                scene.pass(.seconds(100))
            }
            let info = Scene.info(capabilities: isAware ? [.multiRole, .partitionAware] : [.multiRole])
            guard let framework = scene.subscribe(info) else {
                Issue.record("turned away")
                return
            }
            let asked: AgentID = what == "never" ? id("never") : agent.id
            scene.call(.reconcile([.init(task: id("T"), agent: asked)]), framework)
            #expect(scene.updates(framework).map(\.state) == [isAware ? expected : .lost])
            #expect(scene.updates(framework).first?.reason == .reconciliation)
            if what == "unreachable" { #expect(scene.updates(framework).first?.unreachableSince != nil) }
        }
    }
}
