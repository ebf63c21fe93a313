public import Diagnostics
public import OrderedCollections

/// `linux.resources`, and the document `update --resources` takes. Absent values leave what is in force.
public struct ResourceSpec: Equatable, Sendable {
    public struct DeviceRule: Equatable, Sendable {
        public var allow: Bool
        /// a, c or b.
        public var type: String
        public var major: Int64?
        public var minor: Int64?
        public var access: String
        public init(allow: Bool, type: String, major: Int64?, minor: Int64?, access: String) {
            self.allow = allow
            self.type = type
            self.major = major
            self.minor = minor
            self.access = access
        }
    }

    public struct Memory: Equatable, Sendable {
        public var limit: Int64?
        public var reservation: Int64?
        public var swap: Int64?
        public var kernel: Int64?
        public var kernelTCP: Int64?
        public var swappiness: UInt64?
        public var disableOOMKiller: Bool?
        public var useHierarchy: Bool?
        public var checkBeforeUpdate: Bool?
        public init() {}
    }

    public struct Processor: Equatable, Sendable {
        public var shares: UInt64?
        public var quota: Int64?
        public var burst: UInt64?
        public var period: UInt64?
        public var realtimeRuntime: Int64?
        public var realtimePeriod: UInt64?
        public var processors: String?
        public var memories: String?
        public var idle: Int64?
        public init() {}
    }

    public struct DiskRate: Equatable, Sendable {
        public var major: Int64
        public var minor: Int64
        public var rate: UInt64
    }

    public struct DiskWeight: Equatable, Sendable {
        public var major: Int64
        public var minor: Int64
        public var weight: UInt16?
        public var leafWeight: UInt16?
    }

    public struct Disks: Equatable, Sendable {
        public var weight: UInt16?
        public var leafWeight: UInt16?
        public var weights: [DiskWeight] = []
        public var readBytes: [DiskRate] = []
        public var writeBytes: [DiskRate] = []
        public var readOperations: [DiskRate] = []
        public var writeOperations: [DiskRate] = []
        public init() {}
    }

    public struct Huge: Equatable, Sendable {
        /// 2MB, 1GB.
        public var pageSize: String
        public var limit: UInt64
    }

    public var devices: [DeviceRule] = []
    public var memory = Memory()
    public var processor = Processor()
    public var pids: Int64?
    public var disks = Disks()
    public var huge: [Huge] = []
    public var networkClass: UInt32?
    public var networkPriorities: [(name: String, priority: UInt32)] = []
    public var rdma: [(name: String, handles: UInt32?, objects: UInt32?)] = []
    public var unified: OrderedDictionary<String, String> = [:]

    public init() {}

    public init(_ object: SpecObject) throws(Failure) {
        for rule in try object.objects("devices") { devices.append(try Self.deviceRule(rule)) }
        if let entry = try object.object("memory") { memory = try Self.memory(entry) }
        if let entry = try object.object("cpu") { processor = try Self.processor(entry) }
        if let entry = try object.object("pids") { pids = try Self.limit("limit", of: entry) }
        if let entry = try object.object("blockIO") { disks = try Self.disks(entry) }
        for entry in try object.objects("hugepageLimits") {
            huge.append(
                Huge(pageSize: try entry.required("pageSize"), limit: try entry.required("limit", as: UInt64.self)))
        }
        if let network = try object.object("network") {
            networkClass = try network.integer("classID", as: UInt32.self)
            for entry in try network.objects("priorities") {
                networkPriorities.append(
                    (try entry.required("name"), try entry.required("priority", as: UInt32.self)))
            }
        }
        for (name, entry) in try object.named("rdma") {
            let handles = try entry.integer("hcaHandles", as: UInt32.self)
            let objects = try entry.integer("hcaObjects", as: UInt32.self)
            guard handles != nil || objects != nil else {
                throw entry.refusal("hcaHandles", "neither it nor hcaObjects is there")
            }
            rdma.append((name, handles, objects))
        }
        unified = try object.texts("unified")
        for key in unified.keys where key.has("/") || !key.has(".") {
            throw object.refusal(
                "unified", "the specified key has not the form CONTROLLER.VALUE `\(Untrusted.shown(key))`")
        }
    }

    /// -1 is no limit; version 2 would be told the same of every number below it.
    private static func limit(_ name: String, of object: SpecObject) throws(Failure) -> Int64? {
        let limit = try object.integer(name, as: Int64.self)
        if let limit, limit < -1 { throw object.refusal(name, "\(limit) is less than -1, which is no limit") }
        return limit
    }

