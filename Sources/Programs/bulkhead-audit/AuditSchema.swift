import ArgumentParser
import AuditFormat
import Auditing
import CommandOutput
import Diagnostics

struct AuditSchema: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Say which forms reports, facts and evidence have, and their versions.",
        discussion: """
            Docs/Reference/Audit-schema.json describes the report in JSON Schema.

            Example:
              bulkhead audit schema
            """)

    func run() throws {
        var table = TextTable(headings: ["WHAT", "SCHEMA"])
        table.rows = [
            ["report, --format json", AuditReport.schemaName], ["report, --format sarif", "SARIF 2.1.0"],
            ["report, --format ocsf", "OCSF 1.3.0, Compliance Finding (2003)"],
            ["evidence", EvidenceBundle.schemaName], ["baseline", BaselineDocument.schemaName],
            ["graph, --format json", NamespaceGraph.schemaName],
        ]
        try Console.write(table.text)
    }
}
