public import Diagnostics

/// The words of a `run` or `exec` that are not its own flags: an image, a container or a task, then the task's command.
public struct TaskWords: Sendable {
    public let subject: String
    public let command: [String]

    /// Drops the `--` that may stand before the subject; with `isForgiving`, one before the command too, as those write
    /// it who come from kubectl.
    public init(
        _ first: String, _ rest: [String], of name: String, isForgiving: Bool = false
    ) throws(Failure) {
        var words = ([first] + rest)[...]
        if words.first == "--" {
            words.removeFirst()
        } else if let option = words.first, option.begins(with: "-"), option != "-" {
            throw Failure(
                "usage.invalid", doing: "understand the command line",
                cause: "\(name) has no option '\(option.optionName)'",
                remedy: "see 'bulkhead \(name) --help'", field: option.optionName)
        }
        guard let subject = words.popFirst() else {
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "something is missing after '--'",
                remedy: "see 'bulkhead \(name) --help'")
        }
        if isForgiving, words.first == "--" { words.removeFirst() }
        self.subject = subject
        command = Array(words)
    }
}

extension String {
    /// `--memory` of `--memory=64m`.
    fileprivate var optionName: String { String(prefix { $0 != "=" }) }
}
