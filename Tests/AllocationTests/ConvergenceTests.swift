import Allocation
import ClusterModel
import Determinism
import Testing

/// Clusters drawn from a seed, in which everybody always wants more.
@Suite("Convergence")
struct ConvergenceTests {
    @Test("shares become the weights of a tree of roles, to within one task", arguments: UInt64(1)...12)
    func weightedTree(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var options = AllocatorOptions()
        options.seed = seed
        var cluster = Cluster(options: options)
        let tops = 2 + random.below(3)
        var leaves: [(name: String, share: Double)] = []
        let topWeights = (0..<tops).map { _ in Double(1 + random.below(4)) }
        for top in 0..<tops {
            try cluster.allocator.setWeight(topWeights[top], for: try RoleName("r\(top)"))
            let count = 1 + random.below(3)
            let weights = (0..<count).map { _ in Double(1 + random.below(3)) }
            for leaf in 0..<count {
                let name = "r\(top)/l\(leaf)"
                try cluster.addFramework(name.split(separator: "/").joined(separator: "-"), roles: [name])
                try cluster.allocator.setWeight(weights[leaf], for: try RoleName(name))
                let share = topWeights[top] / topWeights.reduce(0, +) * weights[leaf] / weights.reduce(0, +)
                leaves.append((name, share))
            }
        }
        let agents = 60 + random.below(60)
        for number in 0..<agents { try cluster.addAgent("a\(number)", "cpus:1;mem:1024") }
        _ = cluster.cycle()
        for leaf in leaves {
            let held = try cluster.held(below: leaf.name).amount(of: "cpus").value
            let ideal = leaf.share * Double(agents)
            // Whole agents go out one by one: nobody is further from the ideal than there are levels to round at.
            #expect(abs(held - ideal) <= 3, "\(leaf.name) has \(held) of \(ideal)")
        }
        cluster.expectNothingTwice()
    }

    @Test("tasks that come and go leave the shares at the weights", arguments: UInt64(1)...6)
    func churn(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var options = AllocatorOptions()
        options.seed = seed
        var cluster = Cluster(options: options)
        for number in 0..<40 { try cluster.addAgent("a\(number)", "cpus:2;mem:2048") }
        let weights = ["x": 1.0, "y": 3.0]
        for name in weights.keys.sorted() {
            try cluster.addFramework(name, roles: [name])
            try cluster.allocator.setWeight(weights[name] ?? 1, for: try RoleName(name))
        }
        let tasks = ["x": "cpus:1;mem:1024", "y": "cpus:1;mem:1024"]
        try cluster.launchTasks(tasks, cycles: 10)
        for _ in 0..<60 {
            if let ended = random.pick(cluster.ledger) { cluster.giveBack(ended, filter: nil) }
            try cluster.launchTasks(tasks, cycles: 2)
        }
        let held = cluster.held(by: "y").amount(of: "cpus").value
        #expect(abs(held - 60) <= 4, "y has \(held) of 80")
        cluster.expectNothingTwice()
    }
}
