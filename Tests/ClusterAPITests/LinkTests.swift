import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("The link between agent and master")
struct LinkTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    private var registration: AgentRegistration {
        AgentRegistration(
            id: samples.agent, key: AgentKey(bytes: Array(1...32)), address: samples.address,
            resources: samples.resources,
            totals: [samples.diskResource], attributes: samples.agentInfo.attributes,
            domain: samples.agentInfo.domain, capabilities: [.multiRole, .draining], version: "1.12.0",
            bootID: "b-1", frameworks: [samples.frameworkInfo],
            executors: [
                ExecutorReport(samples.executorSpec, container: samples.container),
                ExecutorReport(samples.podExecutor),
            ],
            tasks: samples.tasks.map { task in
                TaskReport(
                    framework: samples.framework, spec: task, state: .running, executor: samples.executor,
                    pending: samples.status, statuses: [samples.leastStatus, samples.status],
                    container: samples.container)
            }, operations: [OperationReport(order: orders[0], status: samples.operationStatus)], drain: samples.drain)
    }

    private var orders: [OperationOrder] {
        samples.changes.map {
            OperationOrder(key: samples.key, framework: samples.framework, id: samples.operation, change: $0)
        } + [OperationOrder(key: samples.key, change: samples.changes[0])]
    }

    private var agentMessages: [AgentMessage] {
        [
            .register(registration),
            .register(
                AgentRegistration(
                    address: NetworkAddress(hostname: "h", port: 1), resources: [], totals: [], version: "1",
                    bootID: "")),
            .status(samples.status, latest: .finished), .status(samples.leastStatus, latest: .running),
            .executorLost(samples.executor, framework: samples.framework, status: -1),
            .message([0, 1, 2], executor: samples.executor, framework: samples.framework),
            .message([], executor: samples.executor, framework: samples.framework),
            .operation(samples.operationStatus, key: samples.key, framework: samples.framework),
            .operation(OperationStatus(operation: nil, state: .failed), key: samples.key, framework: nil),
            .resources(samples.resources), .resources([]), .pong,
        ]
    }

    private var masterMessages: [MasterMessage] {
        let reference = TaskReference(framework: samples.framework, task: samples.task)
        let tasks: [MasterMessage] = samples.tasks.map { .runTask($0, of: samples.frameworkInfo) }
        return tasks + orders.map { .apply($0) } + [
            .registered(samples.agent, pingInterval: .seconds(15), pingsMissedMax: 5),
            .refused("it was marked gone", isFinal: true),
            .runGroup([samples.tasks[2]], under: samples.podExecutor, of: samples.frameworkInfo),
            .runGroup([samples.tasks[2]], under: samples.podExecutor, of: samples.frameworkInfo, startsExecutor: true),
            .runTask(samples.tasks[0], of: samples.frameworkInfo, startsExecutor: false),
            .kill(reference, gracePeriod: .seconds(3)), .kill(reference, gracePeriod: nil),
            .shutdownExecutor(samples.executor, framework: samples.framework), .shutdownFramework(samples.framework),
            .message([1], executor: samples.executor, framework: samples.framework),
            .acknowledge(samples.key, reference), .acknowledgeOperation(samples.key, key: samples.key),
            .updateFramework(samples.frameworkInfo), .drain(samples.drain.configuration),
            .drain(DrainConfiguration()), .cancelDrain, .reconcile([reference]), .reconcile([]), .ping,
            .shutdown("the operator says so"),
        ]
    }

    private func content(_ record: [UInt8]) throws -> [UInt8] {
        var reader = RecordReader(bytesMax: 1 << 20)
        return try #require(try reader.read(record).first)
    }

    @Test("every message of the agent arrives as it was sent")
    func agent() throws {
        for message in agentMessages { #expect(try AgentMessage(content(message.record)) == message) }
    }

    @Test("every message of the master arrives as it was sent")
    func master() throws {
        for message in masterMessages { #expect(try MasterMessage(content(message.record)) == message) }
    }

    @Test("an agent that registers as somebody is that agent, with all it said")
    func info() {
        #expect(registration.info(as: samples.agent).capabilities == [.multiRole, .draining])
        #expect(registration.info(as: samples.agent).address == samples.address)
    }

    @Test("what journals keep of agents and drains is complete")
    func journal() throws {
        #expect(try WireObject(.wholeAgent(samples.agentInfo)).wholeAgent() == samples.agentInfo)
        #expect(try WireObject(.wholeDrain(samples.drain)).wholeDrain() == samples.drain)
    }

    @Test(
        "a message that is not right is refused with its place",
        arguments: [
            (#"{"type":"NEWS","content":{}}"#, "link.message-unknown", "type"),
            (#"{"content":{}}"#, "api.member-missing", "type"),
            (#"{"type":"STATUS"}"#, "api.member-missing", "content"),
            (
                #"{"type":"STATUS","content":{"update":{"framework_id":{"value":"F"}},"latest_state":"TASK_RUNNING"}}"#,
                "api.member-missing", "content.update.status"
            ),
            (
                #"{"type":"STATUS","content":{"update":{"framework_id":{"value":"F"},"status":{"#
                    + #""task_id":{"value":"T"},"state":"TASK_RUNNING"}},"latest_state":"TASK_JUMPING"}}"#,
                "api.member-missing", "content.latest_state"
            ),
            (
                #"{"type":"EXECUTOR_LOST","content":{"executor_id":{"value":"E"},"framework_id":{"value":"F"},"#
                    + #""status":1.5}}"#, "api.member-type", "content.status"
            ),
            (
                #"{"type":"MESSAGE","content":{"executor_id":{"value":"."},"framework_id":{"value":"F"},"data":""}}"#,
                "identifier.invalid", "content.executor_id.value"
            ),
            (
                #"{"type":"REGISTER","content":{"address":{"hostname":"h","port":70000}}}"#,
                "api.member-type", "content.address.port"
            ),
        ])
    func refusal(_ json: String, _ code: String, _ field: String) throws {
        let failure = #expect(throws: Failure.self) { try AgentMessage(Array(json.utf8)) }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == field)
    }

    @Test(
        "an order that is not right is refused with its place",
        arguments: [
            (#"{"type":"NEWS","content":{}}"#, "link.message-unknown", "type"),
            (
                #"{"type":"KILL","content":{"task":{"framework_id":{"value":"F"}}}}"#,
                "api.member-missing", "content.task.task_id"
            ),
            (#"{"type":"ACKNOWLEDGE","content":{"uuid":"AAAA"}}"#, "api.member-invalid", "content.uuid"),
            (
                #"{"type":"REGISTERED","content":{"agent_id":{"value":"S"},"ping_interval":{"nanoseconds":-1}}}"#,
                "api.member-invalid", "content.ping_interval.nanoseconds"
            ),
            (
                #"{"type":"APPLY","content":{"key":"AAAAAAAAAAAAAAAAAAAAAQ==","change":{"type":"LAUNCH"}}}"#,
                "api.member-missing", "content.change.type"
            ),
        ])
    func orderRefusal(_ json: String, _ code: String, _ field: String) throws {
        let failure = #expect(throws: Failure.self) { try MasterMessage(Array(json.utf8)) }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == field)
    }
}
