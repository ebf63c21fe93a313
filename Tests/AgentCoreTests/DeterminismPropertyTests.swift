import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

/// Random lives of an agent: the same seed gives the same effects, the journal always adds up to the state, and when
/// everything has calmed down nothing is left.
@Suite("Random lives")
struct DeterminismPropertyTests {
    static func life(_ seed: UInt64) throws -> Scenario {
        var random = SeededRandom(seed: seed)
        var scenario = Scenario(.sample.with { $0.bounds.surplusRecordsMax = 50 }, seed: seed)
        var names: [String] = []
        for step in 0..<120 {
            switch random.below(12) {
            case 0...2:
                names.append("t\(step)")
                scenario.run(.command("t\(step)") { spec in
                    if random.chance(1, outOf: 3) { spec.maxCompletionTime = .seconds(random.within(1...100)) }
                    if random.chance(1, outOf: 3) {
                        spec.healthCheck = HealthCheck(.tcp(port: 1), delay: .seconds(1), gracePeriod: .seconds(5))
                    }
                })
            case 3:
                names += ["a\(step)", "b\(step)"]
                scenario.master(.runGroup([.member("a\(step)"), .member("b\(step)")], under: .pod, of: .sample))
            case 4, 5:
                if let id = random.pick(scenario.machine.order) {
                    scenario.end(id, code: random.chance(2, outOf: 3) ? 0 : 1)
                }
            case 6: if let name = random.pick(names) { scenario.kill(name, grace: .seconds(random.below(10))) }
            case 7: scenario.advance(by: .seconds(random.below(30)))
            case 8:
                scenario.machine.isStubborn = random.chance(1, outOf: 2)
                scenario.masterAcknowledges = random.chance(2, outOf: 3)
            case 9:
                if random.chance(1, outOf: 3) {
                    scenario.restart(seed: seed &+ UInt64(step), reboots: random.chance(1, outOf: 5))
                } else {
                    scenario.feed(.linkLost(RegistrationTests.failure))
                }
            case 10:
                let kind = random.pick([Scenario.Held.stores, .launches, .destroys, .sandboxes]) ?? .stores
                if scenario.held.isEmpty { scenario.held = [kind] } else { scenario.releaseAll() }
            default:
                if let probe = scenario.openProbe {
                    scenario.answeredProbes.insert(probe)
                    scenario.feed(.probed(probe, random.chance(1, outOf: 2) ? .connected : .timedOut))
                }
            }
        }
        return scenario
    }

    /// What an effect says, without the order in which a dictionary in it, such as labels, happens to be described.
    static func words(_ effect: AgentEffect) -> [Substring] {
        "\(effect)".split { $0 == "," || $0 == " " || $0 == "[" || $0 == "]" }.sorted()
    }

    @Test("the same seed gives the same effects", arguments: [1, 2, 3, 4] as [UInt64])
    func same(_ seed: UInt64) throws {
        let first = try Self.life(seed)
        let second = try Self.life(seed)
        #expect(first.effects.count > 200)
        #expect(first.effects.count == second.effects.count)
        for (one, other) in zip(first.effects, second.effects) { try #require(Self.words(one) == Self.words(other)) }
    }

    @Test("whatever happened, it ends well", arguments: 1...40 as ClosedRange<UInt64>)
    func endsWell(_ seed: UInt64) throws {
        var scenario = try Self.life(seed)
        scenario.releaseAll()
        scenario.machine.isStubborn = false
        scenario.masterAcknowledges = true
        scenario.restart(seed: seed &+ 1_000)
        for task in scenario.agent.state.tasks.keys { scenario.master(.kill(task, gracePeriod: .zero)) }
        scenario.advance(by: .seconds(1_300))
        let state = scenario.agent.state
        #expect(AgentState(scenario.journal.flatMap { $0 }) == state)
        #expect(state.tasks.isEmpty && state.streams.isEmpty, "\(state.tasks.keys)")
        #expect(state.containers.isEmpty && state.executors.isEmpty)
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 })
        var ends: [TaskID: Set<UpdateID?>] = [:]
        for case .status(let update, _) in scenario.sent where update.state.isTerminal {
            if update.reason != .reconciliation { ends[update.task, default: []].insert(update.id) }
        }
        #expect(ends.values.allSatisfy { $0.count == 1 }, "a task ended twice")
    }
}

extension Scenario {
    mutating func releaseAll() {
        for kind in [Held.stores, .sandboxes, .fetches, .launches, .destroys, .link] { release(kind) }
    }
}
