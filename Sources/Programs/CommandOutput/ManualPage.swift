/// A page of the manual, section 1, in the language of man(7).
public struct ManualPage {
    private let tree: CommandTree
    private let path: [String]

    /// `path`: the words that name the command, the program's first.
    public init(_ tree: CommandTree, path: [String]) {
        self.tree = tree
        self.path = path
    }

    public var name: String { path.joined(separator: "-") }

    /// This page and those of all commands below.
    public static func all(_ tree: CommandTree, path: [String]) -> [ManualPage] {
        [ManualPage(tree, path: path)]
            + tree.shown.flatMap { all($0, path: path + [$0.commandName]) }
    }

    public var text: String {
        var lines = [".TH \(Self.quoted(name.uppercased())) 1 \"\" \"Bulkhead \(ProgramVersion.text)\" \"Bulkhead\""]
        lines += [".SH NAME", "\(Self.plain(name)) \\- \(Self.plain(withoutPeriod(tree.abstract ?? "")))"]
        lines += [".SH SYNOPSIS", synopsis]
        let (description, examples) = discussion
        if !description.isEmpty { lines += [".SH DESCRIPTION"] + description.flatMap { [Self.plain($0), ".PP"] } }
        if !tree.shown.isEmpty {
            lines.append(".SH COMMANDS")
            for command in tree.shown {
                lines += [".TP", "\\fB\(Self.plain(command.commandName))\\fR", Self.plain(command.abstract ?? "")]
            }
        }
        if !tree.words.isEmpty {
            lines.append(".SH ARGUMENTS")
            for word in tree.words { lines += [".TP", "\\fI\(Self.plain(word.valueName ?? "word"))\\fR", about(word)] }
        }
        lines += options
        if !examples.isEmpty { lines += [".SH EXAMPLES", ".nf"] + examples.map(Self.plain) + [".fi"] }
        if path.count > 1 || !tree.shown.isEmpty { lines += [".SH SEE ALSO", seeAlso] }
        return lines.joined(separator: "\n") + "\n"
    }

    private var options: [String] {
        var lines: [String] = []
        var title: String??
        for option in tree.options {
            if title != .some(option.sectionTitle) {
                lines.append(
                    ".SH \(Self.quoted(option.sectionTitle.map { "OPTIONS: \($0.uppercased())" } ?? "OPTIONS"))")
                title = .some(option.sectionTitle)
            }
            let names = (option.names ?? []).sorted { $0.text.count < $1.text.count }.map {
                "\\fB\(Self.plain($0.text))\\fR"
            }
            let value = option.kind == .option ? " \\fI\(Self.plain(option.valueName ?? "value"))\\fR" : ""
            lines += [".TP", names.joined(separator: ", ") + value, about(option)]
        }
        return lines
    }

    private func about(_ argument: CommandTree.Argument) -> String {
        var text = argument.abstract ?? ""
        if let values = argument.allValues, !values.isEmpty { text += " One of \(values.joined(separator: ", "))." }
        if let value = argument.defaultValue, !value.isEmpty, argument.kind == .option { text += " Usual: \(value)." }
        return Self.plain(text)
    }

    private var synopsis: String {
        var text = "\\fB\(Self.plain(path.joined(separator: " ")))\\fR"
        if !tree.options.isEmpty { text += " [\\fIoptions\\fR]" }
        if !tree.shown.isEmpty { text += " \\fIcommand\\fR" }
        for word in tree.words {
            let name = "\\fI\(Self.plain(word.valueName ?? "word"))\\fR" + (word.isRepeating ? "..." : "")
            text += word.isOptional ? " [\(name)]" : " \(name)"
        }
        return text
    }

    /// What is said, paragraph by paragraph, and the lines below "Examples:".
    private var discussion: ([String], [String]) {
        var said: [String] = []
        var examples: [String] = []
        var isExample = false
        for line in (tree.discussion ?? "").cut(at: "\n", omittingEmptySubsequences: false) {
            if line.begins(with: "Example") {
                isExample = true
            } else if isExample {
                examples.append(String(line.drop { $0 == " " }))
            } else if !line.isEmpty {
                said.append(String(line))
            }
        }
        return (said, examples.filter { !$0.isEmpty })
    }

    private var seeAlso: String {
        let above = path.count > 1 ? [path.dropLast().joined(separator: "-")] : []
        let below = tree.shown.map { (path + [$0.commandName]).joined(separator: "-") }
        return (above + below).map { "\\fB\(Self.plain($0))\\fR(1)" }.joined(separator: ", ")
    }

    private func withoutPeriod(_ text: String) -> String { text.ends(with: ".") ? String(text.dropLast()) : text }

    /// Text that the formatter takes as it is: a dash stays one that can be copied, a dot at a line's beginning a dot.
    static func plain(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result.begins(with: ".") || result.begins(with: "'") ? "\\&" + result : result
    }

    private static func quoted(_ text: String) -> String { "\"\(plain(text.filter { $0 != "\"" }))\"" }
}