    private static func deviceRule(_ object: SpecObject) throws(Failure) -> DeviceRule {
        guard let isAllowed = try object.bool("allow") else { throw object.refusal("allow", "it is missing") }
        let rule = DeviceRule(
            allow: isAllowed, type: try object.string("type") ?? "a",
            major: try object.integer("major", as: Int64.self), minor: try object.integer("minor", as: Int64.self),
            access: try object.string("access") ?? "")
        guard ["a", "b", "c", ""].contains(rule.type) else { throw object.refusal("type", "a rule is about a, b or c") }
        guard rule.access.allSatisfy({ "rwm".contains($0) }) else {
            throw object.refusal("access", "access is made of r, w and m")
        }
        return rule
    }

    private static func memory(_ object: SpecObject) throws(Failure) -> Memory {
        var memory = Memory()
        memory.limit = try limit("limit", of: object)
        memory.reservation = try limit("reservation", of: object)
        memory.swap = try limit("swap", of: object)
        memory.kernel = try limit("kernel", of: object)
        memory.kernelTCP = try limit("kernelTCP", of: object)
        memory.swappiness = try swappiness(object)
        memory.disableOOMKiller = try object.bool("disableOOMKiller")
        memory.useHierarchy = try object.bool("useHierarchy")
        memory.checkBeforeUpdate = try object.bool("checkBeforeUpdate")
        return memory
    }

    /// -1 without its sign is what engines write where nobody asked for any; runc takes it for none, too.
    private static func swappiness(_ object: SpecObject) throws(Failure) -> UInt64? {
        guard let value = try object.integer("swappiness", as: UInt64.self), value != UInt64.max else { return nil }
        guard value <= 100 else { throw object.refusal("swappiness", "\(value) is not between 0 and 100") }
        return value
    }

    private static func processor(_ object: SpecObject) throws(Failure) -> Processor {
        var processor = Processor()
        processor.shares = try object.integer("shares", as: UInt64.self)
        processor.quota = try object.integer("quota", as: Int64.self)
        processor.burst = try object.integer("burst", as: UInt64.self)
        processor.period = try object.integer("period", as: UInt64.self)
        processor.realtimeRuntime = try object.integer("realtimeRuntime", as: Int64.self)
        processor.realtimePeriod = try object.integer("realtimePeriod", as: UInt64.self)
        processor.processors = try object.string("cpus")
        processor.memories = try object.string("mems")
        processor.idle = try object.integer("idle", as: Int64.self)
        return processor
    }

    private static func disks(_ object: SpecObject) throws(Failure) -> Disks {
        func rates(_ name: String) throws(Failure) -> [DiskRate] {
            var result: [DiskRate] = []
            for entry in try object.objects(name) {
                result.append(
                    DiskRate(
                        major: try entry.required("major", as: Int64.self),
                        minor: try entry.required("minor", as: Int64.self),
                        rate: try entry.required("rate", as: UInt64.self)))
            }
            return result
        }
        // No group has a weight of 0, and Docker writes it where nobody asked for one.
        func weight(_ name: String) throws(Failure) -> UInt16? {
            let value = try object.integer(name, as: UInt16.self)
            return value == 0 ? nil : value
        }
        var disks = Disks()
        disks.weight = try weight("weight")
        disks.leafWeight = try weight("leafWeight")
        for entry in try object.objects("weightDevice") { disks.weights.append(try diskWeight(entry)) }
        disks.readBytes = try rates("throttleReadBpsDevice")
        disks.writeBytes = try rates("throttleWriteBpsDevice")
        disks.readOperations = try rates("throttleReadIOPSDevice")
        disks.writeOperations = try rates("throttleWriteIOPSDevice")
        return disks
    }

    private static func diskWeight(_ object: SpecObject) throws(Failure) -> DiskWeight {
        let weight = DiskWeight(
            major: try object.required("major", as: Int64.self), minor: try object.required("minor", as: Int64.self),
            weight: try object.integer("weight", as: UInt16.self),
            leafWeight: try object.integer("leafWeight", as: UInt16.self))
        guard weight.weight != nil || weight.leafWeight != nil else {
            throw object.refusal("weight", "neither it nor leafWeight is there")
        }
        return weight
    }

    public static func == (left: ResourceSpec, right: ResourceSpec) -> Bool {
        left.devices == right.devices && left.memory == right.memory && left.processor == right.processor
            && left.pids == right.pids && left.disks == right.disks && left.huge == right.huge
            && left.networkClass == right.networkClass && left.unified == right.unified
            && left.networkPriorities.elementsEqual(right.networkPriorities) { $0 == $1 }
            && left.rdma.elementsEqual(right.rdma) { $0 == $1 }
    }
}
