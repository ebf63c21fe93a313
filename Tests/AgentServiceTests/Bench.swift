import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import HTTPServing
import Logging
import Testing

@testable import AgentService

/// A scripted master, scripted containers, and an agent between them.
final class Bench: Sendable {
    let master: ScriptedMaster
    let containerizer: ScriptedContainerizer
    let journal: MemoryJournal
    let agent: AgentService

    init(
        journal: MemoryJournal = MemoryJournal(), host: any AgentHost = EmptyHost(), recovers: Bool = true,
        change: (inout AgentSettings) -> Void = { _ in }
    ) async throws {
        master = try await ScriptedMaster()
        containerizer = ScriptedContainerizer()
        containerizer.recovers.withLock { $0 = recovers }
        self.journal = journal
        var settings = AgentSettings(
            masters: [try master.address], version: "1.12.0", workDirectory: "/var/lib/bulkhead")
        settings.listen = [.network(host: "127.0.0.1", port: 0)]
        settings.hostname = "host"
        settings.resources = "cpus:4;mem:4096;disk:0;ports:[]"
        settings.attributes = "rack:r12"
        settings.timing.registrationBackoff = .milliseconds(1)
        // Nobody here waits for these: a test on a busy machine may take long to acknowledge, or to come back.
        settings.timing.updateRetry = .seconds(600)
        settings.timing.executorReregistration = AgentTiming.executorReregistrationMax
        change(&settings)
        let machine = MachineFacts(
            processors: 2, memory: nil, disk: nil, attributes: [Attribute("bulkhead.cgroup", .text("v2"))])
        agent = try await AgentService.start(
            settings, machine: machine, containerizer: containerizer, host: host, journal: journal,
            logger: Logger(label: "agent"))
    }

    func stop() async {
        await agent.stop()
        await master.server.stop()
    }

    /// The next thing the agent says that is no answer to a ping.
    func next(_ said: inout AsyncStream<AgentMessage>.Iterator) async -> AgentMessage? {
        while let message = await said.next() {
            if message != .pong { return message }
        }
        return nil
    }

    func admit(_ said: inout AsyncStream<AgentMessage>.Iterator) async throws -> AgentRegistration {
        guard case .register(let registration)? = await next(&said) else {
            throw Failure("test.unexpected", doing: "see a registration")
        }
        master.say(.registered(try AgentID("M-S0"), pingInterval: .seconds(15), pingsMissedMax: 100))
        return registration
    }

    func run(_ name: String, _ change: (inout TaskSpec) throws -> Void = { _ in }) throws {
        var task = TaskSpec(
            id: try TaskID(name), name: name, agent: try AgentID("M-S0"),
            resources: [Resource("cpus", .scalar(Scalar(1))), Resource("mem", .scalar(Scalar(64)))],
            runner: .command(CommandSpec(.shell("run"))))
        task.container = ContainerSpec(image: ContainerImage(.docker(name: "busybox")))
        try change(&task)
        master.say(
            .runTask(task, of: FrameworkInfo(id: try FrameworkID("F"), name: "f", capabilities: [.partitionAware])))
    }

    /// Acknowledges updates until the task is in `state`.
    func acknowledge(
        _ said: inout AsyncStream<AgentMessage>.Iterator, until state: TaskState
    ) async -> [TaskState] {
        var states: [TaskState] = []
        while let message = await next(&said) {
            guard case .status(let update, _) = message, let id = update.id else { continue }
            states.append(update.state)
            master.say(.acknowledge(id, TaskReference(framework: update.framework, task: update.task)))
            if update.state == state { break }
        }
        return states
    }
}
