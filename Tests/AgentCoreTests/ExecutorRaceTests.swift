import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

/// What crosses on the link between master and agent: an executor's end one way, a task for it the other.
@Suite("Executors that end while a task for them is on its way")
struct ExecutorRaceTests {
    static func lost(_ scenario: Scenario) -> Int {
        scenario.sent.count { if case .executorLost = $0 { true } else { false } }
    }

    static func run(_ scenario: inout Scenario, _ name: String, starts: Bool?) {
        scenario.master(.runTask(.under(.custom, name), of: .sample, startsExecutor: starts))
    }

    @Test("the task is dropped, no other executor is launched for it, and the end is told once")
    func crossed() throws {
        var scenario = Scenario()
        Self.run(&scenario, "a", starts: true)
        let first = try scenario.container(ofExecutor: ExecutorSpec.custom.id.text)
        scenario.end(first, code: 1)
        #expect(Self.lost(scenario) == 1)
        Self.run(&scenario, "b", starts: false)
        #expect(scenario.last("b")?.state == .dropped && scenario.last("b")?.reason == .executorTerminated)
        #expect(scenario.launches.count == 1)
        // A second word of it would end the executor that the master has given out meanwhile.
        Self.run(&scenario, "c", starts: true)
        #expect(Self.lost(scenario) == 1 && scenario.launches.count == 2)
        #expect(scenario.agent.state.executors.count == 1)
    }

    @Test("a task that comes while its executor ends is refused, and the end is told once")
    func ending() throws {
        var scenario = Scenario { $0.machine.isStubborn = true }
        Self.run(&scenario, "a", starts: true)
        scenario.master(.shutdownExecutor(ExecutorSpec.custom.id, framework: FrameworkInfo.sample.id))
        Self.run(&scenario, "b", starts: false)
        #expect(scenario.last("b")?.state == .failed && Self.lost(scenario) == 0)
        scenario.advance(by: .seconds(30))
        #expect(Self.lost(scenario) == 1 && scenario.launches.count == 1)
    }

    @Test("a group for a pod that has ended is dropped whole")
    func pods() throws {
        var scenario = Scenario()
        scenario.master(.runGroup([.member("a")], under: .pod, of: .sample, startsExecutor: true))
        scenario.end(try scenario.container("a"), code: 0)
        let launches = scenario.launches.count
        scenario.master(.runGroup([.member("b"), .member("c")], under: .pod, of: .sample, startsExecutor: false))
        for name in ["b", "c"] { #expect(scenario.last(name)?.reason == .executorTerminated, "\(name)") }
        #expect(scenario.launches.count == launches && Self.lost(scenario) == 1)
    }

    @Test("of a task that was to start its executor and is refused, the executor is told as lost; of another it is not")
    func refused() {
        var scenario = Scenario()
        scenario.master(.drain(DrainConfiguration()))
        Self.run(&scenario, "a", starts: true)
        #expect(Self.lost(scenario) == 1)
        Self.run(&scenario, "b", starts: false)
        #expect(Self.lost(scenario) == 1)
        #expect(scenario.last("a")?.reason == .agentDraining && scenario.last("b")?.reason == .agentDraining)
    }

    @Test("an older master, which does not say, has its tasks started as it expects")
    func olderMaster() throws {
        var scenario = Scenario()
        Self.run(&scenario, "a", starts: nil)
        scenario.end(try scenario.container(ofExecutor: ExecutorSpec.custom.id.text), code: 1)
        Self.run(&scenario, "b", starts: nil)
        #expect(scenario.launches.count == 2)
    }
}
