import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import HTTPServing
import NIOCore
import NIOHTTP1
import Testing

@testable import AgentService

@Suite("The executor API over HTTP", .serialized, .timeLimit(.minutes(5)))
struct ExecutorAPITests {
    private static let path = "/slave(1)/api/v1/executor"

    private static func call(_ action: ExecutorCall.Action, _ executor: String = "E") throws -> ExecutorCall {
        ExecutorCall(framework: try FrameworkID("F"), executor: try ExecutorID(executor), action)
    }

    private static func body(_ call: ExecutorCall, _ format: WireFormat) -> ByteBuffer {
        ByteBuffer(bytes: WireCodec.encode(call.value, as: ExecutorCall.messageName, format))
    }

    private static func headers(_ format: WireFormat) -> HTTPHeaders {
        ["Content-Type": format.rawValue, "Accept": format.rawValue]
    }

    private static func update(_ state: TaskState, _ number: UInt64) throws -> StatusUpdate {
        StatusUpdate(
            framework: try FrameworkID("F"), task: try TaskID("t1"), state: state, source: .executor, at: .epoch,
            id: UpdateID(high: 1, low: number))
    }

    private static func executorTask(_ task: inout TaskSpec) throws {
        var executor = ExecutorSpec(id: try ExecutorID("E"), framework: try FrameworkID("F"), kind: .custom)
        executor.command = CommandSpec(.shell("serve"))
        executor.resources = [Resource("cpus", .scalar(Scalar(1))), Resource("mem", .scalar(Scalar(32)))]
        task.runner = .executor(executor)
    }

    /// An agent that has been given a task for a custom executor, which has not subscribed yet.
    private func launched(
        _ bench: Bench, _ said: inout AsyncStream<AgentMessage>.Iterator
    ) async throws -> Caller {
        let network = try await TestNetwork.made()
        bench.containerizer.network.withLock { $0 = network }
        _ = try await bench.admit(&said)
        try bench.run("t1") { task in try Self.executorTask(&task) }
        try await eventually("the executor to be launched") { bench.containerizer.running.count == 1 }
        return Caller(bench)
    }

    private func next(_ stream: Caller.Stream, _ format: WireFormat) async throws -> ExecutorEvent? {
        while let record = try await stream.next() {
            let value = try WireCodec.decode(record, as: ExecutorEvent.messageName, format, bounds: .standard)
            let event = try ExecutorEvent(value)
            if event != .heartbeat { return event }
        }
        return nil
    }

