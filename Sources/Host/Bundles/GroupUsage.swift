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
        for line in (text(controller, file) ?? "").cut(at: "\n") {
            let words = line.cut(at: " ")
            if words.count == 2, let value = UInt64(words[1]) { result[String(words[0])] = value }
        }
        return result
    }

    private func raw(_ pairs: [String: UInt64]) -> SpecValue {
        var members = SpecValue.noMembers
        for key in pairs.keys.sorted() { members[key] = .number(pairs[key] ?? 0) }
        return .object(members)
    }

    private func usage(_ figures: Figures) -> SpecValue {
        [
            "cpu": [
                "usage": .object(figures.processor),
                "throttling": [
                    "periods": .number(figures.throttling.periods),
                    "throttledPeriods": .number(figures.throttling.throttled),
                    "throttledTime": .number(figures.throttling.time),
                ],
            ],
            "cpuset": .object(figures.set),
            "memory": [
                "cache": .number(figures.cache), "usage": figures.memory, "swap": figures.swap,
                "kernel": figures.kernel, "kernelTCP": figures.kernelTCP, "raw": raw(figures.raw),
            ],
            "pids": [
                "current": .number(number("pids", "pids.current")),
                "limit": .number(limit(number("pids", "pids.max"))),
            ],
            "blkio": figures.disks, "hugetlb": figures.huge, "intel_rdt": [:], "network_interfaces": .null,
        ]
    }

    private func limit(_ number: UInt64) -> UInt64 { number == .max ? 0 : number }

    private func memory(usage: UInt64, max: UInt64, limit: UInt64, failures: UInt64) -> SpecValue {
        [
            "limit": .number(limit), "usage": .number(usage), "max": .number(max), "failcnt": .number(failures),
        ]
    }

    private func unifiedUsage() -> SpecValue {
        var figures = Figures()
        let cpu = pairs("cpu", "cpu.stat")
        for (name, key) in [("total", "usage_usec"), ("kernel", "system_usec"), ("user", "user_usec")] {
            figures.processor[name] = .number((cpu[key] ?? 0) * 1_000)
        }
        figures.throttling = (cpu["nr_periods"] ?? 0, cpu["nr_throttled"] ?? 0, (cpu["throttled_usec"] ?? 0) * 1_000)
        figures.raw = pairs("memory", "memory.stat")
        figures.cache = figures.raw["file"] ?? 0
        let (usage, limit) = (number("memory", "memory.current"), number("memory", "memory.max"))
        figures.memory = memory(
            usage: usage, max: number("memory", "memory.peak"), limit: limit,
            failures: pairs("memory", "memory.events")["max"] ?? 0)
        // Memory and swap together, as version 1 counts, whose form this is.
        figures.swap = memory(
            usage: UsageTexts.sum(usage, number("memory", "memory.swap.current")), max: 0,
            limit: UsageTexts.sum(limit, number("memory", "memory.swap.max")),
            failures: pairs("memory", "memory.swap.events")["max"] ?? 0)
        let io = text("io", "io.stat") ?? ""
        figures.disks = .object(UsageTexts.disks([
            ("ioServiceBytesRecursive", UsageTexts.unified(io, ["rbytes": "Read", "wbytes": "Write"])),
            ("ioServicedRecursive", UsageTexts.unified(io, ["rios": "Read", "wios": "Write"])),
        ]))
        figures.huge = huge("current", max: nil) { pairs("hugetlb", "\($0).events")["max"] ?? 0 }
        return self.usage(figures)
    }

    private func legacyUsage() -> SpecValue {
        var figures = Figures()
        let throttling = pairs("cpu", "cpu.stat")
        figures.throttling = (
            throttling["nr_periods"] ?? 0, throttling["nr_throttled"] ?? 0, throttling["throttled_time"] ?? 0
        )
        // In ticks, of which there are 100 a second whatever the kernel counts in.
        let times = pairs("cpuacct", "cpuacct.stat")
        let tick: UInt64 = 10_000_000
        figures.processor["total"] = .number(number("cpuacct", "cpuacct.usage"))
        let each = UsageTexts.numbers(text("cpuacct", "cpuacct.usage_percpu") ?? "")
        if !each.isEmpty { figures.processor["percpu"] = .array(each.map { .number($0) }) }
        let rows = UsageTexts.rows(text("cpuacct", "cpuacct.usage_all") ?? "")
        for (name, column) in [("percpu_kernel", 2), ("percpu_user", 1)] where !rows.isEmpty {
            figures.processor[name] = .array(rows.map { .number($0[column]) })
        }
        figures.processor["kernel"] = .number((times["system"] ?? 0) * tick)
        figures.processor["user"] = .number((times["user"] ?? 0) * tick)
        figures.set = legacySet()
        figures.raw = pairs("memory", "memory.stat")
        figures.cache = figures.raw["cache"] ?? 0
        figures.memory = legacyMemory("")
        figures.swap = legacyMemory("memsw.")
        figures.kernel = legacyMemory("kmem.")
        figures.kernelTCP = legacyMemory("kmem.tcp.")
        func disks(_ file: String) -> [SpecValue] { UsageTexts.legacy(text("blkio", "blkio.throttle.\(file)") ?? "") }
        figures.disks = .object(UsageTexts.disks([
            ("ioServiceBytesRecursive", disks("io_service_bytes_recursive")),
            ("ioServicedRecursive", disks("io_serviced_recursive")),
        ]))
        figures.huge = huge("usage_in_bytes", max: "max_usage_in_bytes") { number("hugetlb", "\($0).failcnt") }
        return usage(figures)
    }

    private func legacyMemory(_ kind: String) -> SpecValue {
        memory(
            usage: number("memory", "memory.\(kind)usage_in_bytes"),
            max: number("memory", "memory.\(kind)max_usage_in_bytes"),
            limit: number("memory", "memory.\(kind)limit_in_bytes"),
            failures: number("memory", "memory.\(kind)failcnt"))
    }

    private func legacySet() -> SpecValue.Members {
        var set = SpecValue.noMembers
        for name in ["cpus", "mems"] {
            let list = (text("cpuset", "cpuset.\(name)") ?? "").filter { !$0.isWhitespace }
            let numbers = NumberList.numbers(list, below: ProcessSpec.Affinity.processorsMax) ?? []
            if !numbers.isEmpty { set[name] = .array(numbers.map { .number($0) }) }
        }
        for name in [
            "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
            "memory_spread_slab", "memory_pressure", "sched_load_balance",
        ] {
            set[name] = .number(number("cpuset", "cpuset.\(name)"))
        }
        // -1 where nobody has chosen one.
        let level = (text("cpuset", "cpuset.sched_relax_domain_level") ?? "").filter { !$0.isWhitespace }
        if let level = Int64(level) { set["sched_relax_domain_level"] = .number(level) }
        return set
    }

    /// By the size of the pages, whatever sizes this kernel has; of what is reserved where it counts that, as runc.
    private func huge(_ file: String, max: String?, _ failures: (String) -> UInt64) -> SpecValue {
        var result = SpecValue.noMembers
        guard let directory = directory(with: "hugetlb") else { return .object(result) }
        var names: [String] = []
        do throws(KernelError) {
            names = try OwnedDescriptor.open(RawPath(directory), [.directory]).entries().map(\.name.description)
        } catch { return .object(result) }
        for size in UsageTexts.pageSizes(names, file: file) {
            let reserved = "hugetlb.\(size).rsvd"
            let prefix = names.contains("\(reserved).\(file)") ? reserved : "hugetlb.\(size)"
            var entry = SpecValue.noMembers
            entry["usage"] = .number(number("hugetlb", "\(prefix).\(file)"))
            if let max { entry["max"] = .number(number("hugetlb", "\(prefix).\(max)")) }
            entry["failcnt"] = .number(failures(prefix))
            result[size] = .object(entry)
        }
        return .object(result)
    }
}

/// What one of both versions says, before it has runc's form.
private struct Figures {
    var processor = SpecValue.noMembers
    var throttling: (periods: UInt64, throttled: UInt64, time: UInt64) = (0, 0, 0)
    var set = SpecValue.noMembers
    var cache: UInt64 = 0
    var memory: SpecValue = [:]
    var swap: SpecValue = [:]
    var kernel: SpecValue = ["limit": 0, "failcnt": 0]
    var kernelTCP: SpecValue = ["limit": 0, "failcnt": 0]
    var raw: [String: UInt64] = [:]
    var disks: SpecValue = [:]
    var huge: SpecValue = [:]
}
