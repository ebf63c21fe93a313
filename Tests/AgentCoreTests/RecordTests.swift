import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Records")
struct RecordTests {
    /// A life with everything in it that can be remembered.
    static func eventful() throws -> Scenario {
        var scenario = Scenario(OperationTests.configuration.with {
            $0.domain = FaultDomain(region: "r", zone: "z")
            $0.attributes = [Attribute("rack", .text("r1"))]
        }) { $0.masterAcknowledges = false }
        scenario.run(.command("t") {
            $0.healthCheck = HealthCheck(.tcp(port: 80), delay: .zero)
            $0.check = CheckSpec(.command(CommandSpec(.shell("x"))), delay: .seconds(1))
            $0.container?.volumes = [VolumeMount(containerPath: "/d", mode: .readWrite)]
            $0.container?.terminal = Terminal(size: Terminal.Size(rows: 1, columns: 2))
            $0.limits = ["cpus": .infinite]
            $0.data = [1, 2, 3]
            $0.labels = [Label("k", "v")]
        })
        scenario.advance(by: .seconds(2))
        for (probe, _) in scenario.probes { scenario.feed(.probed(probe, .connected)) }
        scenario.master(.runGroup([.member("a"), .member("b")], under: .pod, of: .sample))
        scenario.end(try scenario.container("a"), code: 2)
        scenario.run(.under(.custom, "e"))
        ExecutorTests.subscribe(&scenario)
        scenario.feed(.executorCalled(ExecutorTests.call(.update(ExecutorTests.update("e", .running, 1)))))
        scenario.kill("t", grace: .seconds(100))
        scenario.master(.apply(OperationTests.order(
            1, .reserve([OperationTests.disk(1, [OperationTests.reservation])]))))
        scenario.master(.apply(OperationTests.order(2, .unreserve([OperationTests.disk(1)]))))
        scenario.feed(.launchContainer(Agent.CallID(1),
            OrderedContainerTests.request(OrderedContainerTests.path("alone"), resources: [.cpus(1)])))
        scenario.master(.shutdownExecutor(ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id))
        scenario.master(.drain(DrainConfiguration(maxGracePeriod: .seconds(50), marksGone: true)))
        for update in scenario.updates("b").prefix(1) {
            scenario.master(.acknowledge(try #require(update.id), scenario.reference("b")))
        }
        return scenario
    }

    @Test("every record comes back from its bytes as it was")
    func roundTrip() throws {
        let scenario = try Self.eventful()
        var kinds: Set<String> = []
        for batch in scenario.journal {
            let bytes = try AgentRecord.encode(batch)
            #expect(try AgentRecord.decode(bytes) == batch)
            for record in batch { kinds.insert(String("\(record)".prefix { $0 != "(" })) }
        }
        #expect(kinds.count >= 18, "\(kinds.sorted())")
    }

    @Test("a snapshot adds up to the same state, also through bytes")
    func snapshot() throws {
        let scenario = try Self.eventful()
        let state = scenario.agent.state
        #expect(AgentState(scenario.journal.flatMap { $0 }) == state)
        #expect(AgentState(state.snapshot) == state)
        let bytes = try AgentRecord.encode(state.snapshot)
        #expect(AgentState(try AgentRecord.decode(bytes)) == state)
    }

    @Test(
        "what cannot be read is refused, never skipped",
        arguments: [
            ("{}", "journal.decode"), (#"[{"type":"FUTURE","content":{}}]"#, "journal.record-unknown"),
            (#"[{"type":"ADMITTED","content":{}}]"#, "api.member-missing"),
            (#"[{"type":"KEYED","content":{"key":"AAAA"}}]"#, "api.member-invalid"),
            (#"[{"type":"OPERATION_FORGOTTEN","content":{"key":"zz"}}]"#, "api.member-invalid"),
        ])
    func damaged(_ text: String, _ code: String) {
        do {
            _ = try AgentRecord.decode(Array(text.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.code.rawValue == code)
        }
    }
}
