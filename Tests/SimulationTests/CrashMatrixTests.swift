import Simulation
import Testing

/// A process, or a whole machine, dies at each of its effects in turn, before it is carried out and after, while a
/// cluster without other faults works.
@Suite("Crashes at every effect")
struct CrashMatrixTests {
    struct Crash: Sendable, CustomTestStringConvertible {
        var victim: SimulationPlan.Crash.Victim
        var isAfter: Bool
        var masters = 1
        var testDescription: String {
            "\(victim.rawValue) of \(masters), \(isAfter ? "after" : "before")"
        }
    }

    static let all = SimulationPlan.Crash.Victim.allCases.flatMap { victim in
        [false, true].map { Crash(victim: victim, isAfter: $0) }
    } + [false, true].map { Crash(victim: .master, isAfter: $0, masters: 2) }

    @Test("nothing is lost, started twice or told wrongly", arguments: all)
    func survives(_ crash: Crash) {
        var plan = SimulationPlan()
        plan.faults = .none
        plan.safetyAct = .seconds(40)
        plan.isPlayedTwice = false
        plan.masters = crash.masters
        for effect in 1...20 {
            plan.crash = SimulationPlan.Crash(crash.victim, effect: effect, isAfter: crash.isAfter)
            let report = Simulation.run(seed: 11, plan: plan)
            #expect(report.isGood, "effect \(effect): \(report)")
            let deaths = report.count("agent-kills") + report.count("master-kills") + report.count("reboots")
            #expect(deaths == 1, "effect \(effect) was never reached")
            // Whoever stood by leads, and the one that died stands by.
            #expect(crash.masters == 1 || report.count("elections") == 2)
        }
    }
}
