public import Diagnostics

/// A profile that allows what was seen, and what every program needs, and nothing else.
public struct RecordedProfile: Equatable, Sendable {
    /// Allowed whatever the arguments.
    public private(set) var calls: Set<String>
    /// Allowed for these arguments only; all conditions of one list together.
    public private(set) var conditional: [String: Set<[ArgumentCondition]>]
    /// What was seen and is left out, because the default profile refuses it, as a person reads it.
    public private(set) var leftOut: [String] = []

    /// What the start of a program, its end and its signals need, and what a C library asks the kernel for when its
    /// shortcuts do not work; it may not show in a recording.
    public static let base = [
        "execve", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "futex", "rseq", "set_tid_address",
        "set_robust_list", "getrandom", "clock_gettime", "gettimeofday", "time", "getcpu", "sched_yield", "brk", "mmap",
        "munmap", "mprotect", "madvise", "read", "write", "close", "fstat", "newfstatat", "statx", "rt_sigaction",
        "rt_sigprocmask", "sigaltstack", "arch_prctl", "getpid", "gettid", "tgkill", "uname", "openat",
    ]
    /// Requests of ioctl(2) that C libraries make of any descriptor: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX.
    private static let terminalRequests: [UInt32] = [0x5401, 0x5413, 0x541b, 0x5421, 0x5451]
    /// PR_SET_NAME, PR_GET_NAME and PR_SET_VMA, which name threads and memory.
    private static let namingOptions: [UInt32] = [15, 16, 0x5356_4d41]

    /// - Parameters:
    ///   - allows: whether the profile that bounds this one lets the call through with these arguments.
    ///   - names: of the native ABI's numbers.
    public init(
        _ recording: CallRecording?, merging old: SeccompProfile?, names: (UInt32) -> String?,
        bounds allows: (_ call: String, _ arguments: [UInt64]) throws(Failure) -> Bool
    ) throws(Failure) {
        calls = Set(Self.base)
        conditional = [
            "ioctl": Set(Self.terminalRequests.map { [.int(1, is: $0)] }),
            "prctl": Set(Self.namingOptions.map { [.int(0, is: $0)] }),
            // One's own limits, and reading: as the default profile has it.
            "prlimit64": [[.int(0, is: 0)], [Self.readsLimits]],
        ]
        for rule in old?.rules ?? [] where rule.action == .allow {
            for call in rule.calls { try add(call, rule.conditions, allows) }
        }
        for entry in recording?.entries ?? [] {
            guard let name = names(entry.number) else {
                leftOut.append("call \(entry.number): it has no name here")
                continue
            }
            try add(name, Self.conditions(name, entry.arguments), allows)
        }
        for (number, name) in (recording?.foreign ?? []).map({ ($0, "another ABI's call") }) {
            leftOut.append("\(name) \(number): only the native ABI is open")
        }
        conditional = conditional.filter { !calls.contains($0.key) }
        leftOut.sort()
    }

    private mutating func add(
        _ call: String, _ conditions: [ArgumentCondition], _ allows: (String, [UInt64]) throws(Failure) -> Bool
    ) throws(Failure) {
        guard try allows(call, Self.example(of: conditions)) else {
            let which = conditions.map(\.description).joined(separator: " and ")
            let text = which.isEmpty ? call : "\(call) with \(which)"
            if !leftOut.contains(text) { leftOut.append(text) }
            return
        }
        if conditions.isEmpty { calls.insert(call) } else { conditional[call, default: []].insert(conditions) }
    }

    /// No new limit is given, prlimit(2).
    private static let readsLimits = ArgumentCondition(index: 2, .equal(0))

    /// CLONE_NEW*, see clone(2).
    private static let namespaceFlags: UInt64 = 0x7e02_0000
    private static let netlink: UInt64 = 16

    /// What of the arguments is kept. Other flags of clone differ from thread to thread and decide nothing.
    private static func conditions(_ call: String, _ arguments: [UInt64]) -> [ArgumentCondition] {
        func int(_ index: UInt8) -> ArgumentCondition {
            .int(index, is: UInt32(truncatingIfNeeded: arguments[Int(index)]))
        }
        switch call {
        case "clone":
            return [ArgumentCondition(index: 0, .masked(namespaceFlags, equal: arguments[0] & namespaceFlags))]
        case "socket": return arguments[0] == netlink ? [int(0), int(2)] : [int(0)]
        case "prlimit64": return arguments[2] == 0 ? [readsLimits] : [int(0)]
        case "socketpair", "personality", "prctl": return [int(0)]
        case "ioctl": return [int(1)]
        default: return []
        }
    }

    /// Arguments for which the conditions hold.
    private static func example(of conditions: [ArgumentCondition]) -> [UInt64] {
        var arguments = [UInt64](repeating: 0, count: 6)
        for condition in conditions where condition.index < 6 {
            switch condition.test {
            case .equal(let value), .masked(_, let value), .greaterOrEqual(let value), .lessOrEqual(let value):
                arguments[Int(condition.index)] = value
            case .greater(let value): arguments[Int(condition.index)] = value &+ 1
            case .less(let value): arguments[Int(condition.index)] = value &- 1
            case .notEqual(let value): arguments[Int(condition.index)] = value == 0 ? 1 : 0
            }
        }
        return arguments
    }

    /// Docker's JSON, which `--security-opt seccomp=FILE` reads, here and there.
    public func json(architecture: FilterArchitecture = .native) -> String {
        let names = calls.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        var entries = ["    {\"names\": [\(names)], \"action\": \"SCMP_ACT_ALLOW\"}"]
        for (call, alternatives) in conditional.sorted(by: { $0.key < $1.key }) {
            for conditions in alternatives.map({ $0.map(Self.json).joined(separator: ", ") }).sorted() {
                entries.append(
                    "    {\"names\": [\"\(call)\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [\(conditions)]}")
            }
        }
        return """
            {
              "defaultAction": "SCMP_ACT_ERRNO",
              "defaultErrnoRet": 38,
              "architectures": ["\(architecture.rawValue)"],
              "syscalls": [
            \(entries.joined(separator: ",\n"))
              ]
            }

            """
    }

    private static func json(_ condition: ArgumentCondition) -> String {
        let (operation, value, second): (String, UInt64, UInt64) =
            switch condition.test {
            case .equal(let value): ("SCMP_CMP_EQ", value, 0)
            case .notEqual(let value): ("SCMP_CMP_NE", value, 0)
            case .less(let value): ("SCMP_CMP_LT", value, 0)
            case .lessOrEqual(let value): ("SCMP_CMP_LE", value, 0)
            case .greater(let value): ("SCMP_CMP_GT", value, 0)
            case .greaterOrEqual(let value): ("SCMP_CMP_GE", value, 0)
            case .masked(let mask, let value): ("SCMP_CMP_MASKED_EQ", mask, value)
            }
        return "{\"index\": \(condition.index), \"value\": \(value), \"valueTwo\": \(second), \"op\": \"\(operation)\"}"
    }
}
