import Diagnostics
import RuntimeSpec

/// What to write into which file of which controller for a resource specification; pure.
struct GroupValue: Equatable {
    var controller: String
    var file: String
    var value: String
    /// The field of the configuration, for refusals.
    var field: String
    /// Whether a kernel without this file still does what is asked for.
    var mayBeAbsent: Bool

    init(
        _ controller: String, _ file: String, _ value: some CustomStringConvertible, _ field: String,
        mayBeAbsent: Bool = false
    ) {
        self.controller = controller
        self.file = file
        self.value = value.description
        self.field = field
        self.mayBeAbsent = mayBeAbsent
    }

    /// A limit of huge pages, and the same of those that are only reserved, which kernels before 5.7 do not count.
    static func huge(_ huge: ResourceSpec.Huge, _ file: String) -> [GroupValue] {
        let field = "linux.resources.hugepageLimits"
        return [
            GroupValue("hugetlb", "hugetlb.\(huge.pageSize).\(file)", huge.limit, field),
            GroupValue("hugetlb", "hugetlb.\(huge.pageSize).rsvd.\(file)", huge.limit, field, mayBeAbsent: true),
        ]
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
        for huge in spec.huge { values += GroupValue.huge(huge, "limit_in_bytes") }
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
