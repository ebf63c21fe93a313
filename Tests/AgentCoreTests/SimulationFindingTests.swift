import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

/// What playing seeds of the whole cluster has brought to light.
@Suite("What the simulation found in the agent")
struct SimulationFindingTests {
    /// The link ends and is taken up again: what waited for an acknowledgement is ordered to be sent again.
    static func relink(_ scenario: inout Scenario) {
        scenario.feed(.linkLost(Failure("link.lost", doing: "keep the link")))
        scenario.advance(by: .seconds(5))
    }

    @Test("an update that waits for the journal is not sent once it has been acknowledged")
    func staleSending() throws {
        var scenario = Scenario { $0.masterAcknowledges = false }
        scenario.run(.command("t"))
        let head = try #require(scenario.last("t")?.id)
        scenario.held = [.stores]
        scenario.run(.command("other"))
        // It is time to send the head again, but that waits for the records of the other task.
        scenario.advance(by: .seconds(11))
        let before = scenario.sendings("t")
        scenario.master(.acknowledge(head, scenario.reference("t")))
        scenario.release(.stores)
        let again = scenario.sent.count { message in
            if case .status(let update, _) = message { update.id == head } else { false }
        }
        #expect(again == before)
    }

    @Test("what happens while a refusing journal is being replaced is not forgotten")
    func recordsDuringRenewal() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.held = [.stores]
        scenario.run(.command("u"))
        scenario.waiting = []
        let refused = try #require(scenario.lastTicket)
        scenario.feed(.storeFailed(refused, Failure("journal.write", doing: "write", cause: "ENOSPC (28)")))
        scenario.advance(by: .seconds(2))
        #expect(scenario.effects.contains { if case .compact = $0 { true } else { false } })
        // The whole state is on its way to the journal; this comes after it.
        scenario.end(try scenario.container("t"), code: 0)
        scenario.release(.stores)
        #expect(scenario.states("t").last == .finished)
        scenario.advance(by: .seconds(2))
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("an agent that is given up leaves its sandboxes to whoever starts there next")
    func sandboxesOfAnother() throws {
        var scenario = Scenario()
        scenario.run(.command("ended"))
        scenario.end(try scenario.container("ended"), code: 0)
        scenario.run(.command("t"))
        scenario.master(.shutdown("given up"))
        scenario.advance(by: .seconds(30))
        #expect(scenario.stopped != nil)
        scenario.restart(seed: 5)
        #expect(scenario.agent.state.sandboxes.count == 2)
        #expect(scenario.registrations.last?.id == nil)
    }

    @Test("what frameworks that are gone never acknowledged is forgotten, also of tasks that were refused")
    func refusedAndGone() {
        var scenario = Scenario { $0.masterAcknowledges = false }
        scenario.run(.command("t") { $0.agent = id(AgentID.self, "another") })
        #expect(scenario.last("t")?.state == .dropped)
        #expect(!scenario.agent.state.streams.isEmpty)
        scenario.master(.shutdownFramework(FrameworkInfo.sample.id))
        #expect(scenario.agent.state.streams.isEmpty)
    }

