import AsyncHTTPClient
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Testing

@testable import AgentService

/// An agent's own link against the master it is made for.
@Suite("An agent's link to a master", .timeLimit(.minutes(5)))
struct RealLinkTests {
    /// What a link tells, and what it is given to send.
    private final class Linked: Sendable {
        let (events, tell) = AsyncStream.makeStream(of: AgentLinkEvent.self)
        let (outgoing, send) = AsyncStream.makeStream(of: AgentMessage.self)

        func run(_ master: String, _ registration: AgentRegistration) async {
            let link = MasterLink(client: .shared, master: master, authorization: nil)
            await link.run(HandedOver(registration), outgoing: outgoing) { [tell] in _ = tell.yield($0) }
            tell.finish()
        }
    }

    @Test("it registers, is admitted, sends in order, hears what it is to do, and notices the end")
    func link() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let linked = Linked()
        let registration = try ScriptedAgent.registration()
        async let running: Void = linked.run("http://127.0.0.1:\(served.port)", registration)
        var agent: AgentID?
        for await event in linked.events {
            switch event {
            case .opened: #expect(agent == nil)
            case .message(.registered(let id, _, _)):
                agent = id
                #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
            case .message(.runTask(let task, let framework, _)):
                #expect(task.agent == agent)
                // Many, so that order counts.
                for number in 1...50 {
                    let update = StatusUpdate(
                        framework: framework.id, task: task.id, state: number == 50 ? .finished : .running,
                        source: .executor, agent: agent, at: .epoch + .seconds(1),
                        id: UpdateID(high: 1, low: UInt64(number)))
                    linked.send.yield(.status(update, latest: update.state))
                }
                var last: Answer?
                for _ in 1...50 { last = try await scheduler.events.next("UPDATE")["status"] }
                #expect(last?["state"].text == "TASK_FINISHED")
                await served.master.stop()
            case .lost: break
            case .message(.ping), .message: continue
            case .failed(let failure): Issue.record("\(failure)")
            }
        }
        await running
        #expect(agent != nil)
    }

    @Test("it follows a standby to the leader, and is told why where nobody leads")
    func redirected() async throws {
        let leader = try await ServedMaster.start()
        let election = SaidElection(
            MasterInfo(
                id: "leader",
                address: NetworkAddress(hostname: "127.0.0.1", address: "127.0.0.1", port: UInt16(leader.port)),
                version: "1.12.0"))
        let standby = try await ServedMaster.start(coordinator: election)
        let linked = Linked()
        let registration = try ScriptedAgent.registration()
        let running = Task { await linked.run("http://127.0.0.1:\(standby.port)", registration) }
        let agents = try await leader.wait(for: "GET_AGENTS") { !$0["agents"].all.isEmpty }
        #expect(agents["agents"][0]["active"].bool == true)
        await leader.master.stop()
        await running.value
        await standby.master.stop()
        let nobody = try await ServedMaster.start(coordinator: SaidElection(nil))
        let refused = Linked()
        await refused.run("http://127.0.0.1:\(nobody.port)", registration)
        var said = ""
        for await event in refused.events { if case .failed(let failure) = event { said = failure.description } }
        #expect(said.contains("503: No leader elected"), "\(said)")
        await nobody.master.stop()
    }
}

/// Says once who leads.
private struct SaidElection: Coordinator {
    let leader: MasterInfo?
    init(_ leader: MasterInfo?) { self.leader = leader }
    func contend(as candidate: MasterInfo) async -> AsyncStream<Leadership> {
        AsyncStream { $0.yield(.following(leader)) }
    }
    func observe() async -> AsyncStream<Leadership> { await contend(as: leader ?? StandingTests.leader) }
    func resign() async {}
}
