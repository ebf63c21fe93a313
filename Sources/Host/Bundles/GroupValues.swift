import Diagnostics
import RuntimeSpec

/// What to write into which file of which controller for a resource specification; pure.
struct GroupValue: Equatable {
    var controller: String
    var file: String
    var value: String
    /// The field of the configuration, for refusals.
    var field: String

    init(_ controller: String, _ file: String, _ value: some CustomStringConvertible, _ field: String) {
        self.controller = controller
        self.file = file
        self.value = value.description
        self.field = field
    }
}

/// Files of version 1, Documentation/admin-guide/cgroup-v1.
enum LegacyValues {
    static func values(_ spec: ResourceSpec) throws(Failure) -> [GroupValue] {
        guard spec.unified.isEmpty else {
            throw SpecObject.refusal(
                "linux.resources.unified",
                "invalid configuration: this host's controllers are in version 1 hierarchies",
                remedy: "boot with systemd.unified_cgroup_hierarchy=1")
        }
        return memory(spec.memory) + processor(spec.processor) + others(spec) + disks(spec.disks)
    }

    private static func memory(_ memory: ResourceSpec.Memory) -> [GroupValue] {
        let field = "linux.resources.memory"
        var values: [GroupValue] = []
        func add(_ file: String, _ value: Int64?, _ name: String) {
            if let value { values.append(GroupValue("memory", "memory.\(file)", value, "\(field).\(name)")) }
        }
        // 0 is no limit that anything could live within; engines write it where nobody asked for one.
        func limit(_ file: String, _ value: Int64?, _ name: String) {
            if value != 0 { add("\(file)limit_in_bytes", value, name) }
        }
        limit("", memory.limit, "limit")
        limit("memsw.", memory.swap, "swap")
        limit("soft_", memory.reservation, "reservation")
        limit("kmem.", memory.kernel, "kernel")
        limit("kmem.tcp.", memory.kernelTCP, "kernelTCP")
        add("swappiness", memory.swappiness.map { Int64(clamping: $0) }, "swappiness")
        if let disabled = memory.disableOOMKiller { add("oom_control", disabled ? 1 : 0, "disableOOMKiller") }
        return values
    }

    private static func processor(_ processor: ResourceSpec.Processor) -> [GroupValue] {
        let field = "linux.resources.cpu"
        var values: [GroupValue] = []
        if let shares = processor.shares, shares > 0 {
            values.append(GroupValue("cpu", "cpu.shares", shares, "\(field).shares"))
        }
        if let period = processor.period, period > 0 {
            values.append(GroupValue("cpu", "cpu.cfs_period_us", period, "\(field).period"))
        }
        if let quota = processor.quota, quota != 0 {
            values.append(GroupValue("cpu", "cpu.cfs_quota_us", quota, "\(field).quota"))
        }
        if let burst = processor.burst { values.append(GroupValue("cpu", "cpu.cfs_burst_us", burst, "\(field).burst")) }
        if let idle = processor.idle { values.append(GroupValue("cpu", "cpu.idle", idle, "\(field).idle")) }
        if let period = processor.realtimePeriod, period > 0 {
            values.append(GroupValue("cpu", "cpu.rt_period_us", period, "\(field).realtimePeriod"))
        }
        if let runtime = processor.realtimeRuntime, runtime != 0 {
            values.append(GroupValue("cpu", "cpu.rt_runtime_us", runtime, "\(field).realtimeRuntime"))
        }
        if let set = processor.processors, !set.isEmpty {
            values.append(GroupValue("cpuset", "cpuset.cpus", set, "\(field).cpus"))
        }
        if let set = processor.memories, !set.isEmpty {
            values.append(GroupValue("cpuset", "cpuset.mems", set, "\(field).mems"))
        }
        return values
    }

    private static func others(_ spec: ResourceSpec) -> [GroupValue] {
        var values: [GroupValue] = []
        if let pids = spec.pids, pids != 0 {
            values.append(GroupValue("pids", "pids.max", pids < 0 ? "max" : "\(pids)", "linux.resources.pids"))
        }
        for huge in spec.huge {
            values.append(
                GroupValue(
                    "hugetlb", "hugetlb.\(huge.pageSize).limit_in_bytes", huge.limit, "linux.resources.hugepageLimits"))
        }
        if let id = spec.networkClass {
            values.append(GroupValue("net_cls", "net_cls.classid", id, "linux.resources.network.classID"))
        }
        for (name, priority) in spec.networkPriorities {
            values.append(
                GroupValue(
                    "net_prio", "net_prio.ifpriomap", "\(name) \(priority)", "linux.resources.network.priorities"))
        }
        return values + RDMAValues.values(spec)
    }

    private static func disks(_ disks: ResourceSpec.Disks) -> [GroupValue] {
        let field = "linux.resources.blockIO"
        var values: [GroupValue] = []
        if let weight = disks.weight { values.append(GroupValue("blkio", "blkio.weight", weight, "\(field).weight")) }
        if let weight = disks.leafWeight {
            values.append(GroupValue("blkio", "blkio.leaf_weight", weight, "\(field).leafWeight"))
        }
        for device in disks.weights {
            let place = "\(device.major):\(device.minor)"
            if let weight = device.weight {
                values.append(
                    GroupValue("blkio", "blkio.weight_device", "\(place) \(weight)", "\(field).weightDevice"))
            }
            if let weight = device.leafWeight {
                values.append(
                    GroupValue("blkio", "blkio.leaf_weight_device", "\(place) \(weight)", "\(field).weightDevice"))
            }
        }
        for (rates, file, name) in [
            (disks.readBytes, "read_bps_device", "throttleReadBpsDevice"),
            (disks.writeBytes, "write_bps_device", "throttleWriteBpsDevice"),
            (disks.readOperations, "read_iops_device", "throttleReadIOPSDevice"),
            (disks.writeOperations, "write_iops_device", "throttleWriteIOPSDevice"),
        ] {
            for rate in rates {
                values.append(
                    GroupValue(
                        "blkio", "blkio.throttle.\(file)",
                        "\(rate.major):\(rate.minor) \(rate.rate)", "\(field).\(name)"))
            }
        }
        return values
    }
}

