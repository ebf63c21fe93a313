public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning
public import SeccompFormat

/// Turns a requested seccomp profile into a program. Compiling is deterministic but slow, so implementations cache.
public protocol FilterCompiling: Sendable {
    /// `emulated` are handed to a listener, whatever the profile says of them.
    func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion, emulated: Set<EmulatedCall>
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
        let emulated = Set(isolation.emulated ?? [])
        if isolation.seccomp == .unconfined {
            guard emulated.isEmpty else { throw Self.refusal("there is no filter that could hand calls over") }
            return
        }
        _ = try context.demand(.seccomp, for: "a system call filter", flag: "security-opt")
        let filter = try context.filters.filter(
            isolation.seccomp, capabilities: isolation.capabilities, kernel: context.host.kernel, emulated: emulated)
        if filter.program.bytes.isEmpty { return }
        guard isolation.noNewPrivileges else {
            throw Failure(
                "isolation.filter-needs-no-new-privileges",
                doing: "give the task new privileges under a seccomp filter",
                cause: "a filter is installed last, by a task that has given up every privilege",
                remedy: "keep no-new-privileges, or add --security-opt seccomp=unconfined", field: "security-opt")
        }
        if emulated.isEmpty {
            contribution.add(.installFilter(flags: filter.flags, program: filter.program), at: .filter)
        } else {
            // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: no signal undoes a call that the emulator is busy with.
            var flags = filter.flags & ~FilterFlags.allThreads.rawValue
            if context.host.kernel.isAtLeast(5, 19) { flags |= FilterFlags.waitKillable.rawValue }
            contribution.add(.listeningFilter(flags: flags, program: filter.program), at: .filter)
        }
    }

    private static func refusal(_ cause: String) -> Failure {
        Failure(
            "isolation.cannot-emulate", doing: "emulate system calls", cause: cause,
            remedy: "leave --security-opt seccomp=unconfined or --emulate out", field: "emulate")
    }
}
