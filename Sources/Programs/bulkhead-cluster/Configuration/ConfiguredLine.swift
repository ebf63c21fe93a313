import CommandOutput
import Diagnostics
import LinuxKernel

/// A command line with what the environment and the configuration file add to it.
struct ConfiguredLine {
    /// What the parser gets.
    private(set) var arguments: [String]
    /// `--show-config`: nothing is to be run.
    private(set) var shown: String?
    /// Every option of the command with what it is set to.
    private(set) var settings: [Configuration.Setting] = []

    init(_ line: ArgumentLine) throws(Failure) {
        var flags = line.flags
        let path = try Self.taken("--config", from: &flags) ?? ProcessEnvironment.value("BULKHEAD_CONFIG")
        let isShown = flags.contains("--show-config")
        flags.removeAll { $0 == "--show-config" }
        arguments = line.command + flags + line.task
        let tree = try CommandTree(of: BulkheadCluster.self)
        guard !flags.contains("--help"), let configuration = Configuration(command: line.command, in: tree) else {
            return
        }
        let environment = ProcessEnvironment.all().compactMap { entry -> (name: String, value: String)? in
            guard entry.begins(with: "BULKHEAD_"), let cut = entry.position(of: "=") else { return nil }
            return (String(entry[..<cut]), String(entry[entry.utf8.index(after: cut)...]))
        }
        settings = try configuration.settings(
            flags: flags, environment: environment, file: try Self.file(path),
            sections: tree.shown.map(\.commandName))
        if isShown { shown = Self.text(settings) }
        arguments = line.command + (try configuration.arguments(settings)) + flags + line.task
    }

    private static func taken(_ name: String, from flags: inout [String]) throws(Failure) -> String? {
        guard let index = flags.firstIndex(where: { $0 == name || $0.begins(with: name + "=") }) else { return nil }
        let word = flags.remove(at: index)
        if word.has("=") { return String(word.dropFirst(name.count + 1)) }
        guard index < flags.count else {
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "missing value for '\(name)'",
                remedy: "write \(name) FILE")
        }
        return flags.remove(at: index)
    }

    /// The usual file need not be there; one that was named must.
    private static func file(_ path: String?) throws(Failure) -> ConfigurationFile? {
        let place = path ?? ConfigurationFile.usualPath
        let text: String
        do throws(KernelError) {
            text = try TextFile.read(place, limit: ConfigurationFile.bytesMax)
        } catch {
            if path == nil, error.errno == Errno.noEntry { return nil }
            throw error.failure("config.unreadable", doing: "read the configuration", on: place)
        }
        return try ConfigurationFile.parse(text, path: place)
    }

    static func text(_ settings: [Configuration.Setting]) -> String {
        var table = TextTable(headings: ["OPTION", "VALUE", "FROM"])
        for setting in settings {
            table.rows.append([setting.key, setting.values.joined(separator: ", "), origin(setting.origin)])
        }
        return table.text
    }

    private static func origin(_ origin: Configuration.Origin) -> String {
        switch origin {
        case .commandLine: "command line"
        case .environment(let name): name
        case .file(let path, let line): "\(path):\(line)"
        case .usual: "-"
        }
    }
}
