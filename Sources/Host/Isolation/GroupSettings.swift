import Containers
import Diagnostics

/// From limits to the files of a cgroup, Documentation/admin-guide/cgroup-v2.rst. Pure.
enum GroupSettings {
    static let cpuPeriod = 100_000  // microseconds

    /// One file: what it is to hold, whether the limit it replaces was there, and what takes a limit away again.
    private typealias Row = (controller: String, file: String, wanted: String?, had: Bool, unset: String)

    /// Settings of everything but io and memory, in the order they are written. What `old` limits and `limits` does not
    /// is taken away.
    static func settings(
        _ limits: ContainerLimits, replacing old: ContainerLimits, enforced: (String) -> Bool
    ) -> [GroupSetting] {
        chosen(
            [
                (
                    "cpu", "cpu.max", limits.cpus.map { "\(quota($0)) \(cpuPeriod)" }, old.cpus != nil,
                    "max \(cpuPeriod)"
                ),
                ("cpu", "cpu.weight", limits.cpuWeight.map { "\($0)" }, old.cpuWeight != nil, "100"),
                ("cpuset", "cpuset.cpus", limits.cpuset, old.cpuset != nil, GroupSetting.allProcessors.value),
                ("pids", "pids.max", limits.pids.map { "\($0)" }, old.pids != nil, "max"),
            ], enforced)
    }

    /// The whole group dies when it is out of memory: a task with half of its processes gone is worse than none. Swap
    /// is none unless asked for, so the limit means what it says.
    static func memory(
        _ limits: ContainerLimits, replacing old: ContainerLimits, enforced: (String) -> Bool
    ) -> [GroupSetting] {
        chosen(
            [
                ("memory", "memory.oom.group", "1", false, "0"),
                ("memory", "memory.max", limits.memory.map(amount), old.memory != nil, "max"),
                ("memory", "memory.swap.max", swap(limits).map(amount), swap(old) != nil, "max"),
            ], enforced)
    }

    private static func chosen(_ rows: [Row], _ enforced: (String) -> Bool) -> [GroupSetting] {
        rows.compactMap { row in
            guard enforced(row.controller), let value = row.wanted ?? (row.had ? row.unset : nil) else { return nil }
            return GroupSetting(row.file, value)
        }
    }

    private static func swap(_ limits: ContainerLimits) -> UInt64? { limits.swap ?? (limits.memory == nil ? nil : 0) }

    /// The kernel counts pages in a signed word, and shows what does not fit as `max`.
    private static func amount(_ bytes: UInt64) -> String { bytes >= 1 << 62 ? "max" : "\(bytes)" }

    /// Refuses what no kernel takes, and what no container can start with.
    static func check(_ limits: ContainerLimits) throws(Failure) {
        if let cpus = limits.cpus, !(cpus >= 0.01 && cpus <= 1_000_000) {
            throw Failure(
                "container.bad-limit", doing: "limit the container to \(cpus) processors",
                cause: "the kernel takes 0.01 or more", remedy: "give at least 0.01", field: "cpus")
        }
        if let pids = limits.pids, pids < 2 {
            throw Failure(
                "container.bad-limit", doing: "limit the container to \(pids) processes",
                cause: "its init and its task are two", remedy: "give at least 2", field: "pids", limit: "pids 2")
        }
    }

    /// Microseconds of processor time in each period; the kernel takes no less than 1,000.
    static func quota(_ cpus: Double) -> Int { max(1_000, Int((cpus * Double(cpuPeriod)).rounded())) }

    /// Each disk by its number, as `device` finds it for the path in a limit.
    static func io<Problem: Error>(
        _ limits: [IOLimit], replacing old: [IOLimit], device: (String?) throws(Problem) -> String
    ) throws(Problem) -> [GroupSetting] {
        var result: [GroupSetting] = []
        for gone in old where !limits.contains(where: { $0.kind == gone.kind && $0.device == gone.device }) {
            result.append(GroupSetting("io.max", "\(try device(gone.device)) \(gone.kind.rawValue)=max"))
        }
        for limit in limits {
            result.append(
                GroupSetting("io.max", "\(try device(limit.device)) \(limit.kind.rawValue)=\(limit.perSecond)"))
        }
        return result
    }
}
