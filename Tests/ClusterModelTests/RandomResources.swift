import ClusterModel
import Determinism

/// Draws resources of every kind from a seed.
struct RandomResources {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func role() throws -> RoleName {
        try RoleName(random.pick(["eng", "eng/web", "eng/web/api", "ops", "ops/db"]) ?? "eng")
    }

    mutating func reservations() throws -> [Reservation] {
        switch random.below(4) {
        case 0: [Reservation(.configured, for: try role())]
        case 1: [Reservation(.requested, for: try role(), principal: random.pick(["ann", "bob"]))]
        case 2:
            [Reservation(.configured, for: try RoleName("eng")), Reservation(.requested, for: try RoleName("eng/web"))]
        default: []
        }
    }

    mutating func ranges() -> Ranges {
        Ranges(
            (0..<random.below(5)).map { _ in
                let start = UInt64(random.below(60))
                return start...(start + UInt64(random.below(8)))
            })
    }

    mutating func set() -> ItemSet {
        ItemSet((0..<random.below(4)).map { _ in random.pick(["a", "b", "c", "d", "e"]) ?? "a" })
    }

    mutating func resource() throws -> Resource {
        let amount = ResourceValue.scalar(Scalar(thousandths: Int64(random.below(10_000))))
        switch random.below(8) {
        case 0: return Resource("ports", .ranges(ranges()), reservations: try reservations())
        case 1: return Resource("zones", .set(set()), reservations: try reservations())
        case 2: return Resource("cpus", amount, isRevocable: true)
        case 3: return try volume(isShared: random.chance(1, outOf: 2))
        case 4:
            let source = Disk.Source(random.pick([.path, .mount, .block]) ?? .path, root: "/d\(random.below(3))")
            return Resource(
                "disk", .scalar(Scalar(1 + random.below(3))), reservations: try reservations(),
                disk: Disk(source: source))
        default:
            return Resource(random.pick(["cpus", "mem", "disk"]) ?? "cpus", amount, reservations: try reservations())
        }
    }

    mutating func volume(isShared: Bool) throws -> Resource {
        Resource(
            "disk", .scalar(Scalar(1 + random.below(2))), reservations: [Reservation(.requested, for: try role())],
            disk: Disk(
                persistence: .init(id: try VolumeID("v\(random.below(3))")), volume: .init(containerPath: "data")),
            isShared: isShared)
    }

    mutating func resources(upTo count: Int = 8) throws -> Resources {
        Resources(try (0..<random.below(count + 1)).map { _ in try resource() })
    }

    /// Some part of `whole`, possibly nothing or all.
    mutating func part(of whole: Resources) -> Resources {
        var result = Resources()
        for resource in whole where random.chance(2, outOf: 3) {
            var piece = resource
            if resource.isDivisible { piece.value = part(of: resource.value) }
            result.add(piece, copies: resource.isShared ? 1 + random.below(whole.copies(of: resource)) : 1)
        }
        return result
    }

    mutating func part(of value: ResourceValue) -> ResourceValue {
        switch value {
        case .scalar(let scalar): .scalar(Scalar(thousandths: Int64(random.below(Int(scalar.thousandths) + 1))))
        case .ranges(let whole): .ranges(whole.intersection(ranges()))
        case .set(let whole): .set(whole.subtracting(set()))
        }
    }
}

enum Seeds {
    static let some = Array(UInt64(1)...60)
}
