import Containers
import Diagnostics

/// From limits to the files of a cgroup, Documentation/admin-guide/cgroup-v2.rst. Pure.
enum GroupSettings {
    static let cpuPeriod = 100_000  // microseconds

    /// Settings of everything but io, in the order they are written.
    static func settings(_ limits: ContainerLimits, enforced: (String) -> Bool) -> [GroupSetting] {
        var result: [GroupSetting] = []
        if enforced("cpu") {
            if let cpus = limits.cpus { result.append(GroupSetting("cpu.max", "\(quota(cpus)) \(cpuPeriod)")) }
            if let weight = limits.cpuWeight { result.append(GroupSetting("cpu.weight", "\(weight)")) }
        }
        if enforced("cpuset"), let list = limits.cpuset { result.append(GroupSetting("cpuset.cpus", list)) }
        if enforced("memory") { result += memory(limits) }
        if enforced("pids"), let pids = limits.pids { result.append(GroupSetting("pids.max", "\(pids)")) }
        return result
    }

    /// The whole group dies when it is out of memory: a task with half of its processes gone is worse than none. Swap
    /// is none unless asked for, so the limit means what it says.
    private static func memory(_ limits: ContainerLimits) -> [GroupSetting] {
        var result = [GroupSetting("memory.oom.group", "1")]
        guard let memory = limits.memory else { return result }
        result.append(GroupSetting("memory.max", "\(memory)"))
        result.append(GroupSetting("memory.swap.max", "\(limits.swap ?? 0)"))
        return result
    }

    /// Microseconds of processor time in each period; the kernel takes no less than 1,000.
    static func quota(_ cpus: Double) -> Int { max(1_000, Int((cpus * Double(cpuPeriod)).rounded())) }

    static func io(_ limit: IOLimit, device: String) -> GroupSetting {
        GroupSetting("io.max", "\(device) \(limit.kind.rawValue)=\(limit.perSecond)")
    }
}
