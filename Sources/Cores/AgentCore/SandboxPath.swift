import Diagnostics

/// A path of the files API: which sandbox it names, whose that is, and what in it. Whoever asks whether a path may be
/// read and whoever opens it have it from here.
public struct SandboxPath: Equatable, Sendable {
    /// Names from the work directory to the sandbox.
    public let sandbox: [String]
    /// Names from the sandbox on.
    public let rest: [String]
    /// The framework whose sandbox it is; nil for a container that belongs to none.
    public let framework: String?

    /// Nil for what is in no sandbox. `/frameworks/…` stands for the latest agent's own.
    public init?(_ path: String, below workDirectory: String) {
        var names: [String]
        if path.isSame(as: workDirectory) || path.begins(with: workDirectory + "/") {
            names = Substring(path.utf8.dropFirst(workDirectory.utf8.count)).cut(at: "/").map(String.init)
        } else {
            names = path.cut(at: "/").map(String.init)
            if names.first == "frameworks" { names = ["slaves", "latest"] + names }
        }
        names.removeAll { $0 == "." }
        let isOwned =
            names.count >= 8
            && [names[0], names[2], names[4], names[6]] == ["slaves", "frameworks", "executors", "runs"]
        let isAlone = names.count >= 2 && names[0] == "containers"
        guard isOwned || isAlone, !path.utf8.contains(0), !names.contains("..") else { return nil }
        let depth = isOwned ? 8 : 2
        sandbox = Array(names[..<depth])
        rest = Array(names[depth...])
        framework = isOwned ? names[3] : nil
    }
}
