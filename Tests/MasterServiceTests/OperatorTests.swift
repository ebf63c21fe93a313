import ClusterAPI
import ClusterModel
import HTTPServing
import Logging
import RawHTTP
import Synchronization
import Testing

/// The operator API's calls over HTTP, in both encodings.
@Suite("An operator over HTTP", .timeLimit(.minutes(5)))
struct OperatorTests {
    static let reads: [(type: String, members: Set<String>)] = [
        ("GET_HEALTH", ["healthy"]), ("GET_FLAGS", ["flags"]), ("GET_VERSION", ["version_info"]),
        ("GET_METRICS", ["metrics"]), ("GET_LOGGING_LEVEL", ["level"]),
        ("GET_MASTER", ["master_info", "start_time", "elected_time"]),
        ("GET_STATE", ["get_tasks", "get_executors", "get_frameworks", "get_agents"]), ("GET_AGENTS", ["agents"]),
        ("GET_FRAMEWORKS", ["frameworks"]), ("GET_EXECUTORS", []), ("GET_OPERATIONS", []), ("GET_TASKS", ["tasks"]),
        ("GET_ROLES", ["roles"]), ("GET_WEIGHTS", []), ("GET_QUOTA", ["status"]),
        ("GET_MAINTENANCE_STATUS", ["status"]), ("GET_MAINTENANCE_SCHEDULE", ["schedule"]),
    ]

