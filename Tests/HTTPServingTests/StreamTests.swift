import ClusterAPI
import HTTPServing
import NIOCore
import RawHTTP
import Testing

@Suite("Event streams and streamed bodies", .timeLimit(.minutes(5)))
struct StreamTests {
    static func rules(records: Int = 8_192, bytes: Int = 4 << 20, heartbeat: Duration? = nil) -> EventStreamRules {
        var rules = EventStreamRules()
        rules.recordsMax = records
        rules.bytesMax = bytes
        rules.heartbeatInterval = heartbeat
        rules.heartbeat = RecordFraming.record(Array("HEARTBEAT".utf8))
        rules.overflow = RecordFraming.record(Array("ERROR too slow".utf8))
        rules.farewellTime = .milliseconds(500)
        return rules
    }

    static func record(_ text: String) -> [UInt8] { RecordFraming.record(Array(text.utf8)) }

    private func subscribe(
        _ served: Served, _ headers: String = "", reads: Bool = true
    ) async throws -> RawConnection {
        let connection = try await RawConnection.open(served.port, reads: reads)
        try await connection.send("GET /stream HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
        return connection
    }

    @Test("records arrive in order, also when the client asked to close", arguments: ["", "Connection: close\r\n"])
    func records(_ headers: String) async throws {
        let served = try await Served.start(rules: Self.rules())
        let connection = try await subscribe(served, headers)
        let head = try await connection.head()
        #expect(head.status == 200)
        #expect(head["Transfer-Encoding"] == "chunked")
        let stream = try await served.opened(1)[0]
        for number in 0..<100 { #expect(stream.send(Self.record("event \(number)"))) }
        for number in 0..<100 { #expect(try await connection.record() == "event \(number)") }
        stream.finish(last: Self.record("bye"))
        #expect(try await connection.record() == "bye")
        #expect(try await connection.record() == nil)
        #expect(try await served.ended(1) == [.finished])
        #expect(!stream.send(Self.record("late")))
        await served.server.stop()
    }

    @Test("a header that waits for the first record leaves with it")
    func headWithRecord() async throws {
        var rules = Self.rules()
        rules.headWaits = .seconds(60)
        let served = try await Served.start(rules: rules)
        let connection = try await subscribe(served)
        let stream = try await served.opened(1)[0]
        await #expect(throws: RawConnection.Timeout.self) {
            _ = try await connection.read(count: 1, within: .milliseconds(100))
        }
        #expect(stream.send(Self.record("first")))
        #expect(try await connection.head().status == 200)
        #expect(try await connection.record() == "first")
        #expect(stream.send(Self.record("second")))
        #expect(try await connection.record() == "second")
        await served.server.stop()
    }

    @Test("a header that waited long enough leaves alone, also when the stream ends", arguments: [true, false])
    func headAlone(_ ends: Bool) async throws {
        var rules = Self.rules()
        rules.headWaits = ends ? .seconds(60) : .milliseconds(30)
        let served = try await Served.start(rules: rules)
        let connection = try await subscribe(served)
        let stream = try await served.opened(1)[0]
        if ends { stream.finish() }
        #expect(try await connection.head().status == 200)
        if ends {
            #expect(try await connection.record() == nil)
        } else {
            #expect(stream.send(Self.record("first")))
            #expect(try await connection.record() == "first")
        }
        await served.server.stop()
    }

    @Test("a held stream says nothing, not even that it lives, until it is told what comes first")
    func held() async throws {
        let served = try await Served.start(rules: Self.rules(bytes: 100, heartbeat: .milliseconds(20)), holds: true)
        let connection = try await subscribe(served)
        _ = try await connection.head()
        let stream = try await served.opened(1)[0]
        #expect(stream.send(Self.record("second")))
        await #expect(throws: RawConnection.Timeout.self) {
            _ = try await connection.read(count: 1, within: .milliseconds(200))
        }
        // Larger than all that may wait: it waits for nobody.
        let first = String(repeating: "first", count: 100)
        let record = Self.record(first)
        stream.release(with: [record.prefix(2), record.dropFirst(2).prefix(300), record.dropFirst(302)].map {
            ByteBuffer(bytes: $0)
        })
        stream.release(with: [ByteBuffer(bytes: Self.record("never"))])
        #expect(try await connection.record() == first)
        #expect(try await connection.record() == "second")
        #expect(try await connection.record() == "HEARTBEAT")
        stream.finish()
        await served.server.stop()
    }

    @Test("a held stream that overflows or ends tells so without what was to come first", arguments: [false, true])
    func heldEnd(_ overflows: Bool) async throws {
        let served = try await Served.start(rules: Self.rules(records: 2), holds: true)
        let connection = try await subscribe(served)
        _ = try await connection.head()
        let stream = try await served.opened(1)[0]
        if overflows {
            #expect(stream.send(Self.record("a")) && stream.send(Self.record("b")) && !stream.send(Self.record("c")))
        } else {
            stream.finish(last: Self.record("bye"))
        }
        stream.release(with: [ByteBuffer(bytes: Self.record("first"))])
        #expect(try await connection.record() == (overflows ? "ERROR too slow" : "bye"))
        #expect(try await served.ended(1) == [overflows ? .overflowed : .finished])
        await served.server.stop()
    }

    @Test("a client that goes is noticed at once, and its owner told once", arguments: [false, true])
    func peerCloses(_ onlySending: Bool) async throws {
        let served = try await Served.start(rules: Self.rules())
        let connection = try await subscribe(served)
        _ = try await connection.head()
        let stream = try await served.opened(1)[0]
        if onlySending { try await connection.finishSending() } else { connection.close() }
        #expect(try await served.ended(1) == [.peerClosed])
        #expect(!stream.send(Self.record("nobody")))
        #expect(stream.pendingBytes == 0)
        #expect(served.server.figures.streams == 0)
        await served.server.stop()
    }

    @Test("whoever has shut its side down before a stream is opened gets none, as whoever does it afterwards")
    func peerShutBefore() async throws {
        let served = try await Served.start(rules: Self.rules())
        let connection = try await RawConnection.open(served.port)
        try await connection.send("GET /late-stream HTTP/1.1\r\nHost: x\r\n\r\n")
        try await connection.finishSending()
        #expect(try await served.ended(1) == [.peerClosed])
        #expect(try await connection.everything() == "")
        #expect(served.server.figures.streams == 0)
        await served.server.stop()
    }

    @Test("heartbeats come while nothing else does")
    func heartbeats() async throws {
        let served = try await Served.start(rules: Self.rules(heartbeat: .milliseconds(20)))
        let connection = try await subscribe(served)
        _ = try await connection.head()
        for _ in 0..<3 { #expect(try await connection.record() == "HEARTBEAT") }
        connection.close()
        await served.server.stop()
    }

    @Test("a consumer that is too slow gets what is under way and an ERROR, then the end")
    func overflow() async throws {
        var rules = Self.rules(bytes: 1 << 20)
        rules.farewellTime = .seconds(20)
        let served = try await Served.start(rules: rules)
        let connection = try await subscribe(served, reads: false)
        let stream = try await served.opened(1)[0]
        let record = Self.record(String(repeating: "x", count: 10_000))
        try await eventually("an overflow") { !stream.send(record) }
        #expect(stream.hasEnded)
        try await connection.startReading()
        let text = try await connection.everything()
        #expect(text.contains("ERROR too slow"))
        #expect(text.hasSuffix("0\r\n\r\n"))
        #expect(try await served.ended(1) == [.overflowed])
        await served.server.stop()
    }

    @Test("a hundred consumers that never read cost bounded memory and hold nobody up")
    func stalledConsumers() async throws {
        let bound = 256 << 10
        let served = try await Served.start(rules: Self.rules(bytes: bound))
        var silent: [RawConnection] = []
        for _ in 0..<100 { silent.append(try await subscribe(served, reads: false)) }
        let streams = try await served.opened(100)
        let reader = try await subscribe(served)
        _ = try await reader.head()
        let live = try #require(try await served.opened(101).last)
        let record = Self.record(String(repeating: "y", count: 20_000))
        var rounds = 0
        while streams.contains(where: { !$0.hasEnded }) {
            for stream in streams { stream.send(record) }
            #expect(streams.allSatisfy { $0.pendingBytes <= bound })
            live.send(Self.record("round \(rounds)"))
            #expect(try await reader.record() == "round \(rounds)")
            rounds += 1
            try #require(rounds < 5_000)
        }
        // Those that never read their farewell are cut off.
        #expect(try await served.ended(100).allSatisfy { $0 == .overflowed })
        #expect(!live.hasEnded)
        for connection in silent + [reader] { connection.close() }
        await served.server.stop()
    }

    @Test("a bound on records holds like the one on bytes")
    func recordBound() async throws {
        let stream = EventStream(Self.rules(records: 3))
        for _ in 0..<3 { #expect(stream.send(Self.record("a"))) }
        #expect(!stream.send(Self.record("b")))
        #expect(stream.hasEnded)
    }

    @Test("one record larger than the bound passes an empty queue")
    func largeRecord() async throws {
        let served = try await Served.start(rules: Self.rules(bytes: 1_000))
        let connection = try await subscribe(served)
        _ = try await connection.head()
        let large = String(repeating: "z", count: 300_000)
        #expect(try await served.opened(1)[0].send(Self.record(large)))
        #expect(try await connection.record() == large)
        connection.close()
        await served.server.stop()
    }

    @Test("streams beyond the bound are refused")
    func streamBound() async throws {
        var limits = ServerLimits.patient
        limits.streamsMax = 1
        let served = try await Served.start(limits: limits, rules: Self.rules())
        let first = try await subscribe(served)
        #expect(try await first.head().status == 200)
        let second = try await subscribe(served)
        #expect(try await second.head().status == 503)
        first.close()
        try await eventually("room") { served.server.figures.streams == 0 }
        let third = try await subscribe(served)
        #expect(try await third.head().status == 200)
        third.close()
        await served.server.stop()
    }

    @Test("a stopping server ends its streams and waits for nobody")
    func stop() async throws {
        let served = try await Served.start(rules: Self.rules())
        let connection = try await subscribe(served)
        _ = try await connection.head()
        await served.server.stop()
        #expect(try await connection.everything() == "0\r\n\r\n")
        #expect(try await served.ended(1) == [.serverStopped])
    }

    @Test("records of a streamed body are taken as they arrive, whatever the chunks")
    func recordBody() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /records HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in ["5\r\n3\nabc\r\n", "1\r\n2\r\n", "3\r\n\nde\r\n", "0\r\n\r\n"] {
            try await connection.send(chunk)
        }
        #expect(try await connection.response().body == "3 2")
        try await connection.send("POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n9\nab")
        let answer = try await connection.response()
        #expect(answer.status == 400)
        #expect(answer.body.contains("before the end of a record"))
        connection.close()
        await served.server.stop()
    }

    @Test("a large streamed body is read at the reader's pace")
    func largeBody() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        let record = Self.record(String(repeating: "r", count: 100_000))
        try await connection.send("POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: \(record.count * 50)\r\n\r\n")
        for _ in 0..<50 { try await connection.send(record) }
        #expect(try await connection.response().body == Array(repeating: "100000", count: 50).joined(separator: " "))
        connection.close()
        await served.server.stop()
    }
}
