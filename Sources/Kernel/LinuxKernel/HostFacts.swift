import CLinux
import Glibc

/// Small questions about this host and this process that never fail.
public enum HostFacts {
    /// uname(2) release.
    public static func kernelRelease() -> String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: &names.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Machine name of uname(2): `x86_64`, `aarch64`.
    /// What this host calls itself, uname(2).
    public static func hostName() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "localhost" }
        return withUnsafeBytes(of: name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    public static func machine() -> String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: &names.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    public static func processorCount() -> Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Target of a symbolic link, or nil.
    public static func linkTarget(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_097) { buffer in
            guard let place = buffer.baseAddress else { return nil }
            let count = readlink(path, place, buffer.count)
            return count < 0 ? nil : String(decoding: UnsafeRawBufferPointer(start: place, count: count), as: UTF8.self)
        }
    }

    /// Effective capabilities of this process as a bit set; 0 when they cannot be read. See capget(2).
    public static func effectiveCapabilities() -> UInt64 {
        var set: UInt64 = 0
        return bh_effective_capabilities(&set) == 0 ? set : 0
    }

    /// The supplementary groups of this process, getgroups(2); none where they cannot be told.
    public static func groups() -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: Int(max(0, getgroups(0, nil))))
        let count = getgroups(Int32(groups.count), &groups)
        return Array(groups.prefix(Int(max(0, count))))
    }

    public static func effectiveUser() -> UInt32 { geteuid() }
    public static func processID() -> Int32 { getpid() }

    /// Seconds since 1970 with fractions, the wall clock.
    public static func wallClock() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    /// Seconds on a clock that only moves forward, suspend included.
    public static func monotonicClock() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    /// Names and numbers of the resource limits of getrlimit(2), in the kernel's order.
    public static let resourceLimitNames: [(name: String, number: UInt32)] = [
        ("cpu", 0), ("fsize", 1), ("data", 2), ("stack", 3), ("core", 4), ("rss", 5), ("nproc", 6), ("nofile", 7),
        ("memlock", 8), ("as", 9), ("locks", 10), ("sigpending", 11), ("msgqueue", 12), ("nice", 13), ("rtprio", 14),
        ("rttime", 15),
    ]

    /// Hard limit of every resource for this process; UInt64.max is none.
    public static func hardLimits() -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for (name, number) in resourceLimitNames { result[name] = hardLimit(of: number) }
        return result
    }

    /// Hard limit of the resource with this number; nil where the kernel has no such resource.
    public static func hardLimit(of number: UInt32) -> UInt64? {
        var limit = rlimit()
        return bh_getrlimit(Int32(number), &limit) == 0 ? UInt64(limit.rlim_max) : nil
    }
}
