import Diagnostics
import SeccompFormat

/// What stopped an attempt.
public enum EscapeWall: String, CaseIterable, Codable, Hashable, Sendable {
    /// The system call filter, known by evaluating the very program the container has.
    case seccomp
    /// A capability the task does not hold, or one it holds over its own user namespace only.
    case capability
    /// The owner is a user of the host's, who is nobody inside.
    case userNamespace = "user namespace"
    /// Another namespace: what was looked for is not in it.
    case namespace
    /// An empty file or directory covers it.
    case mask
    case readOnlyMount = "read-only mount"
    /// The mount honours no device nodes.
    case noDeviceMount = "nodev mount"
    /// The program on the cgroup that knows which devices exist.
    case devicePolicy = "device policy"
    case noNewPrivileges = "no_new_privs"
    /// Owner and mode of the file, or init being beyond a debugger's reach.
    case permission
    /// A limit on how much there may be.
    case limit
    /// No route leads there.
    case network
    /// It does not exist here.
    case absent
    /// The root itself: every way up ends there.
    case root
}

/// Which filter the attempts ran under.
public struct ProbedFilter: Sendable {
    private let program: [UInt8]
    /// `program` is what was installed, an array of `struct sock_filter`; empty for none.
    public init(program: [UInt8]) { self.program = program }

    /// What it answers to the call, or nil when there is no filter.
    func action(for call: ProbeAnswer.Call, on processor: String) throws(Failure) -> FilterAction? {
        if program.isEmpty { return nil }
        let native: FilterArchitecture = processor == "aarch64" ? .arm64 : .amd64
        let architecture: FilterArchitecture = call.isForeign ? (native == .arm64 ? .arm : .x86) : native
        return try FilterEvaluator.evaluate(
            program,
            FilterEvaluator.Call(
                architecture: architecture.auditArchitecture, number: UInt32(truncatingIfNeeded: call.number),
                arguments: call.arguments))
    }
}

extension EscapeWall {
    private static let readOnlyFlag: UInt64 = 1
    private static let noDeviceFlag: UInt64 = 4
    /// Who owns a file that belongs to nobody of this user namespace.
    private static let nobody: UInt32 = 65_534

    /// The wall behind an answer that blocked, from what is known of the call, the file and the check.
    static func behind(
        _ answer: ProbeAnswer, of check: EscapeCheck, filter: ProbedFilter?, processor: String
    ) throws(Failure) -> EscapeWall {
        if let call = answer.call, let action = try filter?.action(for: call, on: processor) {
            switch (action, answer.result) {
            case (.refuse(let error), .errno(let number)) where Int32(error.rawValue) == number: return .seccomp
            case (.killProcess, .signal(31)), (.killThread, .signal(31)), (.trap, .signal(31)): return .seccomp
            default: break
            }
        }
        guard case .errno(let number) = answer.result else { return filter == nil ? check.wall : .seccomp }
        switch ErrnoName.of(number) {
        case "EROFS": return .readOnlyMount
        case "ENOSYS", "ENODEV", "ENXIO", "ENOPROTOOPT": return .absent
        case "ENOENT": return check.wall == .namespace ? .namespace : .absent
        case "ENODATA": return check.area == "files" ? .mask : check.wall
        case "EACCES":
            guard let place = answer.place, let flags = place.mountFlags else { return check.wall }
            if check.area == "devices", flags & noDeviceFlag != 0 { return .noDeviceMount }
            if place.owner == nobody { return .userNamespace }
            return flags & readOnlyFlag != 0 && check.wall == .permission ? .readOnlyMount : check.wall
        default: return check.wall
        }
    }
}
