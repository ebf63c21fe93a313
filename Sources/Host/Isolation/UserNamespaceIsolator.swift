import Containers
public import Diagnostics
public import LaunchPlanning

/// A user namespace of its own for every container, user_namespaces(7): root inside is an ordinary,
/// unused user outside. Containers that share their network share it too: Docs/Decisions/0042.
public struct UserNamespaceIsolator: Isolator {
    public let name = "user-namespace"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        _ = try context.demand(.userNamespaces, for: "a user namespace", flag: "userns")
        let range = context.request.isolation.identities
        guard range.base != 0, range.count > 0 else {
            throw Failure(
                "isolation.no-ids", doing: "map the container's users",
                cause: "the container has no range of host ids, or one that holds the host's root",
                field: "identities")
        }
        var contribution = PlanContribution(isolator: name)
        if case .container = context.request.isolation.network {
            contribution.joined = .user
            contribution.add(.becomeRoot, at: .becomeRoot)
            return contribution
        }
        contribution.namespaces = .user
        contribution.userMap = [range.mapping]
        contribution.groupMap = contribution.userMap
        contribution.add(.becomeRoot, at: .becomeRoot)
        return contribution
    }
}
