import ArgumentParser
import AuditOutput
import CommandOutput
import Diagnostics
import LinuxKernel

/// The program behind `bulkhead audit`.
struct BulkheadAudit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead", abstract: "The audit's commands.", version: ProgramVersion.text,
        subcommands: [AuditGroup.self, CompletionCommand.self, ManualCommand.self], helpNames: .long)

    /// Runs one command line and gives the exit status.
    static func run(_ arguments: [String]) -> Int32 {
        do {
            if AuditCluster.isMeant(by: arguments) { try AuditCluster.handOver(arguments) }
            var command = try parseAsRoot(arguments)
            try command.run()
            return AuditStatus.clean
        } catch let status as AuditStatus {
            return status.code
        } catch {
            let status = RefusalReport(Self.self, ArgumentLine(arguments, .audit)).status(of: error)
            return status == 0 ? AuditStatus.clean : AuditStatus.unobserved
        }
    }
}

struct AuditGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Audit this host, images and containers.",
        discussion: """
            Every value is read from the kernel, not from a configuration. The exit status is 0 when nothing was \
            found, 1 with findings of at least --fail-on, and 2 when something could not be observed: what cannot be \
            read is never taken for good.

            Examples:
              bulkhead audit host
              bulkhead audit container web --profile cis-docker-5
              bulkhead audit container --pid 4711 --format sarif --output audit.sarif
              bulkhead audit cluster --master http://10.0.0.1:5050 --all-agents
            """,
        subcommands: [
            AuditHost.self, AuditImage.self, AuditContainer.self, AuditCluster.self, AuditMachine.self,
            AuditGraph.self, AuditDrift.self, ProbeCommand.self, AuditRules.self,
            AuditSchema.self, SeccompCommand.self, AuditEvidence.self, AuditKey.self, AuditVerify.self,
        ], helpNames: .long)
}

@main
enum Program {
    static func main() {
        CurrentProcess.fillStandardStreams()
        CurrentProcess.exit(BulkheadAudit.run(Array(CommandLine.arguments.dropFirst())))
    }
}

extension ArgumentGrammar {
    static let audit = ArgumentGrammar(
        groups: ["audit"], passing: [], globalOptions: [], switches: ["--help", "--version"], shortSwitches: [])
}
