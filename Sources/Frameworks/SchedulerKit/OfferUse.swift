import Determinism

/// How much of each resource a task wants.
public struct ResourceWish: Hashable, Sendable {
    public var amounts: Quantities
    /// Host ports, any numbers.
    public var ports: Int

    /// In processors, in MiB, and in pieces. Amounts are rounded to thousandths; nothing is below zero.
    public init(cpus: Double = 0, memory: Double = 0, disk: Double = 0, gpus: Int = 0, ports: Int = 0) {
        amounts = [
            "cpus": Self.scalar(cpus), "mem": Self.scalar(memory), "disk": Self.scalar(disk),
            "gpus": Scalar(max(0, gpus)),
        ]
        self.ports = max(0, ports)
    }

    public init(_ amounts: Quantities, ports: Int = 0) {
        self.amounts = amounts
        self.ports = max(0, ports)
    }

    private static func scalar(_ value: Double) -> Scalar {
        guard value.isFinite, value > 0 else { return .zero }
        return Scalar(thousandths: Int64((min(value, 1e9) * 1_000).rounded()))
    }
}

/// One offer, and what is left of it while tasks are put on it.
///
///     var use = OfferUse(offer)
///     while waiting > 0, try use.add(.unique("web"), wish, command: command, image: "nginx:1") != nil { waiting -= 1 }
///     try await scheduler.accept(use)
public struct OfferUse: Sendable {
    public let offer: Offer
    /// What no task has been given yet.
    public private(set) var left: Resources
    /// Added so far.
    public private(set) var tasks: [TaskSpec] = []

    public init(_ offer: Offer) {
        self.offer = offer
        left = Resources(offer.resources)
    }

    /// Whether `wish` could be taken from what is left.
    public func fits(_ wish: ResourceWish) -> Bool { picked(wish) != nil }

    /// Takes resources out: those reserved for the framework's role before those of nobody. Volumes, disks that go
    /// whole and resources that may be taken back at any time are left alone. Nil, and nothing is taken, when it does
    /// not fit.
    public mutating func take(_ wish: ResourceWish) -> [Resource]? {
        guard let resources = picked(wish) else { return nil }
        for resource in resources { left.subtract(resource) }
        return resources
    }

    /// Puts a task on the offer; nil when it does not fit. The task can be changed in `tasks` before it is launched
    /// by adding it with `add(_:)` instead.
    ///
    /// - Parameters:
    ///   - id: Never used before by this framework: `TaskID.unique`.
    ///   - command: A line for the shell, or a program with arguments.
    ///   - image: A Docker image; nil runs on what the agent allows for tasks without one.
    ///   - killGracePeriod: From the polite signal to the end.
    @discardableResult
    public mutating func add(
        _ id: TaskID, _ wish: ResourceWish, name: String? = nil, command: CommandSpec, image: String? = nil,
        killGracePeriod: Duration? = nil
    ) -> TaskSpec? {
        guard let resources = take(wish) else { return nil }
        let container = image.map { name in
            ContainerSpec(kind: .mesos, image: ContainerImage(.docker(name: name)))
        }
        let task = TaskSpec(
            id: id, name: name ?? id.text, agent: offer.agent, resources: resources, runner: .command(command),
            killGracePeriod: killGracePeriod, container: container)
        tasks.append(task)
        return task
    }

    /// Adds a task made by hand, with resources that `take` gave.
    public mutating func add(_ task: TaskSpec) { tasks.append(task) }

    private func picked(_ wish: ResourceWish) -> [Resource]? {
        var picked: [Resource] = []
        let usable = left.filter { $0.isDivisible && !$0.isRevocable && !$0.isShared }
        let ordered = usable.filter(\.isReserved) + usable.filter { !$0.isReserved }
        for amount in wish.amounts.amounts {
            var missing = amount.scalar
            for resource in ordered where resource.name == amount.name && !missing.isZero {
                guard case .scalar(let there) = resource.value else { continue }
                var part = resource
                let taken = min(there, missing)
                part.value = .scalar(taken)
                missing -= taken
                picked.append(part)
            }
            if !missing.isZero { return nil }
        }
        guard wish.ports > 0 else { return picked }
        guard let ports = pickedPorts(wish.ports, from: ordered) else { return nil }
        return picked + ports
    }

    /// The lowest numbers.
    private func pickedPorts(_ count: Int, from resources: [Resource]) -> [Resource]? {
        var missing = UInt64(count)
        var picked: [Resource] = []
        for resource in resources where resource.name == "ports" && missing > 0 {
            guard case .ranges(let there) = resource.value else { continue }
            var taken: [ClosedRange<UInt64>] = []
            for range in there.ranges where missing > 0 {
                let width = min(missing, range.upperBound - range.lowerBound + 1)
                taken.append(range.lowerBound...(range.lowerBound + width - 1))
                missing -= width
            }
            var part = resource
            part.value = .ranges(Ranges(taken))
            picked.append(part)
        }
        return missing == 0 ? picked : nil
    }
}

extension TaskSpec {
    /// Host ports the task was given, in order.
    public var ports: [UInt64] { Resources(resources).ranges(named: "ports").ranges.flatMap { Array($0) } }
}

extension Identifier where Kind == TaskKind {
    /// `name` and something no other task has, ever: ids must not come again, not even after a restart.
    ///
    /// - Throws: `Failure` `identifier.invalid` for a name that is none.
    public static func unique(_ name: String) throws(Failure) -> TaskID {
        let text = String(UInt64.random(in: .min ... .max), radix: 36)
        return try TaskID("\(name).\(text)")
    }
}