    @Test("a link that is being replaced ends at once, so that nothing that comes in on it counts for the new one")
    func oldLink() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.held = [.link]
        Self.relink(&scenario)
        let unlinks = { (scenario: Scenario) in
            scenario.effects.count { if case .unlink = $0 { true } else { false } }
        }
        let before = unlinks(scenario)
        // The journal is slow, and the master's answer does not come.
        scenario.held = [.link, .stores]
        scenario.end(try scenario.container("t"), code: 0)
        scenario.advance(by: .seconds(61))
        #expect(unlinks(scenario) == before + 1)
        #expect(scenario.registrations.count == 2)
        scenario.release(.stores)
        #expect(scenario.registrations.count == 3)
    }

    @Test("an executor that ends while its agent registers is told as lost afterwards")
    func executorLostMeanwhile() throws {
        var scenario = Scenario()
        scenario.run(.under(.custom, "t"))
        let container = try scenario.container(ofExecutor: "E")
        scenario.held = [.link]
        Self.relink(&scenario)
        #expect(scenario.registrations.last?.executors.count == 1)
        scenario.end(container, code: 3)
        let isTold = { (scenario: Scenario) in
            scenario.sent.contains { if case .executorLost = $0 { true } else { false } }
        }
        #expect(!isTold(scenario))
        scenario.release(.link)
        #expect(isTold(scenario))
    }

    @Test("an executor that its refused task does not bring along is told as lost: the master counts on it")
    func executorThatNeverWas() {
        var scenario = Scenario()
        scenario.run(.under(.custom, "t") { $0.agent = id(AgentID.self, "another") })
        #expect(scenario.last("t")?.state == .dropped)
        let lost = AgentMessage.executorLost(ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id, status: 0)
        #expect(scenario.sent.contains(lost))
    }

    @Test("a task that was killed while it was being launched is not launched again after a restart")
    func killedBeforeRestart() {
        var scenario = Scenario()
        scenario.held = [.launches]
        scenario.run(.command("t"))
        scenario.kill("t")
        #expect(scenario.machine.containers.isEmpty)
        scenario.restart()
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 })
        #expect(scenario.last("t")?.state == .killed)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("what ran while the journal refused is not removed before it is remembered, nor started again")
    func ranUnremembered() throws {
        var scenario = Scenario()
        scenario.run(.command("old"))
        let container = try scenario.container("old")
        scenario.held = [.stores]
        scenario.run(.command("new"))
        scenario.waiting = []
        let refused = try #require(scenario.lastTicket)
        scenario.feed(.storeFailed(refused, Failure("journal.write", doing: "write", cause: "ENOSPC (28)")))
        scenario.kill("old")
        #expect(scenario.signals == [15])
        #expect(scenario.machine.containers[container]?.exit != nil)
        #expect(scenario.destroyed.isEmpty)
    }

    // MARK: - Orders that build on an operation

    static let volume = OperationTests.disk(64, [OperationTests.reservation], volume: "v")

    /// RESERVE, CREATE and LAUNCH of one call, while the volume's directory is still being made.
    static func launchOnNewVolume(_ change: (inout Scenario) -> Void = { _ in }) -> Scenario {
        var scenario = Scenario(OperationTests.configuration, change: change)
        scenario.held = [.volumes]
        let disk = OperationTests.disk(64, [OperationTests.reservation])
        scenario.master(.apply(OperationTests.order(1, .reserve([disk]))))
        scenario.master(.apply(OperationTests.order(2, .create(volumes: [volume]))))
        scenario.run(.command("t") { $0.resources.append(volume) })
        return scenario
    }

    @Test("a task that uses a new volume waits until the volume is there")
    func waitsForVolume() {
        var scenario = Self.launchOnNewVolume()
        #expect(scenario.updates("t").isEmpty)
        scenario.master(.reconcile([scenario.reference("t")]))
        #expect(scenario.updates("t").isEmpty)
        scenario.release(.volumes)
        #expect(scenario.states("t").last == .running)
    }

    @Test("operations are carried out in their order")
    func inOrder() {
        var scenario = Self.launchOnNewVolume()
        scenario.kill("t")
        scenario.master(.apply(OperationTests.order(3, .destroy(volumes: [Self.volume]))))
        #expect(scenario.last("t")?.state == .killed)
        scenario.release(.volumes)
        #expect(OperationTests.outcomes(scenario).map(\.state) == [.finished, .finished, .finished])
    }

    @Test("what waits ends with the link, and with its framework")
    func doesNotOutliveItsLink() {
        var scenario = Self.launchOnNewVolume()
        Self.relink(&scenario)
        scenario.release(.volumes)
        #expect(scenario.updates("t").isEmpty && scenario.launches.isEmpty)
        var other = Self.launchOnNewVolume()
        other.master(.shutdownFramework(FrameworkInfo.sample.id))
        other.release(.volumes)
        #expect(other.updates("t").isEmpty && other.launches.isEmpty)
    }

    @Test("a link that waits for the journal is not opened when another has been ordered meanwhile")
    func oneLinkAtATime() {
        var scenario = Scenario()
        scenario.held = [.stores]
        scenario.run(.command("t"))
        scenario.feed(.linkLost(Failure("link.lost", doing: "keep the link")))
        scenario.advance(by: .seconds(5))
        // It is ordered, and waits for the records of the task.
        scenario.feed(.leaderChanged)
        scenario.advance(by: .seconds(5))
        #expect(scenario.registrations.count == 1)
        scenario.release(.stores)
        #expect(scenario.registrations.count == 2)
        #expect(scenario.registrations.last?.tasks.map(\.spec.id.text) == ["t"])
    }

    @Test("an agent that dies twice over a reboot starts nothing again that ran before it")
    func diesAfterReboot() throws {
        var scenario = Scenario()
        scenario.held = [.launches]
        scenario.run(.command("t"))
        let before = scenario.journal.count
        scenario.restart(reboots: true, settles: .zero)
        // Of what it found it had stored no more than the first batch.
        scenario.journal = Array(scenario.journal.prefix(before + 1))
        scenario.restart()
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 })
        #expect(scenario.last("t")?.state == .gone && scenario.last("t")?.reason == .agentRestarted)
    }
}
