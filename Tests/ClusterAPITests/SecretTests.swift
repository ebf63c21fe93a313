import ClusterAPI
import ClusterModel
import Determinism
import Testing

@Suite("Secrets")
struct SecretTests {
    private let samples: ClusterSamples
    private let secret = Array("open sesame".utf8)

    init() throws { samples = try ClusterSamples() }

    /// Secrets wherever there is a place for one.
    private var executor: ExecutorSpec {
        let command = CommandSpec(
            .shell("x"), environment: [CommandSpec.EnvironmentVariable("S", .secretBytes(secret))])
        let image = ContainerImage(.docker(name: "i", config: .bytes(secret)))
        let sources: [VolumeMount.Source] = [.secret(.bytes(secret)), .image(image)]
        let container = ContainerSpec(
            image: image,
            volumes: sources.map { VolumeMount(containerPath: "/s", mode: .readOnly, source: $0) })
        return ExecutorSpec(
            id: samples.executor, framework: samples.framework, kind: .custom, command: command, container: container)
    }

    private var task: TaskView {
        let probe = executor.command.map { Probe.command($0) } ?? .tcp(port: 1)
        let spec = TaskSpec(
            id: samples.task, name: "", agent: samples.agent, resources: [], runner: .executor(executor),
            container: executor.container, healthCheck: HealthCheck(probe), check: CheckSpec(probe))
        return TaskView(spec, framework: samples.framework, state: .running)
    }

    private func holdsSecret(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(Base64.text(secret))
    }

    @Test("no view shows the bytes of a secret")
    func views() {
        let state = StateView(
            tasks: TasksView(tasks: [task], unreachable: [task], completed: [task]),
            executors: [ExecutorView(executor, agent: samples.agent)])
        let agentState = AgentStateView(
            tasks: AgentTasksView(pending: [task], queued: [task], launched: [task]),
            executors: AgentExecutorsView(executors: [executor], completed: [executor]))
        let master = MasterView(
            info: MasterInfo(id: "m", address: samples.address, version: "1"), startedAt: samples.at)
        let documents = MasterDocuments(master: master, version: VersionInfo(version: "1"), state: state)
        let agent = AgentDocuments.Executor(spec: executor, container: "c", directory: "/", tasks: [task])
        let agentDocuments = AgentDocuments(
            info: samples.agentInfo, version: VersionInfo(version: "1"), startedAt: samples.at,
            frameworks: [AgentDocuments.Framework(info: samples.frameworkInfo, executors: [agent])])
        #expect(!holdsSecret(OperatorResponse.state(state).bytes()))
        #expect(!holdsSecret(OperatorEvent.subscribed(state, heartbeat: .seconds(15)).record()))
        #expect(!holdsSecret(OperatorEvent.taskAdded(task).record()))
        #expect(!holdsSecret(AgentResponse.state(agentState).bytes()))
        #expect(!holdsSecret(documents.stateDocument.bytes))
        #expect(!holdsSecret(documents.tasks(TaskPage()).bytes))
        #expect(!holdsSecret(agentDocuments.stateDocument.bytes))
    }

    @Test("an agent's key is in no description of it or of what has it")
    func keys() throws {
        let key = try #require(AgentKey(bytes: Array(200..<232)))
        let registration = AgentRegistration(
            key: key, address: samples.address, resources: [], totals: [], version: "1", bootID: "b")
        var dumped = ""
        dump(registration, to: &dumped)
        for text in ["\(key)", "\(registration)", String(reflecting: registration), dumped] {
            #expect(!text.contains("201") && !text.contains(Base64.text(key.bytes)))
        }
        #expect(AgentKey(bytes: [1, 2, 3]) == nil)
    }

    @Test("whoever runs the task gets them")
    func link() {
        let message = AgentMessage.register(
            AgentRegistration(
                address: samples.address, resources: [], totals: [], version: "1", bootID: "b",
                executors: [ExecutorReport(executor)]))
        #expect(holdsSecret(message.record))
        #expect(
            holdsSecret(
                ExecutorEvent.subscribed(
                    executor, framework: samples.frameworkInfo, agent: samples.agentInfo, container: nil
                ).record(.stacked)))
    }
}
