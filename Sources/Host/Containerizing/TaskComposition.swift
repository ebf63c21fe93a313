public import Containers
public import Diagnostics
public import OCIFormat

/// What was asked for and what the image says, put together as Docker does. Pure.
public struct TaskComposition {
    public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    public var config: ImageConfig
    /// The words after the image.
    public var command: [String]
    /// `--entrypoint`; empty takes the image's away.
    public var entrypoint: String?
    public var environment: [String]
    public var workingDirectory: String?
    public var user: ResolvedUser
    public var hostname: String
    public var hasTerminal: Bool

    public init(
        config: ImageConfig, command: [String], entrypoint: String?, environment: [String], workingDirectory: String?,
        user: ResolvedUser, hostname: String, hasTerminal: Bool
    ) {
        self.config = config
        self.command = command
        self.entrypoint = entrypoint
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.hostname = hostname
        self.hasTerminal = hasTerminal
    }

    /// With an entrypoint of the user's, the image's command does not go with it.
    public var arguments: [String] {
        if let entrypoint { return (entrypoint.isEmpty ? [] : [entrypoint]) + command }
        return config.entrypoint + (command.isEmpty ? config.command : command)
    }

    public var mergedEnvironment: [String] {
        var base = ["PATH=" + Self.defaultPath, "HOSTNAME=" + hostname]
        if hasTerminal { base.append("TERM=xterm") }
        let merged = EnvironmentList.merged(EnvironmentList.merged(base, config.environment), environment)
        if EnvironmentList.value("HOME", in: merged) != nil { return merged }
        return merged + ["HOME=" + (user.home ?? "/")]
    }

    public func process(terminal: TerminalRequest?, interactive: Bool) -> ProcessRequest {
        ProcessRequest(
            arguments: arguments, environment: mergedEnvironment,
            workingDirectory: workingDirectory ?? (config.workingDirectory.isEmpty ? "/" : config.workingDirectory),
            uid: user.uid, gid: user.gid, groups: user.supplementaryGroups, terminal: terminal, interactive: interactive
        )
    }

    /// What the task may ever hold: nothing for an ordinary user unless it was asked for.
    public func capabilities(adding: [String], dropping: [String]) throws(Failure) -> UInt64 {
        let base = user.uid == 0 ? CapabilitySet.rootDefault : CapabilitySet.userDefault
        return try base.adjusted(adding: adding, dropping: dropping).rawValue
    }
}
