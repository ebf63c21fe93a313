@testable import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

private let identity = #""executor_id":{"value":"E"},"framework_id":{"value":"F"}"#
private let task =
    #"{"agent_id":{"value":"S"},"command":{"shell":true,"value":"x"},"name":"n","resources":[{"name":"cpus","#
    + #""role":"*","scalar":{"value":1.0},"type":"SCALAR"}],"task_id":{"value":"T"}}"#

@Suite("Executor calls and events") struct ExecutorMessageTests {
    private let framework: FrameworkID
    private let executor: ExecutorID
    private let spec: TaskSpec
    private let update: StatusUpdate
    private let samples: ClusterSamples

    init() throws {
        framework = try FrameworkID("F")
        executor = try ExecutorID("E")
        spec = TaskSpec(
            id: try TaskID("T"), name: "n", agent: try AgentID("S"),
            resources: [Resource("cpus", .scalar(Scalar(1)))], runner: .command(CommandSpec(.shell("x"))))
        update = StatusUpdate(
            framework: framework, task: spec.id, state: .running, source: .executor, at: Instant(seconds: 1),
            id: UpdateID(high: 0, low: 1))
        samples = try ClusterSamples()
    }

    private func check(_ action: ExecutorCall.Action, is json: String, line: Int = #line) throws {
        let call = ExecutorCall(framework: framework, executor: executor, action)
        let text = String(decoding: call.value.bytes, as: UTF8.self)
        #expect(text == json, "line \(line)")
        try check(call, line: line)
    }

    private func check(_ call: ExecutorCall, line: Int = #line) throws {
        #expect(Conformance.faults(call.value, ExecutorCall.messageName).isEmpty, "line \(line)")
        for format in WireFormat.allCases {
            let bytes = WireCodec.encode(call.value, as: ExecutorCall.messageName, format)
            #expect(try ExecutorCall(bytes, format: format) == call, "line \(line), \(format)")
        }
    }

    private func checkEvent(_ event: ExecutorEvent, is json: String, line: Int = #line) throws {
        let text = String(decoding: event.value(.flat).bytes, as: UTF8.self)
        #expect(text == json, "line \(line)")
        try checkEvent(event, .flat, line: line)
    }

    private func checkEvent(_ event: ExecutorEvent, _ form: ReservationForm, line: Int = #line) throws {
        #expect(Conformance.faults(event.value(form), ExecutorEvent.messageName).isEmpty, "line \(line)")
        for format in WireFormat.allCases {
            var reader = RecordReader(bytesMax: 1 << 20)
            let records = try reader.read(event.record(form, format))
            #expect(records.count == 1)
            #expect(try ExecutorEvent(records[0], format: format) == event, "line \(line), \(format)")
        }
    }

