import CommandOutput
import Diagnostics

/// Options of one command from everywhere they may come from: the command line goes before the environment, that before
/// the file. Pure; what it gives is put before the words the user typed.
struct Configuration: Sendable {
    enum Origin: Equatable, Sendable {
        case commandLine
        case environment(String)
        case file(String, line: Int)
        /// What the program does unless told otherwise.
        case usual
    }
    struct Setting: Equatable, Sendable {
        var key: String
        var values: [String]
        var origin: Origin
    }

    /// Sections beside those named as commands are: options of everybody who asks a master.
    static let clientSection = "client"
    private static let clientKeys = ["master", "credentials", "master-ca", "output"]
    /// The master of clients, and of agents.
    static let masterVariable = "BULKHEAD_MASTER"
    private static let daemons: Set<String> = ["local", "master", "agent start"]

    private let section: String
    private let leaf: CommandTree
    private let isClient: Bool
    private let sectionKeys: Set<String>

    /// Nil for what has no options of its own, such as a group without a command.
    init?(command: [String], in tree: CommandTree) {
        guard let first = command.first, let group = tree.command(first), first != "help", group.shouldDisplay else {
            return nil
        }
        var path = [group.commandName]
        var leaf = group
        if !group.shown.isEmpty {
            guard let second = command.dropFirst().first ?? group.defaultSubcommand,
                let found = group.command(second)
            else { return nil }
            (leaf, path) = (found, path + [found.commandName])
        }
        section = group.commandName
        self.leaf = leaf
        isClient = !Self.daemons.contains(path.joined(separator: " "))
        sectionKeys = Set((group.shown + [group]).flatMap { $0.options.compactMap(\.key) })
    }

    /// Every option of the command, in the order of its help.
    func settings(
        flags: [String], environment: [(name: String, value: String)], file: ConfigurationFile?, sections: [String]
    ) throws(Failure) -> [Setting] {
        try check(environment)
        if let file { try check(file, sections) }
        var settings: [Setting] = []
        for option in leaf.options {
            guard let key = option.key, key != "help", key != "version" else { continue }
            settings.append(setting(option, key, flags, environment, file))
        }
        return settings
    }

    private func setting(
        _ option: CommandTree.Argument, _ key: String, _ flags: [String],
        _ environment: [(name: String, value: String)], _ file: ConfigurationFile?
    ) -> Setting {
        if let values = Self.given(option, in: flags) { return Setting(key: key, values: values, origin: .commandLine) }
        for name in variables(key) {
            if let found = environment.last(where: { $0.name == name }) {
                return Setting(key: key, values: [found.value], origin: .environment(name))
            }
        }
        for name in [section] + (isClient ? [Self.clientSection] : []) {
            let entries = file?.sections.first { $0.name == name }?.entries
            if let file, let entry = entries?.first(where: { $0.key == key }) {
                return Setting(key: key, values: entry.values, origin: .file(file.path, line: entry.line))
            }
        }
        return Setting(key: key, values: option.defaultValue.map { [$0] } ?? [], origin: .usual)
    }

    /// What of the settings the parser has to be told.
    func arguments(_ settings: [Setting]) throws(Failure) -> [String] {
        var arguments: [String] = []
        for setting in settings where setting.origin != .commandLine && setting.origin != .usual {
            guard let option = leaf.options.first(where: { $0.key == setting.key }) else { continue }
            if option.kind == .option {
                arguments += setting.values.map { "--\(setting.key)=\($0)" }
            } else if try TruthWord.parse(setting.values.first ?? "", flag: setting.key) {
                arguments.append("--\(setting.key)")
            }
        }
        return arguments
    }

    // MARK: - Names

    /// `BULKHEAD_MASTER_WORK_DIR`; the first that is set counts.
    private func variables(_ key: String) -> [String] {
        var names = [Self.variable(section, key)]
        if isClient { names.append(Self.variable(Self.clientSection, key)) }
        if key == "master" { names.append(Self.masterVariable) }
        return names
    }

    static func variable(_ section: String, _ key: String) -> String {
        "BULKHEAD_\(section)_\(key)".uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    /// What is set and means nothing is a mistake somebody would look for.
    private func check(_ environment: [(name: String, value: String)]) throws(Failure) {
        for (section, keys) in [(section, sectionKeys), (Self.clientSection, Set(Self.clientKeys))] {
            let known = Set(keys.map { Self.variable(section, $0) })
            let prefix = Self.variable(section, "")
            for (name, _) in environment where name.begins(with: prefix) && !known.contains(name) {
                throw Failure(
                    "config.invalid", doing: "use the variable", on: name,
                    cause: "'bulkhead \(section)' has no such option", remedy: "correct its name, or unset it",
                    field: name)
            }
        }
    }

    private func check(_ file: ConfigurationFile, _ sections: [String]) throws(Failure) {
        for found in file.sections {
            guard sections.contains(found.name) || found.name == Self.clientSection else {
                throw ConfigurationFile.invalid(
                    file.path, found.line, "there is no section '\(found.name)'",
                    remedy: "sections are \((sections + [Self.clientSection]).joined(separator: ", "))")
            }
            // Other commands' sections are checked when those run.
            guard found.name == section || found.name == Self.clientSection else { continue }
            let keys = found.name == section ? sectionKeys : Set(Self.clientKeys)
            for entry in found.entries where !keys.contains(entry.key) {
                throw ConfigurationFile.invalid(
                    file.path, entry.line, "the section '\(found.name)' has no option '\(entry.key)'")
            }
        }
    }

    // MARK: - The command line

    /// The values the user gave; nil when the option is not there.
    private static func given(_ option: CommandTree.Argument, in flags: [String]) -> [String]? {
        let names = (option.names ?? []).map(\.text)
        var values: [String] = []
        var isThere = false
        for (index, word) in flags.enumerated() {
            let name = String(word.prefix { $0 != "=" })
            guard names.contains(name) || names.contains(where: { $0.count == 2 && isCluster(word, with: $0) }) else {
                continue
            }
            isThere = true
            if option.kind == .flag {
                values.append("true")
            } else if word.has("=") {
                values.append(String(word.dropFirst(name.count + 1)))
            } else if index + 1 < flags.count {
                values.append(flags[index + 1])
            }
        }
        return isThere ? values : nil
    }

    /// `-itd` has `-d`, `-m64m` has `-m`.
    private static func isCluster(_ word: String, with name: String) -> Bool {
        guard word.begins(with: "-"), !word.begins(with: "--"), let letter = name.last else { return false }
        return word.dropFirst().prefix { $0.isLetter }.contains(letter)
    }
}
