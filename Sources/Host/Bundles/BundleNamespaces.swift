public import Diagnostics
public import LaunchPlanning
import OrderedCollections
import RuntimeSpec

/// linux.namespaces, id maps and time offsets. New ones are made by clone3(2), but that of cgroups: its root is the
/// group the process is in when it is made, so it is made when the process is where it belongs.
public struct BundleNamespaces: BundleContributor {
    public init() {}

    /// Of the process that is being started, proc_pid_ns(5).
    static let ownTime = "time_for_children"

    static func kind(_ type: String) -> NamespaceSet {
        switch type {
        case "pid": .pid
        case "network": .network
        case "mount": .mount
        case "ipc": .ipc
        case "uts": .uts
        case "user": .user
        case "cgroup": .cgroup
        default: .time
        }
    }

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "namespaces")
        for namespace in context.linux.namespaces {
            let kind = Self.kind(namespace.type)
            switch (namespace.path, kind) {
            case (nil, .cgroup): contribution.add(.unshare(.cgroup), at: .root)
            case (nil, _): contribution.namespaces.insert(kind)
            case (let path?, .time):
                contribution.open("time", .namespace(path: path))
                contribution.add(.join("time", types: .time), at: .join)
            case (let path?, _): contribution.joinedFiles.append(NamespaceFile(kind: kind, path: path))
            }
        }
        try addMaps(context, to: &contribution)
        try addOffsets(context, to: &contribution)
        contribution.add(.beginSession(parentDeathSignal: 0), at: .session)
        contribution.add(.setUmask((context.process?.user.umask ?? 0o022) & 0o777), at: .session)
        return contribution
    }

    private func addMaps(_ context: BundleContext, to contribution: inout PlanContribution) throws(Failure) {
        let (users, groups) = (context.linux.users, context.linux.groups)
        if context.hasUserNamespace { contribution.add(.becomeRoot, at: .becomeRoot) }
        guard context.isNew("user") else {
            if !context.hasUserNamespace, !users.isEmpty || !groups.isEmpty {
                throw SpecObject.refusal(
                    "linux.uidMappings", "id maps need a new user namespace", remedy: "add one to linux.namespaces")
            }
            return
        }
        guard !users.isEmpty, !groups.isEmpty else {
            throw SpecObject.refusal("linux.uidMappings", "a new user namespace needs maps of users and groups")
        }
        contribution.userMap = users.map { IDMapping(inside: $0.inside, outside: $0.outside, count: $0.count) }
        contribution.groupMap = groups.map { IDMapping(inside: $0.inside, outside: $0.outside, count: $0.count) }
    }

    private func addOffsets(_ context: BundleContext, to contribution: inout PlanContribution) throws(Failure) {
        let offsets = context.linux.timeOffsets
        if offsets.isEmpty { return }
        guard context.isNew("time") else {
            throw SpecObject.refusal(
                "linux.timeOffsets", "offsets need a new time namespace", remedy: "add one to linux.namespaces")
        }
        // Linux before 6.3 leaves whoever made it outside.
        contribution.open("time", .namespace(path: Self.ownTime))
        contribution.add(.join("time", types: .time), at: .join)
        contribution.timeOffsets = offsets.map { "\($0.key) \($0.value.seconds) \($0.value.nanoseconds)\n" }.joined()
    }
}

/// The namespaces of a running container, for one more process in it.
public struct JoinedNamespaces: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "namespaces")
        contribution.joined = context.joinedNamespaces.subtracting(.time)
        if let process = context.joined, context.joinedNamespaces.contains(.time) {
            contribution.open("time", .namespace(path: "/proc/\(process)/ns/time"))
            contribution.add(.join("time", types: .time), at: .join)
        }
        if context.sharesMounts {
            contribution.open("root", .directory(path: context.anchor))
            contribution.add(.takeRoot("root"), at: .enterRoot)
        }
        if context.hasUserNamespace { contribution.add(.becomeRoot, at: .becomeRoot) }
        contribution.add(.beginSession(parentDeathSignal: 0), at: .session)
        contribution.add(.setUmask((context.process?.user.umask ?? 0o022) & 0o777), at: .session)
        if !context.options.keepsKeyring { contribution.add(.newKeyring, at: .identity) }
        return contribution
    }
}
