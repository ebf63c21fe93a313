import Determinism

/// Which faults a seed has, and how often. Not every seed has every kind: those with few show what many would hide.
struct FaultPlan {
    /// On average so long between two; nil: never.
    var agentKills: Duration?
    var masterKills: Duration?
    /// Master and all agents at once.
    var outages: Duration?
    var reboots: Duration?
    var partitions: Duration?
    var brokenConnections: Duration?
    var schedulerCrashes: Duration?
    /// A process or its machine stands still and goes on later.
    var pauses: Duration?
    /// An agent's journal takes nothing for a while.
    var fullDisks: Duration?
    /// A master is cut off from the service that elects.
    var isolations: Duration?
    /// Out of a thousand.
    var lostCalls = 0
    var failedRegistryWrites = 0
    var failedLaunches = 0
    var failedSandboxes = 0
    var stuckDestroys = 0
    var diedExecutors = 0
    /// A message takes up to this long.
    var delayMax = Duration.milliseconds(20)
    /// Out of a thousand messages, and how long these take.
    var stragglers = 0
    var stragglerMax = Duration.seconds(8)
    /// A batch of the journal, or a write to the registry, takes up to this long.
    var writeMax = Duration.milliseconds(30)
    /// Clocks differ by up to this much.
    var skew = Duration.zero
    /// Operators act this often.
    var operators: Duration?

    static let none = FaultPlan()

    static func drawn(_ random: inout SeededRandom) -> FaultPlan {
        var plan = FaultPlan()
        func sometimes(_ low: Int, _ high: Int, _ random: inout SeededRandom) -> Duration? {
            random.chance(1, outOf: 2) ? .seconds(random.within(low...high)) : nil
        }
        func rate(_ most: Int, _ random: inout SeededRandom) -> Int {
            random.chance(1, outOf: 2) ? random.within(1...most) : 0
        }
        plan.agentKills = sometimes(10, 150, &random)
        plan.masterKills = sometimes(40, 200, &random)
        plan.outages = random.chance(1, outOf: 4) ? .seconds(random.within(100...300)) : nil
        plan.reboots = random.chance(1, outOf: 3) ? .seconds(random.within(80...300)) : nil
        plan.partitions = sometimes(30, 150, &random)
        plan.brokenConnections = sometimes(5, 60, &random)
        plan.schedulerCrashes = sometimes(40, 150, &random)
        plan.pauses = random.chance(1, outOf: 3) ? .seconds(random.within(40...150)) : nil
        plan.fullDisks = random.chance(1, outOf: 3) ? .seconds(random.within(50...200)) : nil
        plan.lostCalls = rate(50, &random)
        plan.failedRegistryWrites = random.chance(1, outOf: 3) ? random.within(1...40) : 0
        plan.failedLaunches = rate(150, &random)
        plan.failedSandboxes = random.chance(1, outOf: 4) ? random.within(1...60) : 0
        plan.stuckDestroys = random.chance(1, outOf: 3) ? random.within(1...200) : 0
        plan.diedExecutors = random.chance(1, outOf: 3) ? random.within(1...300) : 0
        plan.delayMax = .milliseconds(random.pick([2, 20, 200, 1_500]) ?? 20)
        plan.stragglers = rate(30, &random)
        plan.writeMax = .milliseconds(random.pick([2, 30, 400, 3_000]) ?? 30)
        plan.skew = .milliseconds(random.pick([0, 0, 50, 2_000, 60_000]) ?? 0)
        plan.operators = sometimes(8, 60, &random)
        plan.isolations = sometimes(20, 120, &random)
        return plan
    }

    /// In words, for a report.
    var description: String {
        let times: [(String, Duration?)] = [
            ("agent kills", agentKills), ("master kills", masterKills), ("outages", outages), ("reboots", reboots),
            ("partitions", partitions), ("broken connections", brokenConnections),
            ("scheduler crashes", schedulerCrashes), ("pauses", pauses), ("full disks", fullDisks),
            ("operators", operators), ("isolations", isolations),
        ]
        let rates: [(String, Int)] = [
            ("lost calls", lostCalls), ("failed registry writes", failedRegistryWrites),
            ("failed launches", failedLaunches), ("failed sandboxes", failedSandboxes),
            ("stuck destroys", stuckDestroys), ("died executors", diedExecutors), ("stragglers", stragglers),
        ]
        var words = times.compactMap { name, every in every.map { "\(name) every \($0.components.seconds) s" } }
        words += rates.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)‰" }
        words.append("delays to \(delayMax), writes to \(writeMax), clocks within \(skew)")
        return words.joined(separator: ", ")
    }
}
