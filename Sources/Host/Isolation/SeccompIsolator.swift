public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning

/// Turns a requested seccomp profile into a program. Compiling is deterministic but slow, so implementations cache.
public protocol FilterCompiling: Sendable {
    func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion
    ) throws(Failure) -> FilterProgram
    /// The program the container's init runs under.
    func initFilter() throws(Failure) -> FilterProgram
}

/// The system call filter, seccomp(2), installed last.
public struct SeccompIsolator: Isolator {
    public let name = "seccomp"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        try Self.add(context, to: &contribution)
        return contribution
    }

    /// The part a container's first process and an exec have in common.
    public static func add(_ context: LaunchContext, to contribution: inout PlanContribution) throws(Failure) {
        let isolation = context.request.isolation
        if isolation.seccomp == .unconfined { return }
        _ = try context.demand(.seccomp, for: "a system call filter", flag: "security-opt")
        let program = try context.filters.filter(
            isolation.seccomp, capabilities: isolation.capabilities, kernel: context.host.kernel)
        contribution.add(.installFilter(flags: 0, program: program), at: .filter)
    }
}
