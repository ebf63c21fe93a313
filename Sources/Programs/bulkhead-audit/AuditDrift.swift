import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Diagnostics
import LinuxKernel

struct AuditDrift: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift", abstract: "Keep what containers are like, and see later what has changed.",
        discussion: """
            Examples:
              bulkhead audit drift baseline --all --output baseline.json
              bulkhead audit drift check baseline.json
            """, subcommands: [DriftBaseline.self, DriftCheck.self])
}

struct DriftBaseline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline", abstract: "Write down what containers are like now.",
        discussion: """
            Example:
              bulkhead audit drift baseline web db --output baseline.json
            """)

    @Argument(help: "Names or ids of containers of ours.") var containers: [String] = []
    @Option(help: .init("A process of a container that somebody else started.", valueName: "id")) var pid: [Int32] = []
    @Flag(help: "Every container on this host.") var all = false
    @Option(help: .init("Where the baseline is written.", valueName: "file")) var output: String
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let found = try Surveyor(places).observe(containers, processes: pid, all: all)
        var options = ReportOptions()
        options.output = output
        try options.write(try AuditDocument(encoding: BaselineDocument(containers: found)).canonical + "\n")
    }
}

/// A baseline as a file.
struct BaselineDocument: Codable {
    static let schemaName = "bulkhead-baseline/1"
    var schema = BaselineDocument.schemaName
    var containers: [ContainerFacts]

    init(containers: [ContainerFacts]) { self.containers = containers }
}

struct DriftCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look again at the containers of a baseline, and tell what has changed.",
        discussion: """
            Example:
              bulkhead audit drift check baseline.json --format json
            """)

    private static let baselineBytesMax = 256 << 20

    @Argument(help: "The file 'drift baseline' wrote.") var baseline: String
    @OptionGroup var report: ReportOptions
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let known = try read()
        let surveyor = try Surveyor(places)
        var findings: [Finding] = []
        for before in known.containers {
            findings.append(try compare(before, surveyor))
        }
        try report.conclude(try report.report(findings.map(\.subject), findings))
    }

    private func compare(_ before: ContainerFacts, _ surveyor: Surveyor) throws(Failure) -> Finding {
        let isOurs = before.subject.maker == "bulkhead"
        do throws(Failure) {
            let now = try surveyor.observe(
                isOurs ? [before.subject.id] : [], processes: isOurs ? [] : [before.subject.process ?? 0], all: false)
            guard let now = now.first else { return gone(before, "it is not there any more") }
            return Drift.finding(
                now, since: before, documents: (try AuditDocument(encoding: before), try AuditDocument(encoding: now)))
        } catch {
            return gone(before, error.description)
        }
    }

    private func gone(_ before: ContainerFacts, _ why: String) -> Finding {
        Finding(Drift.rule, before.subject, .unknown, why)
    }

    private func read() throws(Failure) -> BaselineDocument {
        let path = HostPath.absolute(baseline, in: CurrentProcess.directory())
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try OwnedDescriptor.open(RawPath(path)).readAll(limit: Self.baselineBytesMax)
        } catch {
            throw error.failure("audit.unreadable", doing: "read the baseline", on: path)
        }
        do {
            let document = try AuditDocument.read(bytes).decoded(as: BaselineDocument.self)
            guard document.schema == BaselineDocument.schemaName else {
                throw Failure("audit.not-a-baseline", doing: "read the baseline", on: path, cause: document.schema)
            }
            return document
        } catch {
            throw Failure(
                "audit.not-a-baseline", doing: "read the baseline", on: path, cause: "\(error)",
                remedy: "give a file that 'bulkhead audit drift baseline' wrote")
        }
    }
}
