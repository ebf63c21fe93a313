public import ArgumentParser
import CommandOutput

extension OutputFormat: ExpressibleByArgument {}

/// Our arguments, made ready for the parser: what Docker's users write and the parser does not know is rewritten, up
/// to the image of a `run` or the container of an `exec`; what follows belongs to the task and is never touched.
struct ArgumentLine {
    private(set) var arguments: [String]
    /// The words that name the command: `image`, `ls`.
    private(set) var command: [String] = []
    private(set) var format = OutputFormat.table

    private static let passing: Set<String> = ["run", "exec"]
    private static let nested: Set<String> = ["image"]
    private static let globalOptions: Set<String> = ["--output", "--store", "--state"]

    init(_ given: [String]) {
        var rest = given[...]
        var globals: [String] = []
        // Global options may stand before the command as well.
        while let word = rest.first, Self.globalOptions.contains(String(word.prefix { $0 != "=" })) {
            globals.append(rest.removeFirst())
            if !word.contains("="), let value = rest.popFirst() { globals.append(value) }
        }
        if let word = rest.first, !word.hasPrefix("-") {
            command.append(rest.removeFirst())
            if Self.nested.contains(word), let second = rest.first, !second.hasPrefix("-") {
                command.append(rest.removeFirst())
            }
        }
        rest = (globals + rest)[...]
        var own: (flags: [String], task: [String]) =
            Self.passing.contains(command.first ?? "") ? OwnFlags.split(rest) : (Array(rest), [])
        own.flags = own.flags.flatMap(OwnFlags.rewritten)
        // The parser would take a --help that is not alone for a part of the task's command.
        if own.flags.contains("--help") { own = (["--help"], []) }
        arguments = command + own.flags + own.task
        format = Self.format(in: own.flags)
    }

    /// The word that should name a command and does not.
    func unknownCommand(below root: any ParsableCommand.Type) -> String? {
        var commands = root.configuration.allSubcommands
        for (index, word) in command.enumerated() {
            if index == 0, word == "help" { return nil }
            guard let found = commands.first(where: { $0.answers(to: word) }) else {
                return commands.isEmpty ? nil : word
            }
            commands = found.configuration.allSubcommands
        }
        return nil
    }

    /// How to learn more: about the command, or about all when there is no such command.
    func helpCommand(below root: any ParsableCommand.Type) -> String {
        let known =
            unknownCommand(below: root).flatMap { command.firstIndex(of: $0) }.map { Array(command[..<$0]) } ?? command
        return (["bulkhead"] + known + ["--help"]).joined(separator: " ")
    }

    private static func format(in flags: [String]) -> OutputFormat {
        for (index, flag) in flags.enumerated() {
            if flag == "--output=json" { return .json }
            if flag == "--output", index + 1 < flags.count, flags[index + 1] == "json" { return .json }
        }
        return .table
    }
}

extension CommandConfiguration {
    fileprivate var allSubcommands: [any ParsableCommand.Type] {
        subcommands + groupedSubcommands.flatMap { $0.subcommands }
    }
}

extension ParsableCommand {
    fileprivate static func answers(to word: String) -> Bool {
        _commandName == word || configuration.aliases.contains(word)
    }
}

/// What belongs to `run` and `exec` themselves, before the image or container.
enum OwnFlags {
    /// Long options of `run` and `exec` that stand alone; every other one takes a value.
    static let switches: Set<String> = [
        "--read-only", "--init", "--no-init", "--rm", "--detach", "--interactive", "--tty", "--explain", "--help",
        "--version",
    ]
    /// Short options that stand alone; every other one takes a value.
    static let shortSwitches: Set<Character> = ["d", "i", "t"]

    /// Splits before the first word that is neither an option nor an option's value.
    static func split(_ words: ArraySlice<String>) -> (flags: [String], task: [String]) {
        var index = words.startIndex
        while index < words.endIndex {
            let word = words[index]
            if word == "--" || !word.hasPrefix("-") || word == "-" { break }
            index += takesNext(word) ? 2 : 1
        }
        index = min(index, words.endIndex)
        return (Array(words[..<index]), Array(words[index...]))
    }

    private static func takesNext(_ word: String) -> Bool {
        if word.contains("=") { return false }
        if word.hasPrefix("--") { return !switches.contains(word) }
        // -it stands alone; in -itv the last letter takes a value; -v/a:/b has it inside.
        guard let valued = word.dropFirst().firstIndex(where: { !shortSwitches.contains($0) }) else { return false }
        return word.index(after: valued) == word.endIndex
    }

    /// `--rm=true` as `--rm`, `--init=false` as `--no-init`, and `--rm=false` as nothing.
    static func rewritten(_ word: String) -> [String] {
        guard let cut = word.firstIndex(of: "="), switches.contains(String(word[..<cut])) else { return [word] }
        let name = String(word[..<cut])
        switch String(word[word.index(after: cut)...]) {
        case "true": return [name]
        case "false": return name == "--init" ? ["--no-init"] : []
        default: return [word]
        }
    }
}
