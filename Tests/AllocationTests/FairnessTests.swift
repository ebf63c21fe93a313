import ClusterModel
import Determinism
import Diagnostics
import Testing

@testable import Allocation

@Suite("Fairness")
struct FairnessTests {
    @Test("the logarithm is the logarithm", arguments: [(1, 0), (2.718281828459045, 1), (0.5, -0.6931471805599453)])
    func logarithm(_ number: Double, _ expected: Double) {
        #expect(abs(FairAllocator.naturalLogarithm(number) - expected) < 1e-14)
    }

    @Test("one agent's processors and memory are shared by dominant share")
    func dominantShares() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:9;mem:18")
        try cluster.addFramework("memory", roles: ["m"])
        try cluster.addFramework("processor", roles: ["p"])
        try cluster.launchTasks(["memory": "cpus:1;mem:4", "processor": "cpus:3;mem:1"], cycles: 20)
        #expect(cluster.held(by: "memory") == (try Resources(parsing: "cpus:3;mem:12")))
        #expect(cluster.held(by: "processor") == (try Resources(parsing: "cpus:6;mem:2")))
    }

    @Test("shares converge to the weights", arguments: UInt64(1)...5)
    func weights(_ seed: UInt64) throws {
        var options = AllocatorOptions()
        options.seed = seed
        var cluster = Cluster(options: options)
        for number in 0..<30 { try cluster.addAgent("a\(number)", "cpus:4;mem:4096") }
        var tasks: [String: String] = [:]
        for (name, weight) in [("one", 1.0), ("two", 2), ("three", 3)] {
            try cluster.addFramework(name, roles: [name])
            try cluster.allocator.setWeight(weight, for: try RoleName(name))
            tasks[name] = "cpus:1;mem:1024"
        }
        try cluster.launchTasks(tasks, cycles: 12)
        let amounts = ["one", "two", "three"].map { cluster.held(by: $0).amount(of: "cpus").value }
        #expect(amounts.reduce(0, +) == 120)
        for (amount, ideal) in zip(amounts, [20.0, 40, 60]) { #expect(abs(amount - ideal) <= 4, "\(amounts)") }
    }

    @Test("a role is shared inside before it competes outside")
    func hierarchy() throws {
        var cluster = Cluster()
        for number in 0..<24 { try cluster.addAgent("a\(number)", "cpus:1;mem:1024") }
        try cluster.addFramework("f1", roles: ["eng/web"])
        try cluster.addFramework("f2", roles: ["eng/db"])
        try cluster.addFramework("f3", roles: ["eng"])
        try cluster.addFramework("g", roles: ["ops"])
        _ = cluster.cycle()
        let amounts = ["f1", "f2", "f3", "g"].map { cluster.held(by: $0).amount(of: "cpus") }
        #expect(amounts == [Scalar(4), Scalar(4), Scalar(4), Scalar(12)])
    }

    @Test("equals of one role get equal parts, to within one agent", arguments: [2, 3, 7])
    func equals(_ count: Int) throws {
        var cluster = Cluster()
        for number in 0..<50 { try cluster.addAgent("a\(number)", "cpus:2;mem:1024") }
        for number in 0..<count { try cluster.addFramework("f\(number)") }
        _ = cluster.cycle()
        let counts = (0..<count).map { cluster.held(by: "f\($0)").amount(of: "cpus").value / 2 }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1 && counts.reduce(0, +) == 50)
    }

    @Test("whoever gives everything back at once does not keep others from an agent")
    func pickyFramework() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:4096")
        try cluster.addFramework("picky1", roles: ["p1"])
        try cluster.addFramework("picky2", roles: ["p2"])
        try cluster.addFramework("busy", roles: ["b"])
        try cluster.launchTasks(["busy": "cpus:1;mem:512"], cycles: 12)
        #expect(cluster.held(by: "busy").amount(of: "cpus") == Scalar(4))
        #expect(cluster.held(by: "picky1").isEmpty && cluster.held(by: "picky2").isEmpty)
    }

    @Test("an agent can be divided among several who want it")
    func divided() throws {
        var options = AllocatorOptions()
        options.offersPerAgent = 2
        var cluster = Cluster(options: options)
        try cluster.addAgent("a", "cpus:4;mem:4096")
        try cluster.addFramework("f")
        try cluster.addFramework("g")
        #expect(cluster.cycle().count == 2)
        #expect(cluster.held(by: "f") == (try Resources(parsing: "cpus:2;mem:2048")))
        #expect(cluster.held(by: "g") == (try Resources(parsing: "cpus:2;mem:2048")))
        cluster.expectNothingTwice()
    }

    @Test("drawn by lot, whoever has more weight comes first more often")
    func lots() throws {
        var options = AllocatorOptions()
        options.order = .random
        var cluster = Cluster(options: options)
        try cluster.addAgent("a", "cpus:1;mem:1024")
        try cluster.addFramework("light", roles: ["l"])
        try cluster.addFramework("heavy", roles: ["h"])
        try cluster.allocator.setWeight(3, for: try RoleName("h"))
        var first: [String: Int] = [:]
        for _ in 0..<4_000 {
            let offers = cluster.cycle()
            if let taker = offers.first { first[taker.framework.text, default: 0] += 1 }
            // Taken back without a word, so that nobody counts as having passed.
            for offer in offers { cluster.giveBack(offer, refusing: nil) }
        }
        let heavy = Double(first["heavy"] ?? 0) / 4_000
        #expect(abs(heavy - 0.75) < 0.03, "\(first)")
    }

    @Test("a weight is above zero", arguments: [0, -1, Double.infinity, .nan])
    func badWeight(_ weight: Double) {
        var cluster = Cluster()
        #expect(throws: Failure.self) { try cluster.allocator.setWeight(weight, for: .anyone) }
    }
}

