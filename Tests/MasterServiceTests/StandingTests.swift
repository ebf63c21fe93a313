import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import HTTPServing
import RawHTTP
import Synchronization
import Testing

/// An election that goes as a test says.
private final class ScriptedElection: Coordinator {
    private let (words, say) = AsyncStream.makeStream(of: Leadership.self)
    func contend(as candidate: MasterInfo) async -> AsyncStream<Leadership> { words }
    func observe() async -> AsyncStream<Leadership> { words }
    private let resigned = Mutex(false)
    var hasResigned: Bool { resigned.withLock { $0 } }
    func resign() async {
        resigned.withLock { $0 = true }
        say.finish()
    }
    func say(_ word: Leadership) { say.yield(word) }
}

/// A registry whose changes take as long as a test says.
private actor SlowStore: RegistryStore {
    private let store = InMemoryRegistryStore()
    private let (writes, write) = AsyncStream.makeStream(of: Void.self)
    private let (permissions, permit) = AsyncStream.makeStream(of: Void.self)

    func load() async -> (snapshot: RegistrySnapshot, version: RegistryVersion) { await store.load() }

    func apply(_ changes: [RegistryChange], expecting version: RegistryVersion) async -> RegistryAnswer {
        if !changes.isEmpty {
            write.yield()
            for await _ in permissions { break }
        }
        return await store.apply(changes, expecting: version)
    }

    /// Until a change is being written.
    nonisolated func awaitWrite() async {
        for await _ in writes { break }
    }

    nonisolated func letGo() { permit.yield() }
}

/// A registry that another master takes over as soon as this one has.
private actor LostStore: RegistryStore {
    func load() -> (snapshot: RegistrySnapshot, version: RegistryVersion) { (.empty, .initial) }
    func apply(_ changes: [RegistryChange], expecting version: RegistryVersion) -> RegistryAnswer {
        changes.isEmpty ? .applied(version.next) : .overtaken(RegistryVersion(9))
    }
}

@Suite("A master among masters", .timeLimit(.minutes(5)))
struct StandingTests {
    static let leader = MasterInfo(
        id: "other", address: NetworkAddress(hostname: "leader", address: "10.0.0.9", port: 5050), version: "1.12.0")

