import ArgumentParser
import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct TaskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task", abstract: ClusterCommand.task.abstract,
        discussion: """
            Tasks are named by their id, the beginning of it, or their name.

            Examples:
              bulkhead task run busybox echo hello
              bulkhead task ls --all
              bulkhead task logs -f web
            """,
        subcommands: [
            TaskRun.self, TaskList.self, TaskInspect.self, TaskLogs.self, TaskExec.self, TaskAttach.self, TaskKill.self,
            TaskWait.self, TaskStats.self,
        ])
}

struct TaskList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List tasks.",
        discussion: """
            Examples:
              bulkhead task ls
              bulkhead task ls --all --output json
            """, aliases: ["ps"])

    @Flag(name: .shortAndLong, help: "Those that have ended as well.")
    var all = false
    @Flag(name: .shortAndLong, help: "Ids only.")
    var quiet = false
    @Option(help: .init("Only those of this framework.", valueName: "id or name"))
    var framework: String?
    @OptionGroup(title: "Everywhere") var global: ClientOptions

    func run() async throws {
        let client = try global.client()
        let view = try await client.tasks()
        var tasks = view.tasks + view.unreachable + (all ? view.completed : [])
        if let framework {
            let id = try Naming.framework(framework, in: try await client.frameworks()).info.id
            tasks.removeAll { $0.framework != id }
        }
        if quiet, global.output == .table { return try Console.write(tasks.map { $0.id.text + "\n" }.joined()) }
        let agents = try await client.agents().agents
        let frameworks = try await client.frameworks().frameworks
        try global.show(tasks.map { TaskDocument($0, of: frameworks.first(of: $0)) }) {
            Self.table(tasks, agents, frameworks, now: HostFacts.wallClock())
        }
    }

    static func table(
        _ tasks: [TaskView], _ agents: [AgentView], _ frameworks: [FrameworkView], now: Double
    ) -> String {
        var table = TextTable(headings: ["ID", "STATE", "IMAGE", "CPUS", "MEM", "AGENT", "STARTED", "PORTS"])
        for task in tasks {
            let resources = Resources(task.resources)
            let agent = agents.first { $0.info.id == task.agent }?.info.address.hostname ?? task.agent.text
            table.rows.append([
                task.id.text, state(task) + watch(task, frameworks.first(of: task)), task.container?.image?.name ?? "-",
                resources.amount(of: "cpus").description, resources.amount(of: "mem").description, agent,
                task.startedAt.map { Age.text(now - $0.seconds) } ?? "-", ports(task),
            ])
        }
        return table.text
    }

    /// So many are shown in a table.
    private static let portsShownMax = 4

    private static func ports(_ task: TaskView) -> String {
        let ports = task.state.isTerminal ? [] : task.container?.published ?? []
        if ports.isEmpty { return "-" }
        let more = ports.count > portsShownMax ? " and \(ports.count - portsShownMax) more" : ""
        return ports.prefix(portsShownMax).map(\.shown).joined(separator: " ") + more
    }

    /// A task whose framework is not there goes on without anybody who hears of its end.
    private static func watch(_ task: TaskView, _ framework: FrameworkView?) -> String {
        guard let framework, !task.state.isTerminal, !framework.isConnected else { return "" }
        return framework.isDetached ? ", detached" : ", framework away"
    }

    private static func state(_ task: TaskView) -> String {
        if let code = task.exitCode, task.state.isTerminal { return "\(task.state.word) (\(code))" }
        if task.state == .running, task.statuses.last?.isHealthy == false { return "running (unhealthy)" }
        return task.state.word
    }
}

struct TaskInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show everything the master knows of tasks, as JSON.",
        discussion: """
            Example:
              bulkhead task inspect web
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Tasks.") var tasks: [String]

    func run() async throws {
        let client = try global.client()
        let view = try await client.tasks()
        let frameworks = try await client.frameworks().frameworks
        var documents: [TaskDocument] = []
        for word in tasks {
            let task = try Naming.task(word, in: view)
            documents.append(TaskDocument(task, of: frameworks.first(of: task)))
        }
        try Console.write(try JSONDocument.text(documents))
    }
}

struct TaskLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a task has written.",
        discussion: """
            Its standard output goes to ours, its standard error to ours.

            Examples:
              bulkhead task logs web
              bulkhead task logs -f --stderr web
            """)

    @Flag(name: .shortAndLong, help: "Go on until the task has ended.")
    var follow = false
    @Flag(help: "Only its standard output.")
    var stdout = false
    @Flag(help: "Only its standard error.")
    var stderr = false
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The task.") var task: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.task(task, in: try await client.tasks())
        let agent = try await client.agent(found.agent)
        let end = TaskEnd(client: client, task: found.id)
        let follows = follow
        let isOver: @Sendable () async -> Bool = { follows ? await end.hasCome() : true }
        async let output = stderr && !stdout ? nil : found.files.copy(.output, from: agent, until: isOver)
        async let error = stdout && !stderr ? nil : found.files.copy(.error, from: agent, until: isOver)
        for failure in await [output, error] {
            if let failure { throw failure }
        }
    }
}

struct TaskWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until tasks have ended and print their exit codes.",
        discussion: """
            The exit status is that of the last task.

            Example:
              bulkhead task wait batch-1 batch-2
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Tasks.") var tasks: [String]

    private struct Document: Encodable {
        var id: String
        var exitCode: Int32
        var state: String
        var message: String?
    }

    func run() async throws {
        let client = try global.client()
        let view = try await client.tasks()
        var found: [TaskView] = []
        for word in tasks { found.append(try Naming.task(word, in: view)) }
        var documents: [Document] = []
        for task in found {
            let end = TaskEnd(client: client, task: task.id)
            let update = try await end.wait()
            let outcome = TaskOutcome(update)
            try await end.retire(task.framework)
            documents.append(
                Document(
                    id: task.id.text, exitCode: outcome.status, state: update.state.rawValue, message: update.message))
            if let sentence = outcome.sentence { Console.note("bulkhead: \(sentence)") }
            if global.output == .table { try Console.write("\(outcome.status)\n") }
        }
        if global.output == .json { try Console.write(try JSONDocument.text(documents)) }
        if let last = documents.last, last.exitCode != 0 { throw TaskStatus(code: last.exitCode) }
    }
}
