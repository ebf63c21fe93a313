import Allocation
import ClusterModel
import Determinism
import Foundation

/// One point of the grid: a cluster of so many agents and frameworks, and what it takes to allocate it.
struct Workload {
    enum Kind: String {
        case decline, quota, labels
    }
    let kind: Kind
    let agentCount: Int
    let frameworkCount: Int
    private var allocator: FairAllocator
    private var now = Instant(seconds: 1_000)
    private var agents: [AgentInfo] = []
    private let inUse: Resources

    init(_ kind: Kind, agents: Int, frameworks: Int) throws {
        self.kind = kind
        agentCount = agents
        frameworkCount = frameworks
        var options = AllocatorOptions()
        options.seed = 1
        allocator = FairAllocator(options: options)
        let ports = (0..<16).map { "\(31_000 + 60 * $0)-\(31_009 + 60 * $0)" }.joined(separator: ",")
        inUse = try Resources(parsing: "cpus:16;mem:2014;disk:1024;ports:[\(ports)]")
        var resources = try Resource.parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
        if kind == .labels {
            for number in 0..<2 {
                let labels = [Label("key\(number)", "value"), Label("other\(number)", "value")]
                let owner = Reservation(.requested, for: try RoleName("r0"), labels: labels)
                resources.append(Resource("cpus", .scalar(Scalar(1)), reservations: [owner]))
            }
        }
        for number in 0..<agents {
            let name = "agent\(number)"
            self.agents.append(
                AgentInfo(
                    id: try AgentID(name), address: NetworkAddress(hostname: name, port: 5051), resources: resources))
        }
    }

    private func framework(_ number: Int) throws -> FrameworkID { try FrameworkID("framework\(number)") }
    /// As in Mesos's benchmarks: all in one role, but with quota a role for each.
    private func role(_ number: Int) throws -> RoleName {
        kind == .quota ? try RoleName("r\(number)") : kind == .labels ? try RoleName("r0") : .anyone
    }

    mutating func measured() throws -> String {
        let clock = ContinuousClock()
        let memoryBefore = Self.residentBytes
        for number in 0..<frameworkCount {
            let info = FrameworkInfo(
                id: try framework(number), name: "framework\(number)", roles: [try role(number)])
            allocator.addFramework(info, suppressed: [], constraints: .none)
        }
        let adding = try clock.measure {
            for (number, agent) in agents.enumerated() {
                let owner = number % frameworkCount
                let held = Holding(
                    framework: try framework(owner), agent: agent.id,
                    resources: inUse.allocated(to: try role(owner)))
                allocator.addAgent(agent, holdings: [held])
            }
        }
        if kind == .quota { try setQuotas() }
        var offers: [Allocation] = []
        let first = clock.measure { offers = cycle() }
        let memory = Self.residentBytes - memoryBefore
        // Every offer refused for ever, so that each round everything goes to somebody else.
        var rounds: [Duration] = []
        var offered = offers.count
        for _ in 0..<10 where !offers.isEmpty {
            let refusal = OfferFilter(refuseFor: .seconds(1_000_000))
            rounds.append(
                clock.measure {
                    for each in offers { giveBack(each, filter: refusal) }
                    offers = cycle()
                })
            offered += offers.count
        }
        // What the last round offered is used: from here on there is only what ends.
        let single = try changes(clock)
        return line(
            adding: adding, first: first, rounds: rounds, single: single, offered: offered, memory: memory)
    }

    /// One task ends and its resources come back, 200 times at different agents; what is offered of it is used.
    private mutating func changes(_ clock: ContinuousClock) throws -> [Duration] {
        var result: [Duration] = []
        for step in 0..<200 {
            let number = (step * 7_919) % agentCount
            let owner = number % frameworkCount
            let part = try Resources(parsing: "cpus:0.05;mem:40").allocated(to: try role(owner))
            let end = Holding(framework: try framework(owner), agent: agents[number].id, resources: part)
            result.append(
                clock.measure {
                    allocator.recover(end, filter: nil, at: now)
                    _ = cycle()
                })
        }
        return result.sorted()
    }

    /// A limit at what each role has already, a guarantee of the half of it.
    private mutating func setQuotas() throws {
        for number in 0..<frameworkCount {
            let used = (agentCount + frameworkCount - 1 - number) / frameworkCount
            let limits: QuantityLimits = ["cpus": Scalar(16 * used), "mem": Scalar(2_014 * used)]
            let guarantees: Quantities = ["cpus": Scalar(8 * used), "mem": Scalar(1_007 * used)]
            try allocator.setQuota(Quota(guarantees: guarantees, limits: limits), for: try role(number))
        }
    }

    private mutating func cycle() -> [Allocation] {
        now += .seconds(1)
        return allocator.cycle(at: now)
    }

    private mutating func giveBack(_ allocation: Allocation, filter: OfferFilter) {
        let holding = Holding(
            framework: allocation.framework, agent: allocation.agent, resources: allocation.resources)
        allocator.recover(holding, filter: filter, at: now)
    }

    private func line(
        adding: Duration, first: Duration, rounds: [Duration], single: [Duration], offered: Int, memory: Int
    ) -> String {
        func milliseconds(_ duration: Duration) -> String {
            String(format: "%.3f", Double(duration.saturatingNanoseconds) / 1e6)
        }
        let sorted = rounds.sorted()
        let round = sorted.isEmpty ? "null" : milliseconds(sorted[sorted.count / 2])
        return """
            {"workload": "\(kind.rawValue)", "agents": \(agentCount), "frameworks": \(frameworkCount), \
            "add_ms": \(milliseconds(adding)), "first_cycle_ms": \(milliseconds(first)), "round_ms": \(round), \
            "change_p50_ms": \(milliseconds(single[single.count / 2])), \
            "change_p99_ms": \(milliseconds(single[single.count * 99 / 100])), "offers": \(offered), \
            "bytes_per_agent": \(memory / agentCount)}
            """
    }

    private static var residentBytes: Int {
        guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
    }
}
