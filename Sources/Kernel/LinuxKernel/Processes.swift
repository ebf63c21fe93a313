import CLinux
import Glibc

/// How a process ended, from a wait status of wait4(2).
public enum ProcessEnd: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    public init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .signaled(signal)
    }
}

/// A process held by a pidfd: it can be signalled and waited for without ever meeting a stranger that got its number.
public struct ProcessHandle: Sendable {
    public let id: Int32
    public let descriptor: OwnedDescriptor

    public init(id: Int32, descriptor: OwnedDescriptor) {
        self.id = id
        self.descriptor = descriptor
    }

    /// See pidfd_open(2). ESRCH: no such process.
    public static func open(_ id: Int32) throws(KernelError) -> ProcessHandle {
        let number = try checked("pidfd_open", on: "process \(id)") { bh_pidfd_open(id, 0) }
        return ProcessHandle(id: id, descriptor: OwnedDescriptor(owning: number))
    }

    /// Sends a signal. False when the process has ended. See pidfd_send_signal(2).
    @discardableResult
    public func signal(_ number: Int32) throws(KernelError) -> Bool {
        try delivered("pidfd_send_signal") { bh_pidfd_send_signal(descriptor.number, number) }
    }

    /// Queues a real-time signal with a value (si_code SI_QUEUE). False when the process has ended.
    @discardableResult
    public func queue(signal number: Int32, value: Int32) throws(KernelError) -> Bool {
        try delivered("pidfd_send_signal") { bh_pidfd_queue_signal(descriptor.number, number, value) }
    }

    /// A copy of what the process has open as `number`. See pidfd_getfd(2).
    public func descriptor(_ number: Int32) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked("pidfd_getfd", on: "process \(id)") { bh_pidfd_getfd(descriptor.number, number) })
    }

    private func delivered(_ call: String, _ body: () -> Int32) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try checked(call, on: "process \(id)", body)
            return true
        } catch {
            if error.errno == ESRCH { return false }
            throw error
        }
    }

    /// Whether the process has ended (it may still be a zombie).
    public func hasEnded() throws(KernelError) -> Bool { try descriptor.waitReadable(milliseconds: 0) }

    /// Whether a child of ours is stopped by a signal. See waitid(2), WSTOPPED.
    public func isStopped() throws(KernelError) -> Bool {
        try checked("waitid", on: "process \(id)") { bh_pidfd_is_stopped(descriptor.number) } == 1
    }

    /// Waits until the process, ours or not, has ended. False at the timeout; negative: for ever.
    public func waitForEnd(milliseconds: Int32 = -1) throws(KernelError) -> Bool {
        try descriptor.waitReadable(milliseconds: milliseconds)
    }

    /// Waits for a child of ours and removes it. See waitid(2).
    public func reap() throws(KernelError) -> ProcessEnd { ProcessEnd(waitStatus: try reapStatus()) }

    /// The same, with the wait status as wait4(2) gives it.
    public func reapStatus() throws(KernelError) -> Int32 {
        var status: Int32 = 0
        try checked("waitid", on: "process \(id)") { bh_pidfd_wait(descriptor.number, 0, &status) }
        return status
    }
}

extension ProcessHandle {
    /// How long the kernel may take to end a process that was killed.
    private static let endMilliseconds: Int32 = 10_000

    /// Kills a child of ours that nobody wants any more, and removes it. ETIMEDOUT for one that does not end even then;
    /// it is not removed.
    public func killAndReap() throws(KernelError) {
        try signal(SIGKILL)
        guard try waitForEnd(milliseconds: Self.endMilliseconds) else {
            throw KernelError(call: "wait for the end, after SIGKILL,", on: "process \(id)", errno: ETIMEDOUT)
        }
        _ = try reap()
    }

    /// As `reap`. A child that goes on for longer is killed and removed: ETIMEDOUT.
    public func reap(within seconds: Double) throws(KernelError) -> ProcessEnd {
        guard try waitForEnd(milliseconds: Int32(clamping: Int(seconds * 1_000))) else {
            try killAndReap()
            throw KernelError(call: "wait for the end, until it was killed,", on: "process \(id)", errno: ETIMEDOUT)
        }
        return try reap()
    }
}

