import ArgumentParser
import AuditFormat
import AuditOutput
import CommandOutput
import Diagnostics
import SeccompCompiler
import SeccompFormat

struct SeccompDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare what two profiles do to every system call number.",
        discussion: """
            The exit status is 0 when no number is treated differently, 1 when one is.

            Examples:
              bulkhead audit seccomp diff default strict
              bulkhead audit seccomp diff web ./profile.json --format json
            """)

    @Option(help: "How it is shown: table or json.") var format = OutputFormat.table
    @OptionGroup(title: "Places") var places: PlaceOptions
    @Argument(help: "default, strict, unconfined, a file or a container.") var first: String
    @Argument(help: "The same.") var second: String

    /// Numbers of each ABI that are compared; none has reached this yet.
    private static let numbersMax: UInt32 = 1_024

    struct Difference: Encodable {
        var architecture: String
        var number: UInt32
        var call: String
        var first: String
        var second: String
    }

    func run() throws {
        let (left, right) = (try SeccompChoice(first, places), try SeccompChoice(second, places))
        var differences: [Difference] = []
        for architecture in SeccompChoice.architectures {
            differences += try Self.differences(left, right, on: architecture)
        }
        if format == .json {
            try Console.write(Untrusted.inJSON(try AuditDocument(encoding: differences).pretty))
        } else {
            try Console.write(text(differences))
        }
        if !differences.isEmpty { throw AuditStatus(code: AuditStatus.findings) }
    }

    private static func differences(
        _ left: SeccompChoice, _ right: SeccompChoice, on architecture: FilterArchitecture
    ) throws(Failure) -> [Difference] {
        let numbers = LibraryNumbering()
        let bit = architecture == .x32 ? FilterArchitecture.x32Bit : 0
        var found: [Difference] = []
        for number in (0..<numbersMax).map({ $0 | bit }) {
            let (one, other) = (
                try left.survey(number, on: architecture), try right.survey(number, on: architecture)
            )
            if one == other { continue }
            let name = numbers.name(of: number, on: architecture) ?? "-"
            found.append(
                Difference(
                    architecture: architecture.rawValue, number: number, call: name, first: one, second: other))
        }
        return found
    }

    /// Numbers without a name that follow each other and are treated alike are one row.
    private func text(_ differences: [Difference]) -> String {
        if differences.isEmpty { return "no number is treated differently\n" }
        var table = TextTable(headings: ["ABI", "NUMBER", "CALL", first, second])
        var rows: [(row: Difference, last: UInt32)] = []
        for next in differences {
            if let last = rows.last, next.call == "-", last.row.call == "-", next.number == last.last + 1,
                next.first == last.row.first, next.second == last.row.second
            {
                rows[rows.count - 1].last = next.number
            } else {
                rows.append((next, next.number))
            }
        }
        table.rows = rows.map { row, last in
            let number = last == row.number ? "\(row.number)" : "\(row.number)-\(last)"
            return [row.architecture, number, row.call, row.first, row.second]
        }
        return table.text + "\n\(differences.count) numbers are treated differently\n"
    }
}
