import LinuxKernel

/// Named points of a launch at which a crash test ends this process, as a power cut or kill -9 would. Off unless
/// BULKHEAD_FAILPOINT names one; `bulkhead failpoints` lists them.
public enum Failpoint {
    public static let names = [
        "launch.recorded", "launch.addressed", "launch.snapshot", "launch.established", "launch.spawned",
        "launch.attached", "launch.opened",
        "launch.released",
        "launch.started", "remove.stopped", "remove.cleaned", "pool.leased", "pool.made",
    ]

    private static let armed = ProcessEnvironment.value("BULKHEAD_FAILPOINT")

    static func pass(_ name: String) {
        if armed == name { CurrentProcess.kill() }
    }
}
