import ClusterAPI
import ClusterModel
import Coordination
import Diagnostics
import HTTPServing
import Logging
import MasterService
import RawHTTP
import Testing

/// A master on loopback.
struct ServedMaster {
    let master: Master
    let port: Int

    static func start(
        store: (any RegistryStore)? = nil, coordinator: any Coordinator = SoleCoordinator(),
        ending: Ending? = nil, _ change: (inout MasterSettings) -> Void = { _ in }
    ) async throws -> ServedMaster {
        var settings = MasterSettings(version: VersionInfo(version: "1.12.0", gitCommit: "abc"))
        settings.addresses = [.network(host: "127.0.0.1", port: 0)]
        settings.hostname = "localhost"
        settings.cluster = "test"
        settings.flags = [Flag("port", "0"), Flag("cluster", "test")]
        settings.limits.earlyHeartbeat = nil
        // Agents that a test plays answer pings only while it listens.
        settings.configure = { $0.pingInterval = .seconds(600) }
        change(&settings)
        let master = try await Master.start(
            settings, store: store, coordinator: coordinator,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), ended: { ending?.tell($0) })
        return ServedMaster(master: master, port: try #require(master.port))
    }

    /// A call of the operator API.
    func call(_ body: String, _ headers: String = "") async throws -> RawResponse {
        try await post("/api/v1", body, headers)
    }

    func post(_ path: String, _ body: String, _ headers: String = "") async throws -> RawResponse {
        try await RawConnection.post(port, path, "Content-Type: application/json\r\n\(headers)", body: body)
    }

    func get(_ path: String, _ headers: String = "") async throws -> RawResponse {
        try await RawConnection.get(port, path, headers)
    }

    /// A read of the operator API that has to succeed.
    func ask(_ type: String) async throws -> Answer {
        let response = try await call(#"{"type":"\#(type)"}"#)
        try #require(response.status == 200, "\(type): \(response)")
        return try Answer(response.body)[type.lowercased()]
    }

    /// Asks until the answer is as expected. Fails when it is not in time.
    func wait(for type: String, _ isThere: (Answer) -> Bool) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            let answer = try await ask(type)
            if isThere(answer) { return answer }
            try #require(ContinuousClock.now < deadline, "\(type) stays \(answer)")
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// How a master ended, once it has.
final class Ending: Sendable {
    private let (failures, report) = AsyncStream.makeStream(of: Failure.self)

    func tell(_ failure: Failure) { report.yield(failure) }

    func failure() async -> Failure? {
        for await failure in failures { return failure }
        return nil
    }
}

/// A stream of records of JSON.
final class EventConnection: Sendable {
    let connection: RawConnection
    let head: RawResponse

    /// Sends a request and reads its answer's head, which has to begin a stream.
    init(_ port: Int, _ request: String) async throws {
        connection = try await RawConnection.open(port)
        try await connection.send(request)
        head = try await connection.head()
        guard head.status == 200 else {
            let body = head["Content-Length"].flatMap(Int.init) ?? 0
            throw Refused(status: head.status, body: try await connection.read(count: body))
        }
    }

    struct Refused: Error { let status: Int, body: String }

    /// The next record, heartbeats passed over; nil at the stream's end.
    func next(heartbeats: Bool = false) async throws -> Answer? {
        let deadline = ContinuousClock.now + .seconds(120)
        while let text = try await connection.record() {
            let answer = try Answer(text)
            guard ContinuousClock.now < deadline else { throw RawConnection.Timeout() }
            if heartbeats || answer["type"].text != "HEARTBEAT" { return answer }
        }
        return nil
    }

    /// The text of the next record of that type; others before it are passed over.
    func whole(_ type: String) async throws -> String {
        while let text = try await connection.record() {
            if try Answer(text)["type"].text == type { return text }
        }
        throw Refused(status: 0, body: "the stream ended before \(type)")
    }

    /// The next record of that type; others before it are passed over.
    func next(_ type: String) async throws -> Answer {
        while let answer = try await next() {
            if answer["type"].text == type { return answer[type.lowercased()] }
        }
        throw Refused(status: 0, body: "the stream ended before \(type)")
    }
}

/// A scheduler over HTTP in JSON.
final class ScriptedScheduler {
    let port: Int
    let events: EventConnection
    let id: String
    let stream: String
    let subscribed: Answer

    static func info(_ id: String? = nil, _ more: String = "") -> String {
        let own = id.map { #""id":{"value":"\#($0)"},"# } ?? ""
        return #"{\#(own)"user":"root","name":"test","roles":["eng"],"failover_timeout":100.0,"#
            + #"""
                "capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"},
                {"type":"PARTITION_AWARE"}]\#(more)}
                """#
    }

    static func subscription(_ info: String, id: String? = nil, _ headers: String = "") -> String {
        let own = id.map { #""framework_id":{"value":"\#($0)"},"# } ?? ""
        let body = #"{"type":"SUBSCRIBE",\#(own)"subscribe":{"framework_info":\#(info)}}"#
        return "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Accept: application/json\r\nConnection: close\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    init(_ master: ServedMaster, id: String? = nil, info: String? = nil, _ headers: String = "") async throws {
        port = master.port
        events = try await EventConnection(
            port, ScriptedScheduler.subscription(info ?? ScriptedScheduler.info(id), id: id, headers))
        stream = try #require(events.head["Mesos-Stream-Id"])
        subscribed = try await events.next("SUBSCRIBED")
        self.id = try #require(subscribed["framework_id"]["value"].text)
    }

    /// `content`: the members beside the type and the framework.
    func call(_ type: String, _ content: String = "", _ headers: String? = nil) async throws -> RawResponse {
        let more = content.isEmpty ? "" : ",\(content)"
        let body = #"{"type":"\#(type)","framework_id":{"value":"\#(id)"}\#(more)}"#
        return try await RawConnection.post(
            port, "/api/v1/scheduler",
            "Content-Type: application/json\r\n\(headers ?? "Mesos-Stream-Id: \(stream)\r\n")",
            body: body)
    }

    /// The first offer with an agent's resources.
    func offer() async throws -> Answer { try await events.next("OFFERS")["offers"][0] }

    /// Launches a command task on an offer's agent.
    func launch(
        _ task: String, on offer: Answer, _ resources: String = ScriptedScheduler.small
    ) async throws -> RawResponse {
        let agent = try #require(offer["agent_id"]["value"].text)
        let id = try #require(offer["id"]["value"].text)
        return try await call(
            "ACCEPT",
            #""accept":{"offer_ids":[{"value":"\#(id)"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":["#
                + #"""
                    {"name":"t","task_id":{"value":"\#(task)"},"agent_id":{"value":"\#(agent)"},
                    "resources":\#(resources),
                    """#
                + #""command":{"value":"true"}}]}}],"filters":{"refuse_seconds":0}}"#)
    }

    static let small = #"[\#(scalar("cpus", 1)),\#(scalar("mem", 64))]"#

    static func scalar(_ name: String, _ value: Double) -> String {
        #"{"name":"\#(name)","type":"SCALAR","scalar":{"value":\#(value)},"allocation_info":{"role":"eng"}}"#
    }

    func close() { events.connection.close() }
}
