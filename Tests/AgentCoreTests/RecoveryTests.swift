import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Recovery")
struct RecoveryTests {
    @Test("how long recovery took is known when it is over")
    func recoveryTime() {
        var agent = Agent(.sample, seed: 1, key: Scenario.key(1))
        let start = Scenario.startedAt
        _ = agent.handle(.started([], bootID: "boot-1"), at: start)
        #expect(!agent.metrics(at: start).contains { $0.name == "slave/recovery_time_secs" })
        _ = agent.handle(.containersRecovered(ContainerRecovery()), at: start + .seconds(3))
        let metrics = agent.metrics(at: start + .seconds(60))
        #expect(metrics.contains(Metric("slave/recovery_time_secs", 3)))
    }

    @Test("a running task runs on, and its end is reported as it was")
    func adopts() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        let container = try scenario.container("t")
        scenario.restart()
        #expect(scenario.states("t") == [.starting, .running])
        #expect(scenario.machine.starts == [container: 1])
        scenario.end(container, code: 5)
        #expect(scenario.last("t")?.state == .failed)
        #expect(scenario.last("t")?.message == "ended with exit code 5")
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("what ended while the agent was away is reported with its true exit", arguments: [0, 3] as [Int32])
    func endedMeanwhile(_ code: Int32) throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        let container = try scenario.container("t")
        scenario.restart { machine in
            machine.containers[container]?.exit = ContainerExit(
                reason: .ended, code: code, endedAt: 0, message: "ended with exit code \(code)")
        }
        #expect(scenario.last("t")?.state == (code == 0 ? .finished : .failed))
        #expect(scenario.last("t")?.message?.contains("exit code \(code)") == true)
    }

    @Test("a launch that was cut off is made up for, once")
    func resumes() throws {
        var scenario = Scenario()
        scenario.held = [.sandboxes]
        scenario.run(.command("t"))
        scenario.restart()
        #expect(scenario.states("t") == [.starting, .running])
        #expect(scenario.machine.starts.values.sorted() == [1])
    }

    @Test("a container that had been launched and of which nothing is left is not launched again")
    func vanished() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.restart { $0.containers = [:] }
        #expect(scenario.last("t")?.state == .failed)
        #expect(scenario.last("t")?.message?.contains("nothing is left") == true)
        #expect(scenario.machine.starts.values.sorted() == [1])
    }

    @Test("after a reboot nothing is taken over, and tasks are gone because of it")
    func reboot() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.master(.runGroup([.member("m")], under: .pod, of: .sample))
        scenario.run(.under(.custom, "e"))
        scenario.restart(reboots: true)
        for name in ["t", "m", "e"] {
            #expect(scenario.last(name)?.state == .gone, "\(name)")
            #expect(scenario.last(name)?.reason == .agentRestarted, "\(name)")
        }
        #expect(scenario.agent.state.containers.isEmpty && scenario.agent.state.executors.isEmpty)
        #expect(scenario.agent.state.bootID == "boot-2")
    }

    @Test("a container nobody knows is destroyed")
    func strangers() throws {
        var scenario = Scenario()
        let stranger = try ContainerID("stranger")
        scenario.restart { machine in
            machine.containers[stranger] = Scenario.Machine.Running(
                launch: ContainerLaunch(id: stranger, root: .hostTools, program: .hold))
            machine.order.append(stranger)
        }
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.notes.contains { $0.name == "container.stranger" })
    }

    @Test("a container nobody knows that cannot be removed is told of, and the agent takes over what it knows")
    func stuckStranger() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        let stranger = try ContainerID("stranger")
        scenario.restart { machine in
            machine.refusesToGo = true
            machine.containers[stranger] = Scenario.Machine.Running(
                launch: ContainerLaunch(id: stranger, root: .hostTools, program: .hold))
            machine.order.append(stranger)
        }
        #expect(scenario.notes.contains { $0.name == "container.stuck" })
        #expect(scenario.machine.containers[stranger] != nil)
        #expect(scenario.agent.state.containers.count == 1)
        #expect(scenario.machine.starts.values.sorted() == [1])
    }

    @Test("updates that were not acknowledged are sent again, those that were are not")
    func resends() throws {
        var scenario = Scenario { $0.masterAcknowledges = false }
        scenario.run(.command("t"))
        let first = try #require(scenario.updates("t").first?.id)
        scenario.master(.acknowledge(first, scenario.reference("t")))
        scenario.sent = []
        scenario.restart()
        #expect(scenario.states("t") == [.running])
    }

    @Test("a kill goes on where it was: force comes when it was to come")
    func killGoesOn() throws {
        var scenario = Scenario { $0.machine.isStubborn = true }
        scenario.run(.command("t"))
        scenario.kill("t", grace: .seconds(20))
        scenario.advance(by: .seconds(10))
        scenario.restart()
        #expect(scenario.states("t").last == .killing)
        scenario.advance(by: .seconds(9))
        #expect(scenario.states("t").last == .killed)
    }

    @Test("the maximum completion time counts from the launch, not from the restart")
    func completionTime() {
        var scenario = Scenario()
        scenario.run(.command("t") { $0.maxCompletionTime = .seconds(30) })
        scenario.advance(by: .seconds(20))
        scenario.restart()
        scenario.advance(by: .seconds(9))
        #expect(scenario.last("t")?.reason == .maxCompletionTimeReached)
    }

    @Test("a drain goes on after a restart")
    func drain() {
        var scenario = Scenario()
        scenario.master(.drain(DrainConfiguration(marksGone: true)))
        scenario.restart()
        #expect(scenario.registrations.last?.drain?.configuration.marksGone == true)
        scenario.run(.command("t"))
        #expect(scenario.last("t")?.reason == .agentDraining)
    }

    @Test("a framework that was being removed is removed after a restart")
    func frameworkRemoval() {
        var scenario = Scenario { $0.machine.isStubborn = true }
        scenario.run(.command("t"))
        scenario.master(.shutdownFramework(FrameworkInfo.sample.id))
        scenario.restart()
        scenario.advance(by: .seconds(5))
        #expect(scenario.agent.state.frameworks.isEmpty && scenario.machine.containers.isEmpty)
    }

    @Test(
        "another configuration is refused, more of the same is taken",
        arguments: [
            (AgentConfiguration.sample.with { $0.address.hostname = "other" }, "host name"),
            (.sample.with { $0.resources = [.memory(8_192)]; $0.attributes = [rack] }, "cpus"),
            (.sample.with { $0.resources = [.cpus(4), .memory(8_192)]; $0.attributes = [rack] }, nil),
            (.sample.with { $0.attributes = [] }, "rack"),
            (.sample.with { $0.attributes = [rack, Attribute("new", .text("x"))] }, nil),
            (.sample.with { $0.resources = [.cpus(16), .memory(8_192)]; $0.attributes = [rack] }, nil),
            (.sample.with { $0.attributes = [rack]; $0.address.port = 6_000 }, nil),
        ] as [(AgentConfiguration, String?)])
    func configurations(_ changed: AgentConfiguration, _ refusal: String?) {
        var scenario = Scenario(.sample.with { $0.attributes = [Self.rack] })
        scenario.run(.command("t"))
        scenario.restart(configuration: changed)
        if let refusal {
            #expect(scenario.stopped?.contains(refusal) == true)
            #expect(scenario.machine.containers.count == 1)
        } else {
            #expect(scenario.stopped == nil && scenario.agent.isRegistered)
        }
    }
    static let rack = Attribute("rack", .text("r1"))

    @Test("less than before is taken where nothing has what is missing, and after a reboot nothing has", arguments: [
        (2, false, true), (1, false, true), (0, false, false), (0, true, true),
    ])
    func less(_ cpus: Int, _ reboots: Bool, _ isTaken: Bool) {
        var scenario = Scenario()
        scenario.run(.command("t") { $0.resources = [.cpus(1), .memory(64)] })
        let resources: [Resource] = (cpus > 0 ? [.cpus(cpus)] : []) + [.memory(1_024)]
        scenario.restart(reboots: reboots, configuration: .sample.with { $0.resources = resources })
        #expect((scenario.stopped == nil) == isTaken, "\(scenario.stopped ?? "it runs")")
        guard isTaken else {
            #expect(scenario.stopped?.contains("in use") == true && scenario.machine.containers.count == 1)
            return
        }
        #expect(scenario.registrations.last?.resources == resources)
        #expect(scenario.registrations.last?.totals == resources)
        #expect(AgentState(scenario.journal.flatMap { $0 }).identity?.resources == resources)
    }

    @Test("what is reserved or a volume is in use, whatever runs")
    func lessThanReserved() {
        var scenario = Scenario(OperationTests.configuration)
        let order = OperationTests.order(1, .reserve([OperationTests.disk(1, [OperationTests.reservation])]))
        scenario.master(.apply(order))
        var changed = OperationTests.configuration
        changed.resources.removeAll { $0.name == "disk" }
        scenario.restart(reboots: true, configuration: changed)
        #expect(scenario.stopped?.contains("disk") == true)
    }

    @Test("--recover=cleanup ends everything, forgets everything and stops")
    func cleanup() {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.master(.runGroup([.member("m")], under: .pod, of: .sample))
        scenario.restart(configuration: .sample.with { $0.recovery = .cleanup })
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.stopped != nil)
        var left = AgentState(scenario.journal.flatMap { $0 })
        // These are still to be collected.
        #expect(left.sandboxes.count == 2)
        left = AgentState(left.snapshot.filter { if case .sandboxEnded = $0 { false } else { true } })
        #expect(left == AgentState())
    }

    @Test("a pod runs on, with all in it")
    func pod() throws {
        var scenario = Scenario()
        scenario.master(.runGroup([.member("a"), .member("b")], under: .pod, of: .sample))
        scenario.restart()
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 } && scenario.machine.containers.count == 3)
        let member = try #require(scenario.agent.state.tasks[scenario.reference("a")]?.ownContainer)
        scenario.end(member, code: 1)
        #expect(scenario.states("a").last == .failed && scenario.states("b").last == .killed)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("a pod of which only the holding container had been launched gets its tasks")
    func halfPod() throws {
        var scenario = Scenario()
        scenario.held = [.launches]
        scenario.master(.runGroup([.member("a"), .member("b")], under: .pod, of: .sample))
        scenario.restart()
        #expect(scenario.states("a").last == .running && scenario.states("b").last == .running)
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 } && scenario.machine.containers.count == 3)
    }
}
