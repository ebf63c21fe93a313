/// What a container may use, in cgroup v2 terms (Documentation/admin-guide/cgroup-v2.rst). Nil: not asked for.
public struct ContainerLimits: Equatable, Sendable, Codable {
    /// Processors' worth of time: 0.5 is half a processor. `cpu.max` with a period of 100 ms.
    public var cpus: Double?
    /// `cpu.weight`, 1 to 10000.
    public var cpuWeight: UInt64?
    /// `memory.max`, bytes.
    public var memory: UInt64?
    /// Swap beyond memory, bytes: `memory.swap.max`. Zero unless asked for.
    public var swap: UInt64?
    /// `pids.max`. Set by default.
    public var pids: UInt64?
    /// Whether `pids` was asked for by the user, and so must be enforced or refused.
    public var pidsAsked: Bool
    /// Processor list such as `0-2,4`: `cpuset.cpus`.
    public var cpuset: String?
    public var io: [IOLimit]
    /// `io.weight`, 1 to 10000.
    public var ioWeight: UInt64?
    /// Bytes and files the writable layer, and the volumes that count as the container's own, may take together.
    public var disk: UInt64?
    public var diskInodes: UInt64?
    /// What holds them; nil: project quotas.
    public var diskBacking: DiskBacking?

    public static let defaultPids: UInt64 = 1_024

    public init(
        cpus: Double? = nil, cpuWeight: UInt64? = nil, memory: UInt64? = nil, swap: UInt64? = nil,
        pids: UInt64? = ContainerLimits.defaultPids, pidsAsked: Bool = false, cpuset: String? = nil,
        io: [IOLimit] = [], ioWeight: UInt64? = nil, disk: UInt64? = nil, diskInodes: UInt64? = nil,
        diskBacking: DiskBacking? = nil
    ) {
        self.cpus = cpus
        self.cpuWeight = cpuWeight
        self.memory = memory
        self.swap = swap
        self.pids = pids
        self.pidsAsked = pidsAsked
        self.cpuset = cpuset
        self.io = io
        self.ioWeight = ioWeight
        self.disk = disk
        self.diskInodes = diskInodes
        self.diskBacking = diskBacking
    }
}

extension ContainerLimits {
    /// None of them above those of `outer`, whose are those that were not asked for.
    public func narrowed(to outer: ContainerLimits) -> ContainerLimits {
        func least<Value: Comparable>(_ own: Value?, _ outer: Value?) -> Value? {
            [own, outer].compactMap { $0 }.min()
        }
        var limits = self
        limits.cpus = least(cpus, outer.cpus)
        limits.cpuWeight = least(cpuWeight, outer.cpuWeight)
        limits.memory = least(memory, outer.memory)
        // None that was asked for is none at all where memory is limited.
        if let swap, outer.memory != nil { limits.swap = min(swap, outer.swap ?? 0) }
        limits.pids = least(pids, outer.pids)
        limits.cpuset = outer.cpuset ?? cpuset
        for limit in outer.io {
            let isOfSame = { (own: IOLimit) in own.kind == limit.kind && own.device == limit.device }
            if let index = limits.io.firstIndex(where: isOfSame) {
                limits.io[index].perSecond = min(limits.io[index].perSecond, limit.perSecond)
            } else {
                limits.io.append(limit)
            }
        }
        limits.ioWeight = least(ioWeight, outer.ioWeight)
        limits.disk = least(disk, outer.disk)
        limits.diskInodes = least(diskInodes, outer.diskInodes)
        return limits
    }
}

/// What keeps a container's files within its disk limits.
public enum DiskBacking: String, Sendable, Codable, CaseIterable {
    /// Project quotas of the file system the store is on, quotactl(2).
    case quota
    /// A file system of the container's own in a sparse file.
    case loop
}

/// A limit on one block device, or on the device behind the container's file system when `device` is nil.
public struct IOLimit: Hashable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable {
        case readBytes = "rbps"
        case writeBytes = "wbps"
        case readOperations = "riops"
        case writeOperations = "wiops"
    }
    public var kind: Kind
    /// Host path of a block device such as /dev/sda, or nil.
    public var device: String?
    /// Bytes or operations a second.
    public var perSecond: UInt64
    public init(kind: Kind, device: String?, perSecond: UInt64) {
        self.kind = kind
        self.device = device
        self.perSecond = perSecond
    }
}
