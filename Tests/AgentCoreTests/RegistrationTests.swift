import AgentCore
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Registration")
struct RegistrationTests {
    static let failure = Failure("link.failed", doing: "reach the master", cause: "connection refused")

    /// Waits between the tries of an agent whose master never answers, in seconds.
    static func waits(seed: UInt64, tries: Int) -> [Double] {
        var scenario = Scenario(seed: seed, starts: false) { $0.masterAnswers = false }
        scenario.start()
        var waits: [Double] = []
        for _ in 0..<tries {
            let before = scenario.now
            let due = scenario.timers.values.filter { $0 > before }.min() ?? before
            waits.append((due - before) / .seconds(1))
            scenario.advance(by: due - before)
            scenario.feed(.linkFailed(failure))
        }
        return waits
    }

    @Test("waits are random, double, and never exceed a minute")
    func backoff() {
        let waits = Self.waits(seed: 7, tries: 12)
        for (index, wait) in waits.enumerated() {
            #expect(wait <= min(60, Double(1 << index)), "wait \(index) is \(wait)")
        }
        #expect(waits.suffix(6).contains { $0 > 10 })
        #expect(waits != Self.waits(seed: 8, tries: 12))
        #expect(waits == Self.waits(seed: 7, tries: 12))
    }

    @Test("that no master is there is said once, with the reason, and again when one was there and went")
    func unreached() {
        var scenario = Scenario(starts: false) { $0.masterAnswers = false }
        scenario.start()
        func said(_ scenario: Scenario) -> Int { scenario.notes.filter { $0.name == "link.failed" }.count }
        for _ in 0..<3 {
            scenario.advance(by: .seconds(60))
            scenario.feed(.linkFailed(Self.failure))
        }
        #expect(said(scenario) == 1)
        scenario.masterAnswers = true
        scenario.advance(by: .seconds(60))
        #expect(scenario.notes.contains { $0.name == "agent.registered" })
        scenario.masterAnswers = false
        scenario.feed(.linkLost(Self.failure))
        scenario.advance(by: .seconds(60))
        scenario.feed(.linkFailed(Self.failure))
        #expect(said(scenario) == 2)
    }

    @Test("where too much was said of tasks a registration has what happened, without the words")
    func withoutWords() throws {
        for bound in [0, AgentBounds().allStatusesBytesMax] {
            var scenario = Scenario(.sample.with { $0.bounds.allStatusesBytesMax = bound })
            scenario.run(.command("t"))
            scenario.restart()
            let report = try #require(scenario.registrations.last?.tasks.first)
            #expect(report.statuses.map(\.state) == [.starting, .running])
            #expect(report.statuses.contains { $0.containerStatus != nil } == (bound > 0))
        }
    }

    @Test("what a record of many small values costs is what its reader counts")
    func cost() throws {
        let values = WireValue.array(Array(repeating: .string(""), count: 10_000))
        #expect(values.linkCost > 2 * values.bytesCount)
        let text = WireValue.string(String(repeating: "x", count: 10_000))
        #expect(text.linkCost == text.bytesCount)
    }

    @Test("the first registration has no id, every later one has the id, the tasks and their updates")
    func fullReport() throws {
        var scenario = Scenario { $0.masterAcknowledges = false }
        #expect(scenario.registrations.map(\.id) == [nil])
        scenario.run(.command("t"))
        scenario.feed(.linkLost(Self.failure))
        scenario.advance(by: .seconds(2))
        let report = try #require(scenario.registrations.last)
        #expect(report.id == Scenario.agentID && report.bootID == "boot-1")
        #expect(report.tasks.map(\.spec.id.text) == ["t"])
        #expect(report.tasks.first?.state == .running)
        #expect(report.tasks.first?.pending?.state == .starting)
        #expect(report.frameworks == [.sample])
    }

