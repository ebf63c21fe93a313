import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// The program behind `bulkhead master`, `agent`, `local`, `task` and the rest of the cluster's commands.
@main
struct BulkheadCluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead", abstract: "The cluster's commands.", version: ProgramVersion.text,
        subcommands: [Local.self], helpNames: .long)

    static func main() async {
        CurrentProcess.fillStandardStreams()
        SignalQueue.ignoreBrokenPipes()
        CurrentProcess.exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs one command line and gives the exit status.
    static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let failure as Failure {
            return report(failure)
        } catch {
            return report(parsing: error)
        }
    }

    private static func report(_ failure: Failure) -> Int32 {
        if failure.code == "console.unwritable" { return ErrorReport.ownStatus }
        Console.note(String(ErrorReport.text(failure, as: .table).dropLast()))
        return ErrorReport.status(of: failure)
    }

    private static func report(parsing error: any Error) -> Int32 {
        if exitCode(for: error) == .success {
            do throws(Failure) { try Console.write(fullMessage(for: error) + "\n") } catch {
                return ErrorReport.ownStatus
            }
            return 0
        }
        return report(
            Failure(
                "usage.invalid", doing: "understand the command line", cause: message(for: error),
                remedy: "see 'bulkhead --help'"))
    }
}
