import Simulation
import Testing

/// Each checker fails when something is wrong: bugs are planted outside the cores, and must be found.
@Suite("Planted bugs")
struct PlantedBugTests {
    struct Planted: Sendable, CustomTestStringConvertible {
        var bug: PlantedBug
        /// Whoever of these is first is right: one mistake breaks several promises.
        var checkers: Set<Checker>
        var testDescription: String { bug.rawValue }
    }

    /// Where each is looked for.
    static let seeds: ClosedRange<UInt64> = 1...40

    static let all: [Planted] = [
        Planted(bug: .dropsAcknowledgements, checkers: [.updates, .noTaskLost]),
        Planted(bug: .startsTwice, checkers: [.startedOnce]),
        Planted(bug: .launchesUnrecorded, checkers: [.durability]),
        Planted(bug: .sendsUnrecorded, checkers: [.durability]),
        Planted(
            bug: .forgetsRecords,
            checkers: [.durability, .startedOnce, .trueEnds, .noTaskLost, .updates, .leaks, .agreement]),
        Planted(bug: .liesAboutExits, checkers: [.trueEnds]),
        Planted(bug: .dropsEnds, checkers: [.noTaskLost, .updates]),
        Planted(bug: .repeatsAcknowledged, checkers: [.updates]),
        Planted(bug: .inflatesResources, checkers: [.allocation]),
        Planted(bug: .forgetsRegistry, checkers: [.durability, .registry, .allocation]),
        Planted(bug: .revivesGone, checkers: [.registry]),
        Planted(bug: .electsTwo, checkers: [.leadership]),
        Planted(
            bug: .writesUnfenced,
            checkers: [.registry, .durability, .allocation, .updates, .noTaskLost, .trueEnds, .leadership]),
        Planted(bug: .onlyReads, checkers: [.leadership]),
        Planted(bug: .leaksContainers, checkers: [.leaks]),
        Planted(bug: .leaksSandboxes, checkers: [.leaks]),
        Planted(bug: .trustsReusedPIDs, checkers: [.trueEnds]),
        Planted(bug: .drawsFromOutside, checkers: [.determinism]),
    ]

    @Test("a planted bug is found within forty seeds, by whoever is to find it", arguments: all)
    func isFound(_ planted: Planted) throws {
        var plan = SimulationPlan()
        plan.bug = planted.bug
        plan.isPlayedTwice = planted.bug == .drawsFromOutside
        plan.livenessAct = .seconds(2_000)
        let report = try #require(
            Simulation.firstFailure(of: Self.seeds, plan: plan), "\(planted.bug.rawValue) went unnoticed")
        let violation = try #require(report.violation)
        #expect(planted.checkers.contains(violation.checker), "\(violation)")
        #expect(report.description.contains("bulkhead simulate --seed \(report.seed)"))
        #expect(!report.tail.isEmpty)
    }

    @Test("every bug that can be planted is, and every checker of the cluster has one that it finds")
    func complete() {
        #expect(Set(Self.all.map(\.bug)) == Set(PlantedBug.allCases))
        let found = Self.all.reduce(into: Set<Checker>()) { $0.formUnion($1.checkers) }
        #expect(Set(Checker.allCases).subtracting(found) == [.world])
    }
}