    @Test("calls are written as the protocol has them, and read back")
    func calls() throws {
        let status =
            #"{"source":"SOURCE_EXECUTOR","state":"TASK_RUNNING","task_id":{"value":"T"},"timestamp":1.0,"#
            + #""uuid":"AAAAAAAAAAAAAAAAAAAAAQ=="}"#
        let stacked = task.replacing(#""role":"*","#, with: "")
        try check(.subscribe(tasks: [], updates: []), is: #"{\#(identity),"subscribe":{},"type":"SUBSCRIBE"}"#)
        try check(
            .subscribe(tasks: [spec], updates: [update]),
            is: #"{\#(identity),"subscribe":{"unacknowledged_tasks":[\#(stacked)],"unacknowledged_updates":["#
                + #"{"status":\#(status)}]},"type":"SUBSCRIBE"}"#)
        try check(.update(update), is: #"{\#(identity),"type":"UPDATE","update":{"status":\#(status)}}"#)
        try check(.message([104, 105]), is: #"{\#(identity),"message":{"data":"aGk="},"type":"MESSAGE"}"#)
        try check(.heartbeat, is: #"{\#(identity),"type":"HEARTBEAT"}"#)
    }

    @Test("events are written as the protocol has them, and read back")
    func events() throws {
        let id = UpdateID(high: 0, low: 1)
        try checkEvent(.launch(spec), is: #"{"launch":{"task":\#(task)},"type":"LAUNCH"}"#)
        try checkEvent(
            .launchGroup([spec]), is: #"{"launch_group":{"task_group":{"tasks":[\#(task)]}},"type":"LAUNCH_GROUP"}"#)
        try checkEvent(.kill(spec.id, gracePeriod: nil), is: #"{"kill":{"task_id":{"value":"T"}},"type":"KILL"}"#)
        try checkEvent(
            .kill(spec.id, gracePeriod: .seconds(5)),
            is: #"{"kill":{"kill_policy":{"grace_period":{"nanoseconds":5000000000}},"task_id":{"value":"T"}},"#
                + #""type":"KILL"}"#)
        try checkEvent(
            .acknowledged(id, task: spec.id),
            is: #"{"acknowledged":{"task_id":{"value":"T"},"uuid":"AAAAAAAAAAAAAAAAAAAAAQ=="},"#
                + #""type":"ACKNOWLEDGED"}"#)
        try checkEvent(.message([104, 105]), is: #"{"message":{"data":"aGk="},"type":"MESSAGE"}"#)
        try checkEvent(.error("no"), is: #"{"error":{"message":"no"},"type":"ERROR"}"#)
        try checkEvent(.shutdown, is: #"{"type":"SHUTDOWN"}"#)
        try checkEvent(.heartbeat, is: #"{"type":"HEARTBEAT"}"#)
    }

    @Test("a subscription is answered with everything the executor has to know")
    func subscribed() throws {
        let spec = ExecutorSpec(
            id: executor, framework: framework, kind: .custom, command: CommandSpec(.shell("run")))
        let info = FrameworkInfo(id: framework, name: "n", user: "u", capabilities: [], failoverTimeout: .seconds(1))
        let agent = AgentInfo(
            id: try AgentID("S"), address: NetworkAddress(hostname: "h", port: 5051), resources: [], capabilities: [])
        try checkEvent(
            .subscribed(spec, framework: info, agent: agent, container: ContainerPath(ContainerName("C"))),
            is: #"{"subscribed":{"agent_info":{"hostname":"h","id":{"value":"S"},"port":5051},"#
                + #""container_id":{"value":"C"},"executor_info":{"command":{"shell":true,"value":"run"},"#
                + #"\#(identity),"type":"CUSTOM"},"framework_info":{"checkpoint":false,"failover_timeout":1.0,"#
                + #""id":{"value":"F"},"name":"n","role":"*","user":"u"}},"type":"SUBSCRIBED"}"#)
    }

    @Test("tasks, statuses and descriptions come back whole", arguments: [ReservationForm.stacked, .flat])
    func whole(form: ReservationForm) throws {
        var agent = samples.agentInfo
        agent.capabilities = []
        agent.address = NetworkAddress(hostname: "h", port: 5_051)
        try checkEvent(
            .subscribed(
                samples.executorSpec, framework: samples.frameworkInfo, agent: agent, container: samples.container),
            form)
        for task in samples.tasks { try checkEvent(.launch(task), form) }
        try checkEvent(.launchGroup(samples.tasks), form)
        var status = samples.status
        // Protobuf has it as a double of seconds, which ends at a fifth of a microsecond.
        status.at = Instant(seconds: 1_790_000_000)
        try check(
            ExecutorCall(
                framework: samples.framework, executor: executor, .subscribe(tasks: samples.tasks, updates: [status])))
    }

    @Test("updates that an executor cannot make are refused")
    func refused() throws {
        let check = { (change: (inout StatusUpdate) -> Void, field: String) in
            var wrong = update
            change(&wrong)
            let call = ExecutorCall(framework: framework, executor: executor, .update(wrong))
            let failure = #expect(throws: Failure.self) { try ExecutorCall(call.value) }
            #expect(failure?.field == "update.status.\(field)")
        }
        check({ $0.id = nil }, "uuid")
        check({ $0.source = .agent }, "source")
        check({ $0.state = .staging }, "state")
        let other = try ExecutorID("other")
        check({ $0.executor = other }, "executor_id")
    }

    @Test("an update may name the executor that calls, and those of a subscription any")
    func named() throws {
        var named = update
        named.executor = executor
        try check(ExecutorCall(framework: framework, executor: executor, .update(named)))
        named.executor = try ExecutorID("other")
        try check(ExecutorCall(framework: framework, executor: executor, .subscribe(tasks: [], updates: [named])))
    }

    @Test(
        "what is no call and no event is refused",
        arguments: [
            (#"{\#(identity),"type":"DANCE"}"#, "api.member-missing"), (#"{\#(identity)}"#, "api.member-missing"),
            (#"{\#(identity),"type":"UNKNOWN"}"#, "api.call-unknown"),
            (#"{\#(identity),"type":"UPDATE"}"#, "api.member-missing"),
            (#"{"type":"HEARTBEAT"}"#, "api.member-missing"),
        ])
    func unknown(json: String, code: String) throws {
        let failure = #expect(throws: Failure.self) { try ExecutorCall(Array(json.utf8)) }
        #expect(failure?.code.rawValue == code)
        let other = #expect(throws: Failure.self) { try ExecutorEvent(Array(#"{"type":"DANCE"}"#.utf8)) }
        #expect(other?.code == "api.event-unknown")
    }
}
