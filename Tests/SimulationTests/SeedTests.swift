import Foundation
import Simulation
import Testing

/// Seeds that found something once. The numbers mean what they meant as long as the simulation is not changed; the
/// findings themselves have tests of their own beside the cores.
enum Seeds {
    static let regressions: [UInt64] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "regressions.txt")
        let text: String
        do { text = try String(contentsOf: file, encoding: .utf8) } catch { preconditionFailure("\(error)") }
        return text.split(separator: "\n").compactMap { line in UInt64(line.prefix { $0 != " " }) }
    }()
}

@Suite("Seeds")
struct SeedTests {
    @Test("the cluster withstands what seeds do to it", arguments: Seeds.regressions + Array(1...8))
    func withstands(seed: UInt64) {
        let report = Simulation.run(seed: seed)
        #expect(report.isGood, "\(report)")
        #expect(report.count("launches") > 0 || report.count("tasks") < 10, "nothing was launched: \(report)")
    }

    @Test("several masters take turns, and everything goes on")
    func severalMasters() {
        var plan = SimulationPlan()
        plan.masters = 3
        plan.isPlayedTwice = false
        var counts: [String: Int] = [:]
        for seed in UInt64(1)...10 {
            let report = Simulation.run(seed: seed, plan: plan)
            #expect(report.isGood, "\(report)")
            for (name, count) in report.counts { counts[name, default: 0] += count }
        }
        for name in ["elections", "lost-sessions", "isolations"] { #expect(counts[name, default: 0] > 10, "\(name)") }
    }

    @Test("without faults everything runs and ends")
    func calm() {
        var plan = SimulationPlan()
        plan.faults = .none
        let report = Simulation.run(seed: 1, plan: plan)
        #expect(report.isGood, "\(report)")
        #expect(report.count("ends") > 20)
    }

    @Test("the seeds of the file are read")
    func file() { #expect(Seeds.regressions.count >= 10) }

    @Test("the same seed leaves the same trace, another one another")
    func reproducible() {
        let reports = [4, 4, 9].map { Simulation.run(seed: $0) }
        #expect(reports[0].hash == reports[1].hash && reports[0].events == reports[1].events)
        #expect(reports[0].hash != reports[2].hash)
    }
}
