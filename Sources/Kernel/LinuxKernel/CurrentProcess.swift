import CLinux
import Glibc

/// This process itself.
public enum CurrentProcess {
    /// Ends at once, as kill -9 does: nothing is flushed, closed or undone.
    public static func kill() -> Never {
        Glibc.kill(getpid(), SIGKILL)
        _exit(137)
    }

    /// Ends with `status` without running the exit handlers of libraries.
    public static func exit(_ status: Int32) -> Never { _exit(status) }
}

/// The environment this process was started with.
public enum ProcessEnvironment {
    public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// Randomness from the kernel, getrandom(2).
public enum KernelRandom {
    public static func number() -> UInt64 { UInt64.random(in: .min ... .max) }
}

extension CurrentProcess {
    /// The working directory, or `/` when it was removed. See getcwd(3).
    public static func directory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}

/// Time that passes between two looks at something that changes.
public enum Interval {
    /// See nanosleep(2).
    public static func pass(seconds: UInt32) {
        var rest = timespec(tv_sec: Int(seconds), tv_nsec: 0)
        var left = timespec()
        while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
    }
}
