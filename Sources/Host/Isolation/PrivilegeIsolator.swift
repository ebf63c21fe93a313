import Containers
public import Diagnostics
public import LaunchPlanning

/// no_new_privs, prctl(2): no setuid program and no file capability gives the task anything.
public struct PrivilegeIsolator: Isolator {
    public let name = "no-new-privileges"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        if context.request.isolation.noNewPrivileges { contribution.add(.noNewPrivileges, at: .noNewPrivileges) }
        return contribution
    }
}