    @Test("one that stands by sends everybody to the leader before it looks at what they send")
    func following() async throws {
        let election = ScriptedElection()
        election.say(.following(StandingTests.leader))
        let served = try await ServedMaster.start(coordinator: election)
        for (request, location) in [
            (
                "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{",
                "//leader:5050/api/v1/scheduler"
            ),
            ("POST /master/api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "//leader:5050/master/api/v1"),
            ("GET /api/v1 HTTP/1.1\r\nHost: x\r\n\r\n", "//leader:5050/api/v1"),
            ("POST /api/v1/agent HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "//leader:5050/api/v1/agent"),
            ("GET /state?jsonp=x HTTP/1.1\r\nHost: x\r\n\r\n", "//leader:5050/state?jsonp=x"),
            ("GET /redirect HTTP/1.1\r\nHost: x\r\n\r\n", "//leader:5050"),
            ("HEAD /master/redirect HTTP/1.1\r\nHost: x\r\n\r\n", "//leader:5050"),
        ] {
            let response = try await RawConnection.exchange(served.port, request)
            #expect(response.status == 307, "\(request)")
            #expect(response["Location"] == location)
        }
        for path in ["/", "/health", "/version", "/metrics", "/flags"] {
            #expect(try await served.get(path).status == 200)
        }
        #expect(try Answer(try await served.get("/metrics/snapshot").body)["master/elected"].number == 0)
        election.say(.leading)
        let deadline = ContinuousClock.now + .seconds(120)
        while try await served.get("/state").status != 200 { try #require(ContinuousClock.now < deadline) }
        await served.master.stop()
    }

    @Test("one that knows no leader says so")
    func nobody() async throws {
        let election = ScriptedElection()
        election.say(.following(nil))
        let served = try await ServedMaster.start(coordinator: election)
        for path in ["/state", "/redirect"] {
            let response = try await served.get(path)
            #expect(response.status == 503)
            #expect(response.body == "No leader elected")
        }
        await served.master.stop()
    }

    @Test("one that has lost the lead answers nobody, ends its streams, and says why once", arguments: [false, true])
    func lost(_ isOvertaken: Bool) async throws {
        let election = ScriptedElection()
        election.say(.leading)
        let ending = Ending()
        let served = try await ServedMaster.start(coordinator: election, ending: ending)
        let scheduler = try await ScriptedScheduler(served)
        election.say(
            isOvertaken
                ? .following(StandingTests.leader)
                : .lost(Failure("coordination.session-lost", doing: "keep the session", remedy: "start anew")))
        #expect(await ending.failure()?.code == (isOvertaken ? "master.overtaken" : "coordination.session-lost"))
        while try await scheduler.events.next() != nil {}
        #expect(try await served.call(#"{"type":"GET_STATE"}"#).status == 503)
        await served.master.stop()
    }

    @Test("one that gives up the lead does so last: before, it answers nobody and has nothing under way")
    func resigning() async throws {
        let (election, store) = (ScriptedElection(), SlowStore())
        election.say(.leading)
        let served = try await ServedMaster.start(store: store, coordinator: election)
        async let change = served.call(
            #"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#)
        await store.awaitWrite()
        async let stopped: Void = served.master.stop()
        let deadline = ContinuousClock.now + .seconds(120)
        while try await served.get("/state").status != 503 { try #require(ContinuousClock.now < deadline) }
        #expect(!election.hasResigned)
        store.letGo()
        await stopped
        #expect(election.hasResigned)
        // Written it is; whether that was told does not matter to who leads next.
        _ = try await change
        #expect(await store.load().snapshot.weights.count == 1)
    }

    @Test("one whose registry another has written to stops leading before anybody hears of the change")
    func overtaken() async throws {
        let ending = Ending()
        let served = try await ServedMaster.start(store: LostStore(), ending: ending)
        let refused = try await served.call(
            #"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#)
        #expect(refused.status == 503)
        #expect(await ending.failure() != nil)
        #expect(try await served.get("/state").status == 503)
        await served.master.stop()
    }

    @Test("a master that follows another on the same registry knows what that one knew")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let first = try await ServedMaster.start { $0.workDirectory = directory.path }
        let scheduler = try await ScriptedScheduler(first)
        let agent = try await ScriptedAgent(first)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        _ = try await scheduler.events.next("UPDATE")
        #expect(
            try await first.call(#"""
                {"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":4}]}}
                """#)
                .status == 200)
        await first.master.stop()

        let second = try await ServedMaster.start { $0.workDirectory = directory.path }
        #expect(second.master.info.id != first.master.info.id)
        #expect(try await second.ask("GET_WEIGHTS")["weight_infos"][0]["weight"].number == 4)
        #expect(try await second.ask("GET_AGENTS")["recovered_agents"][0]["id"]["value"].text == agent.id.text)
        #expect(try await second.ask("GET_FRAMEWORKS")["frameworks"][0]["recovered"].bool == true)
        let report = TaskReport(framework: framework.id, spec: task, state: .running)
        let returned = try await ScriptedAgent(
            second, try ScriptedAgent.registration(id: agent.id, tasks: [report], frameworks: [framework]))
        #expect(returned.id == agent.id)
        let again = try await ScriptedScheduler(second, id: scheduler.id)
        #expect(again.id == scheduler.id)
        #expect(try await again.call("RECONCILE", #""reconcile":{}"#).status == 202)
        #expect(try await again.events.next("UPDATE")["status"]["state"].text == "TASK_RUNNING")
        await second.master.stop()
    }

    @Test("a start that cannot be says why: the registry, the rules, the credentials, the address", arguments: [
        ("registry", "registry.corrupt"), ("rules", "authorization.rules-invalid"),
        ("no rules", "authorization.rules-unreadable"), ("credentials", "credentials.invalid"),
        ("address", "http.listen"),
    ])
    func refused(_ fault: String, _ code: String) async throws {
        let directory = try TemporaryDirectory()
        try directory.write("not what it should be", to: "registry.sqlite")
        let failure = await #expect(throws: Failure.self) {
            try await ServedMaster.start { settings in
                switch fault {
                case "registry": settings.workDirectory = directory.path
                case "rules": settings.rulesFile = directory.file("registry.sqlite")
                case "no rules": settings.rulesFile = directory.file("none")
                case "credentials": settings.credentialsFile = directory.file("registry.sqlite")
                default: settings.addresses = [.network(host: "192.0.2.1", port: 1)]
                }
            }
        }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.remedy != nil || code == "authorization.rules-invalid")
    }
}
