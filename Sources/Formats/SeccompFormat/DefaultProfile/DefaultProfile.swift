extension SeccompProfile {
    /// Our own profile, from the table in this folder, where every call and its reason can be read. Only the native ABI
    /// is open; calls the table does not name answer ENOSYS, so that programs fall back as on an older kernel.
    public static let `default` = ours(named: "default", DefaultTable.groups)

    /// The default profile without `ptrace` and the calls of `DefaultTable.strictChanges`.
    public static let strict = ours(named: "strict", DefaultTable.strictGroups)

    private static func ours(named name: String, _ groups: [CallGroup]) -> SeccompProfile {
        SeccompProfile(name: name, defaultAction: .refuse(.noSuchCall), rules: groups.flatMap(\.rules))
    }
}

/// The table behind the default profile; Docs/Seccomp.md is made from it.
public enum DefaultTable {
    public static let groups: [CallGroup] =
        FileCalls.groups + ProcessCalls.groups + NetworkCalls.groups + AdministrationCalls.groups

    /// What `strict` decides otherwise.
    public static let strictChanges: [CallDecision] = [
        .refused(
            "ptrace", openedBy: [.sysPtrace],
            because: "A task that is not debugged needs no debugger's call; it is the largest tool for attacking a "
                + "neighbour in the same container."),
        .refused(
            "vmsplice",
            because: "Lends the caller's pages to a pipe, and copy-on-write has gone wrong there (CVE-2020-29374)."),
        .refused(
            "name_to_handle_at", openedBy: [.dacReadSearch],
            because: "Useful only together with open_by_handle_at, and tells inode numbers of the host."),
        .refused(
            "memfd_secret",
            because: "Memory that even the kernel cannot read cannot be examined after an incident either."),
    ]

    public static var strictGroups: [CallGroup] {
        let kept = groups.map { $0.deciding(strictChanges) }
        return kept + [CallGroup("Refused by strict", why: "None is allowed.", decisions: strictChanges)]
    }
}
