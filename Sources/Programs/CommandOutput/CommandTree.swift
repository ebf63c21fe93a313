public import ArgumentParser
public import Diagnostics
import FoundationEssentials

/// A program's commands and their options as the parser knows them: what manual pages, completions and configuration
/// are made from, so that none of them can say anything else.
public struct CommandTree: Decodable, Sendable {
    public struct Argument: Decodable, Sendable {
        public enum Kind: String, Decodable, Sendable { case positional, option, flag }
        public struct Name: Decodable, Sendable {
            public enum Kind: String, Decodable, Sendable { case long, short, longWithSingleDash }
            public var kind: Kind
            public var name: String
            /// As it is typed.
            public var text: String { kind == .long ? "--\(name)" : "-\(name)" }
        }
        public var kind: Kind
        public var shouldDisplay: Bool
        public var sectionTitle: String?
        public var isOptional: Bool
        public var isRepeating: Bool
        public var names: [Name]?
        public var preferredName: Name?
        public var valueName: String?
        public var defaultValue: String?
        public var allValues: [String]?
        public var abstract: String?

        /// The long name without its dashes; nil for words without one.
        public var key: String? { names?.first { $0.kind == .long }?.name }
    }
    public var commandName: String
    public var shouldDisplay: Bool
    public var abstract: String?
    public var discussion: String?
    public var defaultSubcommand: String?
    public var aliases: [String]?
    public var subcommands: [CommandTree]?
    public var arguments: [Argument]?

    private struct Document: Decodable { var command: CommandTree }

    public init(of root: any ParsableCommand.Type) throws(Failure) {
        do {
            self = try JSONDecoder().decode(Document.self, from: Data(root._dumpHelp().utf8)).command
        } catch {
            throw Failure("program.unreadable", doing: "read the program's own description", cause: "\(error)")
        }
    }

    /// Those that have commands of their own, and what people see of them.
    public var shown: [CommandTree] {
        (subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
    }

    public var options: [Argument] { (arguments ?? []).filter { $0.kind != .positional && $0.shouldDisplay } }
    public var words: [Argument] { (arguments ?? []).filter { $0.kind == .positional && $0.shouldDisplay } }

    public func command(_ name: String) -> CommandTree? {
        (subcommands ?? []).first { $0.commandName == name || $0.aliases?.contains(name) == true }
    }
}
