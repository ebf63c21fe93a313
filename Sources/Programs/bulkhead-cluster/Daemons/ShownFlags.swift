import ClusterAPI
import CommandOutput
import Diagnostics

/// The settings a daemon was started with, as `/flags` shows them: names as the protocol's clients know them, nothing
/// secret. Files with secrets are shown by their paths.
enum ShownFlags {
    /// Those of the command that runs.
    @TaskLocal static var current: [ClusterAPI.Flag] = []

    /// `--work-dir` is `work_dir`. An option nobody has set and that has no usual value is left out.
    static func flags(_ settings: [Configuration.Setting]) -> [ClusterAPI.Flag] {
        settings.compactMap { setting in
            guard !setting.values.isEmpty else { return nil }
            let values = setting.values.map { redacted($0) }
            return ClusterAPI.Flag(
                String(setting.key.map { $0 == "-" ? "_" : $0 }), values.joined(separator: ","))
        }.sorted { $0.name < $1.name }
    }

    /// `https://me:secret@host` without the secret, wherever in a list it is.
    static func redacted(_ value: String) -> String {
        value.cut(at: ",", omittingEmptySubsequences: false).map { part in
            guard let scheme = part.place(of: "://") else { return String(part) }
            let rest = part[scheme.upperBound...]
            let authority = rest.before("/").before("?").before("#")
            guard let at = authority.lastPosition(of: "@") else { return String(part) }
            let user = authority[..<at].before(":")
            return part[..<scheme.upperBound] + user + (user.endIndex == at ? "" : ":***") + rest[at...]
        }.joined(separator: ",")
    }
}
