public import ArgumentParser
import CommandOutput
import Determinism
import Diagnostics
import LinuxKernel
public import Simulation
import Waiting

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Play whole clusters, with crashes and partitions, from seeds.",
        discussion: """
            Runs the cores of master and agent in a world of simulated machines, disks and networks. The same seed \
            takes the same course everywhere. Exit status 0: nothing was wrong; 1: a checker found something.

            Examples:
              bulkhead simulate --seed 42
              bulkhead simulate --seeds 2000
              bulkhead simulate --seed 7 --bug drops-ends
            """)

    @Option(help: "The first seed (usual: drawn).")
    var seed: UInt64?
    @Option(help: "How many seeds, one after the other.")
    var seeds: UInt64 = 1
    @Option(help: "Seeds played at once (usual: a processor each).")
    var jobs: Int?
    @Option(help: "Something wrong on purpose, which a checker has to find.")
    var bug: PlantedBug?
    @Flag(help: "Without faults.")
    var noFaults = false
    @Option(help: "Lines of the trace shown when something was wrong.")
    var trace = 40
    @Option(help: "How results are shown: table or json.")
    var output = OutputFormat.table

    func run() async throws {
        guard seeds > 0 else {
            throw Failure.flag("seeds", "0", cause: "there is nothing to play", remedy: "write 1 or more")
        }
        let first = seed ?? KernelRandom.number() >> 16
        let last = first.addingReportingOverflow(seeds - 1)
        guard !last.overflow else {
            throw Failure.flag(
                "seeds", "\(seeds)", cause: "there are no more seeds", remedy: "begin at a smaller --seed")
        }
        let reports = try await play(first...last.partialValue)
        if let failed = reports.failures.min(by: { $0.seed < $1.seed }) {
            try Console.write(text(of: failed))
            throw TaskStatus(code: 1)
        }
        try Console.write(summary(reports, first))
    }

    private struct Reports: Sendable {
        var failures: [SimulationReport] = []
        var played: UInt64 = 0
        var events = 0
        var lasted = Duration.zero
        var hash: UInt64 = 0
    }

    /// Each job takes every so-many-th seed, and stops at the first that fails.
    private func play(_ range: ClosedRange<UInt64>) async throws(Failure) -> Reports {
        let jobs = UInt64(max(1, min(jobs ?? HostFacts.processorCount(), 256)))
        var plan = SimulationPlan()
        plan.bug = bug
        if noFaults { plan.faults = .none }
        plan.traceLinesMax = max(0, trace)
        let settled = plan
        let results = await withTaskGroup(of: Result<Reports, Failure>.self) { group in
            for job in 0..<min(jobs, range.upperBound - range.lowerBound + 1) {
                group.addTask {
                    do throws(Failure) {
                        return .success(
                            try await ThreadPool.shared.run { () throws(Failure) in
                                Self.play(
                                    stride(from: range.lowerBound + job, through: range.upperBound, by: Int(jobs)),
                                    settled)
                            })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var all = Reports()
        for result in results {
            let part = try result.get()
            all.failures += part.failures
            all.played += part.played
            all.events += part.events
            all.lasted += part.lasted
            all.hash ^= part.hash
        }
        return all
    }

    private static func play(_ seeds: some Sequence<UInt64>, _ plan: SimulationPlan) -> Reports {
        var reports = Reports()
        let failure = Simulation.firstFailure(of: seeds, plan: plan) { report in
            reports.played += 1
            reports.events += report.events
            reports.lasted += report.lasted
            reports.hash ^= report.hash
        }
        if let failure { reports.failures.append(failure) }
        return reports
    }

    // MARK: - Output

    private struct Summary: Encodable {
        var firstSeed: UInt64
        var seeds: UInt64
        var events: Int
        var simulatedSeconds: Int64
        var hash: String
    }

    private func summary(_ reports: Reports, _ first: UInt64) throws(Failure) -> String {
        let hash = String(reports.hash, radix: 16)
        let seconds = reports.lasted.components.seconds
        if output == .json {
            return try JSONDocument.text(
                Summary(
                    firstSeed: first, seeds: reports.played, events: reports.events, simulatedSeconds: seconds,
                    hash: hash))
        }
        return "\(reports.played) seeds from \(first): \(reports.events) events in \(seconds / 3_600) simulated hours, "
            + "nothing was wrong (trace \(hash))\n"
    }

    private struct Finding: Encodable {
        var seed: UInt64
        var checker: String
        var act: String
        var message: String
        var faults: String
        var trace: [String]
    }

    private func text(of report: SimulationReport) throws(Failure) -> String {
        guard let violation = report.violation else { return "" }
        if output == .json {
            return try JSONDocument.text(
                Finding(
                    seed: report.seed, checker: violation.checker.rawValue, act: violation.act.rawValue,
                    message: violation.message, faults: report.faults, trace: report.tail))
        }
        return (report.tail + [
            "", "seed \(report.seed): \(violation)", "faults: \(report.faults)",
            "again: bulkhead simulate --seed \(report.seed)" + (bug.map { " --bug \($0.rawValue)" } ?? ""), "",
        ]).joined(separator: "\n")
    }
}

extension PlantedBug: ExpressibleByArgument {}
