public import Containers
public import Diagnostics
public import LaunchPlanning

/// User, groups and capabilities of the task, capabilities(7). Inheritable and ambient are always empty.
public struct CredentialIsolator: Isolator {
    public let name = "credentials"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        contribution.add(
            .credentials(
                try Self.credentials(context.request.process, context.request.isolation)), at: .credentials)
        return contribution
    }

    /// A user other than root holds capabilities only when they were asked for, as exec drops them anyway unless they
    /// are ambient; the bounding set then says what it could ever regain, which is nothing.
    public static func credentials(
        _ process: ProcessRequest, _ isolation: IsolationRequest
    ) throws(Failure) -> Credentials {
        for id in [process.uid, process.gid] + process.groups where id >= isolation.identities.count {
            throw Failure(
                "isolation.unmapped-id", doing: "run as id \(id)",
                cause: "the container has the ids 0 to \(Int64(isolation.identities.count) - 1)",
                remedy: "choose an id in that range", field: "user")
        }
        let held = process.uid == 0 ? isolation.capabilities : 0
        return Credentials(
            uid: process.uid, gid: process.gid, groups: process.groups, bounding: isolation.capabilities,
            effective: held, permitted: held, inheritable: 0, ambient: 0)
    }
}
