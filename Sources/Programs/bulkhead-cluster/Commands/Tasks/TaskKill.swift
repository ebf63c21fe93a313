import ArgumentParser
import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct TaskKill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "End tasks politely, or send them a signal.",
        discussion: """
            Without --signal the task gets SIGTERM, and SIGKILL when it has not ended after --grace. The agent does \
            it, whatever framework the task belongs to; that takes the right to kill containers there.

            Examples:
              bulkhead task kill web
              bulkhead task kill --signal HUP web
            """)

    @Option(
        name: .shortAndLong, help: .init("The signal, by name or number; nothing else is done.", valueName: "signal"))
    var signal: String?
    @Option(help: .init("Time from SIGTERM to SIGKILL.", valueName: "time"))
    var grace = "10s"
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Tasks.") var tasks: [String]

    func run() async throws {
        let number = try signal.map { text throws(Failure) in
            guard let number = SignalNumber.named(text) else {
                throw Failure.flag("signal", text, cause: "there is no such signal", remedy: "see signal(7)")
            }
            return number
        }
        let patience = try TimeSpan.parse(grace, flag: "grace")
        let client = try global.client()
        let view = try await client.tasks()
        var found: [TaskView] = []
        for word in tasks { found.append(try Naming.task(word, in: view)) }
        for task in found {
            if let number { try await send(number, to: task, client) } else { try await end(task, client, patience) }
            try global.done(task.id.text)
        }
    }

    private func send(_ signal: Int32, to task: TaskView, _ client: ClusterClient) async throws(Failure) {
        guard let container = task.containerPath, !task.state.isTerminal else {
            throw Failure(
                "task.not-running", doing: "send a signal to the task", on: task.id.text,
                cause: task.state.isTerminal ? "it has ended" : "it has not started yet",
                remedy: "see 'bulkhead task ls --all'", retry: task.state.isTerminal ? .never : .later)
        }
        _ = try await client.agent(task.agent).call(.container(.kill(container, signal: signal), form: .any))
    }

    private func end(_ task: TaskView, _ client: ClusterClient, _ patience: Duration) async throws(Failure) {
        try await send(SignalNumber.terminate, to: task, client)
        let end = TaskEnd(client: client, task: task.id)
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if try await end.update() != nil { return try await end.retire(task.framework) }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
        }
        do throws(Failure) { try await send(SignalNumber.kill, to: task, client) } catch {
            guard error.code == "client.not-found" else { throw error }
        }
        _ = try await end.wait()
        try await end.retire(task.framework)
    }
}