@Suite("Quota")
struct QuotaTests {
    @Test("a guarantee is kept free for its role, and used when the role comes")
    func guarantee() throws {
        var cluster = Cluster()
        for number in 0..<10 { try cluster.addAgent("a\(number)", "cpus:1;mem:1024") }
        try cluster.allocator.setQuota(
            Quota(guarantees: ["cpus": Scalar(4), "mem": Scalar(4_096)]), for: try RoleName("eng"))
        try cluster.addFramework("greedy", roles: ["ops"])
        _ = cluster.cycle()
        #expect(cluster.held(by: "greedy").amount(of: "cpus") == Scalar(6))
        try cluster.addFramework("sure", roles: ["eng/web"])
        _ = cluster.cycle()
        #expect(cluster.held(by: "sure").amount(of: "cpus") == Scalar(4))
        cluster.expectNothingTwice()
    }

    @Test("what ends under quota is handed out again without looking at every agent that waits", arguments: [1, 40])
    func fewLooks(_ count: Int) throws {
        var cluster = Cluster()
        for number in 0..<300 { try cluster.addAgent("a\(number)", "cpus:4;mem:4096;disk:4096") }
        for number in 0..<count {
            try cluster.addFramework("f\(number)", roles: ["r\(number)"])
            try cluster.allocator.setQuota(
                Quota(
                    guarantees: ["cpus": Scalar(1)],
                    limits: ["cpus": Scalar(4), "mem": Scalar(4_096), "disk": Scalar(4_096)]),
                for: try RoleName("r\(number)"))
        }
        while !cluster.cycle().isEmpty {}
        let before = cluster.allocator.looks
        for _ in 0..<20 {
            let ended = try #require(cluster.ledger.first)
            cluster.giveBack(ended, filter: nil)
            let offers = cluster.cycle()
            #expect(offers.map(\.resources) == [ended.resources])
            _ = cluster.cycle()
        }
        #expect(cluster.allocator.looks - before <= 20 * 8, "\(cluster.allocator.looks - before) looks")
        cluster.expectNothingTwice()
    }

    @Test("who is owed is served before who has the smaller share")
    func owedFirst() throws {
        var cluster = Cluster()
        try cluster.addFramework("sure", roles: ["eng"])
        try cluster.addFramework("other", roles: ["ops"])
        try cluster.allocator.setQuota(
            Quota(guarantees: ["cpus": Scalar(6), "mem": Scalar(6_144)]), for: try RoleName("eng"))
        for number in 0..<8 { try cluster.addAgent("a\(number)", "cpus:1;mem:1024") }
        _ = cluster.cycle()
        #expect(cluster.held(by: "sure").amount(of: "cpus") >= Scalar(6))
        #expect(cluster.held(by: "other").amount(of: "cpus") == Scalar(2))
    }

    @Test("a limit holds over the whole subtree, and more is offered when it is raised")
    func limit() throws {
        var cluster = Cluster()
        for number in 0..<5 { try cluster.addAgent("a\(number)", "cpus:2;mem:1024") }
        let eng = try RoleName("eng")
        try cluster.allocator.setQuota(Quota(limits: ["cpus": Scalar(3)]), for: eng)
        try cluster.addFramework("f", roles: ["eng/a"])
        try cluster.addFramework("g", roles: ["eng/b"])
        for _ in 0..<3 { _ = cluster.cycle() }
        #expect(try cluster.held(below: "eng").amount(of: "cpus") == Scalar(3))
        try cluster.allocator.setQuota(.unlimited, for: eng)
        for _ in 0..<3 { _ = cluster.cycle() }
        #expect(try cluster.held(below: "eng").amount(of: "cpus") == Scalar(10))
        cluster.expectNothingTwice()
    }

    @Test("what is given back under a limit can be had again")
    func limitFreed() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addAgent("b", "cpus:4;mem:1024")
        try cluster.allocator.setQuota(
            Quota(limits: ["cpus": Scalar(4), "mem": Scalar(1_024)]), for: try RoleName("eng"))
        try cluster.addFramework("f", roles: ["eng"])
        let first = cluster.cycle()
        #expect(first.count == 1 && cluster.cycle().isEmpty)
        if let offer = first.first { cluster.giveBack(offer, refusing: nil) }
        #expect(cluster.cycle().count == 1)
    }

    @Test("reservations count against the limit")
    func reservationsCount() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus(eng):3;cpus:4;mem:4096")
        try cluster.allocator.setQuota(Quota(limits: ["cpus": Scalar(5)]), for: try RoleName("eng"))
        try cluster.addFramework("f", roles: ["eng"])
        _ = cluster.cycle()
        #expect(cluster.held(by: "f").amount(of: "cpus") == Scalar(5))
    }

    @Test("quota below the top is refused")
    func refused() throws {
        var cluster = Cluster()
        #expect(throws: Failure.self) { try cluster.allocator.setQuota(.unlimited, for: try RoleName("eng/web")) }
    }
}
