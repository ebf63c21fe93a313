import ArgumentParser
import AuditFormat
import Auditing
import CommandOutput
import Diagnostics
import ProbeFormat

struct AuditRules: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "List the rules: id, severity, what they want, and other catalogues' names.",
        discussion: """
            Examples:
              bulkhead audit rules
              bulkhead audit rules --profile pss-restricted --format json
              bulkhead audit rules | grep BH-PRB-
            """)

    @Option(help: "Only the rules of this profile (usual: all).") var profile: AuditProfile?
    @Option(help: "How they are shown: table or json.") var format = OutputFormat.table

    func run() throws {
        let rules = (AuditCatalogue.rules + EscapeCatalogue.rules).filter { profile.map($0.profiles.contains) ?? true }
        if format == .json { return try Console.write(try AuditDocument(encoding: rules).pretty) }
        var table = TextTable(headings: ["ID", "SEVERITY", "RULE", "MAPPINGS"])
        table.rows = rules.map { [$0.id.rawValue, $0.severity.rawValue, $0.title, $0.mappings.text] }
        try Console.write(table.text)
    }
}
