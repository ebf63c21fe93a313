/// Users that something is to run as: whoever may not run as every one of them may not run it. Nil stands for nobody
/// named, where the default counts.
///
/// A group does not belong to the name that is asked for, and user 0 is root by whatever number it is written.
extension CommandSpec {
    /// With what the container's description says beside it: an engine's option `user` comes over the command's user.
    public func usersAsked(in container: ContainerSpec?) -> Set<String?> {
        RunUsers.named(user).union(container?.usersAsked ?? [])
    }
}

extension ContainerSpec {
    /// Those that options of another engine's command line name; often none.
    public var usersAsked: Set<String?> {
        var users: Set<String?> = []
        for parameter in docker?.parameters ?? [] where ["user", "u"].contains(parameter.key) {
            users.formUnion(RunUsers.named(parameter.value))
        }
        return users
    }
}

extension ExecutorSpec {
    /// Of its command and its container.
    public var usersAsked: Set<String?> {
        guard let command else { return container?.usersAsked ?? [] }
        return command.usersAsked(in: container)
    }
}

extension TaskSpec {
    /// Of its command, its executor, its container and the commands that check it.
    public var usersAsked: Set<String?> {
        var users = container?.usersAsked ?? []
        switch runner {
        case .command(let command): users.formUnion(RunUsers.named(command.user))
        case .executor(let executor): users.formUnion(executor.usersAsked)
        }
        if let groupCommand { users.formUnion(RunUsers.named(groupCommand.user)) }
        for probe in [healthCheck?.probe, check?.probe] {
            // One that names nobody runs as its task does.
            guard case .command(let command)? = probe, let user = command.user else { continue }
            users.formUnion(RunUsers.named(user))
        }
        return users
    }
}

private enum RunUsers {
    /// `name:group` as it is written, and its name alone.
    static func named(_ user: String?) -> Set<String?> {
        guard let user else { return [nil] }
        let name = String(user.prefix { $0 != ":" })
        var users: Set<String?> = [user, name]
        if let number = UInt64(name), number == 0 { users.insert("root") }
        return users
    }
}