    @Test("an executor gets its task, reports, talks, and is told what to end", arguments: WireFormat.allCases)
    func story(_ format: WireFormat) async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        let caller = try await launched(bench, &said)
        let headers = Self.headers(format)
        let subscribe = Self.body(try Self.call(.subscribe(tasks: [], updates: [])), format)
        let master = bench.master
        var heard: [AgentMessage] = []
        try await caller.stream(Self.path, subscribe, headers) { stream in
            #expect(stream.status == 200)
            #expect(stream.headers.first(name: "Content-Type") == format.rawValue)
            let first = try await next(stream, format)
            guard case .subscribed(let executor, let framework, let agent, let container)? = first else {
                throw Failure("test.unexpected", doing: "be subscribed")
            }
            #expect(executor.id.text == "E" && framework.id.text == "F" && agent.id.text == "M-S0")
            let launch = try #require(bench.containerizer.running.first)
            #expect(container?.leaf.text == launch.id.text)
            guard case .launch(let task)? = try await next(stream, format) else {
                throw Failure("test.unexpected", doing: "be given the task")
            }
            #expect(task.id.text == "t1")
            for (state, number) in [(TaskState.running, UInt64(1)), (.running, 1)] {
                let update = Self.body(try Self.call(.update(try Self.update(state, number))), format)
                #expect(try await caller.send(Self.path, .bytes(update), headers).status == 202)
                let acknowledged = try await next(stream, format)
                #expect(acknowledged == .acknowledged(UpdateID(high: 1, low: number), task: task.id))
            }
            for action in [ExecutorCall.Action.heartbeat, .message([1, 2])] {
                let sent = Self.body(try Self.call(action), format)
                #expect(try await caller.send(Self.path, .bytes(sent), headers).status == 202)
            }
            heard = try await hear(&said, until: { if case .message = $0 { true } else { false } }, bench)
            master.say(.message([3], executor: executor.id, framework: framework.id))
            let message = try await next(stream, format)
            #expect(message == .message([3]))
            master.say(
                .kill(TaskReference(framework: framework.id, task: task.id), gracePeriod: .seconds(7)))
            let kill = try await next(stream, format)
            #expect(kill == .kill(task.id, gracePeriod: .seconds(7)))
            let end = Self.body(try Self.call(.update(try Self.update(.killed, 2))), format)
            #expect(try await caller.send(Self.path, .bytes(end), headers).status == 202)
            _ = try await next(stream, format)
            #expect(await bench.acknowledge(&said, until: .killed) == [.killed])
        }
        let states = heard.compactMap { if case .status(let update, _) = $0 { update.state } else { nil } }
        #expect(states == [.running])
        await bench.stop()
    }

    /// What the agent says up to and with the first message that fits; updates are acknowledged.
    private func hear(
        _ said: inout AsyncStream<AgentMessage>.Iterator, until fits: (AgentMessage) -> Bool, _ bench: Bench
    ) async throws -> [AgentMessage] {
        var heard: [AgentMessage] = []
        while let message = await bench.next(&said) {
            heard.append(message)
            if case .status(let update, _) = message, let id = update.id {
                bench.master.say(.acknowledge(id, TaskReference(framework: update.framework, task: update.task)))
            }
            if fits(message) { break }
        }
        return heard
    }

    @Test("a second subscription ends the first; when both have gone updates are taken, and acknowledged to a third")
    func again() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        let caller = try await launched(bench, &said)
        let subscribe = Self.body(try Self.call(.subscribe(tasks: [], updates: [])), .json)
        try await caller.stream(Self.path, subscribe, Self.headers(.json)) { first in
            _ = try await next(first, .json)
            _ = try await next(first, .json)
            try await caller.stream(Self.path, subscribe, Self.headers(.json)) { second in
                let event = try await next(second, .json)
                guard case .subscribed? = event else { throw Failure("test.unexpected", doing: "be subscribed") }
                let end = try await next(first, .json)
                #expect(end == nil)
            }
        }
        let agent = bench.agent
        try await eventually("the agent to see it go") {
            await agent.snapshot().metrics(at: .epoch).contains(Metric("slave/executors_registering", 1))
        }
        let update = try Self.update(.running, 7)
        let late = Self.body(try Self.call(.update(update)), .json)
        #expect(try await caller.send(Self.path, .bytes(late), Self.headers(.json)).status == 202)
        #expect(await bench.acknowledge(&said, until: .running) == [.running])
        let back = Self.body(try Self.call(.subscribe(tasks: [], updates: [update])), .json)
        try await caller.stream(Self.path, back, Self.headers(.json)) { third in
            _ = try await next(third, .json)
            let acknowledged = try await next(third, .json)
            #expect(acknowledged == .acknowledged(UpdateID(high: 1, low: 7), task: update.task))
        }
        await bench.stop()
    }

    @Test("after a restart of the agent an executor comes back with what was not acknowledged, and nothing is lost")
    func restart() async throws {
        let first = try await Bench()
        var said = first.master.said.makeAsyncIterator()
        let caller = try await launched(first, &said)
        let subscribe = Self.body(try Self.call(.subscribe(tasks: [], updates: [])), .json)
        try await caller.stream(Self.path, subscribe, Self.headers(.json)) { stream in
            _ = try await next(stream, .json)
            _ = try await next(stream, .json)
        }
        await first.stop()

        let second = try await Bench(journal: first.journal)
        let network = first.containerizer.network.withLock { $0 }
        second.containerizer.network.withLock { $0 = network }
        var heard = second.master.said.makeAsyncIterator()
        let registration = try await second.admit(&heard)
        #expect(registration.executors.map(\.spec.id.text) == ["E"])
        var task = try #require(registration.tasks.first?.spec)
        task.agent = try AgentID("M-S0")
        let back = try Self.call(.subscribe(tasks: [task], updates: [try Self.update(.running, 5)]))
        try await Caller(second).stream(Self.path, Self.body(back, .json), Self.headers(.json)) { stream in
            guard case .subscribed? = try await next(stream, .json) else {
                throw Failure("test.unexpected", doing: "be subscribed again")
            }
            let acknowledged = try await next(stream, .json)
            #expect(acknowledged == .acknowledged(UpdateID(high: 1, low: 5), task: task.id))
            #expect(await second.acknowledge(&heard, until: .running) == [.running])
        }
        await second.stop()
    }

    @Test("headers and bodies are refused by the protocol's rules")
    func rules() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        let caller = try await launched(bench, &said)
        let json = Self.headers(.json)
        let subscribe = String(buffer: Self.body(try Self.call(.subscribe(tasks: [], updates: [])), .json))
        let stranger = String(buffer: Self.body(try Self.call(.message([1]), "other"), .json))
        let heartbeat = #"{"type":"HEARTBEAT","framework_id":{"value":"unused"},"executor_id":{"value":"unused"}}"#
        let update = String(buffer: Self.body(try Self.call(.update(try Self.update(.running, 1))), .json))
        let cases: [(String?, HTTPHeaders, UInt, String)] = [
            (nil, json, 405, ""), ("{}", [:], 400, "Content-Type"), ("{}", ["Content-Type": "text/json"], 415, ""),
            ("{}", ["Content-Type": "application/json; charset=utf-8"], 415, ""), ("{", json, 400, ""),
            ("{}", json, 400, "framework_id"),
            (subscribe, ["Content-Type": "application/json", "Accept": "text/html"], 406, ""),
            (subscribe.replacing(#""E""#, with: #""other""#), json, 400, "no such executor"),
            (stranger, json, 400, "no such executor"), (update, json, 403, "subscribe"),
            (update.replacing("SOURCE_EXECUTOR", with: "SOURCE_AGENT"), json, 400, "source"),
            (update.replacing("TASK_RUNNING", with: "TASK_STAGING"), json, 400, "state"),
            (update.replacing(#""uuid""#, with: #""other""#), json, 400, "uuid"),
            (
                update.replacing(#""status":{"#, with: #""status":{"executor_id":{"value":"other"},"#), json, 400,
                "executor_id"
            ),
            // Those of the protocol's own library say whose they are no better.
            (heartbeat, json, 202, ""), (heartbeat.replacing("executor_id", with: "id"), json, 400, "executor_id"),
            (subscribe.replacing(#""SUBSCRIBE""#, with: #""DANCE""#), json, 400, "DANCE"),
            (subscribe.replacing(#""SUBSCRIBE""#, with: #""UNKNOWN""#), json, 501, "UNKNOWN"),
            // Only SUBSCRIBE has an answer to accept.
            (update, ["Content-Type": "application/json", "Accept": "text/html"], 403, ""),
        ]
        for (body, headers, status, part) in cases {
            let answer = try await caller.call(Self.path, body, headers)
            let isSaid = part.isEmpty || answer.text.contains(part)
            #expect(answer.status == status && isSaid, "\(body ?? "GET"): \(answer)")
        }
        await bench.stop()
    }

    @Test("until the agent has taken over what runs it asks everybody to come again, also those it does not know yet")
    func recovering() async throws {
        let tokens = try await ExecutorTokens(key: Array("0123456789abcdef0123456789abcdef".utf8))
        let bench = try await Bench(recovers: false) { settings in
            settings.executorTokens = tokens
            settings.authentication = Authentication(
                authenticators: [BasicAuthenticator(["ops": "o"])], realms: [.agentReadWrite])
        }
        let caller = Caller(bench)
        let token = try await tokens.authenticator.issue(
            Principal(nil, claims: ["fid": "F", "eid": "E", "cid": "c"]))
        var headers = Self.headers(.json)
        headers.add(name: "Authorization", value: "Bearer \(token)")
        let known = headers
        let subscribe = String(buffer: Self.body(try Self.call(.subscribe(tasks: [], updates: [])), .json))
        let container = #"{"value":"x","parent":{"value":"c"}}"#
        let wait = #"{"type":"WAIT_NESTED_CONTAINER","wait_nested_container":{"container_id":\#(container)}}"#
        for (path, body) in [(Self.path, subscribe), ("/api/v1", wait)] {
            let early = try await caller.call(path, body, known)
            #expect(early.status == 503, "\(path): \(early)")
        }
        bench.containerizer.recovers.withLock { $0 = true }
        try await eventually("the agent to know that there is no such executor") {
            try await caller.call(Self.path, subscribe, known).status == 403
        }
        #expect(try await caller.call("/api/v1", wait, known).status == 403)
        await bench.stop()
    }

    @Test("until then whoever looks is asked to come again as well, whatever it looks at and however it asks")
    func recoveringReads() async throws {
        let bench = try await Bench(recovers: false)
        let caller = Caller(bench)
        let calls = ["GET_HEALTH", "GET_STATE", "GET_AGENT", "GET_CONTAINERS", "GET_FLAGS", "GET_NOTHING"]
        for type in calls {
            #expect(try await caller.call("/api/v1", #"{"type":"\#(type)"}"#).status == 503, "\(type)")
        }
        #expect(try await caller.call("/api/v1", "{}", ["Content-Type": "text/plain"]).status == 503)
        #expect(try await caller.call("/state").status == 503)
        // What says something of the process alone is asked elsewhere.
        #expect(try await caller.call("/version").status == 200)
        bench.containerizer.recovers.withLock { $0 = true }
        try await eventually("the agent to have taken over what runs") {
            try await caller.call("/api/v1", #"{"type":"GET_HEALTH"}"#).status == 200
        }
        #expect(try await caller.call("/api/v1", #"{"type":"GET_TASKS"}"#).status == 200)
        await bench.stop()
    }

    @Test("with tokens asked for, an executor calls as itself only, with the token its container was given")
    func tokens() async throws {
        let tokens = try await ExecutorTokens(key: Array("0123456789abcdef0123456789abcdef".utf8))
        let bench = try await Bench { settings in
            settings.executorTokens = tokens
            settings.authentication = Authentication(
                authenticators: [BasicAuthenticator(["ops": "o"])], realms: [.agentReadWrite])
        }
        var said = bench.master.said.makeAsyncIterator()
        let caller = try await launched(bench, &said)
        let launch = try #require(bench.containerizer.running.first)
        let variable = try #require(launch.environment.first { $0.hasPrefix(ExecutorTokens.variable + "=") })
        let own = String(variable.dropFirst(ExecutorTokens.variable.count + 1))
        let agent = await bench.agent.snapshot()
        let path = try #require(agent.state.containers[launch.id]?.path)
        #expect(agent.state.containers[launch.id]?.launch.environment.contains(variable) == false, "it is in no record")
        // Of another executor, and of an earlier container of this one.
        let key = ExecutorKey(try FrameworkID("F"), try ExecutorID("E"))
        let strangers = [
            try await tokens.launch(launch, of: ExecutorKey(key.framework, try ExecutorID("X")), path: path),
            try await tokens.launch(launch, of: key, path: ContainerPath(try ContainerName("before"))),
        ].compactMap { $0.environment.last?.dropFirst(ExecutorTokens.variable.count + 1) }.map(String.init)
        let operators = try await TokenAuthenticator(secret: Array("another key of thirty-two bytes!".utf8))
        let operatorToken = try await operators.issue(Principal("ops"))

        func headers(_ token: String?) -> HTTPHeaders {
            var headers = Self.headers(.json)
            if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
            return headers
        }
        let message = String(buffer: Self.body(try Self.call(.message([1])), .json))
        for (token, status) in [(nil, 401), ("x.y.z", 401), (operatorToken, 401)] + strangers.map({ ($0, 403) }) {
            let answer = try await caller.call(Self.path, message, headers(token))
            #expect(answer.status == UInt(status), "\(answer)")
        }
        let heartbeat = String(buffer: Self.body(try Self.call(.heartbeat, "unused"), .json))
        for (token, status) in [(nil, 401), (operatorToken, 401), (own, 202)] as [(String?, Int)] {
            #expect(try await caller.call(Self.path, heartbeat, headers(token)).status == UInt(status))
        }
        // It is who it says; that it has not subscribed is another matter.
        let known = try await caller.call(Self.path, message, headers(own))
        #expect(known.status == 403 && known.text.contains("subscribe"), "\(known)")
        let subscribe = Self.body(try Self.call(.subscribe(tasks: [], updates: [])), .json)
        try await caller.stream(Self.path, subscribe, headers(own)) { stream in #expect(stream.status == 200) }

        // What operators may, it may inside its own container only.
        func call(_ type: String, _ id: String) -> String {
            #"{"type":"\#(type)","\#(type.lowercased())":{"container_id":\#(id)}}"#
        }
        let nested = #"{"value":"c","parent":{"value":"\#(path.leaf.text)"}}"#
        for (body, status) in [
            (call("WAIT_NESTED_CONTAINER", nested), 404), (call("KILL_CONTAINER", #"{"value":"other"}"#), 403),
            (#"{"type":"GET_STATE"}"#, 403),
        ] {
            let answer = try await caller.call("/api/v1", body, headers(own))
            #expect(answer.status == UInt(status), "\(body): \(answer)")
            #expect(try await caller.call("/api/v1", body, headers(strangers[0])).status == 403)
        }
        await bench.stop()
    }
}
