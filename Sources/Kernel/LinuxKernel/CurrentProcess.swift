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
