public import ArgumentParser

extension OutputFormat: ExpressibleByArgument {}

/// What has to be known of a program's commands before the parser sees its arguments.
public struct ArgumentGrammar: Sendable {
    /// Commands that have commands of their own: `image`.
    public var groups: Set<String>
    /// Commands whose words after the subject belong to a task: `run`, `task run`.
    public var passing: Set<String>
    /// Options that may stand before the command. Each takes a value.
    public var globalOptions: Set<String>
    /// Long options of passing commands that stand alone; every other one takes a value.
    public var switches: Set<String>
    /// Short options of passing commands that stand alone; every other one takes a value.
    public var shortSwitches: Set<Character>
    /// By command, the letters of its short options that take a value. Of a command that is not here no short option
    /// is rewritten.
    public var shortOptions: [String: Set<Character>]
    /// First words of the commands that another program takes, which has a grammar of its own.
    public var foreign: Set<String>

    public init(
        groups: Set<String>, passing: Set<String>, globalOptions: Set<String>, switches: Set<String>,
        shortSwitches: Set<Character>, shortOptions: [String: Set<Character>] = [:], foreign: Set<String> = []
    ) {
        self.groups = groups
        self.passing = passing
        self.globalOptions = globalOptions
        self.switches = switches
        self.shortSwitches = shortSwitches
        self.shortOptions = shortOptions
        self.foreign = foreign
    }
}

/// A program's arguments, made ready for the parser: what Docker's users write and the parser does not know is
/// rewritten, up to the image of a `run` or the container of an `exec`; what follows belongs to the task and is never
/// touched.
public struct ArgumentLine: Sendable {
    /// The words that name the command: `image`, `ls`.
    public private(set) var command: [String] = []
    /// The program's own options, and the words of commands that pass none on.
    public private(set) var flags: [String]
    /// What a passing command passes on.
    public private(set) var task: [String]
    public private(set) var format = OutputFormat.table

    public var arguments: [String] { command + flags + task }

    public init(_ given: [String], _ grammar: ArgumentGrammar) {
        var rest = given[...]
        var globals: [String] = []
        // Global options may stand before the command as well.
        while let word = rest.first, grammar.globalOptions.contains(String(word.prefix { $0 != "=" })) {
            globals.append(rest.removeFirst())
            if !word.has("="), let value = rest.popFirst() { globals.append(value) }
        }
        if let word = rest.first, !word.begins(with: "-") {
            command.append(rest.removeFirst())
            if grammar.groups.contains(word), let second = rest.first, !second.begins(with: "-") {
                command.append(rest.removeFirst())
            }
        }
        rest = (globals + rest)[...]
        let own = OwnFlags(grammar, of: command.joined(separator: " "))
        if let first = command.first, grammar.foreign.contains(first) {
            // Where the task's words begin, and what they mean, only the other program knows.
            (flags, task) = (Array(rest), [])
        } else {
            (flags, task) = own.isPassing ? own.split(rest) : (Array(rest), [])
            flags = own.rewritten(flags)
            // The parser would take a --help that is not alone for a part of the task's command.
            if flags.contains("--help") { (flags, task) = (["--help"], []) }
        }
        format = Self.format(in: flags)
    }

    /// The command below `root` that `arguments` ask for: these, or the same with more from elsewhere. The named
    /// command reads them alone, which spares making everything that the others have. What it does not read itself
    /// (help, mistakes, what belongs to the root) the whole tree reads again, and says what there is to say.
    public func parsed(
        _ arguments: [String], below root: any ParsableCommand.Type
    ) throws -> any ParsableCommand {
        if arguments.starts(with: command), let leaf = Self.leaf(command, below: root) {
            do {
                let parsed = try leaf.parseAsRoot(Array(arguments[command.count...]))
                if type(of: parsed) == leaf { return parsed }
            } catch { /* The root finds the same mistake, and knows what it is called with. */ }
        }
        return try root.parseAsRoot(arguments)
    }

    /// The command that the words name, if it has none below it.
    private static func leaf(
        _ words: [String], below root: any ParsableCommand.Type
    ) -> (any ParsableCommand.Type)? {
        var found = root
        for word in words {
            let below = found.configuration.allSubcommands
            guard let next = below.first(where: { $0.answers(to: word) }) else { return nil }
            found = next
        }
        return words.isEmpty || !found.configuration.allSubcommands.isEmpty ? nil : found
    }

    /// The word that should name a command and does not.
    func unknownCommand(below root: any ParsableCommand.Type) -> String? {
        command.first == "help" ? nil : Self.unknown(command, below: root)
    }

    /// The word after `help` that should name a command and does not.
    func unknownHelp(below root: any ParsableCommand.Type) -> String? {
        command.first == "help" ? Self.unknown(asked, below: root) : nil
    }

