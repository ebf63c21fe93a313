import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Command tasks")
struct CommandTaskTests {
    @Test("a task starts, runs and finishes, and the agent forgets it when the end is acknowledged")
    func finishes() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        #expect(scenario.states("t") == [.starting, .running])
        scenario.end(try scenario.container("t"), code: 0)
        #expect(scenario.states("t") == [.starting, .running, .finished])
        #expect(scenario.last("t")?.message == "ended with exit code 0")
        #expect(scenario.agent.state.tasks.isEmpty && scenario.agent.state.streams.isEmpty)
        #expect(scenario.agent.state.containers.isEmpty && scenario.agent.state.frameworks.isEmpty)
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.agent.state.sandboxes.count == 1)
    }

    @Test(
        "every end says its state, its reason and why in words",
        arguments: [
            (ContainerExit(reason: .ended, code: 3, endedAt: 0, message: "ended with exit code 3"),
                TaskState.failed, StatusReason.commandExecutorFailed, "exit code 3"),
            (ContainerExit(reason: .ended, code: 139, signal: 11, endedAt: 0, message: "ended by signal 11"),
                .failed, .commandExecutorFailed, "signal 11"),
            (ContainerExit(reason: .memoryLimit, code: 137, signal: 9, endedAt: 0,
                message: "it reached its memory limit of 64 MiB (highest use 64 MiB)"),
                .failed, .containerLimitationMemory, "highest use 64 MiB"),
            (ContainerExit(reason: .unknown, code: 137, endedAt: 0, message: "killed from outside"),
                .failed, .executorTerminated, "from outside"),
        ])
    func ends(_ exit: ContainerExit, _ state: TaskState, _ reason: StatusReason, _ words: String) throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.end(try scenario.container("t"), exit)
        let last = try #require(scenario.last("t"))
        #expect(last.state == state && last.reason == reason)
        #expect(last.message?.contains(words) == true)
        #expect(last.limitation.isEmpty == (exit.reason != .memoryLimit))
    }

    @Test("a launch that fails names the step, and nothing is left")
    func launchFails() throws {
        var scenario = Scenario { $0.machine.launchFailure = Failure(
            "launch.program", doing: "start the program", on: "/bin/nothing", cause: "ENOENT (2)") }
        scenario.run(.command("t"))
        let last = try #require(scenario.last("t"))
        #expect(last.state == .failed && last.reason == .containerLaunchFailed && last.source == .agent)
        #expect(last.message?.contains("start the program /bin/nothing: ENOENT") == true)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("files are fetched into the sandbox before the launch; a fetch that fails fails the task")
    func fetches() throws {
        var scenario = Scenario { $0.held = [.fetches] }
        let spec = TaskSpec.command("t") {
            $0.runner = .command(CommandSpec(.shell("x"), fetches: [CommandSpec.Fetch("http://host/a.tgz")]))
        }
        scenario.run(spec)
        #expect(scenario.launches.isEmpty)
        let container = try #require(scenario.agent.state.containers.keys.first)
        scenario.feed(.fetched(container, Failure("fetch.failed", doing: "fetch http://host/a.tgz", cause: "404")))
        #expect(scenario.last("t")?.state == .failed)
        #expect(scenario.last("t")?.message?.contains("404") == true)
        #expect(scenario.launches.isEmpty)
        scenario.release(.fetches)
        let other = TaskSpec.command("t2") {
            $0.runner = .command(CommandSpec(.shell("x"), fetches: [CommandSpec.Fetch("http://host/a.tgz")]))
        }
        scenario.run(other)
        let metrics = scenario.agent.metrics(at: scenario.now)
        #expect(metrics.contains(Metric("containerizer/fetcher/task_fetches_failed", 1)))
        #expect(metrics.contains(Metric("containerizer/fetcher/task_fetches_succeeded", 1)))
    }

    @Test("the same task twice is one task")
    func repeated() {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.run(.command("t"))
        #expect(scenario.launches.count == 1)
    }

    @Test("a task for another agent, or one too many, is dropped with the reason")
    func refused() {
        var scenario = Scenario(.sample.with { $0.bounds.tasksMax = 1 })
        scenario.run(.command("other") { $0.agent = id(AgentID.self, "B") })
        #expect(scenario.last("other")?.state == .dropped && scenario.last("other")?.reason == .agentUnknown)
        scenario.run(.command("huge") { $0.data = Array(repeating: 7, count: 1 << 20) })
        #expect(scenario.last("huge")?.state == .error)
        #expect(scenario.last("huge")?.message?.contains("specBytesMax") == true)
        scenario.run(.command("one"))
        scenario.run(.command("two"))
        #expect(scenario.last("two")?.state == .dropped)
        #expect(scenario.last("two")?.message?.contains("tasksMax") == true)
    }

    @Test("a framework that is too large for the journal has nothing run; one that becomes so stays as it was")
    func largeFramework() throws {
        var scenario = Scenario()
        var framework = FrameworkInfo.sample
        framework.labels = [Label("k", String(repeating: "x", count: 5 << 20))]
        scenario.run(.command("t"), framework)
        #expect(scenario.last("t")?.state == .error && scenario.launches.isEmpty)
        #expect(scenario.last("t")?.message?.contains("frameworkBytesMax") == true)
        scenario.run(.command("u"))
        scenario.master(.updateFramework(framework))
        #expect(scenario.agent.state.frameworks.values.map(\.info) == [FrameworkInfo.sample])
        #expect(scenario.last("u")?.state == .running)
        let largest = try scenario.largestRecord
        #expect(largest < 1 << 20)
    }

    @Test("tasks that are too large together for one registration are dropped with the reason")
    func refusedTogether() {
        var scenario = Scenario(.sample.with { $0.bounds.allSpecsBytesMax = 20_000 })
        scenario.run(.command("one") { $0.data = Array(repeating: 7, count: 9_000) })
        #expect(scenario.last("one")?.state == .running)
        scenario.run(.command("two") { $0.data = Array(repeating: 7, count: 9_000) })
        #expect(scenario.last("two")?.state == .dropped)
        #expect(scenario.last("two")?.message?.contains("allSpecsBytesMax") == true)
    }

    @Test("a task that runs over its maximum completion time is killed and fails")
    func completionTime() {
        var scenario = Scenario()
        scenario.run(.command("t") { $0.maxCompletionTime = .seconds(30) })
        scenario.advance(by: .seconds(29))
        #expect(scenario.states("t") == [.starting, .running])
        scenario.advance(by: .seconds(2))
        #expect(scenario.last("t")?.state == .failed)
        #expect(scenario.last("t")?.reason == .maxCompletionTimeReached)
    }

    @Test("resources that an operation took away refuse the task")
    func missingResources() throws {
        var scenario = Scenario()
        let role = try RoleName("eng")
        let reserved = Resource("cpus", .scalar(Scalar(1)), reservations: [Reservation(.requested, for: role)])
        scenario.run(.command("t") { $0.resources = [reserved] })
        #expect(scenario.last("t")?.state == .dropped && scenario.last("t")?.reason == .resourcesUnknown)
    }
}
