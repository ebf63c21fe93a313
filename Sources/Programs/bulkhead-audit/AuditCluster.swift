import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// A name in the help: whatever asks agents is in the program that speaks for the cluster (decision 0060).
struct AuditCluster: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Audit the machines and tasks of a cluster: each agent looks at its own.",
        discussion: """
            Examples:
              bulkhead audit cluster --master http://10.0.0.1:5050 --all-agents
            """)

    @Argument(parsing: .captureForPassthrough, help: .hidden) var words: [String] = []

    func run() throws { try Self.handOver(["audit", "cluster"] + words) }

    /// Whether the words are the other program's: to be carried out, explained or completed.
    static func isMeant(by arguments: [String]) -> Bool {
        let own = ["audit", "cluster"]
        return arguments.starts(with: own) || arguments.starts(with: ["help"] + own)
            || (arguments.count > 5 && arguments.starts(with: ["completion", "words", "--"] + own))
    }

    /// Becomes the other program; returns only by throwing.
    static func handOver(_ arguments: [String]) throws(Failure) {
        let program = try InstalledProgram.cluster.found()
        do throws(KernelError) {
            try CurrentProcess.become(program, [program] + arguments)
        } catch {
            throw error.failure(
                InstalledProgram.cluster.missing, doing: "execute", on: program,
                remedy: "install Bulkhead again, or name the program in \(InstalledProgram.cluster.variable)")
        }
    }
}