    /// The command meant, also where it is asked about.
    var asked: [String] {
        command.first == "help" ? command.dropFirst() + flags.prefix { !$0.begins(with: "-") } : command
    }

    private static func unknown(_ words: [String], below root: any ParsableCommand.Type) -> String? {
        var commands = root.configuration.allSubcommands
        for word in words {
            guard let found = commands.first(where: { $0.answers(to: word) }) else {
                return commands.isEmpty ? nil : word
            }
            commands = found.configuration.allSubcommands
        }
        return nil
    }

    /// How to learn more: about the command, or about all when there is no such command.
    func helpCommand(below root: any ParsableCommand.Type) -> String {
        let words = asked
        let known = Self.unknown(words, below: root).flatMap { words.firstIndex(of: $0) }.map { Array(words[..<$0]) }
            ?? words
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
    public var allSubcommands: [any ParsableCommand.Type] {
        subcommands + groupedSubcommands.flatMap { $0.subcommands }
    }
}

extension ParsableCommand {
    fileprivate static func answers(to word: String) -> Bool {
        _commandName == word || configuration.aliases.contains(word)
    }
}

/// What belongs to a command itself; of `run` and `exec`, what stands before the image or container.
struct OwnFlags {
    let grammar: ArgumentGrammar
    /// The command: `image rm`.
    let name: String

    init(_ grammar: ArgumentGrammar, of name: String) {
        self.grammar = grammar
        self.name = name
    }

    var isPassing: Bool { grammar.passing.contains(name) }

    /// Splits before the first word that is neither an option nor an option's value.
    func split(_ words: ArraySlice<String>) -> (flags: [String], task: [String]) {
        var index = words.startIndex
        while index < words.endIndex {
            let word = words[index]
            if word == "--" || !word.begins(with: "-") || word == "-" { break }
            index += takesNext(word) ? 2 : 1
        }
        index = min(index, words.endIndex)
        return (Array(words[..<index]), Array(words[index...]))
    }

    private func takesNext(_ word: String) -> Bool {
        if word.has("=") { return false }
        if word.begins(with: "--") { return !grammar.switches.contains(word) }
        // -it stands alone; in -itv the last letter takes a value; -v/a:/b has it inside.
        guard let valued = word.dropFirst().firstIndex(where: { !grammar.shortSwitches.contains($0) }) else {
            return false
        }
        return word.index(after: valued) == word.endIndex
    }

    /// `words` as the parser knows them, up to a `--`. The value of an option stays as it is.
    func rewritten(_ words: [String]) -> [String] {
        var result: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" { return result + [word] + rest }
            result += word.begins(with: "--") ? long(word) : word.begins(with: "-") ? short(word) : [word]
            if isPassing, word.begins(with: "-"), takesNext(word), let value = rest.popFirst() { result.append(value) }
        }
        return result
    }

    /// `-m64m` and `-m=64m` as `-m 64m`, `-itw/tmp` as `-it -w /tmp`, `-d=false` as nothing: the parser would look for
    /// an option `-eA` in `-eA=b`.
    private func short(_ word: String) -> [String] {
        guard let valued = grammar.shortOptions[name] else { return [word] }
        var alone = "-"
        var rest = word.dropFirst()
        while let letter = rest.popFirst() {
            if valued.contains(letter) {
                // Then the next word is its value.
                if rest.isEmpty { return [word] }
                if rest.first == "=" { rest.removeFirst() }
                return (alone == "-" ? [] : [alone]) + ["-\(letter)", String(rest)]
            }
            guard isPassing ? grammar.shortSwitches.contains(letter) : letter.isLetter else { return [word] }
            guard rest.first == "=" else {
                alone.append(letter)
                continue
            }
            guard let isOn = Self.truth(rest.dropFirst()) else { return [word] }
            if isOn { alone.append(letter) }
            return alone == "-" ? [] : [alone]
        }
        return [word]
    }

    /// The words for yes and no that Docker takes (strconv.ParseBool); nil for any other.
    private static func truth(_ text: Substring) -> Bool? {
        switch text.lowercased() {
        case "true", "t", "1": true
        case "false", "f", "0": false
        default: nil
        }
    }

    /// `--rm=true` as `--rm`, `--init=false` as `--no-init`, and `--rm=false` as nothing.
    private func long(_ word: String) -> [String] {
        guard let cut = word.position(of: "="), grammar.switches.contains(String(word[..<cut])) else { return [word] }
        let name = String(word[..<cut])
        let opposite = "--no-" + name.dropFirst(2)
        guard let isOn = Self.truth(word[word.utf8.index(after: cut)...]) else { return [word] }
        if isOn { return [name] }
        return grammar.switches.contains(opposite) ? [opposite] : []
    }
}
