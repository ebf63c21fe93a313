public import ArgumentParser
public import Diagnostics

/// Says on the standard streams how a command line ended, and gives the exit status that goes with it.
public struct RefusalReport {
    private let root: any ParsableCommand.Type
    private let line: ArgumentLine

    public init(_ root: any ParsableCommand.Type, _ line: ArgumentLine) {
        self.root = root
        self.line = line
    }

    public func status(of error: any Error) -> Int32 {
        if let failure = error as? Failure { return status(of: failure) }
        // Help is an answer, everything else of the parser's a refusal; so is help on what is not there.
        guard root.exitCode(for: error) == .success else { return status(of: refusal(for: error)) }
        if let unknown = line.unknownHelp(below: root) ?? line.unknownCommand(below: root) {
            return status(of: refusal(of: unknown))
        }
        do throws(Failure) { try Console.write(root.fullMessage(for: error) + "\n") } catch { return status(of: error) }
        return 0
    }

    private func status(of failure: Failure) -> Int32 {
        if failure.code == Console.readerGone { return ErrorReport.ownStatus }
        do throws(Failure) {
            try Console.write(Array(ErrorReport.text(failure, as: line.format).utf8), to: 2)
        } catch { return ErrorReport.ownStatus }
        return ErrorReport.status(of: failure)
    }

    /// What the parser did not understand, in our words.
    public func refusal(for error: any Error) -> Failure {
        let said = root.message(for: error).cut(at: "\n").first.map(String.init) ?? "it cannot be understood"
        if let unknown = line.unknownCommand(below: root) { return refusal(of: unknown) }
        let option = Self.unknownOption(in: said)
        return refusal(said.asClause, meant: option.flatMap { known(\.optionNames).question($0) })
    }

    private func refusal(of command: String) -> Failure {
        refusal("there is no command '\(command)'", meant: known(\.commandNames).question(command))
    }

    private func refusal(_ cause: String, meant: String?) -> Failure {
        let help = "see '\(line.helpCommand(below: root))'"
        return Failure(
            "usage.invalid", doing: "understand the command line", cause: cause,
            remedy: meant.map { "\($0) \(help)" } ?? help)
    }

    /// The parser tells which by its sentence only.
    private static func unknownOption(in said: String) -> String? {
        let beginning = "Unknown option '"
        guard said.begins(with: beginning) else { return nil }
        return String(said.dropFirst(beginning.count).prefix { $0 != "'" && $0 != "=" })
    }

    /// Names at the last command of the line that there is.
    private func known(_ names: (CommandTree) -> [String]) -> Spelling {
        do throws(Failure) {
            var tree = try CommandTree(of: root)
            for word in line.asked { tree = tree.command(word) ?? tree }
            return Spelling(names(tree))
        } catch {
            // The refusal itself matters more than a guess at what was meant.
            return Spelling([])
        }
    }
}

extension CommandTree {
    fileprivate var commandNames: [String] { shown.flatMap { [$0.commandName] + ($0.aliases ?? []) } }
    fileprivate var optionNames: [String] {
        let taking = defaultSubcommand.flatMap(command) ?? self
        return taking.options.flatMap { ($0.names ?? []).filter { $0.kind != .short }.map(\.text) }
    }
}

extension String {
    /// A sentence of the parser's as the end of one of ours.
    fileprivate var asClause: String {
        // What it guesses one might have meant comes second and is seldom right.
        let first = firstRange(of: ". ").map { self[..<$0.lowerBound] } ?? self[...]
        let text = first.ends(with: ".") ? first.dropLast() : first
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
