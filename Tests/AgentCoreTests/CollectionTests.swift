import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Tidying up")
struct CollectionTests {
    static let week = Duration.seconds(7 * 24 * 3_600)

    /// An agent with the sandboxes of tasks that ended an hour after one another.
    static func ended(_ count: Int, change: (inout AgentConfiguration) -> Void = { _ in }) throws -> Scenario {
        var scenario = Scenario(.sample.with(change))
        for number in 0..<count {
            scenario.run(.command("t\(number)"))
            scenario.end(try scenario.container("t\(number)"), code: 0)
            scenario.now += .seconds(3_600)
        }
        return scenario
    }

    static func collected(_ scenario: inout Scenario, usage: Double?, after age: Duration) -> [String] {
        scenario.forgetEffects()
        scenario.now += age
        scenario.feed(.diskMeasured(usage: usage))
        return scenario.effects.compactMap { if case .collect(let path) = $0 { path } else { nil } }
    }

    @Test(
        "what may stay shrinks from a week on an empty disk to nothing on a full one, the longest ended first",
        arguments: [
            (0.0, Duration.seconds(6 * 24 * 3_600), 0), (0.0, .seconds(7 * 24 * 3_600), 3), (0.85, .seconds(3_600), 0),
            (0.5, .seconds(3 * 24 * 3_600), 3), (0.95, .zero, 3), (0.5, .seconds(100), 0),
        ])
    func age(_ usage: Double, _ age: Duration, _ count: Int) throws {
        var scenario = try Self.ended(3)
        let oldest = Array(scenario.agent.state.sandboxes.keys)
        let paths = Self.collected(&scenario, usage: usage, after: age)
        #expect(paths == Array(oldest.prefix(count)))
        #expect(scenario.agent.state.sandboxes.count == 3 - count)
    }

    @Test("a disk that cannot be measured loses nothing")
    func unmeasured() throws {
        var scenario = try Self.ended(1)
        #expect(Self.collected(&scenario, usage: nil, after: Self.week * 2).isEmpty)
    }

    @Test("pinned sandboxes and those of running tasks stay, however full the disk")
    func pinned() throws {
        var scenario = try Self.ended(1) { $0.pinnedPaths = ["/var/lib/bulkhead/slaves/A/frameworks/F"] }
        scenario.run(.command("running"))
        #expect(Self.collected(&scenario, usage: 1, after: Self.week).isEmpty)
        var open = try Self.ended(1)
        open.run(.command("running"))
        let running = try #require(open.agent.state.containers.values.last?.sandbox.path)
        let paths = Self.collected(&open, usage: 1, after: Self.week)
        #expect(paths.count == 1 && !paths.contains(running))
    }

    @Test("a sandbox that nothing remembers is remembered from when it is found, and collected in its time")
    func found() throws {
        var scenario = try Self.ended(1)
        scenario.run(.command("running"))
        let own = scenario.agent.state.containers.values.map(\.sandbox.path) + scenario.agent.state.sandboxes.keys
        let before = scenario.agent.state.sandboxes
        scenario.feed(.sandboxesFound(own))
        #expect(scenario.agent.state.sandboxes == before)
        scenario.feed(.sandboxesFound(["/var/old/slaves/OLD/frameworks/F/executors/E/runs/r"]))
        #expect(scenario.agent.state.sandboxes.count == before.count + 1)
        #expect(Self.collected(&scenario, usage: 0.5, after: Self.week).contains { $0.contains("/OLD/") })
    }

    @Test("one that cannot be removed is tried again, also after a restart")
    func again() throws {
        var scenario = try Self.ended(1)
        let path = try #require(scenario.agent.state.sandboxes.keys.first)
        scenario.feed(.collected(path: path, Failure("tree.busy", doing: "remove", on: path)))
        #expect(scenario.agent.state.sandboxes.count == 1 && scenario.agent.counters.pathsNotCollected == 1)
        scenario.restart()
        #expect(Self.collected(&scenario, usage: 1, after: .zero) == [path])
    }

    @Test("a full disk prunes images, at most once an hour, but never those in use or pinned")
    func images() throws {
        var scenario = Scenario(.sample.with { $0.pinnedImages = ["keep"] })
        scenario.run(.command("t"))
        func prunings(_ scenario: Scenario) -> [[String]] {
            scenario.effects.compactMap { if case .pruneImages(let kept) = $0 { kept } else { nil } }
        }
        scenario.feed(.diskMeasured(usage: 0.5))
        #expect(prunings(scenario).isEmpty)
        scenario.feed(.diskMeasured(usage: 0.95))
        scenario.feed(.diskMeasured(usage: 0.95))
        #expect(prunings(scenario) == [["keep", "busybox"]])
        scenario.now += .seconds(3_601)
        scenario.feed(.diskMeasured(usage: 0.95))
        #expect(prunings(scenario).count == 2)
    }

    @Test("the disk is looked at every minute")
    func watch() {
        var scenario = Scenario()
        scenario.forgetEffects()
        for _ in 0..<10 {
            scenario.master(.ping)
            scenario.advance(by: .seconds(60))
        }
        #expect(scenario.effects.count { if case .measureDisk = $0 { true } else { false } } == 10)
    }
}
