import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct FrameworkGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "framework", abstract: ClusterCommand.framework.abstract,
        discussion: """
            Examples:
              bulkhead framework ls
              bulkhead framework teardown my-scheduler
            """, subcommands: [FrameworkList.self, FrameworkTeardown.self])
}

struct FrameworkList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List frameworks.",
        discussion: """
            Examples:
              bulkhead framework ls
              bulkhead framework ls --all --output json
            """)

    @Flag(name: .shortAndLong, help: "Those that have ended as well.")
    var all = false
    @OptionGroup(title: "Everywhere") var global: ClientOptions

    func run() async throws {
        let state = try await global.client().state()
        let live = state.frameworks.frameworks.map {
            FrameworkDocument($0, tasks: tasks($0, state), isCompleted: false)
        }
        let ended = state.frameworks.completed.map { FrameworkDocument($0, tasks: 0, isCompleted: true) }
        let documents = live + (all ? ended : [])
        try global.show(documents) {
            var table = TextTable(headings: ["ID", "NAME", "STATE", "ROLES", "TASKS", "CPUS", "MEM", "OFFERS"])
            for document in documents {
                table.rows.append([
                    document.id, document.name.shortened(to: 40),
                    document.detached == true ? "\(document.state), detached" : document.state,
                    document.roles.joined(separator: ","), "\(document.tasks)", document.allocated["cpus"] ?? "0",
                    document.allocated["mem"] ?? "0", "\(document.offers)",
                ])
            }
            return table.text
        }
    }

    private func tasks(_ framework: FrameworkView, _ state: StateView) -> Int {
        (state.tasks.tasks + state.tasks.unreachable).filter { $0.framework == framework.info.id }.count
    }
}

struct FrameworkTeardown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "teardown", abstract: "End a framework with all its tasks and executors.",
        discussion: """
            Example:
              bulkhead framework teardown my-scheduler
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The framework, by id, its end or its name.") var framework: String

    func run() async throws {
        let client = try global.client()
        let id = try Naming.framework(framework, in: try await client.frameworks()).info.id
        try await client.change(.teardown(id))
        try global.done(id.text)
    }
}
