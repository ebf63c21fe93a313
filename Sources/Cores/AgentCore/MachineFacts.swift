public import ClusterModel
public import Diagnostics

/// What an agent's machine has, as its program measured it.
public struct MachineFacts: Hashable, Sendable {
    /// Processors that are online.
    public var processors: Int
    /// Bytes of memory; nil when it could not be read.
    public var memory: UInt64?
    /// Bytes of the file system of the work directory; nil when it could not be read.
    public var disk: UInt64?
    /// What the machine is and what it enforces, under `bulkhead.*`: frameworks place tasks by it.
    public var attributes: [Attribute]
    /// Limits it cannot hold a task to: `cpu`, `memory`, `swap`, `pids`.
    public var unenforceable: [String]

    public init(
        processors: Int, memory: UInt64?, disk: UInt64?, attributes: [Attribute] = [], unenforceable: [String] = []
    ) {
        self.processors = processors
        self.memory = memory
        self.disk = disk
        self.attributes = attributes
        self.unenforceable = unenforceable
    }

    private static let mebibyte: UInt64 = 1 << 20
    private static let gibibyte: UInt64 = 1 << 30

    /// What an agent offers: what `text` (`--resources`) names as it says it, and the rest as found. A name that is
    /// given with zero is not looked for. Some memory and disk stay for the machine itself.
    ///
    /// - Parameter devices: as many of each resource as there are devices, unless `text` says less.
    /// - Throws: `resource.unreadable`, naming the part of `text` at fault; `resource.too-many` for more than there are
    ///   devices.
    public func resources(
        given text: String, defaultRole: RoleName = .anyone, devices: [LaunchPolicy.DeviceResource] = []
    ) throws(Failure) -> [Resource] {
        let given = try Resource.parse(text, defaultRole: defaultRole)
        let names = Set(given.map(\.name))
        let reservations = defaultRole == .anyone ? [] : [Reservation(.configured, for: defaultRole)]
        for offered in devices {
            let amount = Resources(given).amount(of: offered.resource)
            guard amount > Scalar(offered.devices.count) else { continue }
            throw Failure(
                "resource.too-many", doing: "offer the resource", on: "\(offered.resource):\(amount)",
                cause: "there are \(offered.devices.count) devices", remedy: "offer at most those, or leave it out",
                field: "resources")
        }
        var found: [(String, ResourceValue)] = [
            ("cpus", .scalar(Scalar(max(1, processors)))),
            ("mem", .scalar(Scalar(Self.kept(memory, apart: Self.gibibyte, else: Self.gibibyte)))),
            ("disk", .scalar(Scalar(Self.kept(disk, apart: 5 * Self.gibibyte, else: 10 * Self.gibibyte)))),
            ("ports", .ranges(Ranges([31_000...32_000]))),
        ]
        found += devices.map { ($0.resource, .scalar(Scalar($0.devices.count))) }
        return given.filter { !$0.value.isEmpty }
            + found.filter { !names.contains($0.0) }.map { Resource($0.0, $0.1, reservations: reservations) }
    }

    /// What is measured is offered in steps of so many mebibytes: another kernel finds a little more or less on the
    /// same machine, and nobody should see an agent change for that.
    private static let step: UInt64 = 64

    /// Mebibytes of `bytes` after `apart` was set apart, or half of a small amount.
    private static func kept(_ bytes: UInt64?, apart: UInt64, else fallback: UInt64) -> Int {
        guard let bytes else { return Int(fallback / mebibyte) }
        let kept = (bytes >= 2 * apart ? bytes - apart : bytes / 2) / mebibyte
        return Int(kept < step ? kept : kept - kept % step)
    }
}
