import HTTPServing
import RawHTTP
import Testing

@Suite("Bounds and malformed input", .timeLimit(.minutes(5)))
struct BoundTests {
    @Test("a hostile request is answered once, at once, and the connection closed", arguments: HostileRequest.refused)
    func hostile(_ request: HostileRequest) async throws {
        let served = try await Served.start()
        let answer = try await ClosedExchange.of(request.text, port: served.port)
        #expect(answer.statuses == [request.status], "\(answer.text.prefix(300))")
        #expect(answer.text.lowercased().contains("\r\nconnection: close\r\n"))
        #expect(try await RawConnection.get(served.port, "/health").status == 200)
        await served.server.stop()
    }

    @Test("what is rare but right is answered, wherever it is cut", arguments: UnusualRequest.all, [1, 7, .max])
    func unusual(_ request: UnusualRequest, _ pieceBytes: Int) async throws {
        let served = try await Served.start()
        let answer = try await ClosedExchange.of(request.text, port: served.port, pieceBytes: pieceBytes)
        #expect(answer.statuses == request.statuses, "\(answer.text.prefix(2_000))")
        await served.server.stop()
    }

    @Test("a HEAD of what has no known length is a header and nothing else")
    func headOfPieces() async throws {
        let served = try await Served.start()
        let last = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        let answer = try await ClosedExchange.of("HEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n\(last)", port: served.port)
        #expect(answer.statuses == [200, 200])
        let ends = answer.text.split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(ends.count == 2 && ends[1].hasPrefix("HTTP/1.1 200"), "\(answer.text)")
        await served.server.stop()
    }

    @Test("a body beyond the bound is refused while it arrives, whatever its framing")
    func chunkedBody() async throws {
        var limits = ServerLimits.patient
        limits.bodyBytesMax = 10_000
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /api/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "1000\r\n" + String(repeating: "x", count: 4_096) + "\r\n"
        for _ in 0..<3 { try await connection.send(chunk) }
        let answer = try await connection.response()
        #expect(answer.status == 413)
        #expect(answer.body.contains("body bytes") || answer.body.contains("too large"))
        await served.server.stop()
    }

    @Test("many bodies at once take no more than all may, and who was refused may send his when there is room")
    func bodiesTogether() async throws {
        var limits = ServerLimits.patient
        limits.bodiesBytesMax = 1_000_000
        let served = try await Served.start(limits: limits)
        let head = "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n"
        let half = String(repeating: "x", count: 400_000)
        let slow = try await RawConnection.open(served.port)
        try await slow.send(head + half)
        let attempt = { @Sendable () async throws -> Int in
            let quick = try await RawConnection.open(served.port)
            try await quick.send(head + half + half)
            return try await quick.response().status
        }
        // The first one's half may still be on its way.
        var statuses: [Int] = []
        while statuses.last != 503, statuses.count < 1_000 { statuses.append(try await attempt()) }
        #expect(Set(statuses.dropLast()).isSubset(of: [200]) && statuses.last == 503)
        let small = try await RawConnection.open(served.port)
        try await small.send("POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nPONG")
        #expect(try await small.response().status == 200)
        try await slow.send(half)
        #expect(try await slow.response().status == 200)
        try await eventually("there is room again") { try await attempt() == 200 }
        await served.server.stop()
    }

    @Test("a header that does not come, and a body that does not, are cut off in time")
    func slow() async throws {
        var limits = ServerLimits()
        limits.headerTime = .milliseconds(200)
        limits.bodyTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let header = try await RawConnection.open(served.port)
        try await header.send("GET /state HTTP/1.1\r\nHost: x\r\nA: b")
        #expect(try await header.everything().hasPrefix("HTTP/1.1 408"))
        let body = try await RawConnection.open(served.port)
        try await body.send("POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        #expect(try await body.everything().hasPrefix("HTTP/1.1 408"))
        await served.server.stop()
    }

    @Test("an idle connection is closed")
    func idle() async throws {
        var limits = ServerLimits.patient
        limits.idleTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await connection.response().status == 200)
        #expect(try await connection.everything() == "")
        await served.server.stop()
    }

