import ArgumentParser
import CommandOutput
import Diagnostics

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Complete command lines for a shell.",
        discussion: """
            Example:
              bulkhead completion words -- audit ho
            """, shouldDisplay: false)

    @Argument(help: "Always 'words'.") var shell: String
    @Argument(parsing: .captureForPassthrough, help: .hidden) var words: [String] = []

    func run() throws {
        try SelfDescription.complete(
            Array(words.first == "--" ? words.dropFirst() : words[...]), in: BulkheadAudit.self)
    }
}

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Write the manual's pages into a directory.",
        discussion: """
            Example:
              bulkhead-audit manual /usr/local/share/man/man1
            """, shouldDisplay: false)

    @Argument(help: "The directory.") var directory: String

    func run() throws {
        try SelfDescription.writeManual(of: BulkheadAudit.self, to: directory, withRoot: false)
    }
}
