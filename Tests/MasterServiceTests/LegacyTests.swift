import ClusterAPI
import RawHTTP
import Testing

/// The endpoints from before there were calls.
@Suite("The master's old endpoints", .timeLimit(.minutes(5)))
struct LegacyTests {
    static let reads: [(path: String, members: Set<String>)] = [
        ("/version", ["version"]), ("/flags", ["flags"]), ("/master/flags", ["flags"]),
        ("/state", ["version", "slaves", "frameworks", "completed_frameworks", "leader_info", "cluster", "flags"]),
        ("/master/state.json", ["slaves"]), ("/master/state", ["slaves"]), ("/state/", ["slaves"]),
        ("/state-summary", ["slaves", "frameworks"]), ("/slaves", ["slaves", "recovered_slaves"]),
        ("/frameworks", ["frameworks", "completed_frameworks"]), ("/tasks", ["tasks"]), ("/roles", ["roles"]),
        ("/quota", []), ("/maintenance/schedule", []), ("/maintenance/status", []),
        ("/metrics/snapshot", ["master/elected"]),
        ("/metrics/snapshot?timeout=5secs", ["master/uptime_secs"]), ("/weights", []),
    ]

    @Test("every read answers with the members it always had")
    func reads() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        _ = try await agent.run()
        for (path, members) in LegacyTests.reads {
            let response = try await served.get(path)
            #expect(response.status == 200, "\(path)")
            #expect(response["Content-Type"] == "application/json", "\(path)")
            #expect(try Answer(response.body).names.isSuperset(of: members), "\(path): \(response.body)")
        }
        let state = try Answer(try await served.get("/state").body)
        #expect(state["slaves"][0]["id"].text == agent.id.text)
        #expect(state["frameworks"][0]["tasks"][0]["id"].text == "t")
        #expect(state["cluster"].text == "test")
        #expect(state["activated_slaves"].number == 1)
        let own = "framework_id=\(scheduler.id)"
        let tasks = try Answer(try await served.get("/tasks?limit=1&order=asc&\(own)").body)["tasks"]
        #expect(tasks.all.count == 1)
        #expect(try Answer(try await served.get("/tasks?offset=1").body)["tasks"].all.isEmpty)
        #expect(try Answer(try await served.get("/slaves?slave_id=nobody").body)["slaves"].all.isEmpty)
        #expect(try Answer(try await served.get("/frameworks?\(own)").body)["frameworks"].all.count == 1)
        await served.master.stop()
    }

    @Test("what is asked wrongly is refused", arguments: [
        ("GET", "/tasks?limit=many", 400), ("GET", "/tasks?limit=-1", 400), ("GET", "/slaves?slave_id=a/b", 400),
        ("GET", "/state?jsonp=alert(1)", 400), ("GET", "/metrics/snapshot?timeout=5", 400), ("POST", "/state", 405),
        ("DELETE", "/weights", 405), ("GET", "/teardown", 405), ("GET", "/reserve", 405), ("GET", "/quota/eng", 404),
        ("PUT", "/quota", 405), ("GET", "/state/../../etc/passwd", 404), ("GET", "/files/browse", 404),
    ])
    func refused(_ method: String, _ path: String, _ status: Int) async throws {
        let served = try await ServedMaster.start()
        let response = try await RawConnection.exchange(
            served.port, "\(method) \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        #expect(response.status == status, "\(response.body)")
        await served.master.stop()
    }

    @Test("the plain ones answer as they always did")
    func plain() async throws {
        let served = try await ServedMaster.start()
        #expect(try await served.get("/").status == 200)
        #expect(try await served.get("/health").status == 200)
        #expect(try await served.get("/master/health").body.isEmpty)
        #expect(try await served.get("/help").body.contains("POST /api/v1/scheduler\n"))
        #expect(try await served.get("/version?jsonp=cb").body.hasPrefix(#"cb({"#))
        let redirect = try await served.get("/master/redirect")
        #expect(redirect.status == 307)
        #expect(redirect["Location"] == "//localhost:\(served.port)")
        let metrics = try await served.get("/metrics")
        #expect(metrics["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(metrics.body.contains("\nbulkhead_master_elected 1\n"))
        let head = try await RawConnection.exchange(served.port, "HEAD /state HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(head.status == 200)
        await served.master.stop()
    }

    static let form = "Content-Type: application/x-www-form-urlencoded\r\n"
    static let reservation =
        #"""
            [{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"eng",
            "principal":"p"}]}]
            """#
    static let volume =
        #"[{"name":"disk","type":"SCALAR","scalar":{"value":64},"reservations":[{"type":"DYNAMIC","role":"eng"}],"#
        + #""disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"data"}}}]"#

    static let changes: [(method: String, path: String, body: String, status: Int)] = [
        ("PUT", "/weights", #"[{"role":"eng","weight":3}]"#, 200), ("PUT", "/weights", "{}", 400),
        (
            "POST", "/quota",
            #"{"role":"web","force":true,"guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#, 200
        ),
        (
            "POST", "/quota",
            #"{"role":"big","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":9999}}]}"#, 409
        ),
        ("DELETE", "/quota/web", "", 200), ("DELETE", "/quota/eng/web", "", 400), ("DELETE", "/quota", "", 404),
        (
            "POST", "/maintenance/schedule",
            #"{"windows":[{"machine_ids":[{"hostname":"away"}],"unavailability":{"start":{"nanoseconds":1}}}]}"#, 200
        ),
        ("POST", "/machine/down", #"[{"hostname":"away"}]"#, 200),
        ("POST", "/machine/up", #"[{"hostname":"away"}]"#, 200),
        ("POST", "/machine/up", #"[{"hostname":"away"}]"#, 400), ("POST", "/machine/up", "7", 400),
        ("POST", "/reserve", "slaveId=AGENT&resources=\(reservation)", 202), ("POST", "/reserve", "slaveId=AGENT", 400),
        ("POST", "/reserve", "resources=[]", 400), ("POST", "/unreserve", "slaveId=AGENT&resources=%zz", 400),
        ("POST", "/create-volumes", "slaveId=AGENT&volumes={}", 400),
        ("POST", "/destroy-volumes", "slaveId=AGENT&volumes=\(volume)", 400),
        ("POST", "/teardown", "frameworkId=FRAMEWORK", 200), ("POST", "/teardown", "frameworkId=FRAMEWORK", 400),
        ("POST", "/teardown", "", 400),
    ]

    @Test("changes do what the calls do")
    func changes() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        for (method, path, body, status) in LegacyTests.changes {
            let sent = body.replacing("AGENT", with: agent.id.text).replacing("FRAMEWORK", with: scheduler.id)
            let response = try await RawConnection.exchange(
                served.port,
                "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(LegacyTests.form)"
                    + "Content-Length: \(sent.utf8.count)\r\n\r\n\(sent)")
            #expect(response.status == status, "\(method) \(path) \(sent): \(response.status) \(response.body)")
        }
        #expect(try Answer(try await served.get("/weights").body)[0]["weight"].number == 3)
        await served.master.stop()
    }
}
