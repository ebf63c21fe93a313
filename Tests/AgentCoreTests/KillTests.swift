import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Killing")
struct KillTests {
    @Test("a kill asks politely, says TASK_KILLING, and ends as TASK_KILLED")
    func polite() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.kill("t")
        #expect(scenario.signals == [15])
        #expect(scenario.states("t") == [.starting, .running, .killing, .killed])
        #expect(scenario.last("t")?.message?.contains("killed by the framework") == true)
    }

    @Test("TASK_KILLING is only for frameworks that know it")
    func withoutKillingState() {
        var scenario = Scenario()
        var framework = FrameworkInfo.sample
        framework.capabilities.remove(.taskKillingState)
        scenario.run(.command("t"), framework)
        scenario.kill("t")
        #expect(scenario.states("t") == [.starting, .running, .killed])
    }

    @Test(
        "force follows after the grace period: the call's, else the task's, else 3 seconds",
        arguments: [(nil, nil, 3), (nil, 20, 20), (5, 20, 5), (0, 20, 0)] as [(Int?, Int?, Int)])
    func grace(_ asked: Int?, _ own: Int?, _ expected: Int) {
        var scenario = Scenario { $0.machine.isStubborn = true }
        scenario.run(.command("t") { $0.killGracePeriod = own.map { .seconds($0) } })
        scenario.kill("t", grace: asked.map { .seconds($0) })
        if expected > 0 { scenario.advance(by: .seconds(expected) - .milliseconds(1)) }
        #expect(scenario.signals == [15])
        scenario.advance(by: .milliseconds(2))
        #expect(scenario.signals == [15, 9])
        #expect(scenario.states("t").last == .killed)
    }

    @Test("a second kill can only shorten")
    func repeated() {
        var scenario = Scenario { $0.machine.isStubborn = true }
        scenario.run(.command("t"))
        scenario.kill("t", grace: .seconds(30))
        scenario.kill("t", grace: .seconds(100))
        scenario.advance(by: .seconds(5))
        scenario.kill("t", grace: .seconds(2))
        scenario.advance(by: .seconds(3))
        #expect(scenario.signals == [15, 9])
    }

    @Test("a task killed before it was launched is never launched", arguments: [Scenario.Held.sandboxes, .stores])
    func beforeLaunch(_ held: Scenario.Held) {
        var scenario = Scenario()
        scenario.held = [held]
        scenario.run(.command("t"))
        scenario.kill("t")
        scenario.release(held)
        #expect(scenario.launches.isEmpty)
        #expect(scenario.last("t")?.state == .killed)
        #expect(scenario.last("t")?.reason == .taskKilledDuringLaunch)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("a task killed while it is being launched leaves nothing behind")
    func duringLaunch() {
        var scenario = Scenario()
        scenario.held = [.launches]
        scenario.run(.command("t"))
        scenario.kill("t")
        // It may be running: it is not over before the launch has been answered.
        #expect(scenario.states("t").last == .starting)
        scenario.release(.launches)
        #expect(scenario.machine.containers.isEmpty && scenario.agent.state.containers.isEmpty)
        #expect(scenario.states("t").filter(\.isTerminal) == [.killed])
    }

    @Test("a launch that fails after its task was killed ends it as killed")
    func failsWhileKilled() {
        var scenario = Scenario { $0.machine.launchFailure = Failure("launch.mount", doing: "mount") }
        scenario.held = [.launches]
        scenario.run(.command("t"))
        scenario.kill("t")
        scenario.release(.launches)
        #expect(scenario.last("t")?.state == .killed)
        #expect(scenario.last("t")?.reason == .taskKilledDuringLaunch)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("what the kernel does not let go of is tried again, and the others are served")
    func stuck() throws {
        var scenario = Scenario { $0.machine.refusesToGo = true }
        scenario.run(.command("t"))
        scenario.end(try scenario.container("t"), code: 0)
        #expect(scenario.states("t").last == .finished)
        #expect(scenario.agent.counters.destroyFailures == 1)
        scenario.run(.command("other"))
        #expect(scenario.states("other").last == .running)
        scenario.machine.refusesToGo = false
        scenario.advance(by: .seconds(31))
        #expect(scenario.agent.state.containers.count == 1)
    }

    @Test("a kill of a task the agent does not have says so")
    func unknown() {
        var scenario = Scenario()
        scenario.kill("nobody")
        #expect(scenario.last("nobody")?.state == .dropped)
    }

    @Test("draining kills everything within its grace, refuses what is new, and can be called off")
    func draining() {
        var scenario = Scenario { $0.machine.isStubborn = true }
        scenario.run(.command("t") { $0.killGracePeriod = .seconds(100) })
        scenario.master(.drain(DrainConfiguration(maxGracePeriod: .seconds(10))))
        scenario.advance(by: .seconds(11))
        #expect(scenario.last("t")?.state == .killed && scenario.last("t")?.reason == .agentDraining)
        scenario.run(.command("new"))
        #expect(scenario.last("new")?.state == .dropped && scenario.last("new")?.reason == .agentDraining)
        scenario.master(.cancelDrain)
        scenario.run(.command("again"))
        #expect(scenario.states("again").last == .running)
    }

    @Test("a removed framework's tasks end, and all of it is forgotten")
    func frameworkShutdown() {
        var scenario = Scenario { $0.masterAcknowledges = false }
        scenario.run(.command("a"))
        scenario.run(.command("b"))
        scenario.master(.shutdownFramework(FrameworkInfo.sample.id))
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.agent.state.frameworks.isEmpty && scenario.agent.state.streams.isEmpty)
        #expect(scenario.agent.state.tasks.isEmpty)
    }
}
