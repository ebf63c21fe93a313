import Allocation
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Who is offered what")
struct OfferRuleTests {
    @Test("reserved resources go to the role's subtree only")
    func reservations() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus(eng):2;mem(eng):512;cpus(eng/web):1;mem(eng/web):64;cpus(dba):1;mem(dba):64")
        try cluster.addFramework("f", roles: ["ops"])
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("g", roles: ["eng"])
        #expect(cluster.cycle().count == 1)
        #expect(cluster.held(by: "g").amount(of: "cpus") == Scalar(2))
        try cluster.addFramework("h", roles: ["eng/web"])
        #expect(cluster.cycle().first?.role == (try RoleName("eng/web")))
        #expect(cluster.held(by: "h").amount(of: "cpus") == Scalar(1))
        cluster.expectNothingTwice()
    }

    @Test("what was refused comes back only after the time, and the allocator says when")
    func filter() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let offer = try #require(cluster.cycle().first)
        #expect(cluster.allocator.nextWake == nil)
        cluster.giveBack(offer, refusing: 5)
        #expect(cluster.allocator.nextWake == cluster.now + .seconds(5))
        #expect(cluster.cycle(after: .seconds(4)).isEmpty)
        #expect(cluster.cycle(after: .seconds(1)).count == 1)
        #expect(cluster.allocator.nextWake == nil)
    }

    @Test("more than was refused is offered at once, a part of it is not")
    func subset() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let offer = try #require(cluster.cycle().first)
        let half = try Resources(parsing: "cpus:2;mem:512").allocated(to: .anyone)
        cluster.giveBack(offer, offer.resources - half, refusing: 100)
        #expect(cluster.cycle().isEmpty)
        cluster.giveBack(offer, half, refusing: nil)
        #expect(cluster.cycle().first?.resources == offer.resources)
    }

    @Test("a refusal binds the one who refused, on that agent")
    func onlyOne() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let offer = try #require(cluster.cycle().first)
        cluster.giveBack(offer, refusing: 100)
        try cluster.addAgent("b", "cpus:4;mem:1024")
        #expect(cluster.cycle().map(\.agent.text) == ["b"])
        try cluster.addFramework("g")
        #expect(cluster.cycle().map(\.framework.text) == ["g"])
    }

    @Test("reviving forgets refusals, suppressing stops offers")
    func reviving() throws {
        var cluster = Cluster()
        let id = try FrameworkID("f")
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let first = try #require(cluster.cycle().first)
        cluster.giveBack(first, refusing: 1_000)
        #expect(cluster.cycle().isEmpty)
        cluster.allocator.revive(id, roles: [])
        let second = try #require(cluster.cycle().first)
        cluster.allocator.suppress(id, roles: [.anyone])
        cluster.giveBack(second)
        #expect(cluster.cycle().isEmpty)
        cluster.allocator.revive(id, roles: [.anyone])
        #expect(cluster.cycle().count == 1)
    }

    @Test("a framework that was inactive has refused nothing")
    func backAgain() throws {
        var cluster = Cluster()
        let id = try FrameworkID("f")
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let offer = try #require(cluster.cycle().first)
        cluster.giveBack(offer, refusing: 1_000)
        cluster.allocator.setFramework(id, active: false)
        #expect(cluster.cycle().isEmpty)
        cluster.allocator.setFramework(id, active: true)
        #expect(cluster.cycle().count == 1)
    }

    @Test("a role that is not suppressed any more, or was left, has refused nothing; what other roles refused stays")
    func takenUpAgain() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f", roles: ["r", "s"])
        for _ in 0..<2 {
            for offer in cluster.cycle() { cluster.giveBack(offer, refusing: 1_000) }
        }
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("f", roles: ["r", "s"], suppressed: ["r"])
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("f", roles: ["r", "s"])
        let again = cluster.cycle()
        #expect(again.map(\.role.text) == ["r"])
        for offer in again { cluster.giveBack(offer, refusing: 1_000) }
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("f", roles: ["r"])
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("f", roles: ["r", "s"])
        #expect(cluster.cycle().map(\.role.text) == ["s"])
    }

    @Test("what came back without a refusal is offered at once, together with what was refused beside it")
    func besideRefused() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f", roles: ["eng"])
        let offer = try #require(cluster.cycle().first)
        let part = try Resources(parsing: "cpus:1;mem:256").allocated(to: try RoleName("eng"))
        let made = try part.reserving(Reservation(.requested, for: try RoleName("eng")))
        try cluster.allocator.convert(on: offer.agent, heldBy: offer.framework, from: part, to: made)
        let rest = offer.resources - part
        cluster.allocator.recover(
            Holding(framework: offer.framework, agent: offer.agent, resources: made), filter: nil, at: cluster.now)
        cluster.allocator.recover(
            Holding(framework: offer.framework, agent: offer.agent, resources: rest),
            filter: OfferFilter(refuseSeconds: 1_000), at: cluster.now)
        let again = try #require(cluster.cycle().first)
        #expect(again.resources == made + rest)
        // Without the reservation it is what was refused.
        try cluster.allocator.convert(on: offer.agent, heldBy: offer.framework, from: made, to: part)
        cluster.allocator.recover(
            Holding(framework: offer.framework, agent: offer.agent, resources: rest), filter: nil, at: cluster.now)
        #expect(cluster.cycle().isEmpty)
    }

    @Test("roles are suppressed one by one, also from the start")
    func suppressedRoles() throws {
        var cluster = Cluster()
        try cluster.addFramework("f", roles: ["a", "b"], suppressed: ["a"])
        for number in 0..<4 { try cluster.addAgent("a\(number)", "cpus:1;mem:64") }
        #expect(cluster.cycle().map(\.role.text) == ["b", "b", "b", "b"])
    }

    @Test("offer constraints keep agents away, and new ones count at once")
    func constraints() throws {
        var cluster = Cluster()
        let wanted = AttributeConstraint(.hostname, .textEquals("b"))
        try cluster.addFramework("f", constraints: try OfferConstraints([.anyone: [.init([wanted])]]))
        try cluster.addAgent("a", "cpus:1;mem:64")
        try cluster.addAgent("b", "cpus:1;mem:64")
        #expect(cluster.cycle().map(\.agent.text) == ["b"])
        try cluster.addFramework("f")
        #expect(cluster.cycle().map(\.agent.text) == ["a"])
    }

    @Test("agents with GPUs are kept for frameworks that can use them")
    func gpus() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:1;mem:64;gpus:1")
        try cluster.addFramework("f")
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("g", capabilities: [.gpuResources])
        #expect(cluster.cycle().map(\.framework.text) == ["g"])
    }

    @Test("too little is not offered, unless the framework takes less")
    func minimum() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:0.005;mem:16")
        try cluster.addFramework("f")
        #expect(cluster.cycle().isEmpty)
        try cluster.addFramework("g", minimum: [.anyone: MinimumOffer(anyOf: [["mem": Scalar(8)]])])
        #expect(cluster.cycle().map(\.framework.text) == ["g"])
    }

    @Test("revocable resources go to who can bear it")
    func revocable() throws {
        var cluster = Cluster()
        var agent = try Cluster.agent("a", "mem:64")
        agent.resources.append(Resource("cpus", .scalar(Scalar(2)), isRevocable: true))
        cluster.allocator.addAgent(agent, holdings: [])
        try cluster.addFramework("f")
        #expect(cluster.cycle().first?.resources.amount(of: "cpus") == .zero)
        try cluster.addFramework("g", capabilities: [.revocableResources])
        #expect(cluster.cycle().first?.resources.amount(of: "cpus") == Scalar(2))
    }
}

