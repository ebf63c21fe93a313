import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import Testing

@Suite("Registry")
struct RegistryTests {
    static func agent(_ name: String, at seconds: Int64 = 1) throws -> RegisteredAgent {
        RegisteredAgent(
            info: AgentInfo(
                id: try AgentID(name), address: NetworkAddress(hostname: name, port: 5051),
                resources: Array(try Resources(parsing: "cpus:4;mem:1024;ports:[1-5]"))),
            registered: Instant(seconds: seconds))
    }

    @Test("a snapshot's changes make the same snapshot of nothing")
    func changes() throws {
        var snapshot = RegistrySnapshot()
        for name in ["a", "c", "b"] { snapshot.apply(.putAgent(try Self.agent(name))) }
        snapshot.apply(.putQuota(Quota(guarantees: ["cpus": Scalar(1)]), try RoleName("eng")))
        snapshot.apply(.putWeight(2, try RoleName("eng")))
        snapshot.apply(.putIssued(IssuedIdentifiers(agents: 3, frameworks: 1)))
        #expect(RegistrySnapshot(snapshot.changes) == snapshot)
        snapshot.apply(.remove(.agent(try AgentID("c"))))
        #expect(RegistrySnapshot(snapshot.changes) == snapshot && snapshot.agents.count == 2)
    }

    @Test("a write that is based on an old version changes nothing")
    func overtaken() async throws {
        let store = InMemoryRegistryStore()
        let first: any RegistryStore = store
        let (_, version) = try await first.load()
        #expect(try await first.apply([.putAgent(Self.agent("a"))], expecting: version) == .applied(version.next))
        #expect(try await first.apply([.putAgent(Self.agent("b"))], expecting: version) == .overtaken(version.next))
        #expect(try await first.load().snapshot.agents.keys.map(\.text) == ["a"])
    }

    @Test("the only master leads, and whoever watches sees it lead and resign")
    func sole() async throws {
        let coordinator = SoleCoordinator()
        let info = MasterInfo(id: "m", address: NetworkAddress(hostname: "h", port: 5050), version: "1.12.0")
        var watch = await coordinator.observe().makeAsyncIterator()
        #expect(await watch.next() == .following(nil))
        var candidacy = await coordinator.contend(as: info).makeAsyncIterator()
        #expect(await candidacy.next() == .leading)
        #expect(await watch.next() == .following(info))
        await coordinator.resign()
        #expect(await watch.next() == .following(nil))
    }
}
