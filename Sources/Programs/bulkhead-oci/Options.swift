import Diagnostics

/// The options of a command: which there are, by every name each has.
struct OptionTable: Sendable {
    /// Names of options without a value; the first of each group is the one it is asked for by.
    var flags: [[String]]
    var values: [[String]]

    init(flags: [[String]] = [], values: [[String]] = []) {
        self.flags = flags
        self.values = values
    }

    fileprivate func find(_ name: String) -> (name: String, takesValue: Bool)? {
        if let group = flags.first(where: { $0.contains(name) }) { return (group[0], false) }
        if let group = values.first(where: { $0.contains(name) }) { return (group[0], true) }
        return nil
    }
}

/// A command line taken apart. Options may have one dash or two, a value after `=` or as the next word; `--` ends them.
struct Options: Sendable {
    /// In lists: a dictionary is a type that the Swift runtime makes first, which takes longer than to search.
    private var flags: [String] = []
    private var values: [(name: String, value: String)] = []
    private(set) var words: [String] = []

    /// From the last of `wordsBeforeRest` words on everything is left alone: it is somebody else's command line.
    static func parse(
        _ arguments: ArraySlice<String>, _ table: OptionTable, of command: String, wordsBeforeRest: Int? = nil,
        keepsDashes: Bool = false
    ) throws(Failure) -> Options {
        var result = Options()
        var rest = arguments
        while let word = rest.popFirst() {
            if word == "--" {
                result.words += rest
                break
            }
            guard word.begins(with: "-"), word != "-" else {
                result.words.append(word)
                if let most = wordsBeforeRest, result.words.count >= most {
                    // After a program's name it is the program's.
                    if !keepsDashes, most == 1, rest.first == "--" { rest.removeFirst() }
                    result.words += rest
                    break
                }
                continue
            }
            try result.take(word, &rest, table, command)
        }
        return result
    }

    private mutating func take(
        _ word: String, _ rest: inout ArraySlice<String>, _ table: OptionTable, _ command: String
    ) throws(Failure) {
        let parts = word.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let isLong = word.begins(with: "--")
        let bare = String(parts[0].drop { $0 == "-" })
        var (name, value) = (bare, parts.count > 1 ? parts[1] : nil)
        // -e VALUE, -eVALUE and -it
        if !isLong, table.find(bare) == nil, bare.count > 1, let first = bare.first {
            let short = String(first)
            guard let option = table.find(short) else { throw Self.unknown(word, command) }
            name = short
            if option.takesValue {
                value = String(word.dropFirst(2))
            } else {
                rest.insert("-" + bare.dropFirst(), at: rest.startIndex)
            }
        }
        guard let option = table.find(name) else { throw Self.unknown(word, command) }
        if option.takesValue {
            guard let value = value ?? rest.popFirst() else {
                throw Failure("usage", doing: "use \(word) of \(command)", cause: "it needs a value")
            }
            values.append((option.name, value))
        } else if value == nil || value == "true" {
            flags.append(option.name)
        } else if value == "false" {
            flags.removeAll { $0 == option.name }
        } else {
            throw Failure("usage", doing: "use \(word) of \(command)", cause: "it takes no value")
        }
    }

    private static func unknown(_ word: String, _ command: String) -> Failure {
        Failure(
            "usage", doing: "use \(word)", cause: "\(command) has no such option", remedy: "see `\(command) --help`")
    }

    func has(_ flag: String) -> Bool { flags.contains(flag) }
    /// Nil also for an empty one: scripts hand on variables of theirs that are not set.
    func value(_ name: String) -> String? {
        values.last { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }
    func all(_ name: String) -> [String] { values.filter { $0.name == name }.map(\.value) }

    func number<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> Number? {
        guard let text = value(name) else { return nil }
        guard let number = Number(text) else {
            throw Failure(
                "usage", doing: "use --\(name) \(Untrusted.shown(text))", cause: "it is no number", field: name)
        }
        return number
    }

    /// For a command that is about no container in particular.
    func noWords(of command: String) throws(Failure) {
        guard words.isEmpty else {
            throw Failure(
                "usage", doing: "use \(command)",
                cause: "it takes no word, and got \(Untrusted.shown(words.joined(separator: " ")))",
                remedy: "see `\(command) --help`")
        }
    }

    /// The only word, such as a container's id.
    func word(_ what: String, of command: String) throws(Failure) -> String {
        guard words.count == 1 else {
            throw Failure(
                "usage", doing: "use \(command)", cause: "it takes one word, the \(what), and got \(words.count)",
                remedy: "see `\(command) --help`")
        }
        return words[0]
    }
}
