/// Users that something is to run as: whoever may not run as every one of them may not run it. Nil stands for nobody
/// named, where the default counts.
public enum NamedUsers {
    /// Of what starts a container: an engine's option `user` comes over the command's user.
    public static func asked(_ user: String?, in container: ContainerSpec?) -> [String?] {
        let options = (container?.docker?.parameters ?? []).filter { ["user", "u"].contains($0.key) }.map(\.value)
        let users = [user].compactMap { $0 } + options
        return users.isEmpty ? [nil] : users.flatMap(spellings)
    }

    /// `name:group` as it is written and its name alone. User 0 is root by whatever number it is written, and who names
    /// a group only names nobody.
    public static func spellings(_ user: String) -> [String?] {
        let name = String(user.before(":"))
        var users: [String?] = [user, name]
        if name.isEmpty { users.append(nil) }
        if UInt64(name) == 0 { users.append("root") }
        return users
    }
}