    @Test("an agent that dies before it remembers its id registers with the same key")
    func sameKey() throws {
        var scenario = Scenario(seed: 7) { $0.masterAnswers = false }
        #expect(scenario.registrations.map(\.key) == [Scenario.key(7)])
        // It was admitted, and dies before it can write that down.
        scenario.held = [.stores]
        scenario.feed(.linked)
        scenario.master(.registered(Scenario.agentID, pingInterval: .seconds(15), pingsMissedMax: 5))
        scenario.journal.removeLast()
        scenario.restart(seed: 8)
        #expect(scenario.registrations.last?.id == nil)
        #expect(scenario.registrations.last?.key == Scenario.key(7))
    }

    @Test("nobody hears a key that the journal has not got")
    func storedKey() {
        var scenario = Scenario(seed: 7) { $0.held = [.stores] }
        #expect(scenario.registrations.isEmpty)
        scenario.release(.stores)
        scenario.advance(by: .seconds(2))
        #expect(scenario.registrations.map(\.key) == [Scenario.key(7)])
    }

    @Test("the journal of an agent without a key is read, and gets one")
    func withoutKey() throws {
        var scenario = Scenario(seed: 7)
        for batch in scenario.journal.indices {
            scenario.journal[batch].removeAll { if case .keyed = $0 { true } else { false } }
        }
        scenario.restart(seed: 8)
        #expect(scenario.registrations.last?.id == Scenario.agentID)
        #expect(scenario.registrations.last?.key == Scenario.key(8))
    }

    @Test("75 seconds without a ping, and the agent looks for a master again")
    func watchdog() {
        var scenario = Scenario()
        scenario.advance(by: .seconds(70))
        scenario.master(.ping)
        #expect(scenario.sent.last == .pong)
        scenario.advance(by: .seconds(70))
        #expect(scenario.registrations.count == 1)
        scenario.advance(by: .seconds(10))
        #expect(scenario.registrations.count == 2)
        #expect(scenario.notes.contains { $0.name == "link.silent" })
    }

    @Test("a refused agent tries again later; one refused for good ends its tasks and itself")
    func refusal() throws {
        var scenario = Scenario()
        scenario.run(.command("t"))
        scenario.master(.refused("version too old", isFinal: false))
        #expect(scenario.stopped == nil && scenario.registrations.count == 1)
        scenario.advance(by: .seconds(61))
        #expect(scenario.registrations.count == 2)
        scenario.master(.refused("it is marked gone", isFinal: true))
        scenario.advance(by: .seconds(10))
        #expect(scenario.stopped?.contains("marked gone") == true)
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.last("t")?.state == .killed)
        // Whoever starts here next is another agent, and collects this one's sandboxes.
        let left = AgentState(scenario.journal.flatMap { $0 })
        #expect(left.id == nil && left.tasks.isEmpty && left.streams.isEmpty && left.sandboxes.count == 1)
        let former = scenario.agent.configuration.address.hostname
        #expect(left.key == nil, "the next agent of \(former) is known by a key of its own")
    }

    @Test("a new leader is registered with at once")
    func leader() {
        var scenario = Scenario()
        scenario.feed(.leaderChanged)
        scenario.advance(by: .seconds(1))
        #expect(scenario.registrations.count == 2)
    }

    @Test("orders before the admission are ignored")
    func early() {
        var scenario = Scenario { $0.masterAnswers = false }
        scenario.run(.command("t"))
        #expect(scenario.launches.isEmpty && scenario.agent.counters.invalidMessages == 1)
    }

    @Test("a registration that is never answered is not the last")
    func unanswered() {
        var scenario = Scenario { $0.masterAnswers = false }
        #expect(scenario.registrations.count == 1)
        scenario.advance(by: .seconds(61))
        #expect(scenario.registrations.count == 2)
    }

    @Test("tasks the master believes in and the agent does not have are reported")
    func reconciliation() {
        var scenario = Scenario()
        scenario.run(.command("here"))
        scenario.master(.reconcile([scenario.reference("here"), scenario.reference("lost")]))
        #expect(scenario.states("here") == [.starting, .running])
        #expect(scenario.last("lost")?.state == .dropped && scenario.last("lost")?.reason == .reconciliation)
    }
}
