import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// The program behind `bulkhead master`, `agent`, `local`, `task` and the rest of the cluster's commands.
@main
struct BulkheadCluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bulkhead", abstract: "The cluster's commands.")
}
