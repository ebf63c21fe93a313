import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics

/// The audit's other commands are in a program of their own, which hands this one over.
struct AuditGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Audit the machines and tasks of a cluster.",
        discussion: """
            Example:
              bulkhead audit cluster --all-agents
            """, shouldDisplay: false, subcommands: [AuditCluster.self])
}

struct AuditCluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Audit the machines and tasks of a cluster: each agent looks at its own.",
        discussion: """
            Every agent is asked at once; each compares what its tasks asked for with what their containers' records \
            say and with what its kernel shows. The exit status is 0 when nothing was found, 1 with findings of at \
            least --fail-on, and 2 when something could not be observed: an agent that does not answer, a task that \
            nobody has looked at.

            Examples:
              bulkhead audit cluster --master http://10.0.0.1:5050 --all-agents
              bulkhead audit cluster --agent S0 --agent rack7.example.org --no-hosts
              bulkhead audit cluster --all-agents --profile pss-baseline --format sarif --output cluster.sarif
            """)

    @Flag(help: "Every agent the master knows.") var allAgents = false
    @Option(help: .init("An agent by its id, its end (S3), or its host. Repeatable.", valueName: "agent"))
    var agent: [String] = []
    @Flag(inversion: .prefixedNo, help: "Look at the agents' machines themselves as well.") var hosts = true
    @Option(help: .init("How long an agent may take.", valueName: "time")) var patience = "3m"
    @OptionGroup(title: "Report") var report: ReportOptions
    @Option(help: .init("Masters, with commas between them; the leading one is found.", valueName: "URLs"))
    var master = "http://127.0.0.1:5050"
    @Option(
        help: .init(
            "File that says who you are: {\"principal\": …, \"secret\": …} or {\"token\": …}.", valueName: "file"))
    var credentials: String?
    @Option(help: .init("Authority that signs the masters' and agents' certificates, PEM.", valueName: "file"))
    var masterCa: String?

    func run() async throws {
        guard allAgents != !agent.isEmpty else {
            throw Failure(
                "usage.invalid", doing: "understand the command line",
                cause: allAgents ? "agents are named beside --all-agents" : "no agent is named",
                remedy: "give either --all-agents or --agent")
        }
        var reach = ClientOptions()
        (reach.master, reach.credentials, reach.masterCa) = (master, credentials, masterCa)
        let audit = ClusterAudit(
            client: try reach.client(), profile: report.profile, includesHosts: hosts,
            time: try TimeSpan.parse(patience, flag: "patience"))
        let collected = try await audit.collect(allAgents ? nil : agent)
        var whole = try report.report(collected.subjects, collected.findings)
        whole.host = AuditReport.Host(
            name: "cluster of \(audit.client.master)", kernel: collected.kernels.joined(separator: ", "), bootID: "")
        try report.conclude(whole)
    }
}
