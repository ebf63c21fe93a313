import ArgumentParser
import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Determinism
import Diagnostics

struct TaskStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what running tasks use.",
        discussion: """
            Processor use is measured over a second.

            Examples:
              bulkhead task stats
              bulkhead task stats web --output json
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Tasks; all that run unless given.") var tasks: [String] = []

    private struct Document: Encodable {
        var id: String
        var processors: Double?
        var memoryBytes: UInt64?
        var memoryLimitBytes: UInt64?
        var processes: UInt32?
    }

    func run() async throws {
        let client = try global.client()
        let view = try await client.tasks()
        var found = view.tasks.filter { $0.state == .running }
        if !tasks.isEmpty {
            found = []
            for word in tasks { found.append(try Naming.task(word, in: view)) }
        }
        let before = try await statistics(found, client)
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
        let after = try await statistics(found, client)
        let documents = found.map { task in document(task, before[task.id], after[task.id]) }
        try global.show(documents) {
            var table = TextTable(headings: ["ID", "CPUS", "MEMORY", "LIMIT", "PROCESSES"])
            for document in documents {
                table.rows.append([
                    document.id, document.processors.map { Self.text($0) } ?? "-",
                    document.memoryBytes.map(Self.megabytes) ?? "-",
                    document.memoryLimitBytes.map(Self.megabytes) ?? "-",
                    document.processes.map { "\($0)" } ?? "-",
                ])
            }
            return table.text
        }
    }

    /// Of every task, asking each agent once.
    private func statistics(
        _ tasks: [TaskView], _ client: ClusterClient
    ) async throws(Failure) -> [TaskID: ResourceStatistics] {
        var result: [TaskID: ResourceStatistics] = [:]
        for agent in Set(tasks.map(\.agent)).sorted() {
            let views = try await client.agent(agent).containers(showNested: true)
            for task in tasks where task.agent == agent {
                guard let path = task.containerPath else { continue }
                result[task.id] = views.first { $0.container == path }?.statistics
            }
        }
        return result
    }

    private func document(_ task: TaskView, _ before: ResourceStatistics?, _ after: ResourceStatistics?) -> Document {
        var document = Document(id: task.id.text)
        guard let after else { return document }
        document.memoryBytes = after.memory.total ?? after.memory.resident
        document.memoryLimitBytes = after.memory.limit
        document.processes = after.processes
        if let before, let first = before.processorSeconds, let last = after.processorSeconds {
            let seconds = after.at.seconds - before.at.seconds
            if seconds > 0 { document.processors = max(0, last - first) / seconds }
        }
        return document
    }

    private static func text(_ value: Double) -> String { Scalar(thousandths: Int64(value * 100) * 10).description }
    private static func megabytes(_ bytes: UInt64) -> String { "\(bytes >> 20) MB" }
}

extension ResourceStatistics {
    fileprivate var processorSeconds: Double? {
        guard let userTime, let systemTime else { return nil }
        return Double(userTime.saturatingNanoseconds + systemTime.saturatingNanoseconds) / 1e9
    }
}
