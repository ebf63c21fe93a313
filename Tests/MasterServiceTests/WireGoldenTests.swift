import ClusterAPI
import ClusterModel
import Determinism
import RawHTTP
import Testing

/// Every answer and event of the master as bytes on the wire, compared with what clients were given before.
@Suite("What a master writes", .timeLimit(.minutes(5)))
struct WireGoldenTests {
    static let calls = [
        "GET_HEALTH", "GET_FLAGS", "GET_VERSION", "GET_LOGGING_LEVEL", "GET_MASTER", "GET_STATE", "GET_AGENTS",
        "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_OPERATIONS", "GET_TASKS", "GET_ROLES", "GET_WEIGHTS", "GET_QUOTA",
        "GET_MAINTENANCE_STATUS", "GET_MAINTENANCE_SCHEDULE",
    ]
    static let documents = [
        "/", "/health", "/version", "/flags", "/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles",
        "/quota", "/weights", "/maintenance/schedule", "/maintenance/status", "/system/stats.json",
        "/registrar(1)/registry", "/registrar%281%29/registry", "/__processes__", "/state-summary?jsonp=show",
    ]
    /// Something of everything that is kept.
    static let changes = [
        #"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#,
        #"""
        {"type":"UPDATE_QUOTA","update_quota":{"force":true,"quota_configs":
        [{"role":"eng","limits":{"cpus":{"value":8}}}]}}
        """#,
        #"""
        {"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[{"machine_ids":
        [{"hostname":"away"}],"unavailability":{"start":{"nanoseconds":1}}}]}}}
        """#,
        #"{"type":"START_MAINTENANCE","start_maintenance":{"machines":[{"hostname":"away"}]}}"#,
    ]

    private func served() async throws -> ServedMaster {
        try await ServedMaster.start { settings in
            settings.systemLoad = {
                SystemLoad(
                    averages: [0.25, 1, 12.5], processors: 2, memoryTotalBytes: 1 << 32, memoryFreeBytes: 1 << 20)
            }
        }
    }

    @Test("each read, in the API and on the old paths")
    func reads() async throws {
        let served = try await served()
        var golden = WireGolden("reads", port: served.port)
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        _ = try await scheduler.events.next("UPDATE")
        #expect(try await scheduler.call("SUPPRESS").status == 202)
        for change in WireGoldenTests.changes { #expect(try await served.call(change).status == 200, "\(change)") }
        for type in WireGoldenTests.calls {
            golden.add(type, try await served.call(#"{"type":"\#(type)"}"#))
        }
        for path in WireGoldenTests.documents { golden.add(path, try await served.get(path)) }
        #expect(try golden.differences() == [])
        await served.master.stop()
    }

    @Test("each event of a scheduler and of a watcher")
    func events() async throws {
        let served = try await served()
        var golden = WireGolden("events", port: served.port)
        let body = #"{"type":"SUBSCRIBE"}"#
        let watcher = try await EventConnection(
            served.port,
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let connection = try await RawConnection.open(served.port)
        try await connection.send(ScriptedScheduler.subscription(ScriptedScheduler.info()))
        let head = try await connection.head()
        golden.add(
            "head", "\(head.status) \(head["Content-Type"] ?? "-") \(head["Transfer-Encoding"] ?? "-") "
                + "\(head["Mesos-Stream-Id"] ?? "-")")
        let stream = try #require(head["Mesos-Stream-Id"])
        var passed: [String] = []
        func event(_ type: String) async throws -> Answer {
            while true {
                let known = try passed.firstIndex { try Answer($0)["type"].text == type }
                let text: String
                if let known {
                    text = passed.remove(at: known)
                } else if let next = try await connection.record() {
                    text = next
                } else {
                    break
                }
                let answer = try Answer(text)
                guard answer["type"].text == type else {
                    passed.append(text)
                    continue
                }
                golden.add("scheduler \(type)", text)
                return answer[type.lowercased()]
            }
            throw EventConnection.Refused(status: 0, body: "the stream ended before \(type)")
        }
        let id = try #require(try await event("SUBSCRIBED")["framework_id"]["value"].text)
        func call(_ type: String, _ content: String) async throws -> Int {
            try await served.post(
                "/api/v1/scheduler", #"{"type":"\#(type)","framework_id":{"value":"\#(id)"},\#(content)}"#,
                "Mesos-Stream-Id: \(stream)\r\n"
            ).status
        }
        let agent = try await ScriptedAgent(served)
        let offer = try await event("OFFERS")["offers"][0]
        let (offerID, agentID) = (offer["id"]["value"].text ?? "", agent.id.text)
        let executor =
            #"{"type":"CUSTOM","executor_id":{"value":"E"},"command":{"value":"serve"},"resources":"#
            + #"[\#(ScriptedScheduler.scalar("cpus", 0.5)),\#(ScriptedScheduler.scalar("mem", 32))]}"#
        #expect(
            try await call(
                "ACCEPT",
                #""accept":{"offer_ids":[{"value":"\#(offerID)"}],"operations":"#
                    + #"[{"type":"LAUNCH","launch":{"task_infos":"#
                    + #"[{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"\#(agentID)"},"#
                    + #""executor":\#(executor),"#
                    + #""resources":\#(ScriptedScheduler.small)}]}}],"filters":{"refuse_seconds":0}}"#) == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        let status = try await event("UPDATE")["status"]
        #expect(
            try await call(
                "ACKNOWLEDGE",
                #""acknowledge":{"agent_id":{"value":"\#(agentID)"},"task_id":{"value":"t"},"#
                    + #""uuid":"\#(status["uuid"].text ?? "")"}"#
            ) == 202)
        try await agent.say(.message([1, 2, 3], executor: try ExecutorID("E"), framework: framework.id))
        _ = try await event("MESSAGE")
        #expect(try await call("RECONCILE", #""reconcile":{"tasks":[{"task_id":{"value":"nobody"}}]}"#) == 202)
        _ = try await event("UPDATE")
        _ = try await event("OFFERS")
        #expect(try await served.call(#"""
            {"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"\#(agentID)"}}}
            """#).status == 200)
        _ = try await event("RESCIND")
        try await agent.say(.executorLost(try ExecutorID("E"), framework: framework.id, status: 256))
        _ = try await event("FAILURE")
        let again = try await ScriptedScheduler(served, id: id)
        _ = try await event("ERROR")
        again.close()
        for type in ["SUBSCRIBED", "FRAMEWORK_ADDED", "AGENT_ADDED", "TASK_ADDED", "TASK_UPDATED"] {
            golden.add("watcher \(type)", "\(try await watcher.next(type).names.sorted())")
        }
        #expect(try golden.differences() == [])
        await served.master.stop()
    }
}
