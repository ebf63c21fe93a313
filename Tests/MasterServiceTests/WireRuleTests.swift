import RawHTTP
import Testing

/// Status codes, headers and error texts of the protocol, each by what a client sends and gets.
@Suite("The master's HTTP rules", .timeLimit(.minutes(5)))
struct WireRuleTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        let name: String
        var method = "POST"
        var path = "/api/v1"
        var headers = "Content-Type: application/json\r\n"
        var body = #"{"type":"GET_HEALTH"}"#
        let status: Int
        /// In the answer's body.
        var says = ""
        /// In the answer's header.
        var header: (name: String, value: String)?
        var testDescription: String { name }
    }

    static let json = "Content-Type: application/json\r\n"
    static let scheduler = "/api/v1/scheduler"
    static let subscribe = #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#

    static let operators: [Rule] = [
        Rule(name: "no Content-Type", headers: "", status: 400, says: "Expecting 'Content-Type' to be present"),
        Rule(name: "another type", headers: "Content-Type: text/plain\r\n", status: 415),
        Rule(name: "a type with parameters", headers: "Content-Type: application/json; charset=utf-8\r\n", status: 415),
        Rule(name: "a type in other case", headers: "Content-Type: Application/JSON\r\n", status: 415),
        Rule(name: "a stream where none is", headers: "Content-Type: application/recordio\r\n", status: 415),
        Rule(
            name: "a message type without stream", headers: json + "Message-Content-Type: application/json\r\n",
            status: 415),
        Rule(name: "an Accept that cannot be", headers: json + "Accept: image/png\r\n", status: 406),
        Rule(
            name: "an Accept of everything", headers: json + "Accept: */*\r\n", status: 200,
            header: ("Content-Type", "application/json")),
        Rule(name: "no Accept", status: 200, header: ("Content-Type", "application/json")),
        Rule(
            name: "an Accept of protobuf", headers: json + "Accept: application/x-protobuf\r\n", status: 200,
            header: ("Content-Type", "application/x-protobuf")),
        Rule(name: "GET", method: "GET", status: 405, header: ("Allow", "POST")),
        Rule(name: "PUT", method: "PUT", status: 405, header: ("Allow", "POST")),
        Rule(
            name: "an unknown call", body: #"{"type":"MAKE_TEA"}"#, status: 400,
            says: "Expecting 'type' to be present"),
        Rule(name: "the call UNKNOWN", body: #"{"type":"UNKNOWN"}"#, status: 501),
        Rule(name: "no type", body: "{}", status: 400, says: "type"),
        Rule(name: "a body cut off", body: "{", status: 400),
        Rule(name: "another message", body: #"{"type":"GET_HEALTH","list_files":7}"#, status: 200),
        Rule(name: "a list", body: "[]", status: 400),
        Rule(name: "a missing member", body: #"{"type":"READ_FILE"}"#, status: 400, says: "read_file"),
        Rule(name: "an empty body", body: "", status: 400),
        Rule(
            name: "protobuf that is none", headers: "Content-Type: application/x-protobuf\r\n", body: "{}", status: 400
        ),
        Rule(name: "the process's name first", path: "/master/api/v1", status: 200),
        Rule(name: "a path that goes on", path: "/api/v1/operator", status: 200),
        Rule(name: "a slash at the end", path: "/api/v1/", status: 200),
        Rule(name: "a path that climbs", path: "/api/../api/v1", status: 404),
        Rule(name: "a path nobody serves", path: "/no/such", status: 404),
    ]
    static let schedulers: [Rule] = [
        Rule(name: "a scheduler without Content-Type", path: scheduler, headers: "", body: subscribe, status: 400),
        Rule(name: "a scheduler's GET", method: "GET", path: scheduler, status: 405, header: ("Allow", "POST")),
        Rule(
            name: "a subscription that accepts nothing there is", path: scheduler,
            headers: json + "Accept: text/html\r\n", body: subscribe, status: 406),
        Rule(
            name: "a call that accepts nothing but gets nothing", path: scheduler,
            headers: json + "Accept: text/html\r\n", body: #"{"type":"TEARDOWN","framework_id":{"value":"F"}}"#,
            status: 400, says: "Framework cannot be found"),
        Rule(
            name: "a subscription with a stream", path: scheduler, headers: json + "Mesos-Stream-Id: x\r\n",
            body: subscribe, status: 400, says: "Subscribe calls should not include the 'Mesos-Stream-Id' header"),
        Rule(
            name: "two ids that differ", path: scheduler,
            body: #"""
                {"type":"SUBSCRIBE","framework_id":{"value":"A"},"subscribe":{"framework_info":{"user":"u","name":"n",
                "id":{"value":"B"}}}}
                """#,
            status: 400),
        Rule(
            name: "an id at the top only", path: scheduler,
            body: #"""
                {"type":"SUBSCRIBE","framework_id":{"value":"A"},"subscribe":{"framework_info":{"user":"u",
                "name":"n"}}}
                """#,
            status: 400),
        Rule(name: "an unknown scheduler's call", path: scheduler, body: #"""
            {"type":"JUGGLE","framework_id":{"value":"F"}}
            """#, status: 400, says: "Expecting 'type' to be present"),
        Rule(name: "a scheduler's call UNKNOWN", path: scheduler, body: #"""
            {"type":"UNKNOWN","framework_id":{"value":"F"}}
            """#, status: 501),
        Rule(
            name: "a subscription with a role that is no text", path: scheduler,
            body: #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","role":7}}}"#,
            status: 400, says: "subscribe.framework_info.role"),
        Rule(
            name: "an ACCEPT whose operations are no list of operations", path: scheduler,
            body: #"{"type":"ACCEPT","framework_id":{"value":"F"},"accept":{"operations":7}}"#, status: 400,
            says: "accept.operations"),
        Rule(
            name: "an ACCEPT with a task that says not whose it is", path: scheduler,
            body: #"""
                {"type":"ACCEPT","framework_id":{"value":"F"},"accept":{"operations":[{"type":"LAUNCH","launch":
                {"task_infos":[{"name":"n","agent_id":{"value":"S"}}]}}]}}
                """#,
            status: 400, says: "task_infos[0].task_id"),
        Rule(
            name: "a subscription without a user", path: scheduler,
            body: #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n"}}}"#, status: 400, says: "user"),
    ]
    static let agents: [Rule] = [
        Rule(name: "an agent without Content-Type", path: "/api/v1/agent", headers: "", body: "x", status: 400),
        Rule(name: "an agent without a stream", path: "/api/v1/agent", body: "x", status: 415),
        Rule(
            name: "an agent's records without a type", path: "/api/v1/agent",
            headers: "Content-Type: application/recordio\r\n", body: "x", status: 400),
        Rule(
            name: "an agent's broken frame", path: "/api/v1/agent", headers: ScriptedAgent.streaming, body: "x",
            status: 400),
        Rule(
            name: "a link that does not begin with a registration", path: "/api/v1/agent",
            headers: ScriptedAgent.streaming, body: "15\n{\"type\":\"PONG\"}", status: 400, says: "registration"),
        Rule(
            name: "a link nobody has", path: "/api/v1/agent",
            headers: ScriptedAgent.streaming + "Bulkhead-Link-Id: 7\r\n", body: "15\n{\"type\":\"PONG\"}", status: 404),
    ]

    @Test("a request is answered by the rules", arguments: operators + schedulers + agents)
    func rule(_ rule: Rule) async throws {
        let served = try await ServedMaster.start()
        let response = try await RawConnection.exchange(
            served.port,
            "\(rule.method) \(rule.path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(rule.body.utf8.count)\r\n"
                + "\(rule.headers)\r\n\(rule.body)")
        #expect(response.status == rule.status, "\(response.body)")
        #expect(rule.says.isEmpty || response.body.contains(rule.says), "\(response.body)")
        if let header = rule.header { #expect(response[header.name] == header.value) }
        await served.master.stop()
    }

    /// What a fuzzer or a mistaken client sends as JSON.
    static let malformed: [(name: String, body: String)] = [
        ("a million brackets", String(repeating: "[", count: 1_000_000)),
        ("a million objects", String(repeating: #"{"a":"#, count: 1_000_000)),
        ("a member twice", #"{"type":"GET_HEALTH","type":"GET_STATE"}"#),
        ("a number without end", #"""
            {"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":1
            """# + String(repeating: "0", count: 100_000) + "}}}"),
        ("no number", #"{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":nan}}}"#),
        ("half a pair", #"{"type":"LIST_FILES","list_files":{"path":"\ud800"}}"#),
        ("a zero", #"{"type":"LIST_FILES","list_files":{"path":"\u0000"}}"#),
        ("a byte order mark", "\u{FEFF}" + #"{"type":"GET_HEALTH"}"#),
        ("a comma at the end", #"{"type":"GET_HEALTH",}"#),
        ("two documents", #"{"type":"GET_HEALTH"}{"type":"GET_HEALTH"}"#),
    ]

    @Test("malformed JSON is refused with the place, and the master serves on", arguments: malformed.map(\.name))
    func malformedJSON(_ name: String) async throws {
        let served = try await ServedMaster.start()
        let body = try #require(WireRuleTests.malformed.first { $0.name == name }).body
        let response = try await served.call(body)
        #expect(response.status == 400, "\(response)")
        #expect(response.body.count < 1_000, "the answer does not repeat the input")
        #expect(try await served.ask("GET_HEALTH")["healthy"].bool == true)
        await served.master.stop()
    }

    @Test("protobuf that lies about its lengths is refused", arguments: [
        [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], [0x0B], [0x0F], [0x00],
    ] as [[UInt8]])
    func malformedProtobuf(_ bytes: [UInt8]) async throws {
        let served = try await ServedMaster.start()
        for path in ["/api/v1", "/api/v1/scheduler"] {
            let connection = try await RawConnection.open(served.port)
            try await connection.send(
                "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                    + "Content-Length: \(bytes.count)\r\n\r\n")
            try await connection.send(bytes)
            #expect(try await connection.response().status == 400)
            connection.close()
        }
        await served.master.stop()
    }

    @Test("a body beyond the bound is refused before and while it comes")
    func largeBody() async throws {
        let served = try await ServedMaster.start { $0.limits.callBytesMax = 10_000 }
        let announced = try await RawConnection.exchange(
            served.port, "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\(WireRuleTests.json)\r\n")
        #expect(announced.status == 413)
        let connection = try await RawConnection.open(served.port)
        try await connection.send(
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\(WireRuleTests.json)\r\n")
        for _ in 0..<3 { try await connection.send("1000\r\n" + String(repeating: " ", count: 4_096) + "\r\n") }
        #expect(try await connection.response().status == 413)
        #expect(try await served.ask("GET_HEALTH")["healthy"].bool == true)
        await served.master.stop()
    }

    @Test("a large answer is compressed for whoever takes gzip")
    func gzip() async throws {
        let served = try await ServedMaster.start { settings in
            settings.flags = (0..<200).map { .init("flag\($0)", "value") }
        }
        let plain = try await served.call(#"{"type":"GET_FLAGS"}"#)
        #expect(plain["Content-Encoding"] == nil)
        let connection = try await RawConnection.open(served.port)
        let body = #"{"type":"GET_FLAGS"}"#
        try await connection.send(
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\n\(WireRuleTests.json)Accept-Encoding: gzip\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let head = try await connection.head()
        #expect(head["Content-Encoding"] == "gzip")
        #expect((head["Content-Length"].flatMap(Int.init) ?? .max) < plain.body.utf8.count / 4)
        await served.master.stop()
    }
}
