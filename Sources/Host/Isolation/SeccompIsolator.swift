public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning

/// Turns a requested seccomp profile into a program. Compiling is deterministic but slow, so implementations cache.
public protocol FilterCompiling: Sendable {
    func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion
    ) throws(Failure) -> TaskFilter
    /// The program the container's init runs under.
    func initFilter() throws(Failure) -> FilterProgram
}

/// A compiled profile with the flags of seccomp(2) it asks for. No program means that it allows everything.
public struct TaskFilter: Equatable, Sendable {
    public var program: FilterProgram
    public var flags: UInt32
    public init(program: FilterProgram, flags: UInt32) {
        self.program = program
        self.flags = flags
    }
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
        let filter = try context.filters.filter(
            isolation.seccomp, capabilities: isolation.capabilities, kernel: context.host.kernel)
        if filter.program.bytes.isEmpty { return }
        guard isolation.noNewPrivileges else {
            throw Failure(
                "isolation.filter-needs-no-new-privileges",
                doing: "give the task new privileges under a seccomp filter",
                cause: "a filter is installed last, by a task that has given up every privilege",
                remedy: "keep no-new-privileges, or add --security-opt seccomp=unconfined", field: "security-opt")
        }
        contribution.add(.installFilter(flags: filter.flags, program: filter.program), at: .filter)
    }
}