/// Facts of procfs about a process that tell whether a number still means the same process.
public enum ProcessFacts {
    /// The number of the process that a pidfd is about. ESRCH: it has been reaped. See proc(5), fdinfo.
    public static func process(of pidfd: OwnedDescriptor) throws(KernelError) -> Int32 {
        let text = try TextFile.read("/proc/self/fdinfo/\(pidfd.number)")
        let line = text.cut(at: "\n").first { $0.begins(with: "Pid:") }
        guard let id = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).last.flatMap({ Int32($0) }), id > 0
        else { throw KernelError(call: "read the number of a process", errno: ESRCH) }
        return id
    }

    /// Field 22 of /proc/PID/stat: start time after boot in clock ticks. Nil when there is no such process.
    public static func startTime(of id: Int32) throws(KernelError) -> UInt64? {
        try fields(of: id).flatMap { $0.count > 19 ? UInt64($0[19]) : nil }
    }

    /// Whether it has ended and only waits for its parent to ask how: it has no namespaces and no files any more.
    public static func isZombie(_ id: Int32) throws(KernelError) -> Bool {
        try fields(of: id)?.first.map { ["Z", "X"].contains($0) } ?? false
    }

    /// Whether it is on its way out: its files, groups and namespaces go one after the other before it has ended. By
    /// PF_EXITING among the flags, field 9 of /proc/PID/stat. True of one that is gone.
    public static func isEnding(_ id: Int32) throws(KernelError) -> Bool {
        guard let fields = try fields(of: id) else { return true }
        return fields.count > 6 ? (UInt32(fields[6]) ?? 0) & exitingFlag != 0 : false
    }
    private static let exitingFlag: UInt32 = 0x4

    /// Whether the kernel would drop a signal to this process from outside: it is the first of its pid namespace and
    /// has no handler, pid_namespaces(7). By SigCgt and NSpid of /proc/PID/status, proc(5).
    public static func dropsSignal(_ number: Int32, _ id: Int32) throws(KernelError) -> Bool {
        let lines = try TextFile.read("/proc/\(id)/status").cut(at: "\n")
        let numbers = words("NSpid:", of: lines)
        let caught = words("SigCgt:", of: lines).last.flatMap { UInt64($0, radix: 16) }
        guard numbers.count > 1, numbers.last == "1", let caught, (1...64).contains(number) else { return false }
        return caught >> UInt64(number - 1) & 1 == 0
    }

    /// The number of a process as those see it who share its pid namespace. By NSpid of /proc/PID/status.
    public static func innerNumber(of id: Int32) throws(KernelError) -> Int32 {
        let lines = try TextFile.read("/proc/\(id)/status").cut(at: "\n")
        guard let number = words("NSpid:", of: lines).last.flatMap({ Int32($0) }) else {
            throw KernelError(call: "read the number of process \(id) inside", errno: ESRCH)
        }
        return number
    }

    private static func words(_ name: String, of lines: [Substring]) -> [Substring] {
        lines.first { $0.begins(with: name) }?.dropFirst(name.count).cut(at: "\t") ?? []
    }

    /// As many as are asked for, and the rest in one piece.
    private static let fieldsMax = 20

    /// Field 3 of /proc/PID/stat and those after it. Nil when there is no such process.
    private static func fields(of id: Int32) throws(KernelError) -> [Substring]? {
        let text: String
        do throws(KernelError) {
            text = try TextFile.read("/proc/\(id)/stat", limit: 4_096)
        } catch {
            if error.errno == ENOENT || error.errno == ESRCH { return nil }
            throw error
        }
        // The command's name is in parentheses and may hold anything, so fields count from the last ')'.
        guard let close = text.lastPosition(of: ")") else { return nil }
        return text.utf8[text.utf8.index(after: close)...]
            .split(separator: UInt8(ascii: " "), maxSplits: fieldsMax).map(Substring.init)
    }

    /// A different value after every boot, random(4).
    public static func bootID() throws(KernelError) -> String {
        try TextFile.read("/proc/sys/kernel/random/boot_id", limit: 64).filter { !$0.isNewline }
    }
}
