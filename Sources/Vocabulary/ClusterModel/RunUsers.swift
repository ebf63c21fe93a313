/// Users that something is to run as: whoever may not run as every one of them may not run it. Nil stands for nobody
/// named, where the default counts.
///
/// A group does not belong to the name that is asked for, and user 0 is root by whatever number it is written.
extension CommandSpec {
    /// With what the container's description says beside it: an engine's option `user` comes over the command's user.
    public func usersAsked(in container: ContainerSpec?) -> Set<String?> {
        let ofContainer = container?.usersAsked ?? []
        return user == nil && !ofContainer.isEmpty ? ofContainer : RunUsers.named(user).union(ofContainer)
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

private enum RunUsers {
    /// `name:group` as it is written, and its name alone.
    static func named(_ user: String?) -> Set<String?> {
        guard let user else { return [nil] }
        let name = String(user.prefix { $0 != ":" })
        var users: Set<String?> = [user, name]
        if let number = UInt64(name), number == 0 { users.insert("root") }
        if name.isEmpty { users.insert(nil) }
        return users
    }
}
