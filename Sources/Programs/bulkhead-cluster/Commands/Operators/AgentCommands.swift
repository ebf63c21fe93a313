import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct AgentGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: ClusterCommand.agent.abstract,
        discussion: """
            Without a further command this machine becomes an agent: see 'bulkhead agent start --help'. Agents are \
            named by their id, its end (S3), or their host.

            Examples:
              bulkhead agent --master http://10.0.0.1:5050
              bulkhead agent ls
              bulkhead agent drain --wait rack7.example.org
            """,
        subcommands: [
            AgentCommand.self, AgentList.self, AgentInspect.self, AgentDrain.self, AgentDeactivate.self,
            AgentReactivate.self, AgentGone.self,
        ], defaultSubcommand: AgentCommand.self)
}

struct AgentList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List agents.",
        discussion: """
            Examples:
              bulkhead agent ls
              bulkhead agent ls --output json
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions

    func run() async throws {
        let view = try await global.client().agents()
        try global.show(view.agents.map(AgentDocument.init)) { Self.table(view, now: HostFacts.wallClock()) }
    }

    static func table(_ view: AgentsView, now: Double) -> String {
        var table = TextTable(headings: ["ID", "HOST", "STATE", "CPUS", "MEM", "DISK", "KIND", "SINCE"])
        for agent in view.agents {
            let kind = agent.info.attributes.first { $0.name == "bulkhead.host.kind" }?.text
            table.rows.append([
                agent.info.id.text, agent.info.address.hostname, agent.word,
                Amounts.share("cpus", of: agent.allocated, in: agent.total),
                Amounts.share("mem", of: agent.allocated, in: agent.total),
                Amounts.share("disk", of: agent.allocated, in: agent.total), kind ?? "-",
                Age.text(now - agent.registeredAt.seconds),
            ])
        }
        for agent in view.recovered {
            table.rows.append([agent.id.text, agent.address.hostname, "awaited", "-", "-", "-", "-", "-"])
        }
        return table.text
    }
}

struct AgentInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show everything the master knows of agents, as JSON.",
        discussion: """
            Example:
              bulkhead agent inspect S0
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Agents.") var agents: [String]

    func run() async throws {
        let view = try await global.client().agents()
        var documents: [AgentDocument] = []
        for word in agents { documents.append(AgentDocument(try Naming.agent(word, in: view))) }
        try Console.write(try JSONDocument.text(documents))
    }
}

struct AgentDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "End an agent's tasks and give it no new ones.",
        discussion: """
            'bulkhead agent reactivate' brings it back.

            Examples:
              bulkhead agent drain S3
              bulkhead agent drain --grace 1m --mark-gone S3
            """)

    @Option(help: .init("No task gets longer from the polite signal to the end.", valueName: "time"))
    var grace: String?
    @Flag(help: "Once it is empty it is gone for good.")
    var markGone = false
    @Flag(help: "Return when it is empty.")
    var wait = false
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String

    func run() async throws {
        let patience = try grace.map { text throws(Failure) in try TimeSpan.parse(text, flag: "grace") }
        let client = try global.client()
        let id = try Naming.agent(agent, in: try await client.agents()).info.id
        try await client.change(.drainAgent(id, DrainConfiguration(maxGracePeriod: patience, marksGone: markGone)))
        while wait {
            let found = try await client.agents().agents.first { $0.info.id == id }
            if found == nil || found?.drain?.state == .drained { break }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
        try global.done(id.text)
    }
}

struct AgentDeactivate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deactivate", abstract: "Give an agent no new tasks; those it has run on.",
        discussion: """
            Example:
              bulkhead agent deactivate S3
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String

    func run() async throws {
        let client = try global.client()
        let id = try Naming.agent(agent, in: try await client.agents()).info.id
        try await client.change(.deactivateAgent(id))
        try global.done(id.text)
    }
}

struct AgentReactivate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reactivate", abstract: "Give tasks again to an agent that was deactivated or drained.",
        discussion: """
            Example:
              bulkhead agent reactivate S3
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String

    func run() async throws {
        let client = try global.client()
        let id = try Naming.agent(agent, in: try await client.agents()).info.id
        try await client.change(.reactivateAgent(id))
        try global.done(id.text)
    }
}

struct AgentGone: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gone", abstract: "Say that an agent will never come back: its tasks are lost.",
        discussion: """
            For a machine that has burned down. It is never admitted again under this id. Takes the whole id, so that \
            it is not done by mistake.

            Example:
              bulkhead agent gone 8d815303-7b5e-4e64-8ce0-56a867bb93b7-S3
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent, by its whole id.") var agent: String

    func run() async throws {
        let id = try AgentID(agent)
        try await global.client().change(.markAgentGone(id))
        try global.done(id.text)
    }
}