@Suite("Agents and frameworks come and go")
struct MembershipTests {
    @Test("an inactive agent gives nothing, an active one again")
    func agentActivity() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:1;mem:64")
        try cluster.addFramework("f")
        cluster.allocator.setAgent(try AgentID("a"), active: false)
        #expect(cluster.cycle().isEmpty)
        cluster.allocator.setAgent(try AgentID("a"), active: true)
        #expect(cluster.cycle().count == 1)
    }

    @Test("a removed framework leaves everything free, an inactive one keeps what it has")
    func frameworks() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:1;mem:64")
        try cluster.addFramework("f")
        _ = cluster.cycle()
        try cluster.addFramework("g")
        cluster.allocator.setFramework(try FrameworkID("f"), active: false)
        #expect(cluster.cycle().isEmpty)
        cluster.allocator.removeFramework(try FrameworkID("f"))
        #expect(cluster.cycle().map(\.framework.text) == ["g"])
    }

    @Test("what a framework not yet back holds is not offered to others, and counts when it comes")
    func unknownHolder() throws {
        var cluster = Cluster()
        let agent = try Cluster.agent("a", "cpus:4;mem:1024")
        let used = try Resources(parsing: "cpus:3;mem:512").allocated(to: .anyone)
        let holding = Holding(framework: try FrameworkID("old"), agent: agent.id, resources: used)
        cluster.allocator.addAgent(agent, holdings: [holding])
        try cluster.addFramework("new")
        #expect(cluster.cycle().first?.resources.amount(of: "cpus") == Scalar(1))
        try cluster.addFramework("old")
        cluster.allocator.recover(holding, filter: nil, at: cluster.now)
        #expect(cluster.cycle().first?.resources.amount(of: "cpus") == Scalar(3))
    }

    @Test("a total that shrinks below what is in hands gives nothing until enough came back")
    func shrinks() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f")
        let offer = try #require(cluster.cycle().first)
        cluster.allocator.updateAgent(try Cluster.agent("a", "cpus:2;mem:512"))
        let quarter = try Resources(parsing: "cpus:1;mem:256").allocated(to: .anyone)
        cluster.giveBack(offer, quarter, refusing: nil)
        #expect(cluster.cycle().isEmpty)
        cluster.giveBack(offer, quarter, refusing: nil)
        #expect(cluster.cycle().isEmpty)
        cluster.giveBack(offer, quarter, refusing: nil)
        #expect(cluster.cycle().first?.resources == quarter)
    }

    @Test("reserving in an offer moves it to the role for good")
    func converting() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:4;mem:1024")
        try cluster.addFramework("f", roles: ["eng"])
        let offer = try #require(cluster.cycle().first)
        let reserved = try offer.resources.reserving(Reservation(.requested, for: try RoleName("eng")))
        try cluster.allocator.convert(on: offer.agent, heldBy: offer.framework, from: offer.resources, to: reserved)
        cluster.allocator.recover(
            Holding(framework: offer.framework, agent: offer.agent, resources: reserved), filter: nil, at: cluster.now)
        cluster.allocator.suppress(offer.framework, roles: [])
        try cluster.addFramework("g", roles: ["ops"])
        #expect(cluster.cycle().isEmpty)
        try cluster.allocator.convert(
            on: offer.agent, heldBy: nil, from: reserved, to: try reserved.unreserving())
        #expect(cluster.cycle().map(\.framework.text) == ["g"])
        #expect(throws: Failure.self) {
            try cluster.allocator.convert(on: offer.agent, heldBy: nil, from: reserved, to: reserved)
        }
    }

    @Test("strangers change nothing")
    func strangers() throws {
        var cluster = Cluster()
        try cluster.addAgent("a", "cpus:1;mem:64")
        let stranger = try FrameworkID("x")
        cluster.allocator.removeFramework(stranger)
        cluster.allocator.revive(stranger, roles: [])
        cluster.allocator.removeAgent(try AgentID("x"))
        let claim = Holding(
            framework: stranger, agent: try AgentID("a"), resources: try Resources(parsing: "cpus:5"))
        cluster.allocator.recover(claim, filter: nil, at: cluster.now)
        try cluster.addFramework("f")
        #expect(cluster.cycle().first?.resources.amount(of: "cpus") == Scalar(1))
        cluster.expectNothingTwice()
    }
}
