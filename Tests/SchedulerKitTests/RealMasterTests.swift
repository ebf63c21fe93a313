import ArgumentParser
import Coordination
import HTTPServing
import MasterService
import SchedulerKit
import Testing

@testable import example_framework

@Suite("A scheduler and a real master", .timeLimit(.minutes(5)))
struct RealMasterTests {
    private func master(
        host: String = "127.0.0.1", port: Int = 0, store: InMemoryRegistryStore = InMemoryRegistryStore()
    ) async throws -> (master: Master, port: Int) {
        var settings = MasterSettings(version: VersionInfo(version: "1.0.0"))
        settings.addresses = [.network(host: host, port: port)]
        settings.hostname = "localhost"
        let master = try await Master.start(settings, store: store, logger: quiet)
        return (master, try #require(master.port))
    }

    private func client(
        host: String = "127.0.0.1", _ port: Int, _ format: WireFormat = .json
    ) throws -> ClusterClient {
        try ClusterClient(
            ClientSettings(masters: [ServerAddress(parsing: "\(host):\(port)")], format: format, logger: quiet))
    }

    @Test("the example runs its tasks to their end and leaves nothing behind", arguments: WireFormat.allCases)
    func example(_ format: WireFormat) async throws {
        let (master, port) = try await master()
        let agent = try ScriptedAgent(master: "http://127.0.0.1:\(port)", "cpus:0.3;mem:512")
        await agent.start()
        let client = try client(port, format)
        let example = try #require(
            try ExampleFramework.parseAsRoot(["--count", "5", "--image", "busybox:1", "true"]) as? ExampleFramework)
        try await example.run(on: Scheduler(FrameworkSettings(name: "example"), master: client, logger: quiet))
        let state = try await client.state()
        #expect(state.frameworks.frameworks.isEmpty && state.frameworks.completed.map(\.info.name) == ["example"])
        #expect(state.tasks.completed.count == 5 && state.tasks.completed.allSatisfy { $0.state == .finished })
        #expect(state.agents.agents.first?.allocated.isEmpty == true)
        try await agent.stop()
        await master.stop()
    }

    @Test("a master that is replaced while a task runs costs nothing: same framework, same task, each update once")
    func replaced() async throws {
        let store = InMemoryRegistryStore()
        // An address where no other test takes the port while neither master has it.
        let host = "127.0.0.7"
        let (first, port) = try await master(host: host, store: store)
        let agent = try ScriptedAgent(master: "http://\(host):\(port)", "cpus:1;mem:512") { _ in false }
        await agent.start()
        var settings = FrameworkSettings(name: "steady")
        settings.reconnection.first = .milliseconds(20)
        settings.reconnection.most = .milliseconds(100)
        settings.reconciliation.retryFirst = .milliseconds(100)
        settings.limits.stopTime = .seconds(120)
        let scheduler = Scheduler(settings, master: try client(host: host, port), logger: quiet)
        var second: Master?
        var ids: Set<FrameworkID> = []
        var states: [TaskState] = []
        let task = try TaskID.unique("steady")
        events: for try await event in scheduler.events {
            switch event {
            case .subscribed(let id, _):
                ids.insert(id)
                // The task ends under the second master.
                if second != nil { await agent.finish() }
            case .offers(let offers):
                var use = OfferUse(offers[0])
                if states.isEmpty {
                    _ = use.add(task, ResourceWish(cpus: 1, memory: 32), command: CommandSpec(.shell("x")))
                }
                try await scheduler.accept(use)
            case .update(let update):
                #expect(update.task == task)
                states.append(update.state)
                guard update.state == .running, second == nil else { break events }
                await first.stop()
                second = try await master(host: host, port: port, store: store).master
            default: break
            }
        }
        #expect(states == [.running, .finished] && ids.count == 1)
        await scheduler.stop()
        await until { await agent.states.isEmpty }
        try await agent.stop()
        await second?.stop()
    }

    @Test("operators see the cluster through the client: events, agents, quota, and what is refused")
    func operators() async throws {
        let (master, port) = try await master()
        let client = try client(port)
        var events = try await client.operatorEvents().makeAsyncIterator()
        guard case .subscribed(let state, _)? = try await events.next() else {
            Issue.record("the first event is no snapshot")
            return
        }
        #expect(state.agents.agents.isEmpty)
        let agent = try ScriptedAgent(master: "http://127.0.0.1:\(port)", "cpus:1;mem:512")
        await agent.start()
        var added: AgentView?
        while added == nil, let event = try await events.next() {
            if case .agentAdded(let view) = event { added = view }
        }
        let id = try #require(added?.info.id)
        #expect(try await client.agents().agents.map(\.info.id) == [id])
        #expect(try await client.leadingMaster().info.address.port == UInt16(port))
        try await client.change(.updateWeights([RoleWeight(RoleName("eng"), weight: 2)]))
        #expect(try await client.weights().map(\.weight) == [2])
        #expect(try await client.process(.health) == .health(true))
        do throws(Failure) {
            try await client.change(.teardown(FrameworkID("nobody")))
            Issue.record("there is no such framework")
        } catch {
            #expect(error.code.rawValue.hasPrefix("client.") && error.cause?.contains("answered 4") == true, "\(error)")
        }
        try await agent.stop()
        await master.stop()
    }
}