enum RDMAValues {
    static func values(_ spec: ResourceSpec) -> [GroupValue] {
        spec.rdma.map { name, handles, objects in
            var words = [name]
            if let handles { words.append("hca_handle=\(handles)") }
            if let objects { words.append("hca_object=\(objects)") }
            return GroupValue("rdma", "rdma.max", words.joined(separator: " "), "linux.resources.rdma")
        }
    }
}

/// Files of version 2, Documentation/admin-guide/cgroup-v2.rst.
enum UnifiedValues {
    static func values(_ spec: ResourceSpec) throws(Failure) -> [GroupValue] {
        var values = try memory(spec.memory) + processor(spec.processor) + disks(spec.disks) + RDMAValues.values(spec)
        if let pids = spec.pids, pids != 0 {
            values.append(GroupValue("pids", "pids.max", pids < 0 ? "max" : "\(pids)", "linux.resources.pids"))
        }
        for huge in spec.huge {
            values.append(
                GroupValue("hugetlb", "hugetlb.\(huge.pageSize).max", huge.limit, "linux.resources.hugepageLimits"))
        }
        if spec.networkClass != nil || !spec.networkPriorities.isEmpty {
            throw SpecObject.refusal(
                "linux.resources.network", "version 2 of cgroups has no such controller", remedy: "remove the field")
        }
        for (file, value) in spec.unified {
            values.append(GroupValue(String(file.prefix { $0 != "." }), file, value, "linux.resources.unified.\(file)"))
        }
        return values
    }

    private static func size(_ value: Int64) -> String { value < 0 ? "max" : "\(value)" }

    private static func memory(_ memory: ResourceSpec.Memory) throws(Failure) -> [GroupValue] {
        let field = "linux.resources.memory"
        var values: [GroupValue] = []
        if let limit = memory.limit, limit != 0 {
            values.append(GroupValue("memory", "memory.max", size(limit), "\(field).limit"))
        }
        if let swap = memory.swap {
            // Version 1 counts memory and swap together, version 2 swap alone. 0, which would leave no memory either,
            // is no swap.
            var value = size(swap)
            if swap > 0 {
                guard let limit = memory.limit, limit > 0, limit <= swap else {
                    throw SpecObject.refusal(
                        "\(field).swap", "it counts memory and swap together, so it needs a memory limit no larger")
                }
                value = "\(swap - limit)"
            }
            values.append(GroupValue("memory", "memory.swap.max", value, "\(field).swap"))
        }
        if let reservation = memory.reservation, reservation != 0 {
            values.append(GroupValue("memory", "memory.low", size(reservation), "\(field).reservation"))
        }
        return values
    }

    private static func processor(_ processor: ResourceSpec.Processor) -> [GroupValue] {
        let field = "linux.resources.cpu"
        var values: [GroupValue] = []
        if let shares = processor.shares, shares > 0 {
            let weight = 1 + (min(max(shares, 2), 262_144) - 2) * 9_999 / 262_142
            values.append(GroupValue("cpu", "cpu.weight", weight, "\(field).shares"))
        }
        if processor.quota ?? 0 != 0 || processor.period ?? 0 != 0 {
            let quota = processor.quota.map { $0 > 0 ? "\($0)" : "max" } ?? "max"
            values.append(GroupValue("cpu", "cpu.max", "\(quota) \(processor.period ?? 100_000)", "\(field).quota"))
        }
        if let burst = processor.burst { values.append(GroupValue("cpu", "cpu.max.burst", burst, "\(field).burst")) }
        if let idle = processor.idle { values.append(GroupValue("cpu", "cpu.idle", idle, "\(field).idle")) }
        if let set = processor.processors, !set.isEmpty {
            values.append(GroupValue("cpuset", "cpuset.cpus", set, "\(field).cpus"))
        }
        if let set = processor.memories, !set.isEmpty {
            values.append(GroupValue("cpuset", "cpuset.mems", set, "\(field).mems"))
        }
        return values
    }

    private static func disks(_ disks: ResourceSpec.Disks) throws(Failure) -> [GroupValue] {
        let field = "linux.resources.blockIO"
        var values: [GroupValue] = []
        if disks.leafWeight != nil || disks.weights.contains(where: { $0.leafWeight != nil }) {
            throw SpecObject.refusal("\(field).leafWeight", "no kernel with version 2 of cgroups has it")
        }
        if let weight = disks.weight, weight > 0 {
            values.append(GroupValue("io", "io.bfq.weight", weight, "\(field).weight"))
        }
        for device in disks.weights {
            if let weight = device.weight {
                values.append(
                    GroupValue(
                        "io", "io.bfq.weight", "\(device.major):\(device.minor) \(weight)", "\(field).weightDevice"))
            }
        }
        for (rates, key, name) in [
            (disks.readBytes, "rbps", "throttleReadBpsDevice"), (disks.writeBytes, "wbps", "throttleWriteBpsDevice"),
            (disks.readOperations, "riops", "throttleReadIOPSDevice"),
            (disks.writeOperations, "wiops", "throttleWriteIOPSDevice"),
        ] {
            for rate in rates {
                values.append(
                    GroupValue(
                        "io", "io.max", "\(rate.major):\(rate.minor) \(key)=\(rate.rate)", "\(field).\(name)"))
            }
        }
        return values
    }
}
