import LinuxKernel
public import RuntimeSpec

/// What a container uses, in the form of runc's `events`.
extension BundleGroups {
    public func usage() -> SpecValue {
        hierarchies.isUnified ? unifiedUsage() : legacyUsage()
    }

    /// Processes the kernel has ended because the container had no more memory; 0 where it does not say.
    public func endedForMemory() -> UInt64 {
        pairs("memory", hierarchies.isUnified ? "memory.events" : "memory.oom_control")["oom_kill"] ?? 0
    }

    private func text(_ controller: String, _ file: String) -> String? {
        guard let directory = directory(with: controller) else { return nil }
        do throws(KernelError) { return try TextFile.read("\(directory)/\(file)") } catch { return nil }
    }

    private func number(_ controller: String, _ file: String) -> UInt64 {
        guard let text = text(controller, file)?.filter({ !$0.isNewline }) else { return 0 }
        return text == "max" ? .max : UInt64(text) ?? 0
    }

    /// Lines of `key value`.
    private func pairs(_ controller: String, _ file: String) -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for line in (text(controller, file) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let value = UInt64(words[1]) { result[String(words[0])] = value }
        }
        return result
    }

    private func raw(_ pairs: [String: UInt64]) -> SpecValue {
        var members = SpecValue.noMembers
        for key in pairs.keys.sorted() { members[key] = .number(pairs[key] ?? 0) }
        return .object(members)
    }

    private func document(
        cpu: (total: UInt64, kernel: UInt64, user: UInt64), throttling: (UInt64, UInt64, UInt64),
        memory: (usage: UInt64, max: UInt64, limit: UInt64, failures: UInt64), swap: (usage: UInt64, limit: UInt64),
        raw: SpecValue, pids: (UInt64, UInt64)
    ) -> SpecValue {
        [
            "cpu": [
                "usage": ["total": .number(cpu.total), "kernel": .number(cpu.kernel), "user": .number(cpu.user)],
                "throttling": [
                    "periods": .number(throttling.0), "throttledPeriods": .number(throttling.1),
                    "throttledTime": .number(throttling.2),
                ],
            ],
            "cpuset": [:],
            "memory": [
                "cache": .number(0),
                "usage": [
                    "limit": .number(memory.limit), "usage": .number(memory.usage), "max": .number(memory.max),
                    "failcnt": .number(memory.failures),
                ],
                "swap": ["limit": .number(swap.limit), "usage": .number(swap.usage), "failcnt": 0],
                "kernel": ["limit": 0, "failcnt": 0], "kernelTCP": ["limit": 0, "failcnt": 0], "raw": raw,
            ],
            "pids": ["current": .number(pids.0), "limit": .number(pids.1 == .max ? 0 : pids.1)],
            "blkio": [:], "hugetlb": [:], "intel_rdt": [:], "network_interfaces": .null,
        ]
    }

    private func unifiedUsage() -> SpecValue {
        let cpu = pairs("cpu", "cpu.stat")
        func value(_ key: String) -> UInt64 { cpu[key] ?? 0 }
        return document(
            cpu: (value("usage_usec") * 1_000, value("system_usec") * 1_000, value("user_usec") * 1_000),
            throttling: (value("nr_periods"), value("nr_throttled"), value("throttled_usec") * 1_000),
            memory: (
                number("memory", "memory.current"), number("memory", "memory.peak"), number("memory", "memory.max"),
                pairs("memory", "memory.events")["max"] ?? 0
            ),
            swap: (number("memory", "memory.swap.current"), number("memory", "memory.swap.max")),
            raw: raw(pairs("memory", "memory.stat")),
            pids: (number("pids", "pids.current"), number("pids", "pids.max")))
    }

    private func legacyUsage() -> SpecValue {
        let throttling = pairs("cpu", "cpu.stat")
        // In ticks, of which there are 100 a second whatever the kernel counts in.
        let times = pairs("cpuacct", "cpuacct.stat")
        let tick: UInt64 = 10_000_000
        return document(
            cpu: (
                number("cpuacct", "cpuacct.usage"), (times["system"] ?? 0) * tick, (times["user"] ?? 0) * tick
            ),
            throttling: (
                throttling["nr_periods"] ?? 0, throttling["nr_throttled"] ?? 0, throttling["throttled_time"] ?? 0
            ),
            memory: (
                number("memory", "memory.usage_in_bytes"), number("memory", "memory.max_usage_in_bytes"),
                number("memory", "memory.limit_in_bytes"), number("memory", "memory.failcnt")
            ),
            swap: (
                number("memory", "memory.memsw.usage_in_bytes"), number("memory", "memory.memsw.limit_in_bytes")
            ),
            raw: raw(pairs("memory", "memory.stat")),
            pids: (number("pids", "pids.current"), number("pids", "pids.max")))
    }
}
