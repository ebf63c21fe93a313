import AgentCore
import ClusterModel
import Containers
import Testing

@testable import AgentService

/// Attempts that go on when their time is up: what they do to those after them, and to others.
@Suite("Checks that do not end", .serialized, .timeLimit(.minutes(5)))
struct ProberTests {
    private static let hanging = Probe.command(CommandSpec(.shell("cat /dev/gone")))

    private static func order(_ kind: ProbeOrder.Kind = .health, timeout: Duration = .milliseconds(20)) -> ProbeOrder {
        ProbeOrder(container: ContainerID(number: 1), kind: kind, probe: hanging, timeout: timeout)
    }

    @Test("a command that is too slow is killed, and tried again the next time")
    func slow() async throws {
        let containerizer = ScriptedContainerizer()
        let prober = Prober(containerizer: containerizer, grace: .seconds(120))
        for count in 1...2 {
            #expect(await prober.probe(Self.order()) == .timedOut)
            #expect(containerizer.sessions.map(\.isClosed) == Array(repeating: true, count: count))
        }
    }

    @Test("a command that cannot be killed fails its check, as does every further attempt, which begins nothing")
    func unkillable() async throws {
        let containerizer = ScriptedContainerizer()
        containerizer.isStubborn.withLock { $0 = true }
        let prober = Prober(containerizer: containerizer, grace: .milliseconds(20))
        let results = [
            await prober.probe(Self.order()), await prober.probe(Self.order()), await prober.probe(Self.order()),
        ]
        #expect(results[0] == .failed("no answer in time, and the attempt does not end though it was cut off"))
        let refusal = ProbeResult.failed("an earlier attempt was cut off when its time was up and has not ended yet")
        #expect(results.dropFirst() == [refusal, refusal])
        try await eventually("the command to be killed") { containerizer.sessions.first?.isClosed == true }
        #expect(containerizer.sessions.count == 1)
        containerizer.sessions[0].end(137)
    }

    @Test("a check is made again once the command that could not be killed has ended; others never wait for it")
    func freed() async throws {
        let containerizer = ScriptedContainerizer()
        containerizer.isStubborn.withLock { $0 = true }
        let prober = Prober(containerizer: containerizer, grace: .milliseconds(20))
        _ = await prober.probe(Self.order())
        try await eventually("the command to be killed") { containerizer.sessions.first?.isClosed == true }
        containerizer.isStubborn.withLock { $0 = false }
        let other = Task { await prober.probe(Self.order(.check, timeout: .seconds(120))) }
        try await eventually("the other check to begin") { containerizer.sessions.count == 2 }
        containerizer.sessions[1].end(3)
        #expect(await other.value == .exited(code: 3))
        containerizer.sessions[0].end(137)
        try await eventually("the check to be made again") {
            _ = await prober.probe(Self.order())
            return containerizer.sessions.count > 2
        }
    }

    @Test("whoever waits for an attempt can leave at once, whether or not it ends")
    func cancelled() async throws {
        let containerizer = ScriptedContainerizer()
        containerizer.isStubborn.withLock { $0 = true }
        let prober = Prober(containerizer: containerizer, grace: .seconds(3_600))
        let waiting = Task { await prober.probe(Self.order(timeout: .seconds(3_600))) }
        try await eventually("the command to begin") { containerizer.sessions.count == 1 }
        waiting.cancel()
        #expect(await waiting.value == .failed("it was cancelled"))
        try await eventually("the command to be killed") { containerizer.sessions.first?.isClosed == true }
        containerizer.sessions[0].end(137)
    }

    @Test("a task whose health check hangs and cannot be killed is ended after as many failures as any other")
    func task() async throws {
        let bench = try await Bench { $0.limits.probeGrace = .milliseconds(20) }
        bench.containerizer.isStubborn.withLock { $0 = true }
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1") { task in
            task.healthCheck = HealthCheck(
                Self.hanging, delay: .zero, interval: .milliseconds(1), timeout: .milliseconds(20), failuresMax: 3,
                gracePeriod: .zero)
        }
        #expect(await bench.acknowledge(&said, until: .killed).last == .killed)
        try await eventually("the one command to be killed") { bench.containerizer.sessions.map(\.isClosed) == [true] }
        bench.containerizer.sessions[0].end(137)
        await bench.stop()
    }
}
