import Diagnostics
import RuntimeSpec

/// Files of version 2, Documentation/admin-guide/cgroup-v2.rst.
enum UnifiedValues {
    static func values(_ spec: ResourceSpec) throws(Failure) -> [GroupValue] {
        try refuse(spec)
        var values = try memory(spec.memory) + processor(spec.processor) + disks(spec.disks) + RDMAValues.values(spec)
        if let pids = spec.pids, pids != 0 {
            values.append(GroupValue("pids", "pids.max", pids < 0 ? "max" : "\(pids)", "linux.resources.pids"))
        }
        for huge in spec.huge { values += GroupValue.huge(huge, "max") }
        if spec.networkClass != nil || !spec.networkPriorities.isEmpty {
            throw SpecObject.refusal(
                "linux.resources.network", "version 2 of cgroups has no such controller", remedy: "remove the field")
        }
        for (file, value) in spec.unified {
            values.append(GroupValue(String(file.prefix { $0 != "." }), file, value, "linux.resources.unified.\(file)"))
        }
        return values
    }

    /// What only version 1 can hold. Engines write 0, -1 and false where nobody asked for anything.
    private static func refuse(_ spec: ResourceSpec) throws(Failure) {
        func asks(_ value: Int64?) -> Bool { value.map { $0 > 0 } ?? false }
        let (memory, processor) = (spec.memory, spec.processor)
        for (field, isAsked) in [
            ("memory.kernel", asks(memory.kernel)), ("memory.kernelTCP", asks(memory.kernelTCP)),
            ("memory.swappiness", asks(memory.swappiness.map { Int64(bitPattern: $0) })),
            ("memory.disableOOMKiller", memory.disableOOMKiller == true),
            ("cpu.realtimeRuntime", asks(processor.realtimeRuntime)),
            ("cpu.realtimePeriod", asks(processor.realtimePeriod.map { Int64(bitPattern: $0) })),
        ] where isAsked {
            throw SpecObject.refusal(
                "linux.resources.\(field)", "version 2 of cgroups has no such limit", remedy: "remove the field")
        }
    }

    /// The first half of cpu.max, to be written again with a new period: the kernel keeps a period that is not
    /// written, and no quota. Nil is none.
    static func quota(inForce text: String) -> Int64? {
        text.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) }
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
            values.append(GroupValue("cpu", "cpu.weight", ProcessorWeight.of(shares: shares), "\(field).shares"))
        }
        if processor.quota ?? 0 != 0 || processor.period ?? 0 != 0 {
            let quota = processor.quota.map { $0 > 0 ? "\($0)" : "max" } ?? "max"
            let period = processor.period.flatMap { $0 > 0 ? " \($0)" : nil } ?? ""
            values.append(GroupValue("cpu", "cpu.max", quota + period, "\(field).quota"))
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
