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
            CommandGroup(name: "This host", subcommands: [Host.self, Version.self, Failpoints.self]),
        ],
        helpNames: .long)

    static func main() {
        CurrentProcess.fillStandardStreams()
        CurrentProcess.exit(run(Array(Swift.CommandLine.arguments.dropFirst())))
    }

    /// Runs one command line and gives the exit status.
    static func run(_ arguments: [String]) -> Int32 {
        let line = ArgumentLine(arguments)
        do {
            var command = try parseAsRoot(line.arguments)
            try command.run()
            return 0
        } catch let status as TaskStatus {
            return status.code
        } catch let failure as Failure {
            return report(failure, as: line.format)
        } catch {
            return report(parsing: error, line)
        }
    }

    private static func report(_ failure: Failure, as format: OutputFormat) -> Int32 {
        // Whoever read our output has gone, as `head` does: nothing to say and nobody to say it to.
        if failure.code == "console.unwritable" { return ErrorReport.ownStatus }
        do throws(Failure) {
            try Console.write(Array(ErrorReport.text(failure, as: format).utf8), to: 2)
        } catch { return ErrorReport.ownStatus }
        return ErrorReport.status(of: failure)
    }

    /// What the parser has to say: help is an answer, everything else a refusal.
    private static func report(parsing error: any Error, _ line: ArgumentLine) -> Int32 {
        if exitCode(for: error) == .success {
            do throws(Failure) { try Console.write(fullMessage(for: error) + "\n") } catch {
                return ErrorReport.ownStatus
            }
            return 0
        }
        let said = message(for: error).split(separator: "\n").first.map(String.init) ?? "it cannot be understood"
        var cause = said.asClause
        if let unknown = line.unknownCommand(below: Self.self) { cause = "there is no command '\(unknown)'" }
        return report(
            Failure(
                "usage.invalid", doing: "understand the command line", cause: cause,
                remedy: "see '\(line.helpCommand(below: Self.self))'"),
            as: line.format)
    }
}

/// Ends the program with the status of a task.
struct TaskStatus: Error {
    var code: Int32
}

extension String {
    /// A sentence of the parser's as the end of one of ours.
    fileprivate var asClause: String {
        // What it guesses one might have meant comes second and is seldom right.
        let first = firstRange(of: ". ").map { self[..<$0.lowerBound] } ?? self[...]
        let text = first.hasSuffix(".") ? first.dropLast() : first
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
