import Allocation
import ClusterModel
import Determinism
import Testing

/// Histories drawn from a seed: agents and frameworks come and go, offers are used, refused and given back.
struct History {
    var random: SeededRandom
    var cluster: Cluster
    var agents = 0
    var frameworks = 0
    var offers: [[Allocation]] = []
    let looksAtEverything: Bool
    private let roles = ["*", "eng", "eng/web", "ops", "ops/db"]
    private var limits: [String: Int] = [:]

    init(seed: UInt64, looksAtEverything: Bool = false) {
        random = SeededRandom(seed: seed)
        var options = AllocatorOptions()
        options.seed = seed
        options.offersPerAgent = 1 + Int(seed % 3)
        options.order = seed % 5 == 0 ? .random : .fair
        cluster = Cluster(options: options)
        self.looksAtEverything = looksAtEverything
    }

    mutating func run(steps: Int) throws {
        for _ in 0..<steps {
            try step()
            if random.chance(1, outOf: 2) { try cycle() }
        }
    }

    private mutating func cycle() throws {
        if looksAtEverything { cluster.allocator.lookAtEverything() }
        var before: [String: Scalar] = [:]
        for role in limits.keys { before[role] = try cluster.held(below: role).unreserved.amount(of: "cpus") }
        let offers = cluster.cycle(after: .seconds(random.below(4)))
        self.offers.append(offers)
        for offer in offers {
            #expect(!offer.resources.hasAny { !$0.isAllocatable(to: offer.role) || $0.allocatedTo != offer.role })
        }
        cluster.expectNothingTwice()
        for (role, limit) in limits {
            let name = try RoleName(role)
            let held = try cluster.held(below: role).unreserved.amount(of: "cpus")
            guard held > before[role] ?? .zero else { continue }
            let reserved = cluster.totals.values.reduce(Scalar.zero) { sum, total in
                sum + total.only { $0.reservedFor?.isWithin(name) == true }.amount(of: "cpus")
            }
            #expect(held + reserved <= Scalar(limit), "\(role) has \(held) and \(reserved) reserved of \(limit)")
        }
    }

    private mutating func step() throws {
        switch random.below(12) {
        case 0, 1: try addAgent()
        case 2, 3: try addFramework()
        case 4:
            if let id = cluster.totals.keys.sorted().last, random.chance(1, outOf: 3) {
                cluster.allocator.removeAgent(id)
                cluster.totals[id] = nil
                cluster.ledger.removeAll { $0.agent == id }
            }
        case 5:
            guard frameworks > 0, random.chance(1, outOf: 3) else { return }
            let id = try FrameworkID("f\(random.below(frameworks))")
            cluster.allocator.removeFramework(id)
            cluster.ledger.removeAll { $0.framework == id }
        case 6: try changeFramework()
        case 7: try changeQuota()
        default: try giveBack()
        }
    }

    private mutating func addAgent() throws {
        let cpus = 1 + random.below(8)
        let kinds = [
            "cpus:\(cpus);mem:\(cpus * 512);ports:[31000-31010]",
            "cpus:\(cpus);mem:1024;cpus(eng):2;mem(eng):256",
            "cpus(ops/db):\(cpus);mem(ops/db):512;mem:128;cpus:0.5",
        ]
        agents += 1
        try cluster.addAgent("a\(agents)", random.pick(kinds) ?? "cpus:1")
    }

    private mutating func addFramework() throws {
        let own = random.pick(roles) ?? "*"
        let other = random.pick(roles) ?? "*"
        try cluster.addFramework("f\(frameworks)", roles: own == other ? [own] : [own, other])
        frameworks += 1
    }

    private mutating func changeFramework() throws {
        guard frameworks > 0 else { return }
        let id = try FrameworkID("f\(random.below(frameworks))")
        switch random.below(4) {
        case 0: cluster.allocator.suppress(id, roles: [])
        case 1: cluster.allocator.revive(id, roles: [])
        case 2: cluster.allocator.setFramework(id, active: false)
        default: cluster.allocator.setFramework(id, active: true)
        }
    }

    private mutating func changeQuota() throws {
        let role = random.pick(["eng", "ops"]) ?? "eng"
        let limit = 4 + random.below(20)
        if random.chance(1, outOf: 4) {
            limits[role] = nil
            try cluster.allocator.setQuota(.unlimited, for: try RoleName(role))
        } else {
            limits[role] = limit
            let guarantee = Scalar(random.below(4))
            try cluster.allocator.setQuota(
                Quota(guarantees: ["cpus": guarantee], limits: ["cpus": Scalar(limit)]), for: try RoleName(role))
        }
        try cluster.allocator.setWeight(Double(1 + random.below(4)), for: try RoleName(role))
    }

    private mutating func giveBack() throws {
        guard let holding = random.pick(cluster.ledger) else { return }
        var part = holding
        if random.chance(1, outOf: 2) {
            part.resources = holding.resources.trimmingUnreserved { name in
                let all = holding.resources.amount(of: name).thousandths
                return Scalar(thousandths: all / 2)
            }
        }
        let filter = random.pick([nil, OfferFilter.none, .standard, OfferFilter(refuseFor: .seconds(60))]) ?? nil
        cluster.giveBack(part, filter: filter)
    }
}

@Suite("Random histories")
struct RandomHistoryTests {
    @Test("nothing is given twice, limits hold and reservations stay with their roles", arguments: UInt64(1)...40)
    func safety(_ seed: UInt64) throws {
        var history = History(seed: seed)
        try history.run(steps: 150)
        #expect(!history.offers.joined().isEmpty)
    }

    @Test("the same seed gives the same offers", arguments: UInt64(1)...10)
    func determinism(_ seed: UInt64) throws {
        var first = History(seed: seed)
        var second = History(seed: seed)
        try first.run(steps: 150)
        try second.run(steps: 150)
        #expect(first.offers == second.offers)
    }

    @Test("looking only at what changed gives the offers of looking at everything", arguments: UInt64(1)...60)
    func incremental(_ seed: UInt64) throws {
        var quick = History(seed: seed)
        var thorough = History(seed: seed, looksAtEverything: true)
        try quick.run(steps: 150)
        try thorough.run(steps: 150)
        #expect(quick.offers == thorough.offers)
    }

    @Test("nobody who waits is passed over for ever", arguments: UInt64(1)...10)
    func nobodyStarves(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var cluster = Cluster()
        for number in 0..<3 { try cluster.addAgent("a\(number)", "cpus:2;mem:1024") }
        for number in 0..<12 { try cluster.addFramework("f\(number)", roles: [random.pick(["x", "y", "z"]) ?? "x"]) }
        var seen: Set<String> = []
        for _ in 0..<60 {
            for offer in cluster.cycle() {
                seen.insert(offer.framework.text)
                cluster.giveBack(offer, refusing: Double(random.below(3)))
            }
        }
        #expect(seen.count == 12, "\(seen.sorted())")
    }
}
