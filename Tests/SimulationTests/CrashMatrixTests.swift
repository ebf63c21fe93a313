import Simulation
import Testing

/// A process, or a whole machine, dies at each of its effects in turn, before it is carried out and after, while a
/// cluster without other faults works.
@Suite("Crashes at every effect")
struct CrashMatrixTests {
    struct Crash: Sendable, CustomTestStringConvertible {
        var victim: SimulationPlan.Crash.Victim
        var isAfter: Bool
        var testDescription: String { "\(victim.rawValue), \(isAfter ? "after" : "before")" }
    }

    static let all = SimulationPlan.Crash.Victim.allCases.flatMap { victim in
        [false, true].map { Crash(victim: victim, isAfter: $0) }
    }

    @Test("nothing is lost, started twice or told wrongly", arguments: all)
    func survives(_ crash: Crash) {
        var plan = SimulationPlan()
        plan.faults = .none
        plan.safetyAct = .seconds(40)
        plan.isPlayedTwice = false
        for effect in 1...20 {
            plan.crash = SimulationPlan.Crash(crash.victim, effect: effect, isAfter: crash.isAfter)
            let report = Simulation.run(seed: 11, plan: plan)
            #expect(report.isGood, "effect \(effect): \(report)")
            let deaths = report.count("agent-kills") + report.count("master-kills") + report.count("reboots")
            #expect(deaths == 1, "effect \(effect) was never reached")
        }
    }
}
