import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Diagnostics

struct StateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state", abstract: ClusterCommand.state.abstract,
        discussion: """
            Examples:
              bulkhead state
              bulkhead state --output json
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions

    private struct Document: Encodable {
        struct Role: Encodable {
            var name: String
            var weight: Double
            var frameworks: Int
            var allocated: [String: String]
        }
        var master: String
        var version: String
        var agents: [AgentDocument]
        var frameworks: [FrameworkDocument]
        var tasks: [TaskDocument]
        var roles: [Role]
    }

    func run() async throws {
        let client = try global.client()
        let leader = try await client.leadingMaster()
        let state = try await client.state()
        let roles = try await client.roles().map { role in
            Document.Role(
                name: role.name.text, weight: role.weight, frameworks: role.frameworks.count,
                allocated: Amounts.document(role.allocated))
        }
        let tasks = state.tasks.tasks + state.tasks.unreachable
        let document = Document(
            master: client.master.description, version: leader.info.version,
            agents: state.agents.agents.map(AgentDocument.init),
            frameworks: state.frameworks.frameworks.map { framework in
                let own = tasks.filter { $0.framework == framework.info.id }.count
                return FrameworkDocument(framework, tasks: own, isCompleted: false)
            },
            tasks: (tasks + state.tasks.completed).map { task in
                TaskDocument(task, of: state.frameworks.frameworks.first(of: task))
            }, roles: roles)
        try global.show(document) { Self.summary(document, state) }
    }

    private static func summary(_ document: Document, _ state: StateView) -> String {
        let total = state.agents.agents.flatMap(\.total)
        let allocated = state.agents.agents.flatMap(\.allocated)
        let states = Dictionary(grouping: state.tasks.tasks, by: \.state)
        let shown = states.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value.count) \($0.key.word)" }
        var table = TextTable(headings: ["MASTER", document.master])
        table.rows = [
            ["version", document.version],
            ["agents", "\(document.agents.count)"],
            ["frameworks", "\(document.frameworks.count)"],
            ["tasks", shown.isEmpty ? "0" : shown.joined(separator: ", ")],
            ["ended tasks", "\(state.tasks.completed.count)"],
            ["unreachable tasks", "\(state.tasks.unreachable.count)"],
        ]
        for name in ["cpus", "mem", "disk", "gpus"] {
            if Resources(total).amount(of: name).isZero { continue }
            table.rows.append([name, Amounts.share(name, of: allocated, in: total)])
        }
        for role in document.roles {
            let text = role.allocated.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ";")
            table.rows.append([
                "role \(role.name)", "weight \(role.weight), \(text.isEmpty ? "nothing" : text) allocated",
            ])
        }
        return table.text
    }
}
