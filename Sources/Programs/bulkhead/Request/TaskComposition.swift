import Containers
import Diagnostics
import OCIFormat

/// What flags and image say, put together as Docker does. Pure.
struct TaskComposition {
    static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    var config: ImageConfig
    /// The words after the image.
    var command: [String]
    /// `--entrypoint`; empty takes the image's away.
    var entrypoint: String?
    var environment: [String]
    var workingDirectory: String?
    var user: ResolvedUser
    var hostname: String
    var hasTerminal: Bool

    /// With an entrypoint of the user's, the image's command does not go with it.
    var arguments: [String] {
        if let entrypoint { return (entrypoint.isEmpty ? [] : [entrypoint]) + command }
        return config.entrypoint + (command.isEmpty ? config.command : command)
    }

    var mergedEnvironment: [String] {
        var base = ["PATH=" + Self.defaultPath, "HOSTNAME=" + hostname]
        if hasTerminal { base.append("TERM=xterm") }
        let merged = EnvironmentList.merged(EnvironmentList.merged(base, config.environment), environment)
        if EnvironmentList.value("HOME", in: merged) != nil { return merged }
        return merged + ["HOME=" + (user.home ?? "/")]
    }

    func process(terminal: TerminalRequest?, interactive: Bool) -> ProcessRequest {
        ProcessRequest(
            arguments: arguments, environment: mergedEnvironment,
            workingDirectory: workingDirectory ?? (config.workingDirectory.isEmpty ? "/" : config.workingDirectory),
            uid: user.uid, gid: user.gid, groups: user.supplementaryGroups, terminal: terminal, interactive: interactive
        )
    }

    /// What the task may ever hold: nothing for an ordinary user unless it was asked for.
    func capabilities(adding: [String], dropping: [String]) throws(Failure) -> UInt64 {
        let base = user.uid == 0 ? CapabilitySet.rootDefault : CapabilitySet.userDefault
        return try base.adjusted(adding: adding, dropping: dropping).rawValue
    }
}

/// `--label NAME=VALUE` over an image's labels.
enum LabelFlags {
    static func merged(_ flags: [String], over image: [String: String]) throws(Failure) -> [String: String] {
        var labels = image
        for flag in flags {
            let pair = flag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !pair[0].isEmpty else {
                throw .flag("label", flag, cause: "it has no name", remedy: "write NAME=VALUE")
            }
            labels[pair[0]] = pair.count == 2 ? pair[1] : ""
        }
        return labels
    }
}