    @Test("every read answers under its own name, in JSON and in protobuf")
    func reads() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        _ = try await agent.run()
        for (type, members) in OperatorTests.reads {
            let response = try await served.call(#"{"type":"\#(type)"}"#)
            #expect(response.status == 200, "\(type): \(response.body)")
            let answer = try Answer(response.body)
            #expect(answer["type"].text == type)
            #expect(answer[type.lowercased()].names.isSuperset(of: members), "\(answer)")
            let protobuf = try await served.call(#"{"type":"\#(type)"}"#, "Accept: application/x-protobuf\r\n")
            #expect(protobuf.status == 200)
            #expect(protobuf["Content-Type"] == "application/x-protobuf")
        }
        let call = WireCodec.encode(.object(["type": "GET_HEALTH"]), as: "mesos.v1.master.Call", .protobuf)
        let connection = try await RawConnection.open(served.port)
        try await connection.send(
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                + "Content-Length: \(call.count)\r\n\r\n")
        try await connection.send(call)
        #expect(try Answer(try await connection.response().body)["get_health"]["healthy"].bool == true)
        await served.master.stop()
    }

    @Test("what a master says of itself is what it was started with")
    func itself() async throws {
        let served = try await ServedMaster.start { settings in
            settings.hostname = "m.example"
            settings.advertisedAddress = "10.1.2.3"
            settings.advertisedPort = 15_050
        }
        let master = try await served.ask("GET_MASTER")["master_info"]
        #expect(master["hostname"].text == "m.example")
        #expect(master["address"]["ip"].text == "10.1.2.3")
        #expect(master["port"].number == 15_050)
        #expect(master["id"].text == served.master.info.id)
        #expect(try await served.ask("GET_VERSION")["version_info"]["version"].text == "1.12.0")
        #expect(try await served.ask("GET_FLAGS")["flags"].all.map { $0["name"].text } == ["port", "cluster"])
        let metrics = try await served.ask("GET_METRICS")["metrics"].all
        #expect(metrics.first { $0["name"].text == "master/elected" }?["value"].number == 1)
        await served.master.stop()
    }

    /// Keeps what is logged.
    private struct Lines: LogHandler {
        let lines: Kept
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { lines.texts.withLock { $0.append("\(event.message)") } }
    }
    private final class Kept: Sendable { let texts = Mutex<[String]>([]) }

    @Test("the level of the log is set for a while, and only to what there is")
    func logging() async throws {
        let control = LoggingControl()
        let served = try await ServedMaster.start { $0.logging = control }
        #expect(try await served.ask("GET_LOGGING_LEVEL")["level"].number == 0)
        let set = #"""
            {"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}
            """#
        #expect(try await served.call(set).status == 200)
        #expect(try await served.ask("GET_LOGGING_LEVEL")["level"].number == 1)
        #expect(try await served.call(set.replacing(#""level":1"#, with: #""level":9"#)).status == 400)
        #expect(try await served.get("/logging/toggle?level=2&duration=1ms").status == 200)
        _ = try await served.wait(for: "GET_LOGGING_LEVEL") { $0["level"].number == 0 }
        #expect(try await served.get("/logging/toggle?level=2").status == 400)
        #expect(try await served.get("/logging/toggle").body == "0\n")
        await served.master.stop()
        let kept = Kept()
        let logger = control.logger("test", Lines(lines: kept))
        logger.debug("quiet")
        control.set(1, for: .seconds(60))
        logger.debug("loud")
        #expect(kept.texts.withLock { $0 } == ["loud"])
    }

    private struct Log: FileSource {
        func browse(_ path: String) async -> [FileEntry]? {
            path == "/master/log" ? [FileEntry(path: path, size: 11, modified: 1, mode: 0o100644)] : nil
        }
        func size(_ path: String) async -> UInt64? { path == "/master/log" ? 11 : nil }
        func read(_ path: String, offset: UInt64, length: Int) async -> FileSlice? {
            guard path == "/master/log" else { return nil }
            return FileSlice(Array("hello world".utf8.dropFirst(Int(offset)).prefix(length)), at: offset)
        }
        func table() async -> [(virtual: String, real: String)] { [("/master/log", "/var/log/master")] }
    }

    @Test("the master's own files are listed and read, and nothing else is")
    func files() async throws {
        let served = try await ServedMaster.start { $0.files = Log() }
        let list = try await served.call(#"{"type":"LIST_FILES","list_files":{"path":"/master/log"}}"#)
        let file = try Answer(list.body)["list_files"]["file_infos"][0]
        #expect(file["path"].text == "/master/log")
        #expect(file["size"].number == 11)
        let read = try await served.call(
            #"{"type":"READ_FILE","read_file":{"path":"/master/log","offset":6,"length":3}}"#)
        #expect(try Answer(read.body)["read_file"]["data"].text == "d29y")
        #expect(try Answer(read.body)["read_file"]["size"].number == 11)
        for type in [#"""
            {"type":"LIST_FILES","list_files":{"path":"/etc"}}
            """#, #"{"type":"READ_FILE","read_file":{"path":"/etc/passwd","offset":0}}"#] {
            #expect(try await served.call(type).status == 404)
        }
        let legacy = try Answer(try await served.get("/files/read?path=/master/log&offset=0").body)
        #expect(legacy["data"].text == "hello world")
        #expect(try await served.get("/files/read?path=/etc/passwd").status == 404)
        await served.master.stop()
    }

    @Test("a watcher is told the state, and then what changes")
    func subscribe() async throws {
        let served = try await ServedMaster.start()
        let body = #"{"type":"SUBSCRIBE"}"#
        let watcher = try await EventConnection(
            served.port,
            "POST /api/v1/operator HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let subscribed = try await watcher.next("SUBSCRIBED")
        #expect(subscribed["heartbeat_interval_seconds"].number == 15)
        #expect(subscribed["get_state"].names.contains("get_agents"))
        let scheduler = try await ScriptedScheduler(served)
        let added = try await watcher.next("FRAMEWORK_ADDED")["framework"]["framework_info"]
        #expect(added["id"]["value"].text == scheduler.id)
        let agent = try await ScriptedAgent(served)
        #expect(try await watcher.next("AGENT_ADDED")["agent"]["agent_info"]["id"]["value"].text == agent.id.text)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        #expect(try await watcher.next("TASK_ADDED")["task"]["task_id"]["value"].text == "t")
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        #expect(try await watcher.next("TASK_UPDATED")["state"].text == "TASK_RUNNING")
        #expect(try await served.call(#"""
            {"type":"TEARDOWN","teardown":{"framework_id":{"value":"\#(scheduler.id)"}}}
            """#).status == 200)
        #expect(try await watcher.next("FRAMEWORK_REMOVED")["framework_info"]["id"]["value"].text == scheduler.id)
        await served.master.stop()
        while try await watcher.next() != nil {}
    }

    /// In order, on one master with one agent whose id stands for @A.
    static let changes: [(body: String, status: Int)] = [
        (#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#, 200),
        (#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":-1}]}}"#, 400),
        (#"""
            {"type":"UPDATE_QUOTA","update_quota":{"force":true,"quota_configs":[{"role":"eng","limits":{"cpus":
            {"value":8}}}]}}
            """#, 200),
        (#"""
            {"type":"SET_QUOTA","set_quota":{"quota_request":{"role":"ops","force":true,"guarantee":[{"name":"cpus",
            "type":"SCALAR","scalar":{"value":1}}]}}}
            """#, 200),
        (#"{"type":"REMOVE_QUOTA","remove_quota":{"role":"ops"}}"#, 200),
        (#"""
            {"type":"SET_QUOTA","set_quota":{"quota_request":{"role":"ops","guarantee":[{"name":"cpus",
            "type":"SCALAR","scalar":{"value":9999}}]}}}
            """#, 409),
        (#"""
            {"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"ops","guarantees":{"cpus":
            {"value":9999}},"limits":{"cpus":{"value":9999}}}]}}
            """#, 400),
        (#"{"type":"REMOVE_QUOTA","remove_quota":{"role":"none"}}"#, 400),
        (#"""
            {"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"@A"},"resources":[{"name":"cpus",
            "type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"eng"}]}]}}
            """#, 202),
        (#"""
            {"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"@A"},"resources":[{"name":"cpus",
            "type":"SCALAR","scalar":{"value":999},"reservations":[{"type":"DYNAMIC","role":"eng"}]}]}}
            """#, 409),
        (#"{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"nobody"},"resources":[]}}"#, 400),
        (#"""
            {"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":
            [{"machine_ids":[{"hostname":"away"}],"unavailability":{"start":{"nanoseconds":1}}}]}}}
            """#, 200),
        (#"{"type":"START_MAINTENANCE","start_maintenance":{"machines":[{"hostname":"away"}]}}"#, 200),
        (#"{"type":"STOP_MAINTENANCE","stop_maintenance":{"machines":[{"hostname":"away"}]}}"#, 200),
        (#"{"type":"START_MAINTENANCE","start_maintenance":{"machines":[{"hostname":"elsewhere"}]}}"#, 400),
        (#"{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"@A"}}}"#, 200),
        (#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"@A"}}}"#, 200),
        (#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"@A"}}}"#, 400),
        (#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"@A"},"max_grace_period":{"seconds":10}}}"#, 200),
        (#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"@A"}}}"#, 400),
        (#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"nobody"}}}"#, 400),
        (#"{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"nobody"}}}"#, 400),
        (#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"nobody"}}}"#, 400),
        (#"{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"@A"}}}"#, 200),
        (#"{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"nobody"}}}"#, 404),
        (#"{"type":"TEARDOWN","teardown":{"framework_id":{"value":"nobody"}}}"#, 400),
    ]

    @Test("every change is answered with its status")
    func changes() async throws {
        let served = try await ServedMaster.start()
        let agent = try await ScriptedAgent(served)
        for (body, status) in OperatorTests.changes {
            let response = try await served.call(body.replacing("@A", with: agent.id.text))
            #expect(response.status == status, "\(body): \(response.status) \(response.body)")
        }
        #expect(try await served.ask("GET_WEIGHTS")["weight_infos"][0]["weight"].number == 2.5)
        await served.master.stop()
    }
}
