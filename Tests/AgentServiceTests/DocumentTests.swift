import Authorization
import ClusterAPI
import ClusterModel
import HTTPServing
import NIOHTTP1
import Testing

@testable import AgentService

@Suite("What an agent shows", .serialized, .timeLimit(.minutes(5)))
struct DocumentTests {
    private func running(
        _ change: (inout AgentSettings) -> Void = { _ in }, _ body: (Bench, Caller) async throws -> Void
    ) async throws {
        let bench = try await Bench(change: change)
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        try await body(bench, Caller(bench))
        await bench.stop()
    }

    private func document(_ answer: Caller.Answer) throws -> WireObject {
        let value = try WireBounds.standard.value(parsing: Array(answer.text.utf8))
        return try WireObject(.object(["list": value, "it": value]))
    }

    @Test("the state has the shape that old consoles read")
    func state() async throws {
        try await running { bench, caller in
            for path in ["/state", "/state.json", "/slave(1)/state", "/slave%281%29/state.json"] {
                let answer = try await caller.call(path)
                #expect(answer.status == 200, "\(path)")
                let state = try document(answer).inside("it")
                #expect(try state.string("id") == "M-S0")
                #expect(try state.string("hostname") == "host")
                #expect(try state.string("master_hostname") == "127.0.0.1")
                #expect(try state.inside("resources").double("cpus") == 4)
                let framework = try #require(try state.objects("frameworks").first)
                #expect(try framework.string("id") == "F")
                let executor = try #require(try framework.objects("executors").first)
                #expect(try executor.string("id") == "t1")
                #expect(try executor.string("name") == "Command Executor (Task: t1) (Command: sh -c 'run')")
                let launch = try #require(bench.containerizer.running.first)
                #expect(try executor.string("container") == launch.id.text)
                let place = "/var/lib/bulkhead/slaves/M-S0/frameworks/F/executors/t1/runs/\(launch.id)"
                #expect(try executor.string("directory") == place)
                #expect(try executor.objects("tasks").first?.string("state") == "TASK_RUNNING")
            }
            let wrapped = try await caller.call("/state?jsonp=show")
            #expect(wrapped.text.hasPrefix("show({") && wrapped.text.hasSuffix(");"))
            #expect(try await caller.call("/state?jsonp=a(b)").status == 400)
        }
    }

    @Test("statistics show what the control group counts, and how long was waited")
    func statistics() async throws {
        try await running { bench, caller in
            for path in ["/monitor/statistics", "/monitor/statistics.json", "/containers"] {
                let entry = try #require(try document(await caller.call(path)).objects("list").first)
                #expect(try entry.string("executor_id") == "t1")
                #expect(try entry.string("framework_id") == "F")
                let statistics = try entry.inside("statistics")
                #expect(try statistics.double("cpus_user_time_secs") == 1.5)
                #expect(try statistics.double("cpus_limit") == 1)
                #expect(try statistics.double("mem_limit_bytes") == 67_108_864)
                #expect(try statistics.double("mem_rss_bytes") == 2_048)
                let stall = try statistics.inside("bulkhead_pressure").inside("memory").inside("some")
                #expect(try stall.double("avg10") == 1.5)
            }
            let call = #"{"type":"GET_CONTAINERS","get_containers":{"show_nested":true}}"#
            let answer = try await caller.call("/api/v1", call)
            #expect(answer.text.contains(#""mem_total_bytes":4096"#), "\(answer.text)")
            #expect(try await caller.call("/containers?framework_id=other").text == "[]")
            #expect(try await caller.call("/containers?framework_id=%2F").status == 400)
        }
    }

