import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// The program: one file a command. Everything below `main` works by throwing `Failure` or `TaskStatus`.
@main
struct Bulkhead: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead",
        abstract: "Run Docker-format images isolated on Linux.",
        discussion: """
            Every container has namespaces, user ids, limits and a system call filter of its own unless you say \
            otherwise. Needs root.

            Examples:
              bulkhead image import busybox.tar --name busybox
              bulkhead run --rm -it busybox
              bulkhead run -d --name web --memory 256m --cpus 0.5 my-server
              bulkhead logs -f web
            """,
        version: Version.text,
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Containers",
                subcommands: [
                    Run.self, Exec.self, ListContainers.self, Inspect.self, Logs.self, Stop.self, Kill.self, Wait.self,
                    RemoveContainers.self, Stats.self, Pause.self, Unpause.self, Update.self,
                ]),
            CommandGroup(name: "Images", subcommands: [Images.self]),
            CommandGroup(name: "Networks", subcommands: [Networks.self]),
            CommandGroup(name: "The cluster", subcommands: HandOver.commands),
            CommandGroup(
                name: "This host",
                subcommands: [
                    Host.self, AuditCommand.self, CompletionCommand.self, Version.self, Failpoints.self,
                    ManualCommand.self,
                ]),
        ],
        helpNames: .long)

    static func main() {
        CurrentProcess.fillStandardStreams()
        CurrentProcess.exit(run(Array(Swift.CommandLine.arguments.dropFirst())))
    }

    /// Runs one command line and gives the exit status.
    static func run(_ arguments: [String]) -> Int32 {
        let line = ArgumentLine(arguments, .runtime)
        do {
            if line.isAudit { try HandOver.execute(arguments, by: .audit) }
            if ClusterCommand.takes(line.command, line.flags) || line.completesCluster {
                try HandOver.execute(line.arguments)
            }
            var command = try line.parsed(line.arguments, below: Self.self)
            try command.run()
            return 0
        } catch let status as TaskStatus {
            return status.code
        } catch {
            return RefusalReport(Self.self, line).status(of: error)
        }
    }
}

/// Ends the program with the status of a task.
struct TaskStatus: Error {
    var code: Int32
}
