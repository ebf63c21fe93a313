import Containers
public import Diagnostics
public import LaunchPlanning

/// Namespaces of its own for everything else, namespaces(7). All are made by the one clone3(2) that makes the process.
public struct NamespaceIsolator: Isolator {
    public let name = "namespaces"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        contribution.namespaces = [.mount, .uts, .cgroup]
        if try context.demand(.timeNamespaces, for: "a time namespace", flag: "time namespace") {
            contribution.namespaces.insert(.time)
        }
        switch context.request.isolation.network {
        case .none, .bridge, .plugins: contribution.namespaces.formUnion([.network, .ipc])
        case .host: contribution.namespaces.insert(.ipc)
        case .container: contribution.joined = [.network, .ipc]
        }
        if context.request.isolation.hasInit {
            contribution.namespaces.insert(.pid)
        } else {
            // The task itself is process 1; the monitor that records its end stays outside its pid namespace.
            contribution.add(.unshare(.pid), at: .separate)
        }
        // Our process group and terminal are not the container's; nothing of ours may be traced from inside.
        contribution.add(.beginSession(parentDeathSignal: 0), at: .session)
        contribution.add(.setUmask(0o022), at: .session)
        return contribution
    }
}
