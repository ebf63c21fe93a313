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

    /// One of each kind, with everything set.
    static func full() throws -> RegistrySnapshot {
        var agent = try agent("m1-S0")
        agent.info.attributes = [Attribute("rack", .text("r1")), Attribute("level", .scalar(Scalar(3)))]
        agent.info.domain = FaultDomain(region: "north", zone: "n1")
        agent.info.address.address = "10.0.0.7"
        agent.standing = .unreachable(since: Instant(nanoseconds: 1_234_567_890_123_456_789))
        agent.isDeactivated = true
        agent.key = AgentKey(bytes: Array(1...32))
        agent.drain = DrainInfo(
            state: .draining,
            configuration: DrainConfiguration(maxGracePeriod: .seconds(600), marksGone: true),
            startedAt: Instant(seconds: 5))
        var gone = try Self.agent("m1-S1")
        gone.standing = .gone(at: Instant(seconds: 9))
        let machine = MachineID(hostname: "h", address: "10.0.0.1")
        let info = FrameworkInfo(
            id: try FrameworkID("m1-0000"), name: "f", user: "u",
            roles: [try RoleName("eng/db"), try RoleName("ops")], failoverTimeout: .milliseconds(1_500),
            checkpoint: true, hostname: "h", principal: "p", webAddress: "http://w", labels: [Label("k", "v")],
            minimumOffers: [try RoleName("ops"): MinimumOffer(anyOf: [["cpus": Scalar(1)]])])
        return RegistrySnapshot([
            .putAgent(agent), .putAgent(gone), .putAgent(try Self.agent("m1-S2")),
            .putFramework(
                RegisteredFramework(
                    info: info, registered: Instant(seconds: 2), failoverDeadline: Instant(seconds: 3),
                    removed: Instant(seconds: 4))),
            .putQuota(
                Quota(guarantees: ["cpus": Scalar(1)], limits: ["cpus": Scalar(2), "mem": Scalar(0)]),
                try RoleName("eng")),
            .putWeight(2.5, try RoleName("eng/db")),
            .putMaintenance(
                Maintenance(
                    schedule: MaintenanceSchedule([
                        MaintenanceWindow(
                            machines: [machine],
                            unavailability: Unavailability(start: Instant(seconds: 7), duration: .seconds(60)))
                    ]), down: [machine])),
            .putIssued(IssuedIdentifiers(agents: 3, frameworks: 1)),
        ])
    }

    @Test("every record reads back as what was written, and the same state gives the same bytes")
    func roundTrip() throws {
        let snapshot = try Self.full()
        let records = snapshot.records
        #expect(records.count == 8)
        let back = try RegistrySnapshot(records: records)
        #expect(back == snapshot)
        #expect(back.records == records)
        for record in records { #expect(try RegistryKey(text: record.key).text == record.key) }
    }

    @Test("a record that is damaged, of an unknown kind or under another's key is refused, never passed over")
    func damaged() throws {
        for record in try Self.full().records {
            var cut = record
            cut.bytes.removeLast()
            #expect(throws: Failure.self) { try RegistrySnapshot(records: [cut]) }
        }
        #expect(throws: Failure.self) { try RegistryKey(text: "agents/x") }
        #expect(throws: Failure.self) { try RegistryKey(text: "issued/x") }
        let agent = RegistryChange.putAgent(try Self.agent("a"))
        #expect(throws: Failure.self) {
            try RegistryChange(RegistryRecord(key: "agent/b", bytes: agent.bytes ?? []))
        }
    }

    @Test("an agent's record of before there were keys is read as one without")
    func withoutKey() throws {
        let written = RegistryChange.putAgent(try Self.agent("a"))
        let bytes = try #require(written.bytes)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("key"))
        #expect(try RegistryChange(RegistryRecord(key: "agent/a", bytes: bytes)) == written)
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

    @Test("what a former leader has under way is refused once another has taken the registry over")
    func takenOver() async throws {
        let store = InMemoryRegistryStore()
        let (_, first) = try await store.takeOver()
        #expect(try await store.apply([.putAgent(Self.agent("a"))], expecting: first) == .applied(first.next))
        let (snapshot, second) = try await store.takeOver()
        #expect(snapshot.agents.keys.map(\.text) == ["a"])
        // Late: it was sent before, and arrives now.
        let late = try await store.apply([.putAgent(Self.agent("b"))], expecting: first.next)
        #expect(late == .overtaken(second))
        #expect(try await store.apply([.putAgent(Self.agent("c"))], expecting: second) == .applied(second.next))
        #expect(await store.load().snapshot.agents.keys.map(\.text).sorted() == ["a", "c"])
    }

    /// Others write to it between any reading of it and what follows.
    private actor RestlessStore: RegistryStore {
        private var calmsAfter: Int
        private var version = RegistryVersion.initial
        private var weights = 0.0
        init(calmsAfter writes: Int) { calmsAfter = writes }

        func load() throws(Failure) -> (snapshot: RegistrySnapshot, version: RegistryVersion) {
            let read = (RegistrySnapshot([.putWeight(weights, try RoleName("a"))]), version)
            if calmsAfter > 0 {
                calmsAfter -= 1
                version = version.next
                weights += 1
            }
            return read
        }

        func apply(_ changes: [RegistryChange], expecting expected: RegistryVersion) -> RegistryAnswer {
            guard expected == version else { return .overtaken(version) }
            version = version.next
            return .applied(version)
        }
    }

    @Test("whoever takes it over begins with the latest, or not at all while others go on writing")
    func contended() async throws {
        let (snapshot, version) = try await RestlessStore(calmsAfter: 3).takeOver()
        #expect(snapshot.weights == [try RoleName("a"): 3])
        #expect(version == RegistryVersion(4))
        let failure = await #expect(throws: Failure.self) { try await RestlessStore(calmsAfter: .max).takeOver() }
        #expect(failure?.code == "registry.contended")
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
