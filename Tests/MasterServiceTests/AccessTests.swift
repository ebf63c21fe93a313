import ClusterAPI
import Foundation
import HTTPServing
import RawHTTP
import Testing

/// Who may call, and do what.
@Suite("Access to a master", .timeLimit(.minutes(5)))
struct AccessTests {
    private static func basic(_ name: String, _ secret: String) -> String {
        "Authorization: Basic \(Data("\(name):\(secret)".utf8).base64EncodedString())\r\n"
    }

    private func served(_ directory: TemporaryDirectory, rules: String? = nil) async throws -> ServedMaster {
        try directory.write(
            #"""
                {"credentials":[{"principal":"ops","secret":"s1"},{"principal":"dev","secret":"s2"},
                {"principal":"agent","secret":"s3"}]}
                """#,
            to: "credentials")
        try directory.write(String(repeating: "k", count: 32), to: "key")
        if let rules { try directory.write(rules, to: "rules") }
        return try await ServedMaster.start { settings in
            settings.credentialsFile = directory.file("credentials")
            settings.systemLoad = {
                SystemLoad(averages: [1, 2, 3], processors: 2, memoryTotalBytes: 2, memoryFreeBytes: 1)
            }
            settings.tokenKeyFile = directory.file("key")
            if rules != nil { settings.rulesFile = directory.file("rules") }
        }
    }

    static let guarded: [(method: String, path: String, realm: String)] = [
        ("POST", "/api/v1", "mesos-master-readwrite"), ("POST", "/api/v1/scheduler", "mesos-master-scheduler"),
        ("POST", "/api/v1/agent", "bulkhead-master-agent"), ("GET", "/state", "mesos-master-readonly"),
        ("GET", "/flags", "mesos-master-readonly"), ("GET", "/metrics", "mesos-master-readonly"),
        ("GET", "/metrics/snapshot", "mesos-master-readonly"), ("POST", "/teardown", "mesos-master-readwrite"),
        ("GET", "/registrar(1)/registry", "mesos-master-readonly"), ("GET", "/__processes__", "mesos-master-readonly"),
        ("GET", "/system/stats.json", "mesos-master-readonly"), ("GET", "/quota", "mesos-master-readwrite"),
            ("GET", "/logging/toggle", "mesos-master-readwrite"),
    ]

    @Test("everything that tells or changes something asks who calls; what only says it is there does not")
    func guarded() async throws {
        let directory = try TemporaryDirectory()
        let served = try await served(directory)
        for (method, path, realm) in AccessTests.guarded {
            for headers in ["", AccessTests.basic("ops", "wrong"), "Authorization: Bearer x.y.z\r\n"] {
                let response = try await RawConnection.exchange(
                    served.port, "\(method) \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\(headers)\r\n")
                #expect(response.status == 401, "\(method) \(path)")
                let challenges = response.headers.filter { $0.name == "WWW-Authenticate" }.map(\.value)
                #expect(challenges == ["Basic realm=\"\(realm)\"", "Bearer realm=\"\(realm)\""])
            }
        }
        for path in ["/", "/health", "/version", "/redirect"] { #expect(try await served.get(path).status != 401) }
        #expect(try await served.call(#"{"type":"GET_STATE"}"#, AccessTests.basic("ops", "s1")).status == 200)
        await served.master.stop()
    }

    @Test("a token names its bearer, and one with claims but no name may not call")
    func tokens() async throws {
        let directory = try TemporaryDirectory()
        let served = try await served(directory)
        let issuer = try await TokenAuthenticator(file: directory.file("key"))
        let named = try await issuer.issue(Principal("ops"), lifetime: .seconds(60))
        let nameless = try await issuer.issue(Principal(nil, claims: ["task": "t"]), lifetime: .seconds(60))
        #expect(try await served.call(#"{"type":"GET_STATE"}"#, "Authorization: Bearer \(named)\r\n").status == 200)
        for path in ["/api/v1", "/api/v1/scheduler"] {
            let body = path == "/api/v1" ? #"{"type":"GET_STATE"}"# : WireRuleTests.subscribe
            #expect(try await served.post(path, body, "Authorization: Bearer \(nameless)\r\n").status == 403)
        }
        #expect(try await served.get("/state", "Authorization: Bearer \(nameless)\r\n").status == 403)
        await served.master.stop()
    }

    @Test("a framework gets its principal from who subscribes, and nobody else may speak for it")
    func principals() async throws {
        let directory = try TemporaryDirectory()
        let served = try await served(directory)
        let scheduler = try await ScriptedScheduler(served, AccessTests.basic("dev", "s2"))
        let stream = "Mesos-Stream-Id: \(scheduler.stream)\r\n"
        #expect(try await scheduler.call("REVIVE", "", stream + AccessTests.basic("dev", "s2")).status == 202)
        let foreign = try await scheduler.call("REVIVE", "", stream + AccessTests.basic("ops", "s1"))
        #expect(foreign.status == 400)
        #expect(foreign.body.contains("principal"))
        let list = try await served.call(#"{"type":"GET_FRAMEWORKS"}"#, AccessTests.basic("ops", "s1"))
        let info = try Answer(list.body)["get_frameworks"]["frameworks"][0]["framework_info"]
        #expect(info["principal"].text == "dev")
        await served.master.stop()
    }

    @Test("a link belongs to the principal that opened it")
    func links() async throws {
        let directory = try TemporaryDirectory()
        let served = try await served(directory)
        let agent = try await ScriptedAgent(served, nil, AccessTests.basic("agent", "s3"))
        let link = try #require(agent.head[AgentLink.header])
        let stolen = try await RawConnection.post(
            served.port, AgentLink.path,
            ScriptedAgent.streaming + AccessTests.basic("dev", "s2") + "\(AgentLink.header): \(link)\r\n",
            body: String(decoding: AgentMessage.pong.record, as: UTF8.self))
        #expect(stolen.status == 404)
        await served.master.stop()
    }

    @Test("rules say who may do what, and what is not allowed is not shown")
    func rules() async throws {
        let directory = try TemporaryDirectory()
        let served = try await served(
            directory,
            rules: """
                {"rules":[
                {"principals":["ops","agent"],"actions":["*"],"objects":["*"],"allow":true},
                {"principals":["dev"],"actions":["register-framework","view-framework"],"objects":["eng"],
                "allow":true}]}
                """)
        let ops = AccessTests.basic("ops", "s1")
        let dev = AccessTests.basic("dev", "s2")
        _ = try await ScriptedAgent(served, nil, AccessTests.basic("agent", "s3"))
        let scheduler = try await ScriptedScheduler(served, dev)
        for body in [
            #"{"type":"GET_FLAGS"}"#, #"{"type":"GET_METRICS"}"#, #"{"type":"LIST_FILES","list_files":{"path":"/"}}"#,
            #"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":1}}}"#,
            #"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2}]}}"#,
            #"{"type":"TEARDOWN","teardown":{"framework_id":{"value":"\#(scheduler.id)"}}}"#, #"{"type":"SUBSCRIBE"}"#,
        ] {
            #expect(try await served.call(body, dev).status == 403, "\(body)")
        }
        for path in [
            "/flags", "/metrics", "/metrics/snapshot", "/registrar(1)/registry", "/__processes__", "/system/stats.json",
        ] {
            #expect(try await served.get(path, dev).status == 403)
            #expect(try await served.get(path, ops).status == 200)
        }
        let shown = try Answer(try await served.get("/state", dev).body)
        #expect(shown["slaves"].all.isEmpty)
        #expect(shown["frameworks"].all.count == 1)
        #expect(shown["flags"].names.isEmpty)
        #expect(try Answer(try await served.get("/state", ops).body)["slaves"].all.count == 1)
        let other = ScriptedScheduler.info().replacing(#"["eng"]"#, with: #"["ops"]"#)
        let events = try await EventConnection(served.port, ScriptedScheduler.subscription(other, id: nil, dev))
        #expect(try await events.next()?["type"].text == "ERROR")
        await served.master.stop()
    }
}

extension TemporaryDirectory {
    /// Readable by its owner only.
    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file(name))
    }
}
