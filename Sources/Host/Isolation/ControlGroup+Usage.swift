public import Containers
import Diagnostics

extension ControlGroup {
    /// What the container uses; `at` is the moment, seconds on a monotonic clock.
    public func usage(at now: Double) -> ContainerUsage {
        var usage = ContainerUsage(at: now)
        let processor = KeyedFile(contents("cpu.stat"))
        usage.cpuMicroseconds = processor["usage_usec"]
        usage.userMicroseconds = processor["user_usec"]
        usage.systemMicroseconds = processor["system_usec"]
        usage.throttledMicroseconds = processor["throttled_usec"]
        usage.limitPeriods = processor["nr_periods"]
        usage.throttledPeriods = processor["nr_throttled"]
        usage.cpuLimit = processorLimit
        addMemory(to: &usage)
        usage.processes = UInt64(processes().count)
        usage.threads = amount(of: "pids.current")
        usage.processLimit = amount(of: "pids.max")
        let disks = contents("io.stat")
        usage.readBytes = Self.sum("rbytes", in: disks)
        usage.writtenBytes = Self.sum("wbytes", in: disks)
        usage.readOperations = Self.sum("rios", in: disks)
        usage.writeOperations = Self.sum("wios", in: disks)
        for resource in ["cpu", "memory", "io"] {
            guard let text = contents(resource + ".pressure") else { continue }
            let stall = PressureStall(text: text)
            usage.stalls[resource] = stall
            usage.pressure[resource] = stall.some?.average10
        }
        return usage
    }

    private func addMemory(to usage: inout ContainerUsage) {
        usage.memoryBytes = amount(of: "memory.current")
        usage.memoryPeakBytes = amount(of: "memory.peak")
        usage.memoryLimitBytes = amount(of: "memory.max")
        usage.swapBytes = amount(of: "memory.swap.current")
        let memory = KeyedFile(contents("memory.stat"))
        usage.anonymousBytes = memory["anon"]
        usage.fileBytes = memory["file"]
        usage.mappedBytes = memory["file_mapped"]
        usage.kernelBytes = memory["kernel"]
        usage.majorFaults = memory["pgmajfault"]
        usage.memoryKills = value(of: "oom_kill", in: "memory.events")
    }

    /// `cpu.max` holds a quota, or `max`, and a period, both in microseconds.
    private var processorLimit: Double? {
        let words = (contents("cpu.max") ?? "").split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        return words.count == 2 && words[1] > 0 ? words[0] / words[1] : nil
    }

    /// Lines look like `254:0 rbytes=1 wbytes=2 …`, one a disk.
    private static func sum(_ key: String, in text: String?) -> UInt64? {
        guard let text else { return nil }
        return text.split(whereSeparator: \.isWhitespace).filter { $0.begins(with: key + "=") }
            .reduce(0) { $0 + (UInt64($1.dropFirst(key.count + 1)) ?? 0) }
    }
}

/// A flat keyed file such as cpu.stat: one name and number a line.
private struct KeyedFile {
    private var values: [Substring: UInt64] = [:]

    init(_ text: String?) {
        for line in (text ?? "").cut(at: "\n") {
            let words = line.cut(at: " ")
            if words.count == 2, let value = UInt64(words[1]) { values[words[0]] = value }
        }
    }

    subscript(key: Substring) -> UInt64? { values[key] }
}
