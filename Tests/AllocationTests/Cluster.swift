import ClusterModel
import Determinism
import Testing

@testable import Allocation

/// A small cluster around an allocator, with a ledger of its own of who holds what.
struct Cluster {
    var allocator: FairAllocator
    var now = Instant(seconds: 1_000)
    var totals: [AgentID: Resources] = [:]
    var ledger: [Holding] = []

    init(options: AllocatorOptions = AllocatorOptions()) { allocator = FairAllocator(options: options) }

    static func agent(_ name: String, _ resources: String, attributes: [Attribute] = []) throws -> AgentInfo {
        AgentInfo(
            id: try AgentID(name), address: NetworkAddress(hostname: name, port: 5051),
            resources: try Resource.parse(resources), attributes: attributes)
    }

    mutating func addAgent(_ name: String, _ resources: String) throws {
        let agent = try Cluster.agent(name, resources)
        totals[agent.id] = Resources(agent.resources)
        allocator.addAgent(agent, holdings: [])
    }

    mutating func addFramework(
        _ name: String, roles: [String] = ["*"], suppressed: [String] = [], constraints: OfferConstraints = .none,
        capabilities: Set<FrameworkInfo.Capability> = [.reservationRefinement],
        minimum: [RoleName: MinimumOffer] = [:]
    ) throws {
        let info = FrameworkInfo(
            id: try FrameworkID(name), name: name, roles: try roles.map { try RoleName($0) },
            capabilities: capabilities, minimumOffers: minimum)
        allocator.addFramework(
            info, suppressed: try suppressed.map { try RoleName($0) }, constraints: constraints)
    }

    /// One cycle, a second after the last.
    mutating func cycle(after pause: Duration = .seconds(1)) -> [Allocation] {
        now += pause
        let allocations = allocator.cycle(at: now)
        for each in allocations {
            ledger.append(Holding(framework: each.framework, agent: each.agent, resources: each.resources))
        }
        return allocations
    }

    mutating func giveBack(_ allocation: Allocation, _ part: Resources? = nil, refusing seconds: Double? = 0) {
        giveBack(
            Holding(framework: allocation.framework, agent: allocation.agent, resources: part ?? allocation.resources),
            filter: seconds.map { OfferFilter(refuseSeconds: $0) })
    }

    mutating func giveBack(_ holding: Holding, filter: OfferFilter?) {
        allocator.recover(holding, filter: filter, at: now)
        var rest = holding.resources
        for index in ledger.indices
        where ledger[index].framework == holding.framework && ledger[index].agent == holding.agent {
            let before = ledger[index].resources
            ledger[index].resources -= rest
            rest -= before
        }
        ledger.removeAll { $0.resources.isEmpty }
    }

    func held(by framework: String) -> Resources {
        ledger.filter { $0.framework.text == framework }.reduce(Resources()) { $0 + $1.resources.unallocated() }
    }

    func held(below role: String) throws -> Resources {
        let role = try RoleName(role)
        return ledger.reduce(Resources()) { sum, holding in
            sum + holding.resources.only { $0.allocatedTo?.isWithin(role) == true }.unallocated()
        }
    }

    /// Every framework named here starts one task of what it is offered, and gives the rest back at once.
    mutating func launchTasks(_ tasks: [String: String], cycles: Int) throws {
        for _ in 0..<cycles {
            for offer in cycle() {
                let wish = try tasks[offer.framework.text].map { try Resources(parsing: $0) } ?? .none
                let task = wish.allocated(to: offer.role)
                giveBack(offer, offer.resources.contains(task) ? offer.resources - task : nil)
            }
        }
    }

    /// What is in hands on each agent is part of what it has.
    func expectNothingTwice() {
        for id in totals.keys.sorted() {
            let held = ledger.filter { $0.agent == id }.reduce(Resources()) { $0 + $1.resources.unallocated() }
            #expect(totals[id]?.contains(held.nonShared) == true, "\(id) gave \(held)")
        }
    }
}

extension FairAllocator {
    /// Drops everything remembered between cycles for speed.
    mutating func lookAtEverything() {
        for slot in agents.indices where agents[slot].isHere {
            agents[slot].blocked.removeAll()
            markDirty(slot)
        }
    }
}
