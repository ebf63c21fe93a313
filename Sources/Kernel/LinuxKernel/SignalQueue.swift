import CLinux
import Glibc

/// Signals taken one by one instead of interrupting anything. Processes started later have them unblocked again: the
/// launcher and helper programs reset their mask.
public struct SignalQueue: Sendable {
    private let signals: [Int32]

    /// Blocks `signals` for the calling thread and those it starts from now on, so that only `next` sees them.
    public init(_ signals: [Int32]) throws(KernelError) {
        self.signals = signals
        var set = Self.set(of: signals)
        let problem = pthread_sigmask(SIG_BLOCK, &set, nil)
        guard problem == 0 else { throw KernelError(call: "pthread_sigmask", errno: problem) }
    }

    /// Waits for the next of them. See sigwait(3).
    public func next() throws(KernelError) -> Int32 {
        var set = Self.set(of: signals)
        var number: Int32 = 0
        let problem = sigwait(&set, &number)
        guard problem == 0 else { throw KernelError(call: "sigwait", errno: problem) }
        return number
    }

    private static func set(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        return set
    }

    /// Writing to a pipe nobody reads gives EPIPE from now on instead of ending this process. See signal(7).
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

/// Signals that one thread takes while it waits for a process to end, without a second thread. See signalfd(2).
public struct SignalWatch: Sendable {
    private let descriptor: OwnedDescriptor

    /// Blocks `signals` for the calling thread and those it starts from now on.
    public init(_ signals: [Int32]) throws(KernelError) {
        let number = try checked("signalfd") { bh_signal_descriptor(signals, UInt32(signals.count)) }
        descriptor = OwnedDescriptor(owning: number)
    }

    /// The next signal that comes before `process` ends; nil when it has ended.
    public func next(beforeEndOf process: ProcessHandle) throws(KernelError) -> Int32? {
        let both = [descriptor.number, process.descriptor.number]
        var events: [Int16] = [0, 0]
        while true {
            do throws(KernelError) {
                try checked("poll") { bh_poll_many(both, &events, 2) }
                break
            } catch { if error.errno != EINTR { throw error } }
        }
        guard events[0] != 0 else { return nil }
        return try checked("read", on: "a signalfd") { bh_next_signal(descriptor.number) }
    }
}

/// Numbers of signal(7) that decisions outside the Kernel layer are made by.
public enum SignalNumber {
    public static let hangUp = SIGHUP
    public static let interrupt = SIGINT
    public static let quit = SIGQUIT
    public static let kill = SIGKILL
    public static let stop = SIGSTOP
    public static let user1 = SIGUSR1
    public static let user2 = SIGUSR2
    public static let brokenPipe = SIGPIPE
    public static let terminate = SIGTERM
    public static let windowChange = SIGWINCH

    /// `HUP` for 1; the names of kill(1) without `SIG`, by number from 1.
    public static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]

    /// First and last real-time signal a program can use; the C library keeps two below the first.
    public static let realTime: ClosedRange<Int32> = 34...64

    /// A signal by number or name: `15`, `TERM`, `SIGTERM`, `RTMIN+3`. Nil: there is none.
    public static func named(_ text: String) -> Int32? {
        if let number = Int32(text), (1...realTime.upperBound).contains(number) { return number }
        let upper = text.uppercased()
        let name = usual(upper.begins(with: "SIG") ? String(upper.dropFirst(3)) : upper)
        if let index = names.firstIndex(of: name) { return Int32(index + 1) }
        if let number = realTime(name), realTime.contains(number) { return number }
        return nil
    }

    /// Some have a second name, signal(7).
    private static func usual(_ name: String) -> String {
        switch name {
        case "IOT": "ABRT"
        case "CLD": "CHLD"
        case "POLL": "IO"
        default: name
        }
    }

    private static func realTime(_ name: String) -> Int32? {
        if name == "RTMIN" { return realTime.lowerBound }
        if name == "RTMAX" { return realTime.upperBound }
        if name.begins(with: "RTMIN+") { return Int32(name.dropFirst(6)).map { realTime.lowerBound &+ $0 } }
        if name.begins(with: "RTMAX-") { return Int32(name.dropFirst(6)).map { realTime.upperBound &- $0 } }
        return nil
    }
}
