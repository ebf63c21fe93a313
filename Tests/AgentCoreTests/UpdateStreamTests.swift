import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Status updates")
struct UpdateStreamTests {
    static func silent() -> Scenario { Scenario { $0.masterAcknowledges = false } }

    func acknowledge(_ update: StatusUpdate, in scenario: inout Scenario) throws {
        scenario.master(.acknowledge(try #require(update.id), scenario.reference(update.task.text)))
    }

    @Test("only the head is in flight; the next follows its acknowledgement")
    func head() throws {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        #expect(scenario.states("t") == [.starting])
        try acknowledge(try #require(scenario.updates("t").first), in: &scenario)
        #expect(scenario.states("t") == [.starting, .running])
    }

    @Test("the message says the latest state although it carries an older update")
    func latest() throws {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        scenario.end(try scenario.container("t"), code: 0)
        scenario.advance(by: .seconds(11))
        guard case .status(let update, let latest)? = scenario.sent.last else {
            Issue.record("nothing was sent")
            return
        }
        #expect(update.state == .starting && latest == .finished)
    }

    @Test("unacknowledged, the head is sent again after 10 s, then after doubling waits up to 10 minutes")
    func retries() {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        var times: [Double] = []
        let start = scenario.now
        for _ in 0..<250 {
            let before = scenario.sendings("t")
            scenario.master(.ping)
            scenario.advance(by: .seconds(10))
            if scenario.sendings("t") > before { times.append((scenario.now - start) / .seconds(1)) }
        }
        let waits = zip(times.dropFirst(), times).map { $0 - $1 }
        #expect(times.first == 10)
        #expect(waits.prefix(7) == [20, 40, 80, 160, 320, 600, 600])
    }

    @Test("a framework that is back hears at once what it has not acknowledged, however long the next attempt is away")
    func returns() throws {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        for _ in 0..<30 {
            scenario.master(.ping)
            scenario.advance(by: .seconds(10))
        }
        let before = scenario.sendings("t")
        let info = try #require(scenario.agent.state.frameworks.values.first?.info)
        scenario.master(.updateFramework(info))
        #expect(scenario.sendings("t") == before + 1)
        var other = info
        other.id = try FrameworkID("another")
        scenario.master(.updateFramework(other))
        #expect(scenario.sendings("t") == before + 1)
        // The waits begin anew: nobody was there to hear the attempts before.
        scenario.master(.ping)
        scenario.advance(by: .seconds(11))
        #expect(scenario.sendings("t") == before + 2)
    }

    @Test("an acknowledgement of anything but the head changes nothing")
    func wrongAcknowledgement() {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        scenario.master(.acknowledge(UpdateID(high: 1, low: 2), scenario.reference("t")))
        #expect(scenario.states("t") == [.starting])
        #expect(scenario.agent.state.streams.values.first?.pending.count == 2)
    }

    @Test("updates wait while there is no link, and the heads are sent again with it")
    func unlinked() throws {
        var scenario = Self.silent()
        scenario.run(.command("t"))
        scenario.masterAnswers = false
        scenario.feed(.linkLost(RegistrationTests.failure))
        let before = scenario.sendings("t")
        scenario.advance(by: .seconds(40))
        #expect(scenario.sendings("t") == before)
        scenario.masterAnswers = true
        scenario.advance(by: .seconds(61))
        #expect(scenario.sendings("t") > before)
        #expect(scenario.states("t") == [.starting])
    }

    @Test("nothing leaves before its records are stored: neither launch nor update")
    func persistence() {
        var scenario = Scenario { $0.held = [] }
        scenario.held = [.stores]
        scenario.forgetEffects()
        scenario.run(.command("t"))
        let outside = scenario.effects.filter {
            switch $0 {
            case .persist, .note, .setTimer, .cancelTimer: false
            default: true
            }
        }
        #expect(outside.isEmpty)
        scenario.release(.stores)
        #expect(scenario.states("t") == [.starting, .running])
    }

    @Test("a journal that refuses holds everything back but kills, and a whole snapshot makes up for it")
    func failingJournal() throws {
        var scenario = Scenario()
        scenario.run(.command("old"))
        scenario.held = [.stores]
        scenario.run(.command("new"))
        scenario.waiting = []
        let ticket = try #require(scenario.lastTicket)
        scenario.feed(.storeFailed(ticket, Failure("journal.write", doing: "write", cause: "ENOSPC (28)")))
        #expect(scenario.notes.contains { $0.name == "journal.refused" })
        scenario.kill("old")
        #expect(scenario.signals == [15])
        scenario.run(.command("refused"))
        #expect(scenario.last("refused")?.state == .dropped && scenario.last("refused")?.id == nil)
        scenario.master(.ping)
        #expect(scenario.sent.last == .pong)
        scenario.feed(.stored(ticket))
        #expect(scenario.launches.count == 1)
        scenario.held = []
        scenario.advance(by: .seconds(2))
        #expect(scenario.launches.count == 2)
        #expect(scenario.states("old").last == .killed)
        #expect(scenario.states("new").last == .running)
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("a long journal is replaced by a snapshot that means the same")
    func compaction() throws {
        var scenario = Scenario(.sample.with { $0.bounds.surplusRecordsMax = 40 })
        for number in 0..<40 {
            scenario.run(.command("t\(number)"))
            if number % 2 == 0 { scenario.end(try scenario.container("t\(number)"), code: 0) }
        }
        #expect(scenario.effects.contains { if case .compact = $0 { true } else { false } })
        #expect(scenario.journal.flatMap { $0 }.count < 300)
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("a snapshot longer than the bound asks for no further snapshot")
    func longSnapshot() {
        var scenario = Scenario(.sample.with { $0.bounds.surplusRecordsMax = 5 }) { $0.masterAcknowledges = false }
        for number in 0..<60 { scenario.run(.command("t\(number)")) }
        let snapshots = scenario.effects.count { if case .compact = $0 { true } else { false } }
        #expect((1...60).contains(snapshots))
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("the end of a task is told at once as its state, although its update waits behind others")
    func endBehindOthers() throws {
        var scenario = Scenario { $0.masterAcknowledges = false }
        scenario.run(.command("t"))
        let before = scenario.sent.count
        scenario.end(try scenario.container("t"), code: 0)
        let told = scenario.sent.dropFirst(before)
        guard told.count == 1, case .status(let update, let latest) = told.first else {
            Issue.record("it told \(told)")
            return
        }
        #expect(update.state == .starting && latest == .finished)
        // It changes nothing about when the update itself is sent again.
        scenario.advance(by: .seconds(11))
        #expect(scenario.sendings("t") >= 3)
    }
}
