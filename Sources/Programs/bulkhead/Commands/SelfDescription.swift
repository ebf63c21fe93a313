import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a script that completes command lines in a shell.",
        discussion: """
            'make install' and the Debian package put it in place.

            Examples:
              source <(bulkhead completion bash)
              bulkhead completion zsh > ~/.zfunc/_bulkhead
              bulkhead completion fish > ~/.config/fish/completions/bulkhead.fish
            """)

    @Argument(help: "The shell: bash, zsh or fish.") var shell: String
    @Argument(parsing: .captureForPassthrough, help: .hidden) var words: [String] = []

    func run() throws {
        if let shell = Completion.Shell(rawValue: shell) { return try Console.write(Completion.script(shell)) }
        guard shell == "words" else {
            throw Failure.flag("shell", shell, cause: "there is no script for it", remedy: "use bash, zsh or fish")
        }
        try SelfDescription.complete(Array(words.first == "--" ? words.dropFirst() : words[...]), in: Bulkhead.self)
    }
}

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Write the manual's pages into a directory.",
        discussion: """
            Example:
              bulkhead manual /usr/local/share/man/man1
            """, shouldDisplay: false)

    @Argument(help: "The directory.") var directory: String

    func run() throws {
        // The cluster's commands and the audit's are the other programs' to describe.
        try SelfDescription.writeManual(
            of: Bulkhead.self, to: directory,
            without: Set(ClusterCommand.allCases.map(\.rawValue) + [AuditCommand.name]))
    }
}
