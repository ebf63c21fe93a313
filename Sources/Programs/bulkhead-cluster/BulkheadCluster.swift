import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// The protocol has flags too.
typealias Flag = ArgumentParser.Flag

/// The program behind `bulkhead master`, `agent`, `local`, `task` and the rest of the cluster's commands.
@main
struct BulkheadCluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead", abstract: "The cluster's commands.", version: ProgramVersion.text,
        subcommands: [
            Local.self, MasterCommand.self, AgentGroup.self, TaskCommand.self, FrameworkGroup.self, QuotaGroup.self,
            WeightsGroup.self, Reserve.self, Unreserve.self, VolumeGroup.self, MaintenanceGroup.self, StateCommand.self,
            CompletionCommand.self, ManualCommand.self,
        ], helpNames: .long)

    static func main() async {
        CurrentProcess.fillStandardStreams()
        SignalQueue.ignoreBrokenPipes()
        CurrentProcess.exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs one command line and gives the exit status.
    static func run(_ arguments: [String]) async -> Int32 {
        let line = ArgumentLine(arguments, .cluster)
        do {
            var command = try parseAsRoot(line.arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let status as TaskStatus {
            return status.code
        } catch {
            return RefusalReport(Self.self, line).status(of: error)
        }
    }
}

extension ArgumentGrammar {
    static let cluster = ArgumentGrammar(
        groups: ["task", "agent", "framework", "quota", "weights", "volume", "maintenance"],
        passing: ["task run", "task exec"], globalOptions: ["--output", "--master", "--credentials", "--config"],
        switches: ["--help", "--version", "--rm", "--detach", "--interactive", "--tty", "--read-only"], shortSwitches: ["d", "i", "t"])
}