    @Test("each of many connections is cut off in its time, and none before")
    func manyIdle() async throws {
        var limits = ServerLimits.patient
        limits.idleTime = .milliseconds(300)
        let served = try await Served.start(limits: limits)
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    let connection = try await RawConnection.open(served.port)
                    let asked = ContinuousClock.now
                    try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                    #expect(try await connection.response().status == 200)
                    #expect(try await connection.everything() == "")
                    return ContinuousClock.now - asked
                }
            }
            for try await time in group { #expect(time >= .milliseconds(300)) }
        }
        try await eventually("the end of all") { served.server.figures.open == 0 }
        await served.server.stop()
    }

    @Test("connections beyond the bounds are refused with a reason; those that exist are kept")
    func connections() async throws {
        var limits = ServerLimits.patient
        limits.connectionsMax = 3
        let served = try await Served.start(limits: limits)
        var kept: [RawConnection] = []
        for _ in 0..<3 { kept.append(try await RawConnection.open(served.port)) }
        try await eventually("three connections") { served.server.figures.open == 3 }
        let refused = try await RawConnection.open(served.port)
        let answer = try await refused.everything()
        #expect(answer.hasPrefix("HTTP/1.1 503"))
        #expect(answer.hasSuffix("too many connections"))
        for connection in kept {
            try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await connection.response().status == 200)
        }
        kept.removeFirst().close()
        try await eventually("room again") { served.server.figures.open == 2 }
        #expect(try await RawConnection.get(served.port, "/health").status == 200)
        await served.server.stop()
    }

    @Test("one address cannot take every connection")
    func perPeer() async throws {
        var limits = ServerLimits.patient
        limits.connectionsPerPeerMax = 2
        let served = try await Served.start(limits: limits)
        let first = try await RawConnection.open(served.port)
        let second = try await RawConnection.open(served.port)
        try await eventually("two connections") { served.server.figures.open == 2 }
        let third = try await RawConnection.open(served.port)
        #expect(try await third.everything().hasSuffix("too many connections of this address"))
        first.close()
        second.close()
        await served.server.stop()
    }

    @Test("requests sent ahead are answered in order, within a bound")
    func pipelining() async throws {
        var limits = ServerLimits.patient
        limits.pipelineBytesMax = 100_000
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        let pair = "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        try await connection.send(String(repeating: pair, count: 20))
        for _ in 0..<20 {
            #expect(try await connection.response().body == "")
            #expect(try await connection.response().body == #"{"version":"1.2.3"}"#)
        }
        connection.close()
        await served.server.stop()
    }

    @Test("a request sent ahead whose body is malformed is refused in its turn, not when its time is over")
    func malformedAhead() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send(
            "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
                + "POST /api/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nwhat\r\n")
        #expect(try await connection.response().status == 200)
        let refusal = try await connection.everything()
        #expect(refusal.hasPrefix("HTTP/1.1 400"), "\(refusal)")
        await served.server.stop()
    }

    @Test("a client that has sent all and shut its side down still gets its answer")
    func halfClosed() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        try await connection.finishSending()
        #expect(try await connection.everything().hasSuffix("2 bytes, rest "))
        await served.server.stop()
    }

    @Test("a client that asks whether to go on is told so, or refused before it sends")
    func expectContinue() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        let asks = "HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        try await connection.send("POST /api/v1 \(asks)")
        #expect(try await connection.head().status == 100)
        try await connection.send("ab")
        #expect(try await connection.response().body == "2 bytes, rest ")
        connection.close()
        let refused = try await ClosedExchange.of("POST /none \(asks)", port: served.port)
        #expect(refused.statuses == [404])
        #expect(refused.text.lowercased().contains("\r\nconnection: close\r\n"))
        await served.server.stop()
    }

    @Test("a connection goes on after an early answer whose body was not wanted")
    func earlyAnswer() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde")
        #expect(try await connection.response().status == 404)
        try await connection.send("GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await connection.response().status == 200)
        connection.close()
        await served.server.stop()
    }

    @Test("a peer that does not read its answer is cut off")
    func stalled() async throws {
        var limits = ServerLimits.patient
        limits.stallTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port, reads: false)
        try await connection.send(
            String(repeating: "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", count: 200))
        try await eventually("the end") { served.server.figures.open == 0 }
        await served.server.stop()
    }
}
