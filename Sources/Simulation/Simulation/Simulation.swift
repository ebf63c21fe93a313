import Determinism

/// A whole cluster in one thread: the master's and the agents' own cores, with network, disks, clocks, machines,
/// frameworks and operators drawn from one number.
///
/// Three acts. Safety: faults happen, and nothing may be wrong. Liveness: everything heals, and everything must come to
/// its end. Determinism: the same seed once more must leave the same trace.
public enum Simulation {
    /// Plays one seed. The same seed and plan give the same report, on every run and every machine.
    public static func run(seed: UInt64, plan: SimulationPlan = SimulationPlan()) -> SimulationReport {
        let report = play(seed, plan)
        guard plan.isPlayedTwice, report.violation == nil else { return report }
        let again = play(seed, plan)
        guard again.hash == report.hash else { return differing(report, again) }
        return report
    }

    /// Plays `seeds` one after another and answers with the first that fails; nil: none does.
    ///
    /// - Parameter each: told of every report, also of the last.
    public static func firstFailure(
        of seeds: some Sequence<UInt64>, plan: SimulationPlan = SimulationPlan(),
        each: (SimulationReport) -> Void = { _ in }
    ) -> SimulationReport? {
        for seed in seeds {
            let report = run(seed: seed, plan: plan)
            each(report)
            if report.violation != nil { return report }
        }
        return nil
    }

    private static func play(_ seed: UInt64, _ plan: SimulationPlan) -> SimulationReport {
        let world = World(seed: seed, plan: plan)
        world.play()
        defer { world.dismantle() }
        return world.report()
    }

    private static func differing(_ first: SimulationReport, _ second: SimulationReport) -> SimulationReport {
        var report = first
        let place = zip(first.marks, second.marks).enumerated().first { $0.element.0 != $0.element.1 }
        let event = place.map { $0.offset * Trace.marked } ?? min(first.events, second.events)
        report.violation = Violation(
            checker: .determinism, act: .determinism, at: first.endedAt,
            message: "the same seed took another course when it was played again: the first \(event) events are the "
                + "same, of \(first.events) and \(second.events)")
        return report
    }
}
