public import ArgumentParser
public import Diagnostics
import LinuxKernel

/// What a program says of itself to shells and to man(1).
public enum SelfDescription {
    /// Prints what may stand in place of the last of `words`, a line each.
    public static func complete(_ words: [String], in root: any ParsableCommand.Type) throws(Failure) {
        let tree = try CommandTree(of: root)
        try Console.write((Completion.candidates(words, in: tree) ?? []).map { $0 + "\n" }.joined())
    }

    /// A page for each command that is not `without`; the commands below have pages of their own.
    public static func writeManual(
        of root: any ParsableCommand.Type, to directory: String, withRoot: Bool = true, without: Set<String> = []
    ) throws(Failure) {
        let tree = try CommandTree(of: root)
        let commands = ManualPage.all(pruned(tree, without), path: [tree.commandName]).dropFirst()
        let pages = (withRoot ? [ManualPage(tree, path: [tree.commandName])] : []) + commands
        for page in pages {
            let path = "\(directory)/\(page.name).1"
            do throws(KernelError) {
                let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .truncate], mode: 0o644)
                try file.write(page.text)
            } catch {
                throw error.failure("manual.unwritable", doing: "write the page", on: path)
            }
        }
    }

    private static func pruned(_ tree: CommandTree, _ names: Set<String>) -> CommandTree {
        var tree = tree
        tree.subcommands?.removeAll { names.contains($0.commandName) }
        return tree
    }
}
