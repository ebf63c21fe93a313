import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Custom executors")
struct ExecutorTests {
    static let stream = Agent.StreamID(1)

    static func call(_ action: ExecutorCall.Action) -> ExecutorCall {
        ExecutorCall(framework: FrameworkInfo.sample.id, executor: ExecutorSpec.custom.id, action)
    }

    static func update(_ task: String, _ state: TaskState, _ number: UInt64) -> StatusUpdate {
        StatusUpdate(
            framework: FrameworkInfo.sample.id, task: id(TaskID.self, task), state: state, source: .executor,
            at: Scenario.startedAt, id: UpdateID(high: 0xe, low: number))
    }

    static func subscribe(
        _ scenario: inout Scenario, tasks: [TaskSpec] = [], updates: [StatusUpdate] = [],
        stream: Agent.StreamID = ExecutorTests.stream
    ) {
        scenario.feed(.executorSubscribed(stream, call(.subscribe(tasks: tasks, updates: updates))))
    }

    static func subscribed(_ names: String...) -> Scenario {
        var scenario = Scenario()
        for name in names { scenario.run(.under(.custom, name)) }
        subscribe(&scenario)
        return scenario
    }

    static func launched(_ scenario: Scenario) -> [String] {
        scenario.published.compactMap { if case .launch(let task) = $0 { task.id.text } else { nil } }
    }

    @Test("its tasks wait until it has subscribed, then it gets them in order")
    func queue() throws {
        var scenario = Scenario()
        scenario.run(.under(.custom, "a"))
        scenario.run(.under(.custom, "b"))
        #expect(scenario.launches.count == 1 && scenario.published.isEmpty)
        Self.subscribe(&scenario)
        guard case .subscribed(let executor, let framework, let agent, _)? = scenario.published.first else {
            Issue.record("SUBSCRIBED does not come first")
            return
        }
        #expect(executor.id.text == "E" && framework.id.text == "F" && agent.id == Scenario.agentID)
        #expect(Self.launched(scenario) == ["a", "b"])
        scenario.run(.under(.custom, "c"))
        #expect(Self.launched(scenario) == ["a", "b", "c"])
        #expect(scenario.launches.count == 1)
    }

