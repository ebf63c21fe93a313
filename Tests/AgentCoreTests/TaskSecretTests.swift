import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import Testing

@Suite("Secrets of tasks")
struct TaskSecretTests {
    private static let canary = "canary-5d41"
    private static let value = Array(canary.utf8)

    private static func scenario() -> Scenario {
        var scenario = Scenario(.sample)
        scenario.run(
            .command("t") {
                $0.runner = .command(
                    CommandSpec(
                        .shell("run"),
                        environment: [
                            .init("PLAIN", .text("x")), .init("PASSWORD", .secretBytes(value)),
                            .init("TOKEN", .secret(name: "api", key: "token")),
                        ]))
                $0.container?.volumes = [
                    VolumeMount(containerPath: "/run/key", mode: .readOnly, source: .secret(.bytes(value)))
                ]
            })
        return scenario
    }

    @Test("they are in the launch as secrets, by value or by the name to look up, and nowhere in its environment")
    func launch() throws {
        let launch = try #require(Self.scenario().launches.first)
        let secrets = try #require(launch.secrets)
        #expect(
            secrets == [
                SecretRequest(
                    name: "PASSWORD", source: .inline, target: nil, variable: "PASSWORD",
                    value: SecretValue(Self.value)),
                SecretRequest(
                    name: "api", source: .reference(name: "api", key: "token"), target: nil, variable: "TOKEN",
                    value: .absent),
                SecretRequest(name: "volume-0", source: .inline, target: "/run/key", value: SecretValue(Self.value)),
            ])
        #expect(launch.environment.contains("PLAIN=x"))
        #expect(!launch.environment.contains { $0.hasPrefix("PASSWORD") || $0.hasPrefix("TOKEN") })
    }

    @Test("no record holds one, neither as it is nor encoded, and none is kept once the container has it")
    func records() throws {
        let scenario = Self.scenario()
        let encoded = "Y2FuYXJ5LTVkNDE"
        for batch in scenario.journal {
            let text = String(decoding: try AgentRecord.encode(batch), as: UTF8.self)
            #expect(!text.contains(Self.canary) && !text.contains(encoded), "\(text)")
        }
        let kept = scenario.agent.state.containers.values.flatMap { $0.launch.secrets ?? [] }
        #expect(kept.count == 3 && kept.allSatisfy(\.value.isAbsent))
        var seen = ""
        dump(scenario.agent.state.tasks, to: &seen)
        #expect(!seen.contains(Self.canary))
    }

    @Test("a launch read back from its record has everything but the values")
    func readBack() throws {
        let scenario = Self.scenario()
        let launch = try #require(scenario.launches.first)
        let records = try scenario.journal.flatMap { try AgentRecord.decode(try AgentRecord.encode($0)) }
        let planned = records.compactMap { record -> ContainerLaunch? in
            if case .containerPlanned(let run) = record { run.launch } else { nil }
        }
        #expect(planned == [launch.withoutSecretValues])
    }

    @Test("a task for an executor is not handed over without its secrets after a restart")
    func handedOver() throws {
        var scenario = Scenario(.sample)
        scenario.run(
            .under(.custom, "e") {
                $0.container = ContainerSpec(
                    volumes: [VolumeMount(containerPath: "/k", mode: .readOnly, source: .secret(.bytes(Self.value)))])
            })
        scenario.journal = try scenario.journal.map { try AgentRecord.decode(try AgentRecord.encode($0)) }
        scenario.restart()
        ExecutorTests.subscribe(&scenario)
        #expect(scenario.last("e")?.state == .failed)
        #expect(scenario.last("e")?.message?.contains("writes no secret down") == true)
    }
}
