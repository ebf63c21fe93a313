import ArgumentParser
import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct TaskExec: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run one more command in a task's container.",
        discussion: """
            A -- right after the task is left out. The exit status is the command's.

            Examples:
              bulkhead task exec web ps
              bulkhead task exec -it web sh
            """)

    @Flag(name: .shortAndLong, help: "Send it what we are given on standard input.")
    var interactive = false
    @Flag(name: .shortAndLong, help: "Give it a terminal.")
    var tty = false
    @Option(
        name: [.short, .long], parsing: .unconditionalSingleValue,
        help: .init("A variable. Repeatable.", valueName: "name=value"))
    var env: [String] = []
    @Option(name: [.short, .long], help: .init("User it runs as, by name or number.", valueName: "user"))
    var user: String?
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The task.") var task: String
    @Argument(parsing: .captureForPassthrough, help: "The command.") var command: [String] = []

    func run() async throws {
        let words = try words()
        guard let program = words.command.first else {
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "no command was given",
                remedy: "see 'bulkhead task exec --help'")
        }
        let client = try global.client()
        let found = try Naming.task(words.subject, in: try await client.tasks())
        guard let container = found.containerPath, !found.state.isTerminal else {
            throw Failure(
                "task.not-running", doing: "run a command in the task", on: found.id.text,
                cause: found.state.isTerminal ? "it has ended" : "it has not started yet",
                remedy: "see 'bulkhead task ls --all'")
        }
        var spec: ContainerSpec?
        if tty { spec = ContainerSpec(kind: .mesos, terminal: Terminal(size: SessionStreams.size())) }
        let path = try container.appending(try ContainerName("exec-\(String(KernelRandom.number(), radix: 36))"))
        let request = ContainerLaunchRequest(
            path,
            command: CommandSpec(
                .execute(path: program, arguments: words.command), environment: try environment(), user: user),
            spec: spec)
        let agent = try await client.agent(found.agent)
        var streams = SessionStreams(agent: agent, container: path, interactive: interactive, terminal: tty)
        streams.resizes = try SignalStream.resizing().resizes
        _ = try await streams.follow(try await agent.launchSession(request))
        let status = Self.status(try await agent.wait(for: path))
        if status != 0 { throw TaskStatus(code: status) }
    }

    /// The task and the command, as those of `bulkhead exec`.
    func words() throws(Failure) -> TaskWords { try TaskWords(task, command, of: "task exec", isForgiving: true) }

    private func environment() throws(Failure) -> [CommandSpec.EnvironmentVariable] {
        var variables: [CommandSpec.EnvironmentVariable] = []
        for entry in env {
            let parts = entry.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else {
                throw .flag("env", entry, cause: "it has no name", remedy: "write it as NAME=value")
            }
            guard let value = parts.count == 2 ? parts[1] : ProcessEnvironment.value(parts[0]) else { continue }
            variables.append(CommandSpec.EnvironmentVariable(parts[0], .text(value)))
        }
        return variables
    }

    /// As a shell has it.
    static func status(_ termination: ContainerTermination) -> Int32 {
        guard let status = termination.status else { return ErrorReport.ownStatus }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }
}

struct TaskAttach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Show what a task says from now on, and type to it.",
        discussion: """
            An interrupt ends the watching, not the task; where keys go to the task, those of --detach-keys do. \
            Typing takes a task that was started with -i or -t.

            Examples:
              bulkhead task attach web
              bulkhead task attach -i shell
            """)

    @Flag(name: .shortAndLong, help: "Send it what we are given on standard input.")
    var interactive = false
    @Option(help: .init("Keys that leave its terminal; '' for none.", valueName: "keys"))
    var detachKeys = DetachKeys.usual
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The task.") var task: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.task(task, in: try await client.tasks())
        guard let container = found.containerPath, !found.state.isTerminal else {
            throw Failure(
                "task.not-running", doing: "attach to the task", on: found.id.text,
                cause: found.state.isTerminal ? "it has ended" : "it has not started yet",
                remedy: "see 'bulkhead task logs \(found.id)'")
        }
        let agent = try await client.agent(found.agent)
        let hasTerminal = found.container?.terminal != nil
        var streams = SessionStreams(
            agent: agent, container: container, interactive: interactive, terminal: hasTerminal)
        if hasTerminal { streams.detachKeys = try DetachKeys.parse(detachKeys) }
        streams.resizes = try SignalStream.resizing().resizes
        if case .detached = try await streams.follow(try await agent.attachOutput(of: container)) { return }
        let update = try await TaskEnd(client: client, task: found.id).wait()
        let outcome = TaskOutcome(update)
        if let sentence = outcome.sentence { Console.note("bulkhead: \(sentence)") }
        if outcome.status != 0 { throw TaskStatus(code: outcome.status) }
    }
}