    @Test("calls about the process itself are answered")
    func process() async throws {
        try await running({ settings in
            settings.flags = [Flag("work_dir", "/var/lib/bulkhead")]
            settings.logging = LoggingControl()
        }) { _, caller in
            let cases: [(String, UInt, String)] = [
                (#"{"type":"GET_HEALTH"}"#, 200, #""healthy":true"#),
                (#"{"type":"GET_FLAGS"}"#, 200, #""name":"work_dir""#),
                (#"{"type":"GET_VERSION"}"#, 200, #""version":"1.12.0""#),
                (
                    #"{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":5000000000}}}"#, 200,
                    "slave/registered"
                ),
                (#"{"type":"GET_LOGGING_LEVEL"}"#, 200, #""level":0"#),
                (
                    #"{"type":"SET_LOGGING_LEVEL","#
                    + #""set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}"#,
                    200, ""
                ),
                (#"{"type":"GET_LOGGING_LEVEL"}"#, 200, #""level":1"#),
                (#"{"type":"LIST_FILES","list_files":{"path":"/"}}"#, 200, "LIST_FILES"),
                (#"{"type":"READ_FILE","read_file":{"path":"/log","offset":0}}"#, 200, #""data":"aGk=""#),
                (#"{"type":"READ_FILE","read_file":{"path":"/none","offset":0}}"#, 404, ""),
            ]
            for (call, status, part) in cases {
                let answer = try await caller.call("/api/v1", call)
                #expect(answer.status == status && (part.isEmpty || answer.text.contains(part)), "\(call): \(answer)")
            }
            #expect(try await caller.call("/logging/toggle?level=2&duration=1mins").status == 200)
            #expect(try await caller.call("/logging/toggle?level=2").status == 400)
            #expect(try await caller.call("/flags").text.contains("work_dir"))
            #expect(try await caller.call("/metrics").text.contains("bulkhead_slave_registered 1"))
        }
    }

    @Test("the machine's load is told as it always was, as figures too, and the process's parts are listed")
    func machine() async throws {
        let load = SystemLoad(
            loadAverages: "0.50 1.25 2.00 1/100 4242\n",
            memory: "MemTotal:       2048 kB\nMemFree:        1024 kB\nMemAvailable:   1500 kB\n", processors: 2)
        try await running({ $0.systemLoad = { load } }) { _, caller in
            let stats = try await caller.call("/slave(1)/system/stats.json")
            #expect(
                stats.text == #"{"avg_load_1min":0.5,"avg_load_5min":1.25,"avg_load_15min":2.0,"cpus_total":2,"#
                    + #""mem_free_bytes":1048576,"mem_total_bytes":2097152}"#)
            let metrics = try document(try await caller.call("/metrics/snapshot")).inside("it")
            #expect(try metrics.double("system/load_15min") == 2)
            #expect(
                try await caller.call("/__processes__").text.hasPrefix(#"[{"events":[],"id":"slave(1)","waiting":"#))
        }
        try await running { _, caller in
            let unknown = try await caller.call("/system/stats.json")
            #expect(unknown.status == 404)
        }
        #expect(SystemLoad(loadAverages: "1 2", memory: "", processors: 1) == nil)
    }

    @Test("a file is followed from where the client says, as plain bytes")
    func follow() async throws {
        try await running { _, caller in
            let answer = try await caller.call("/files/follow?path=/log&offset=0")
            #expect(answer.status == 200 && answer.text == "hi, it grows")
            #expect(answer.headers.first(name: "Bulkhead-File-Offset") == "0")
            #expect(try await caller.call("/files/follow?path=/log").text == ", it grows")
            #expect(try await caller.call("/files/follow?path=/none").status == 404)
            #expect(try await caller.call("/files/follow?path=/log&offset=x").status == 400)
            #expect(try await caller.call("/files/follow").status == 400)
        }
    }

    @Test("rules decide who sees and who does what")
    func authorization() async throws {
        let rules = [
            AuthorizationRule(
                principals: [.named("eng")], actions: [.one(.viewTask), .one(.viewFramework)], objects: [.every],
                isAllowed: true),
            AuthorizationRule(
                principals: [.named("ops")], actions: [.every], objects: [.every], isAllowed: true),
        ]
        try await running({ settings in
            settings.authorizer = RuleAuthorizer(rules)
            settings.systemLoad = {
                SystemLoad(averages: [0.5, 1, 2], processors: 2, memoryTotalBytes: 2_048, memoryFreeBytes: 1_024)
            }
            settings.authentication = Authentication(
                authenticators: [BasicAuthenticator(["eng": "e", "ops": "o"])],
                realms: [.agentReadOnly, .agentReadWrite])
        }) { bench, caller in
            func headers(_ name: String) -> HTTPHeaders {
                var headers = Caller.json
                headers.add(
                    name: "Authorization", value: "Basic " + Base64.text(Array("\(name):\(name.prefix(1))".utf8)))
                return headers
            }
            let path = try #require(await bench.agent.snapshot().state.containers.values.first?.path)
            let id = #""container_id":{"value":"s","parent":{"value":"\#(path.leaf.text)"}}"#
            let session =
                #"{"type":"LAUNCH_NESTED_CONTAINER_SESSION","#
                    + #""launch_nested_container_session":{\#(id),"command":{"value":"x"}}}"#
            let cases: [(String, String?, UInt, UInt, String)] = [
                ("/api/v1", #"{"type":"GET_TASKS"}"#, 200, 200, "t1"),
                ("/api/v1", #"{"type":"GET_FLAGS"}"#, 403, 200, ""), ("/flags", nil, 403, 200, ""),
                ("/metrics", nil, 403, 200, ""), ("/__processes__", nil, 403, 200, ""),
                ("/system/stats.json", nil, 403, 200, ""), ("/files/read?path=/log&offset=0", nil, 403, 200, ""),
                ("/files/follow?path=/log&offset=0", nil, 403, 200, ""),
                ("/api/v1", #"{"type":"PRUNE_IMAGES","prune_images":{}}"#, 403, 200, ""),
                (
                    "/api/v1", #"{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"x"}}}"#, 403, 404,
                    ""
                ),
            ]
            for (path, body, eng, ops, part) in cases {
                let refused = try await caller.call(path, body, headers("eng"))
                #expect(refused.status == eng && (eng != 200 || refused.text.contains(part)), "\(path): \(refused)")
                let served = try await caller.call(path, body, headers("ops"))
                #expect(served.status == ops, "\(path): \(served)")
            }
            #expect(try await caller.call("/api/v1", session, headers("eng")).status == 403)
            #expect(try await caller.call("/state", nil, Caller.json).status == 401)
            let containers = try await caller.call("/containers", nil, headers("eng"))
            #expect(containers.status == 200 && containers.text == "[]")
        }
    }

    @Test("who may run as one user may not run as another that an engine's option names")
    func users() async throws {
        let rule = AuthorizationRule(
            principals: [.anyone], actions: [.one(.launchNestedContainer)], objects: [.exactly("nobody")],
            isAllowed: true)
        try await running({ $0.authorizer = RuleAuthorizer([rule]) }) { bench, caller in
            let path = try #require(await bench.agent.snapshot().state.containers.values.first?.path)
            func body(_ name: String, _ container: String) -> String {
                #"{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{"container_id":{"value":"\#(name)","#
                    + #""parent":{"value":"\#(path.leaf.text)"}},"#
                    + #""command":{"value":"x","user":"nobody"}\#(container)}}"#
            }
            let other =
                #","container":{"type":"DOCKER","docker":{"image":"busybox","#
                + #""parameters":[{"key":"user","value":"root"}]}}"#
            #expect(try await caller.call("/api/v1", body("a", "")).status == 200)
            #expect(try await caller.call("/api/v1", body("b", other)).status == 403)
        }
    }
}

extension WireObject {
    fileprivate func inside(_ name: String) throws -> WireObject { try #require(try object(name), "\(name)") }
}