    @Test("it finds what it needs in its environment, and MESOS_CHECKPOINT is never 0")
    func environment() throws {
        var scenario = Scenario()
        scenario.run(.under(.custom, "a"))
        let launch = try #require(scenario.launches.first)
        for line in [
            "MESOS_FRAMEWORK_ID=F", "MESOS_EXECUTOR_ID=E", "MESOS_SLAVE_ID=A", "MESOS_AGENT_ENDPOINT=127.0.0.1:5051",
            "MESOS_SLAVE_PID=slave(1)@127.0.0.1:5051", "MESOS_CHECKPOINT=1", "MESOS_RECOVERY_TIMEOUT=15mins",
            "MESOS_SUBSCRIPTION_BACKOFF_MAX=2secs", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=5secs",
            "MESOS_SANDBOX=/mnt/mesos/sandbox",
        ] { #expect(launch.environment.contains(line), "\(line)") }
        #expect(launch.endpointPort == 5051 && launch.isolation.network == .none)
        #expect(launch.limits.cpus == 2)
        let doors = scenario.effects.compactMap { if case .openExecutorDoor(let id, _, 5051) = $0 { id } else { nil } }
        #expect(doors == [launch.id])
    }

    @Test("an update is stored, then acknowledged to the executor, and goes to the master with what the agent knows")
    func updates() throws {
        var scenario = Self.subscribed("a")
        scenario.held = [.stores]
        scenario.feed(.executorCalled(Self.call(.update(Self.update("a", .running, 1)))))
        let isAcknowledged = { (scenario: Scenario) in
            scenario.published.contains { if case .acknowledged = $0 { true } else { false } }
        }
        #expect(!isAcknowledged(scenario))
        scenario.release(.stores)
        #expect(isAcknowledged(scenario))
        let update = try #require(scenario.last("a"))
        #expect(update.state == .running && update.agent == Scenario.agentID && update.executor?.text == "E")
        #expect(update.containerStatus?.container != nil)
    }

    @Test("the same update twice goes out once, and is acknowledged twice")
    func duplicates() {
        var scenario = Self.subscribed("a")
        for _ in 0..<2 { scenario.feed(.executorCalled(Self.call(.update(Self.update("a", .running, 1))))) }
        #expect(scenario.states("a") == [.running])
        #expect(scenario.published.count { if case .acknowledged = $0 { true } else { false } } == 2)
    }

    @Test("its container is given what a further task needs, and not before it is there")
    func resources() throws {
        var scenario = Scenario()
        scenario.held = [.launches]
        scenario.run(.under(.custom, "a"))
        scenario.run(.under(.custom, "b"))
        let given = { (scenario: Scenario) in
            scenario.effects.compactMap { if case .update(_, let limits) = $0 { limits.cpus } else { nil } }
        }
        #expect(given(scenario).isEmpty)
        scenario.release(.launches)
        #expect(given(scenario) == [3])
        scenario.run(.under(.custom, "c"))
        #expect(given(scenario) == [3, 4])
    }

    @Test("it has a minute to subscribe")
    func registrationTimeout() {
        var scenario = Scenario()
        scenario.run(.under(.custom, "a"))
        scenario.advance(by: .seconds(61))
        #expect(scenario.last("a")?.state == .failed)
        #expect(scenario.last("a")?.reason == .executorRegistrationTimeout)
        #expect(scenario.machine.containers.isEmpty && scenario.agent.state.executors.isEmpty)
    }

    @Test("in a network where it cannot reach the agent it is ended at once, and its tasks say why")
    func unreachable() throws {
        var scenario = Scenario()
        scenario.run(.under(.custom, "a"))
        let id = try #require(scenario.launches.first).id
        let failure = Failure("container.cannot-listen", doing: "listen", on: id.text, cause: "no lo is up")
        scenario.feed(.executorDoorFailed(id, failure))
        let last = try #require(scenario.last("a"))
        #expect(last.state == .failed && last.reason == .containerLaunchFailed)
        #expect(last.message?.contains("no lo is up") == true)
        for batch in scenario.journal { #expect(try AgentRecord.decode(try AgentRecord.encode(batch)) == batch) }
    }

    @Test("its end is the end of its tasks, and the master is told its wait status")
    func ends() throws {
        var scenario = Self.subscribed("a", "b")
        scenario.feed(.executorCalled(Self.call(.update(Self.update("a", .finished, 1)))))
        scenario.end(try scenario.container(ofExecutor: "E"), code: 2)
        #expect(scenario.states("a") == [.finished])
        #expect(scenario.last("b")?.state == .failed && scenario.last("b")?.reason == .executorTerminated)
        #expect(scenario.last("b")?.message?.contains("exit code 2") == true)
        let lost = AgentMessage.executorLost(ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id, status: 512)
        #expect(scenario.sent.contains(lost))
        #expect(scenario.agent.state.executors.isEmpty)
    }

    @Test("over its memory limit, its tasks say so")
    func memory() throws {
        var scenario = Self.subscribed("a")
        scenario.end(
            try scenario.container(ofExecutor: "E"),
            ContainerExit(reason: .memoryLimit, code: 137, signal: 9, endedAt: 0, message: "reached its limit"))
        #expect(scenario.last("a")?.reason == .containerLimitationMemory)
    }

    @Test("kills and messages go to it; a kill before delivery ends the task here")
    func orders() {
        var scenario = Scenario()
        scenario.run(.under(.custom, "early"))
        scenario.kill("early")
        #expect(scenario.last("early")?.state == .killed)
        #expect(scenario.last("early")?.reason == .taskKilledDuringLaunch)
        scenario = Self.subscribed("a")
        scenario.kill("a", grace: .seconds(7))
        #expect(scenario.published.contains(.kill(id(TaskID.self, "a"), gracePeriod: .seconds(7))))
        scenario.master(.message([1, 2], executor: ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id))
        #expect(scenario.published.contains(.message([1, 2])))
        scenario.feed(.executorCalled(Self.call(.message([3]))))
        let passed = AgentMessage.message([3], executor: ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id)
        #expect(scenario.sent.contains(passed))
    }

    @Test("an executor whose only task was killed before it subscribed is not needed")
    func unneeded() {
        var scenario = Scenario()
        scenario.run(.under(.custom, "a"))
        scenario.kill("a")
        scenario.advance(by: .seconds(6))
        #expect(scenario.machine.containers.isEmpty && scenario.agent.state.executors.isEmpty)
    }

    @Test("SHUTDOWN is said, and after the grace period the container is destroyed")
    func shutdown() {
        var scenario = Self.subscribed("a")
        scenario.master(.shutdownExecutor(ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id))
        #expect(scenario.published.last == .shutdown)
        #expect(scenario.agent.state.executors.count == 1)
        scenario.advance(by: .seconds(6))
        #expect(scenario.agent.state.executors.isEmpty && scenario.machine.containers.isEmpty)
        #expect(scenario.last("a")?.state == .killed)
    }

    @Test("after a restart it may come back; what it has not seen acknowledged is taken up again")
    func comesBack() {
        var scenario = Self.subscribed("a", "b")
        scenario.feed(.executorCalled(Self.call(.update(Self.update("a", .running, 1)))))
        scenario.masterAnswers = false
        scenario.restart(settles: .seconds(1))
        Self.subscribe(
            &scenario, tasks: [.under(.custom, "a")],
            updates: [Self.update("a", .running, 1), Self.update("a", .finished, 2)], stream: Agent.StreamID(2))
        #expect(scenario.agent.state.tasks[scenario.reference("a")]?.state == .finished)
        // SUBSCRIBED comes before everything else on the new stream.
        let events = scenario.effects.compactMap { effect -> ExecutorEvent? in
            if case .publish(Agent.StreamID(2), let event) = effect { event } else { nil }
        }
        guard case .subscribed? = events.first else {
            Issue.record("\(events)")
            return
        }
        // It says nothing of b: the order was lost on its way.
        #expect(Self.launched(scenario).suffix(1) == ["b"])
        scenario.masterAnswers = true
        scenario.advance(by: .seconds(61))
        #expect(scenario.states("a") == [.running, .finished])
    }

    // Found by seed 1115: it was sent again without its kill, and no later kill was passed on.
    @Test("a task that was lost on its way to its executor and is to end does not begin, and neither does its group")
    func lostAndKilled() {
        var scenario = Scenario()
        for name in ["a", "b"] { scenario.run(.under(.custom, name)) }
        scenario.master(
            .runGroup([.under(.custom, "c"), .under(.custom, "d")], under: .custom, of: .sample, startsExecutor: false))
        Self.subscribe(&scenario)
        scenario.feed(.executorStreamClosed(Self.stream))
        for name in ["a", "d"] { scenario.kill(name) }
        #expect(scenario.last("a") == nil, "it may have got them: it says so when it is back")
        let before = scenario.published.count
        Self.subscribe(&scenario, stream: Agent.StreamID(2))
        for name in ["a", "c", "d"] {
            #expect(scenario.last(name)?.state == .killed && scenario.last(name)?.reason == .taskKilledDuringLaunch)
        }
        #expect(Self.launched(scenario).last == "b" && scenario.published.count == before + 2)
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("a task that its executor got and is to end is not sent again: it is told of the kill once more")
    func knownAndKilled() {
        var scenario = Self.subscribed("a")
        scenario.feed(.executorStreamClosed(Self.stream))
        scenario.kill("a", grace: .seconds(7))
        Self.subscribe(&scenario, tasks: [.under(.custom, "a")], stream: Agent.StreamID(2))
        #expect(scenario.published.last == .kill(id(TaskID.self, "a"), gracePeriod: .seconds(7)))
        #expect(Self.launched(scenario) == ["a"])
    }

    @Test("after a restart, one that does not come back fails its tasks")
    func staysAway() {
        var scenario = Self.subscribed("a")
        scenario.restart()
        #expect(scenario.states("a").isEmpty)
        scenario.advance(by: .seconds(10))
        #expect(scenario.last("a")?.reason == .executorReregistrationTimeout)
        #expect(scenario.machine.containers.isEmpty)
    }

    @Test("calls of strangers are refused with the reason")
    func strangers() {
        var scenario = Scenario()
        let call = Self.call(.message([1]))
        #expect(scenario.agent.refusal(of: call)?.code == "executor.unknown")
        scenario.run(.under(.custom, "a"))
        #expect(scenario.agent.refusal(of: call)?.code == "executor.not-subscribed")
        Self.subscribe(&scenario)
        #expect(scenario.agent.refusal(of: call) == nil)
        let starting = Agent(.sample, seed: 1, key: Scenario.key(1))
        #expect(starting.refusal(of: call)?.code == "agent.not-ready")
    }

    @Test("what it says while its stream is away is taken, and acknowledged when it subscribes again")
    func away() {
        var scenario = Self.subscribed("a")
        scenario.feed(.executorStreamClosed(Self.stream))
        let update = Self.update("a", .running, 1)
        for call in [Self.call(.update(update)), Self.call(.message([3]))] {
            #expect(scenario.agent.refusal(of: call) == nil)
            scenario.feed(.executorCalled(call))
        }
        let acknowledged = ExecutorEvent.acknowledged(UpdateID(high: 0xe, low: 1), task: id(TaskID.self, "a"))
        #expect(scenario.states("a") == [.running] && !scenario.published.contains(acknowledged))
        let passed = AgentMessage.message([3], executor: ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id)
        #expect(scenario.sent.contains(passed))
        Self.subscribe(
            &scenario, tasks: [.under(.custom, "a")], updates: [update], stream: Agent.StreamID(2))
        #expect(scenario.states("a") == [.running] && scenario.published.contains(acknowledged))
        // After a restart it is to subscribe first.
        scenario.restart(settles: .seconds(1))
        #expect(scenario.agent.refusal(of: Self.call(.message([3])))?.code == "executor.not-subscribed")
    }

    @Test("a second stream takes the place of the first")
    func secondStream() {
        var scenario = Self.subscribed("a")
        Self.subscribe(&scenario, tasks: [.under(.custom, "a")], stream: Agent.StreamID(2))
        #expect(scenario.effects.contains { if case .closeStream(Self.stream) = $0 { true } else { false } })
        scenario.feed(.executorStreamClosed(Self.stream))
        scenario.run(.under(.custom, "b"))
        #expect(Self.launched(scenario) == ["a", "b"])
    }

    @Test("heartbeats go out every 30 minutes")
    func heartbeats() {
        var scenario = Self.subscribed("a")
        for _ in 0..<62 {
            scenario.master(.ping)
            scenario.advance(by: .seconds(60))
        }
        #expect(scenario.published.count { $0 == .heartbeat } == 2)
    }
}
