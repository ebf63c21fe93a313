import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

private let resource = #"{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}"#
private let command = #""command":{"value":"x"}"#
private let custom = #""executor":{"executor_id":{"value":"E"},"command":{"value":"x"}}"#
private let pod = #"{"type":"DEFAULT","executor_id":{"value":"E"},"resources":[\#(resource)]}"#

@Suite("What of an ACCEPT cannot be meant") struct UnfitMessageTests {
    private func operations(_ json: String, _ format: WireFormat = .json) throws -> [OfferOperation] {
        let call = try parsed(
            #"{"framework_id":{"value":"F"},"type":"ACCEPT","accept":{"offer_ids":[{"value":"O"}],"operations":["#
                + #"\#(json)]}}"#)
        let body = WireCodec.encode(call, as: SchedulerCall.messageName, format)
        guard case .accept(_, let operations, _) = try SchedulerCall(body, format: format).action else { return [] }
        return operations
    }

    private func info(_ id: String, _ more: String = command) -> String {
        #"{"name":"n","task_id":{"value":"\#(id)"},"agent_id":{"value":"S"},"resources":[\#(resource)],\#(more)}"#
    }

    private func launch(_ tasks: String...) -> String {
        #"{"type":"LAUNCH","launch":{"task_infos":[\#(tasks.joined(separator: ","))]}}"#
    }

    private func group(_ executor: String, _ tasks: String...) -> String {
        let list = tasks.joined(separator: ",")
        return #"{"type":"LAUNCH_GROUP","id":{"value":"op"},"launch_group":{"executor":\#(executor),"#
            + #""task_group":{"tasks":[\#(list)]}}}"#
    }

    // MARK: Tasks

    @Test(
        "a task that cannot be is kept with the reason, and its siblings are read",
        arguments: [
            (#"\#(command),\#(custom)"#, "task_infos[1].command: a task has either a command or an executor"),
            (#""data":"aGk=""#, "task_infos[1].command: a task has either a command or an executor"),
            (#""command":{}"#, "task_infos[1].command.value is missing"),
            (#""executor":{"executor_id":{"value":"E"}}"#, "task_infos[1].executor.command: a custom executor needs"),
            (
                #""executor":{"executor_id":{"value":"E"},"framework_id":{"value":"G"},"command":{"value":"x"}}"#,
                "task_infos[1].executor.framework_id: it is not the framework of the call"
            ),
            (
                #""command":{"value":"x","environment":{"variables":[{"name":"A"}]}}"#,
                "task_infos[1].command.environment.variables[0].value is missing"
            ),
            (#"\#(command),"container":{"type":"DOCKER"}"#, "task_infos[1].container.docker is missing"),
            (#"\#(command),"limits":{"mem":{"value":-1}}"#, "cannot use amount -1.0"),
            (#"\#(command),"kill_policy":{"grace_period":{"nanoseconds":-1}}"#, "nanoseconds: it is negative"),
        ] as [(String, String)])
    func tasks(more: String, says: String) throws {
        for format in WireFormat.allCases {
            let read = try operations(launch(info("T1"), info("T2", more), info("T3")), format)
            #expect(read.count == 1)
            guard case .launch(let tasks) = read.first?.action else {
                Issue.record("not a launch")
                return
            }
            #expect(tasks.map(\.id.text) == ["T1", "T3"])
            let unfit = read.first?.unfitTasks ?? []
            #expect(unfit.map(\.id) == ["T2"] && unfit.map(\.agent?.text) == ["S"])
            #expect(unfit.map(\.reason) == [.taskInvalid])
            #expect(unfit.first?.why.contains(says) == true, "\(format): \(unfit.first?.why ?? "")")
        }
    }

    @Test("an amount below zero among the resources makes the task unfit")
    func negativeAmount() throws {
        let task = info("T").replacing("0.5", with: "-1")
        let read = try operations(launch(task))
        #expect(read.first?.action == .launch([]))
        #expect(read.first?.unfitTasks.first?.why.contains("cannot use amount -1.0") == true)
    }

    @Test(
        "an id that is none is kept as it was written",
        arguments: ["a/b", "", "..", String(repeating: "x", count: 300)])
    func ids(id: String) throws {
        for format in WireFormat.allCases {
            let read = try operations(launch(info(id), info("T")), format)
            #expect(read.first?.unfitTasks.map(\.id) == [id])
        }
    }

    @Test("an agent's id that is none is left out, and the task is unfit all the same")
    func agents() throws {
        let read = try operations(launch(info("T").replacing(#""S""#, with: #""a/b""#)))
        #expect(read.first?.unfitTasks.map(\.id) == ["T"])
        #expect(read.first?.unfitTasks.first?.agent == nil)
    }

    @Test("of texts that are long only the beginning is kept, cut between characters")
    func long() throws {
        let read = try operations(launch(info("x" + String(repeating: "é", count: 2_000))))
        let unfit = try #require(read.first?.unfitTasks.first)
        #expect(unfit.id == "x" + String(repeating: "é", count: 511))
        #expect(unfit.why.utf8.count <= UnfitTask.textBytesMax)
        #expect(unfit.why.hasPrefix("cannot use task id x"))
    }

    // MARK: Groups

    @Test("what is wrong with a task of a group, or with its executor, is said of all its tasks")
    func groups() throws {
        let faulty = info("T2", #""command":{"value":"x","environment":{"variables":[{"name":"A"}]}}"#)
        let cases = [
            (group(pod, info("T1"), faulty), "variables[0].value is missing"),
            (group(#"{"type":"CUSTOM","executor_id":{"value":"E"}}"#, info("T1"), info("T2")), "executor needs one"),
            (group(pod, info("T1"), info("T2", #"\#(command),\#(custom)"#)), "runs under the group's executor"),
        ]
        for (json, says) in cases {
            for format in WireFormat.allCases {
                let read = try operations(json, format)
                guard case .unfit(let operation) = read.first?.action else {
                    Issue.record("\(says): it is not unfit")
                    continue
                }
                let unfit = read.first?.unfitTasks ?? []
                #expect(unfit.map(\.id) == ["T1", "T2"])
                #expect(unfit.allSatisfy { $0.reason == .taskGroupInvalid && $0.why.contains(says) })
                #expect(operation.id == "op" && operation.why.contains(says), "\(operation.why)")
            }
        }
    }

    @Test("a group of no tasks is an unfit operation")
    func emptyGroup() throws {
        let read = try operations(group(pod))
        guard case .unfit(let operation) = read.first?.action else {
            Issue.record("it is not unfit")
            return
        }
        #expect(operation.why.contains("launch_group.task_group: there are no tasks in it"), "\(operation.why)")
    }

    @Test("a task of a group may say again what executor it is under")
    func repeatedExecutor() throws {
        for format in WireFormat.allCases {
            let read = try operations(group(pod, info("T1"), info("T2", #"\#(command),"executor":\#(pod)"#)), format)
            guard case .launchGroup(let executor, let tasks) = read.first?.action else {
                Issue.record("not a group")
                return
            }
            #expect(executor.id.text == "E")
            #expect(tasks.map(\.runner) == [.executor(executor), .executor(executor)])
        }
    }

    // MARK: Operations

    @Test(
        "an operation that cannot be is kept with the reason, and the others are read",
        arguments: [
            (#""type":"RESERVE""#, "operations[0].reserve is missing"),
            (#""type":"JUGGLE""#, "there is no operation 'JUGGLE'"),
            (#""reserve":{}"#, "operations[0].type is missing"),
            (#""type":"LAUNCH""#, "operations[0].launch is missing"),
            (
                #""type":"RESERVE","reserve":{"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"#
                    + #""reservations":[{"type":"DYNAMIC","role":"a//b"}]}]}"#,
                "cannot use role a//b"
            ),
            (
                #""type":"RESERVE","reserve":{"resources":[{"name":"cpus","type":"SCALAR","scalar":{"#
                    + #""value":"Infinity"}}]}"#,
                "cannot use amount inf"
            ),
            (
                #""type":"RESERVE","reserve":{"resources":[{"name":"p","type":"RANGES","ranges":{"range":[{"#
                    + #""begin":2,"end":1}]}}]}"#,
                "reserve.resources[0].ranges.range[0].end: it is below begin"
            ),
            (
                #""type":"RESERVE","reserve":{"resources":[{"name":"c","type":"TEXT","text":{"value":"x"}}]}"#,
                "a resource is SCALAR, RANGES or SET"
            ),
        ] as [(String, String)])
    func others(json: String, says: String) throws {
        let reserve = #"{"type":"RESERVE","reserve":{"resources":[\#(resource)]}}"#
        for id in ["op", "a/b", nil] {
            let own = id.map { #","id":{"value":"\#($0)"}"# } ?? ""
            let read = try operations(#"{\#(json)\#(own)},\#(reserve)"#)
            guard read.count == 2, case .unfit(let operation) = read[0].action else {
                Issue.record("\(says): it is not unfit")
                continue
            }
            #expect(operation.id == id && read[0].id == nil)
            #expect(operation.why.contains(id == "a/b" ? "cannot use operation id a/b" : says), "\(operation.why)")
            #expect(read[1] == OfferOperation(try change(reserve)))
        }
    }

    private func change(_ json: String) throws -> OfferOperation.Action {
        try #require(try operations(json).first).action
    }

    @Test("a launch by an id that is none is unfit with all its tasks")
    func launchID() throws {
        let named = launch(info("T1"), info("T2")).replacing(#""LAUNCH""#, with: #""LAUNCH","id":{"value":"a/b"}"#)
        let read = try operations(named)
        let unfit = read.first?.unfitTasks ?? []
        #expect(unfit.map(\.id) == ["T1", "T2"] && unfit.allSatisfy { $0.reason == .taskInvalid })
        guard case .unfit(let operation) = read.first?.action else {
            Issue.record("it is not unfit")
            return
        }
        #expect(operation.id == "a/b")
    }

    // MARK: What is no call

    @Test(
        "what is not of the protocol's types, or lacks what it requires, is no call at all",
        arguments: [
            (#""operations":7"#, "api.member-type", "accept.operations"),
            (#""operations":[7]"#, "api.member-type", "accept.operations[0]"),
            (#""offer_ids":[{"value":"a/b"}]"#, "identifier.invalid", "accept.offer_ids[0].value"),
            (#""offer_ids":[{}]"#, "api.member-missing", "accept.offer_ids[0].value"),
            (
                #""operations":[{"type":"LAUNCH","launch":{"task_infos":7}}]"#, "api.member-type",
                "accept.operations[0].launch.task_infos"
            ),
            (
                #""operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":5,"task_id":{"value":"T"},"#
                    + #""agent_id":{"value":"S"},\#(command)}]}}]"#,
                "api.member-type", "accept.operations[0].launch.task_infos[0].name"
            ),
            (
                #""operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"n","agent_id":{"value":"S"}}]}}]"#,
                "api.member-missing", "accept.operations[0].launch.task_infos[0].task_id"
            ),
        ] as [(String, Failure.Code, String)])
    func noCall(json: String, code: Failure.Code, field: String) {
        let body = Array(#"{"framework_id":{"value":"F"},"type":"ACCEPT","accept":{\#(json)}}"#.utf8)
        let failure = #expect(throws: Failure.self) { try SchedulerCall(body) }
        #expect(failure?.code == code, "\(String(describing: failure))")
        #expect(failure?.field == field, "\(String(describing: failure))")
    }

    // MARK: Events

    @Test("what is told of an unfit task or operation is an update as of any other, by the id it came with")
    func events() throws {
        let agent = try AgentID("S")
        let now = Instant(seconds: 5)
        let task = SchedulerEvent.unfitTask(
            UnfitTask(id: "a/b", agent: agent, .taskInvalid, because: "why"), state: .error, at: now)
        #expect(
            String(decoding: task.value(for: []).bytes, as: UTF8.self)
                == #"{"type":"UPDATE","update":{"status":{"agent_id":{"value":"S"},"message":"why","#
                + #""reason":"REASON_TASK_INVALID","source":"SOURCE_MASTER","state":"TASK_ERROR","#
                + #""task_id":{"value":"a/b"},"timestamp":5.0}}}"#)
        let operation = SchedulerEvent.unfitOperation(UnfitOperation(id: "a/b", because: "why"), on: agent)
        #expect(
            String(decoding: operation.value(for: []).bytes, as: UTF8.self)
                == #"{"type":"UPDATE_OPERATION_STATUS","update_operation_status":{"status":{"agent_id":{"value":"S"},"#
                + #""message":"why","operation_id":{"value":"a/b"},"state":"OPERATION_ERROR"}}}"#)
        for event in [task, operation] {
            #expect(Conformance.faults(event.value(for: []), SchedulerEvent.messageName).isEmpty)
        }
    }

    @Test("whoever has such an event of an id that is one reads an update", arguments: WireFormat.allCases)
    func readBack(_ format: WireFormat) throws {
        let framework = try FrameworkID("F")
        let agent = try AgentID("S")
        let update = StatusUpdate(
            framework: framework, task: try TaskID("T"), state: .error, source: .master, reason: .taskGroupInvalid,
            message: "why", agent: agent, at: Instant(seconds: 5))
        let unfit = UnfitTask(id: "T", agent: agent, .taskGroupInvalid, because: "why")
        let status = OperationStatus(operation: try OperationID("op"), state: .error, message: "why", agent: agent)
        let events: [(SchedulerEvent, SchedulerEvent)] = [
            (.unfitTask(unfit, state: .error, at: Instant(seconds: 5)), .update(update)),
            (.unfitOperation(UnfitOperation(id: "op", because: "why"), on: agent), .updateOperation(status)),
        ]
        for (sent, expected) in events {
            var reader = RecordReader(bytesMax: 1 << 20)
            let record = try #require(try reader.read(sent.record(for: [], format)).first)
            #expect(try SchedulerEvent(record, of: framework, format: format) == expected)
        }
    }
}
