import Glibc
import Simulation
import Synchronization

/// Plays many seeds with all processors: `play-seeds [FIRST [COUNT]]`, by default 1 to 2000. Every fourth is played
/// twice and must take the same course. Prints what each failing seed found and ends with 1 if there was one.
///
/// A program of its own because it needs nothing but the cores: built with optimisation it is there in two minutes, and
/// plays ten times as many seeds in a minute as the tests do without.
@main struct SeedPlayer {
    /// So many reports are printed in full; of more failures only the line that says what was found.
    static let fullReportsMax = 3

    static func main() async {
        let numbers = CommandLine.arguments.dropFirst().map { UInt64($0) }
        let first = numbers.first ?? 1
        let count = numbers.dropFirst().first ?? 2_000
        guard let first, let count, count > 0, numbers.count <= 2, first <= UInt64.max - count else {
            print("usage: play-seeds [FIRST [COUNT]]: whole numbers, 1 2000 when left out")
            exit(2)
        }
        let clock = ContinuousClock()
        let begin = clock.now
        let failures = await play(first..<(first + count))
        for (number, report) in failures.sorted(by: { $0.seed < $1.seed }).enumerated() {
            let found = report.violation.map { "\($0)" } ?? ""
            print(number < fullReportsMax ? "\(report)\n" : "seed \(report.seed): \(found)")
        }
        print("\(count) seeds from \(first), \(failures.count) failed, \(clock.now - begin)")
        exit(failures.isEmpty ? 0 : 1)
    }

    private static func play(_ seeds: Range<UInt64>) async -> [SimulationReport] {
        let line = Line(seeds)
        return await withTaskGroup(of: [SimulationReport].self) { group in
            // More than there are processors: the pool has one thread for each of them.
            for _ in 0..<64 {
                group.addTask {
                    var failed: [SimulationReport] = []
                    while let seed = line.next() {
                        var plan = SimulationPlan()
                        plan.isPlayedTwice = seed % 4 == 0
                        let report = Simulation.run(seed: seed, plan: plan)
                        if !report.isGood { failed.append(report) }
                    }
                    return failed
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// Seeds, each given out once.
    private final class Line: Sendable {
        private let rest: Mutex<Range<UInt64>>
        init(_ seeds: Range<UInt64>) { rest = Mutex(seeds) }

        func next() -> UInt64? {
            rest.withLock { rest in
                guard let seed = rest.first else { return nil }
                rest = (seed + 1)..<rest.upperBound
                return seed
            }
        }
    }
}
