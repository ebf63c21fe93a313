import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Health checks and checks")
struct ProbeTests {
    static let check = HealthCheck(
        .http(HTTPProbe(port: 80)), delay: .seconds(5), interval: .seconds(10), timeout: .seconds(2), failuresMax: 3,
        gracePeriod: .seconds(30))

    static func running(_ change: (inout TaskSpec) -> Void = { $0.healthCheck = check }) -> Scenario {
        var scenario = Scenario()
        scenario.run(.command("t", change: change))
        return scenario
    }

    /// Moves on to the next probe, if none is under way, and answers it.
    static func probe(_ scenario: inout Scenario, _ result: ProbeResult) throws {
        var waited = 0
        while scenario.openProbe == nil, waited < 100 {
            scenario.advance(by: .seconds(1))
            waited += 1
        }
        let probe = try #require(scenario.openProbe)
        scenario.answeredProbes.insert(probe)
        scenario.feed(.probed(probe, result))
    }

    @Test("the first probe comes after the delay, the others at intervals, each with its timeout")
    func schedule() throws {
        var scenario = Self.running()
        scenario.advance(by: .seconds(4))
        #expect(scenario.probes.isEmpty)
        scenario.advance(by: .seconds(1))
        let first = try #require(scenario.probes.first)
        #expect(first.1.timeout == .seconds(2) && first.1.probe == Self.check.probe && first.1.kind == .health)
        scenario.advance(by: .seconds(20))
        #expect(scenario.probes.count == 1)
        try Self.probe(&scenario, .answered(status: 200))
        scenario.advance(by: .seconds(10))
        #expect(scenario.probes.count == 2)
    }

    @Test("the first success and every change is reported, more of the same is not")
    func changes() throws {
        var scenario = Self.running()
        for status: UInt16 in [200, 302, 500, 200] { try Self.probe(&scenario, .answered(status: status)) }
        let healthy = scenario.updates("t").filter { $0.reason == .taskHealthCheckStatusUpdated }.map(\.isHealthy)
        #expect(healthy == [true, false, true])
    }

    @Test("enough failures in a row kill the task, and it says what was seen")
    func kills() throws {
        var scenario = Self.running()
        try Self.probe(&scenario, .answered(status: 200))
        for _ in 0..<3 { try Self.probe(&scenario, .timedOut) }
        let last = try #require(scenario.last("t"))
        #expect(last.state == .killed && last.isHealthy == false)
        #expect(last.message?.contains("no answer in time") == true)
    }

    @Test("a success in between starts the count anew")
    func interrupted() throws {
        var scenario = Self.running()
        for result: ProbeResult in [
            .answered(status: 200), .timedOut, .timedOut, .answered(status: 200), .timedOut, .timedOut,
        ] { try Self.probe(&scenario, result) }
        #expect(scenario.last("t")?.state == .running)
    }

    @Test("failures within the grace period do not count, until it has been well once")
    func grace() throws {
        var scenario = Self.running()
        try Self.probe(&scenario, .failed("connection refused"))
        try Self.probe(&scenario, .failed("connection refused"))
        #expect(scenario.last("t")?.isHealthy == nil)
        scenario.advance(by: .seconds(20))
        try Self.probe(&scenario, .failed("connection refused"))
        #expect(scenario.last("t")?.isHealthy == false)
    }

    @Test(
        "what is good depends on the kind of probe",
        arguments: [
            (Probe.command(CommandSpec(.shell("x"))), ProbeResult.exited(code: 0), true),
            (.command(CommandSpec(.shell("x"))), .exited(code: 1), false),
            (.http(HTTPProbe(port: 1)), .answered(status: 399), true),
            (.http(HTTPProbe(port: 1)), .answered(status: 400), false),
            (.http(HTTPProbe(port: 1, statuses: [404])), .answered(status: 404), true),
            (.http(HTTPProbe(port: 1, statuses: [404])), .answered(status: 200), false),
            (.tcp(port: 1), .connected, true), (.tcp(port: 1), .failed("refused"), false),
            (.tcp(port: 1), .timedOut, false),
        ])
    func verdicts(_ probe: Probe, _ result: ProbeResult, _ isGood: Bool) throws {
        var scenario = Self.running {
            $0.healthCheck = HealthCheck(probe, delay: .zero, failuresMax: 1, gracePeriod: .zero)
        }
        try Self.probe(&scenario, result)
        #expect(scenario.updates("t").contains { $0.isHealthy == true } == isGood)
        #expect((scenario.last("t")?.state == .killed) == !isGood)
    }

    @Test("a check reports what it saw when it changes, and never kills")
    func checks() throws {
        var scenario = Self.running { $0.check = CheckSpec(.command(CommandSpec(.shell("x"))), delay: .zero) }
        #expect(scenario.last("t")?.checkStatus == .command(exitCode: nil))
        for code: Int32 in [0, 0, 7] { try Self.probe(&scenario, .exited(code: code)) }
        #expect(scenario.probes.first?.1.kind == .check)
        let seen = scenario.updates("t").filter { $0.reason == .taskCheckStatusUpdated }.map(\.checkStatus)
        #expect(seen == [.command(exitCode: 0), .command(exitCode: 7)])
        #expect(scenario.last("t")?.state == .running)
    }

    @Test("probing stops with the task and goes on after a restart")
    func restart() throws {
        var scenario = Self.running()
        try Self.probe(&scenario, .answered(status: 200))
        scenario.answeredProbes = []
        scenario.forgetEffects()
        scenario.restart()
        try Self.probe(&scenario, .answered(status: 200))
        #expect(scenario.updates("t").filter { $0.isHealthy == true }.count == 1)
        scenario.end(try #require(scenario.machine.order.first), code: 0)
        let count = scenario.probes.count
        scenario.advance(by: .seconds(60))
        #expect(scenario.probes.count == count)
    }
}
