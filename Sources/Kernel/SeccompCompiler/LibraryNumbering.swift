import CSeccomp
import Glibc
public import SeccompFormat

/// Numbers of calls as libseccomp knows them, for every ABI it supports, and those newer than it from `RecentCalls`.
public struct LibraryNumbering: CallNumbering {
    public init() {}

    /// seccomp_syscall_resolve_name_arch(3).
    public func number(of call: String, on architecture: FilterArchitecture) -> CallNumber {
        let found = seccomp_syscall_resolve_name_arch(architecture.auditToken, call)
        if found >= 0 { return .number(UInt32(found)) }
        if architecture == .x86, let direct = Self.direct386[call] { return .number(direct) }
        // -1 is a name nobody knows; other negative numbers stand for calls that this ABI has not.
        return found == -1 ? RecentCalls.number(of: call, on: architecture) : .absent
    }

    /// seccomp_syscall_resolve_num_arch(3): the name of a number, for messages and tests.
    public func name(of number: UInt32, on architecture: FilterArchitecture) -> String? {
        guard let text = seccomp_syscall_resolve_num_arch(architecture.auditToken, Int32(bitPattern: number)) else {
            return RecentCalls.all.first { $0.value == number }?.key
        }
        defer { free(text) }
        return String(cString: text)
    }

    /// libseccomp answers for these with a stand-in of its own, because on i386 they were once reached through
    /// socketcall and ipc only. A profile opens those two by naming them.
    private static let direct386: [String: UInt32] = [
        "socket": 359, "socketpair": 360, "bind": 361, "connect": 362, "listen": 363, "accept4": 364,
        "getsockopt": 365, "setsockopt": 366, "getsockname": 367, "getpeername": 368, "sendto": 369, "sendmsg": 370,
        "recvmmsg": 337, "sendmmsg": 345, "recvfrom": 371, "recvmsg": 372, "shutdown": 373, "semget": 393,
        "semctl": 394, "shmget": 395, "shmctl": 396,
        "shmat": 397, "shmdt": 398, "msgget": 399, "msgsnd": 400, "msgrcv": 401, "msgctl": 402,
    ]
}

extension FilterArchitecture {
    /// SCMP_ARCH_*: libseccomp tells x32 from x86-64 by a bit of its own.
    fileprivate var auditToken: UInt32 {
        self == .x32 ? auditArchitecture & ~0x8000_0000 : auditArchitecture
    }
}
