import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import NIOHTTP1
import Testing

@Suite("Streams of events", .timeLimit(.minutes(5)))
struct StreamTests {
    static let stream: HTTPHeaders = ["Content-Type": "application/json", "Mesos-Stream-Id": "s-1"]

    private func connected(
        _ settings: (inout ClientSettings) -> Void = { _ in }, _ script: @escaping ScriptedServer.Script
    ) async throws -> (server: ScriptedServer, connection: SchedulerConnection) {
        let server = try await ScriptedServer.start(script)
        var made = ClientSettings(
            masters: [ServerAddress(host: "127.0.0.1", port: UInt16(server.port))], logger: quiet)
        settings(&made)
        let connection = try await ClusterClient(made).subscribe(Subscription(framework: framework()))
        return (server, connection)
    }

    @Test("events come in order whatever chunks they arrive in, and calls carry the stream's id")
    func events() async throws {
        let bytes =
            try SchedulerEvent.subscribed("F1").framed + SchedulerEvent.rescind(OfferID("o1")).framed
            + RecordFraming.record(Array(#"{"type":"NOVELTY"}"#.utf8)) + SchedulerEvent.error("over").framed
        let (server, connection) = try await connected { request, reply in
            guard request.headers["Mesos-Stream-Id"].isEmpty else { return await reply.answer(202) }
            await reply.head(200, Self.stream)
            for byte in bytes { await reply.chunk([byte]) }
            await reply.closed()
        }
        var events = connection.events.makeAsyncIterator()
        #expect(try await events.next() == .subscribed("F1"))
        #expect(try await events.next() == .rescind(OfferID("o1")))
        #expect(try await events.next() == .error("over"))
        try await connection.call(SchedulerCall(framework: FrameworkID("F1"), .revive([])))
        let call = try #require(server.requests.last)
        #expect(call.path == "/api/v1/scheduler" && call.headers["Mesos-Stream-Id"] == ["s-1"])
        #expect(try SchedulerCall(call.body).action == .revive([]))
        connection.disconnect()
        #expect(try await events.next() == nil)
        try await server.stop()
    }

    @Test("no call is made on the connection of a stream that has ended, which the server may be closing just then")
    func ended() async throws {
        let bytes = try SchedulerEvent.subscribed("F1").framed
        let (server, connection) = try await connected { request, reply in
            guard request.headers["Mesos-Stream-Id"].isEmpty else { return await reply.answer(202) }
            await reply.head(200, Self.stream)
            await reply.chunk(bytes)
            await reply.end()
        }
        var events = connection.events.makeAsyncIterator()
        #expect(try await events.next() == .subscribed("F1"))
        await #expect(throws: Failure.self) { try await events.next() }
        try await connection.call(SchedulerCall(framework: FrameworkID("F1"), .revive([])))
        #expect(server.connectionsMade == 2)
        #expect(server.requests.first?.headers["Connection"] == ["close"])
        try await server.stop()
    }

    @Test("a status update belongs to the framework of the stream")
    func updates() async throws {
        let update = StatusUpdate(
            framework: try FrameworkID("F1"), task: try TaskID("t"), state: .running, source: .executor,
            agent: try AgentID("a"), at: .epoch, id: UpdateID(high: 1, low: 2))
        let bytes = try SchedulerEvent.subscribed("F1").framed + SchedulerEvent.update(update).framed
        let (server, connection) = try await connected { _, reply in
            await reply.head(200, Self.stream)
            await reply.chunk(bytes)
            await reply.closed()
        }
        var events = connection.events.makeAsyncIterator()
        _ = try await events.next()
        #expect(try await events.next() == .update(update))
        try await server.stop()
    }

    @Test(
        "a stream that ends is a failure after what came before it: closed, cut within a record, or not readable",
        arguments: [
            ("closed", "client.stream-closed"), ("cut", "client.stream-broken"),
            ("truncated", "stream.record-truncated"),
            ("garbage", "stream.record-malformed"), ("giant", "stream.record-too-large"),
            ("foreign", "client.stream-unreadable"),
        ])
    func ends(_ how: String, _ code: String) async throws {
        let subscribed = try SchedulerEvent.subscribed("F1").framed
        let (server, connection) = try await connected {
            $0.limits.recordBytesMax = 100_000
        } _: { _, reply in
            await reply.head(200, Self.stream)
            await reply.chunk(subscribed)
            switch how {
            case "closed": await reply.end()
            case "cut":
                await reply.chunk(Array("20\n{\"type\"".utf8))
                reply.cut()
            case "truncated":
                await reply.chunk(Array("20\n{\"type\"".utf8))
                await reply.end()
            case "garbage": await reply.chunk(Array("{\"type\":\"HEARTBEAT\"}".utf8))
            case "giant": await reply.chunk(Array("100001\n".utf8))
            default: await reply.chunk(Array("2\n{}".utf8))
            }
            await reply.closed()
        }
        var events = connection.events.makeAsyncIterator()
        #expect(try await events.next() == .subscribed("F1"))
        do {
            let event = try await events.next()
            Issue.record("\(String(describing: event)) instead of \(code)")
        } catch {
            #expect(error.code.rawValue == code, "\(error)")
        }
        #expect(try await events.next() == nil)
        // However a stream ended, its connection is not used again.
        await until { server.openConnections == 0 }
        try await server.stop()
    }

    @Test("a stream that falls silent is given up, and heartbeats keep it")
    func silence() async throws {
        let subscribed = try SchedulerEvent.subscribed("F1", heartbeat: .seconds(3)).framed
        let (server, connection) = try await connected { _, reply in
            await reply.head(200, Self.stream)
            // The watch is asleep by now, for as long as streams may be silent at most.
            await pause(.milliseconds(50))
            await reply.chunk(subscribed)
            // Longer than the fifteen seconds of silence that are too many.
            for _ in 0..<12 {
                await pause(.milliseconds(1_500))
                await reply.chunk(SchedulerEvent.heartbeat.framed)
            }
            await reply.closed()
        }
        var beats = 0
        var failed: Failure?
        do {
            for try await event in connection.events where event == .heartbeat { beats += 1 }
        } catch {
            failed = error
        }
        #expect(beats == 12 && failed?.code == "client.stream-silent", "\(beats) \(String(describing: failed))")
        await until { server.openConnections == 0 }
        try await server.stop()
    }

    @Test("a reader that is slow makes the server wait, and is not taken for a silent stream")
    func backpressure() async throws {
        let record = try SchedulerEvent.message(
            Array(repeatElement(7, count: 60_000)), executor: ExecutorID("e"), agent: AgentID("a")
        ).framed
        let sent = Counter()
        // A server on a busy machine may be late by as much as the silence that ends a stream is long.
        let heartbeat = Duration.seconds(2)
        let subscribed = try SchedulerEvent.subscribed("F1", heartbeat: heartbeat).framed
        let (server, connection) = try await connected {
            $0.limits.recordsWaitingMax = 4
        } _: { _, reply in
            await reply.head(200, Self.stream)
            await reply.chunk(subscribed)
            for _ in 0..<150 {
                guard await reply.chunk(record) else { return }
                sent.add()
            }
            await reply.end()
        }
        var events = connection.events.makeAsyncIterator()
        _ = try await events.next()
        // Long past the time after which silence would be an end.
        var still = -1
        while still != sent.count {
            still = sent.count
            await pause(heartbeat * ClientLimits().heartbeatsMissedMax + .milliseconds(100))
        }
        #expect(still < 150, "\(still) records of 80 kB were taken ahead of the reader")
        var read = 0
        do {
            while try await events.next() != nil { read += 1 }
        } catch {
            #expect(error.code == "client.stream-closed")
        }
        #expect(read == 150)
        try await server.stop()
    }

    @Test("letting go of a stream closes its connection; letting go of the client does not end its streams")
    func ownership() async throws {
        let subscribed = try SchedulerEvent.subscribed("F1").framed
        let (server, connection) = try await connected { _, reply in
            await reply.head(200, Self.stream)
            await reply.chunk(subscribed)
            await reply.closed()
        }
        do {
            let held = connection
            var events = held.events.makeAsyncIterator()
            #expect(try await events.next() == .subscribed("F1"))
            #expect(server.openConnections == 1)
        }
        _ = consume connection
        await until { server.openConnections == 0 }
        try await server.stop()
    }

    @Test("a reader whose task is cancelled gets nil")
    func cancelled() async throws {
        let (server, connection) = try await connected { _, reply in
            await reply.head(200, Self.stream)
            await reply.closed()
        }
        let reader = Task { () -> Bool in
            var events = connection.events.makeAsyncIterator()
            return try await events.next() == nil
        }
        reader.cancel()
        // Cancelled it is, so at the suite's time limit only the end of its stream is left to end it.
        let isNil = try await withTaskCancellationHandler {
            try await reader.value
        } onCancel: {
            connection.disconnect()
        }
        #expect(isNil)
        try await server.stop()
    }

    @Test("a master that stopped leading ends the calls of its subscriptions")
    func leader() async throws {
        let (server, connection) = try await connected { request, reply in
            guard request.headers["Mesos-Stream-Id"].isEmpty else {
                return await reply.answer(307, "", ["Location": "//127.0.0.1:1/api/v1/scheduler"])
            }
            await reply.head(200, Self.stream)
            await reply.closed()
        }
        let framework = try FrameworkID("F")
        let failed = await failure { () throws(Failure) in
            try await connection.call(SchedulerCall(framework: framework, .suppress([])))
        }
        #expect(failed?.code == "client.not-leading" && failed?.retry == .later)
        try await server.stop()
    }

    @Test("a subscription without a stream id, and one answered with 202, are no subscriptions")
    func noStream() async throws {
        for status in [200, 202] {
            let server = try await ScriptedServer.start { _, reply in await reply.answer(status) }
            let client = try ClusterClient(settings(server.port))
            let request = try framework()
            let failed = await failure { () throws(Failure) in
                try await client.subscribe(Subscription(framework: request))
            }
            #expect(failed?.code == "client.answer-unreadable")
            try await server.stop()
        }
    }

    @Test("operators' events begin with the state", arguments: WireFormat.allCases)
    func operators(_ format: WireFormat) async throws {
        let records =
            OperatorEvent.subscribed(StateView(), heartbeat: .seconds(15)).record(format)
            + OperatorEvent.agentRemoved(try AgentID("a")).record(format) + OperatorEvent.heartbeat.record(format)
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(200, ["Content-Type": format.mediaType])
            await reply.chunk(records)
            await reply.closed()
        }
        var events = try await ClusterClient(settings(server.port, format: format)).operatorEvents().makeAsyncIterator()
        #expect(try await events.next() == .subscribed(StateView(), heartbeat: .seconds(15)))
        #expect(try await events.next() == .agentRemoved(AgentID("a")))
        #expect(try await events.next() == .heartbeat)
        try await server.stop()
    }
}
