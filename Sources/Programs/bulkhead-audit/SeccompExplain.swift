import ArgumentParser
import AuditFormat
import CommandOutput
import Diagnostics
import SeccompCompiler
import SeccompFormat

struct SeccompExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what happens to a system call, on every ABI, and why.",
        discussion: """
            The answer is the compiled program's, walked for the call's number; the reason is the reviewed table's.

            Examples:
              bulkhead audit seccomp explain mount
              bulkhead audit seccomp explain 425 --seccomp strict
              bulkhead audit seccomp explain socket --seccomp web
            """)

    @Option(help: .init("default, strict, unconfined, a file or a container.", valueName: "profile"))
    var seccomp = "default"
    @Option(help: "How it is shown: table or json.") var format = OutputFormat.table
    @OptionGroup(title: "Places") var places: PlaceOptions
    @Argument(help: "A call's name, or its number on this host's own ABI.") var call: String

    struct Answer: Encodable {
        var architecture: String
        var number: UInt32?
        var answer: String
    }

    struct Explanation: Encodable {
        var call: String
        var profile: String
        var answers: [Answer]
        var rules: [String]
        var reason: String?
    }

    func run() throws {
        let choice = try SeccompChoice(seccomp, places)
        let explanation = try explain(choice)
        if format == .json {
            return try Console.write(Untrusted.inJSON(try AuditDocument(encoding: explanation).pretty))
        }
        var table = TextTable(headings: ["ABI", "NUMBER", "ANSWER"])
        table.rows = explanation.answers.map { [$0.architecture, $0.number.map(String.init) ?? "-", $0.answer] }
        var text = Untrusted.shown("\(explanation.call) under \(choice.name)") + "\n\n" + table.text + "\n"
        for rule in explanation.rules { text += "rule: \(Untrusted.shown(rule))\n" }
        if let reason = explanation.reason { text += "why:  \(Untrusted.shown(reason))\n" }
        try Console.write(text)
    }

    private func explain(_ choice: SeccompChoice) throws(Failure) -> Explanation {
        let numbers = LibraryNumbering()
        let name: String
        if let number = UInt32(call) {
            name = numbers.name(of: number, on: .native) ?? "call \(number)"
        } else {
            name = call
            guard SeccompChoice.architectures.contains(where: { numbers.number(of: name, on: $0) != .unknown }) else {
                throw Failure(
                    "seccomp.unknown-call", doing: "explain the system call", on: Untrusted.shown(name),
                    cause: "nobody here knows a call of that name", remedy: "give its number")
            }
        }
        var answers: [Answer] = []
        for architecture in SeccompChoice.architectures {
            if let number = Self.number(of: name, given: UInt32(call), on: architecture, numbers) {
                let answer = try choice.summary(number, on: architecture)
                answers.append(Answer(architecture: architecture.rawValue, number: number, answer: answer))
            } else {
                answers.append(Answer(architecture: architecture.rawValue, number: nil, answer: "no such call"))
            }
        }
        let rules = choice.filter.rules.filter { $0.call == name }.map { rule in
            rule.conditions.isEmpty
                ? "\(rule.action)"
                : "\(rule.action) if \(rule.conditions.map(\.description).joined(separator: " and "))"
        }
        return Explanation(
            call: name, profile: choice.name, answers: answers,
            rules: rules.isEmpty ? ["none names it: \(choice.filter.defaultAction)"] : rules,
            reason: choice.reason(name))
    }

    /// A number nobody has a name for is asked as it is on the native ABI.
    private static func number(
        of name: String, given: UInt32?, on architecture: FilterArchitecture, _ numbers: LibraryNumbering
    ) -> UInt32? {
        if case .number(let number) = numbers.number(of: name, on: architecture) { return number }
        return architecture == .native ? given : nil
    }
}
