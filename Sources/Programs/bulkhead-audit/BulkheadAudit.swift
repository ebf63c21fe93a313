import ArgumentParser
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
            """,
        subcommands: [
            AuditHost.self, AuditImage.self, AuditContainer.self, AuditGraph.self, AuditDrift.self, ProbeCommand.self, AuditRules.self,
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

/// Ends the program with what an audit came to.
struct AuditStatus: Error {
    static let clean: Int32 = 0
    static let findings: Int32 = 1
    /// Something could not be observed, or the command was refused.
    static let unobserved: Int32 = 2

    var code: Int32
}

extension ArgumentGrammar {
    static let audit = ArgumentGrammar(
        groups: ["audit"], passing: [], globalOptions: [], switches: ["--help", "--version"], shortSwitches: [])
}
