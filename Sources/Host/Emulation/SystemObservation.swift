import LinuxKernel

/// Reads what sysinfo(2) is answered from: the container's cgroup and the host's totals.
struct SystemObservation {
    /// Clock ticks a second of proc(5); the same on every Linux.
    private static let ticks: UInt64 = 100

    /// The container's cgroup, or empty.
    let group: String
    /// Start time of the container's first process, in ticks after boot.
    let started: UInt64

    func facts() throws(KernelError) -> SystemInformation.Facts {
        let host = Self.fields(try TextFile.read("/proc/meminfo"))
        func bytes(_ name: Substring) -> UInt64 { (host[name] ?? 0) * 1_024 }
        var facts = SystemInformation.Facts(
            hostMemory: bytes("MemTotal:"), hostFree: bytes("MemFree:"), hostSwap: bytes("SwapTotal:"),
            hostSwapFree: bytes("SwapFree:"))
        facts.uptime = Self.uptime(try TextFile.read("/proc/uptime"), since: started)
        guard !group.isEmpty else { return facts }
        facts.memoryLimit = try number("memory.max")
        facts.memoryUsed = try number("memory.current")
        facts.swapLimit = try number("memory.swap.max")
        facts.swapUsed = try number("memory.swap.current")
        facts.shared = Self.fields(try text("memory.stat") ?? "")["shmem"]
        if let counted = try number("pids.current") {
            facts.threads = counted
        } else {
            facts.threads = UInt64((try text("cgroup.threads") ?? "").cut(at: "\n").count)
        }
        return facts
    }

    private func text(_ file: String) throws(KernelError) -> String? {
        do throws(KernelError) { return try TextFile.read("\(group)/\(file)") } catch {
            // Another version of cgroups, or no controller.
            if error.errno == Errno.noEntry || error.errno == Errno.notSupported { return nil }
            throw error
        }
    }

    /// Nil for `max`.
    private func number(_ file: String) throws(KernelError) -> UInt64? {
        try text(file).flatMap { UInt64($0.prefix { $0.isNumber }) }
    }

    private static func uptime(_ text: String, since started: UInt64) -> UInt64 {
        let seconds = text.prefix { $0 != "." && $0 != " " }
        guard let now = UInt64(seconds) else { return 0 }
        return now - min(now, started / ticks)
    }

    /// Names and the number behind each.
    private static func fields(_ text: String) -> [Substring: UInt64] {
        var fields: [Substring: UInt64] = [:]
        for line in text.cut(at: "\n") {
            let words = line.cut(at: " ")
            if words.count > 1, let value = UInt64(words[1]) { fields[words[0]] = value }
        }
        return fields
    }
}
