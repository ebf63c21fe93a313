import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Diagnostics
import Observation

struct AuditGraph: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Show which containers share which namespaces, with each other and the host.",
        discussion: """
            Every container on this host, whoever started it. What is shared with the host is written HOST. The exit \
            status is 2 when it could not be observed which namespaces are the host's.

            Examples:
              bulkhead audit graph
              bulkhead audit graph --format dot | dot -Tsvg > namespaces.svg
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable { case table, json, dot }

    @Option(help: "How it is shown: table, json or dot (Graphviz).") var format = Form.table
    @Option(help: .init("A process to show beside the containers.", valueName: "id")) var pid: [Int32] = []
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let graph = try Surveyor(places).graph(processes: pid)
        switch format {
        case .json: try Console.write(Untrusted.inJSON(try AuditDocument(encoding: graph).pretty))
        case .dot: try Console.write(graph.dot)
        case .table:
            let kinds = ProcessTable.kinds
            var table = TextTable(headings: ["CONTAINER", "MADE BY"] + kinds.map { $0.uppercased() })
            table.rows = graph.subjects.map { subject in
                [subject.shownName, subject.maker ?? "-"] + kinds.map { graph.word($0, of: subject.id) }
            }
            try Console.write(table.text)
        }
        if graph.namespaces.contains(where: { $0.isHost == nil }) { throw AuditStatus(code: AuditStatus.unobserved) }
    }
}
