import HTTPServing
import RawHTTP
import Testing

@Suite("Bounds and malformed input")
struct BoundTests {
    /// What comes, and the status it is answered with before the connection closes; 0 when it is closed without words.
    static let malformed: [(name: String, text: String, status: Int)] = [
        ("no HTTP at all", "hello\r\n\r\n", 400),
        ("a TLS greeting", "\u{16}\u{03}\u{01}\u{00}\r\n\r\n", 400),
        ("no version", "GET /state\r\n\r\n", 505),
        ("an unknown version", "GET /state HTTP/9.9\r\n\r\n", 505),
        ("a space in the target", "GET /st ate HTTP/1.1\r\n\r\n", 400),
        ("a header without colon", "GET /state HTTP/1.1\r\nHost\r\n\r\n", 400),
        ("a header of control characters", "GET /state HTTP/1.1\r\nA: b\u{01}c\r\n\r\n", 400),
        ("a negative length", "POST /api/v1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("a length beyond 64 bits", "POST /api/v1 HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
        ("two lengths", "POST /api/v1 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (
            "length and chunks",
            "POST /api/v1 HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
        ),
        (
            "a chunk size that overflows",
            "POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400
        ),
        ("a chunk size that is none", "POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (
            "a chunk extension without end",
            "POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 1 << 20),
            400
        ),
        ("a negative chunk size", "POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nab", 400),
        ("an encoding that is not known", "POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("a continued header line", "GET /state HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
        ("a space before the colon", "GET /state HTTP/1.1\r\nA : b\r\n\r\n", 400),
        ("NUL in a header", "GET /state HTTP/1.1\r\nA: b\0c\r\n\r\n", 400),
        ("a huge header", "GET /state HTTP/1.1\r\nA: " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n", 431),
        ("10,000 headers", "GET /state HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 10_000) + "\r\n", 431),
        (
            "a huge target", "GET /" + String(repeating: "x", count: 10_000) + " HTTP/1.1\r\nConnection: close\r\n\r\n",
            414
        ),
        ("a body announced too large", "POST /api/v1 HTTP/1.1\r\nContent-Length: 104857600\r\n\r\n", 413),
    ]

    @Test("malformed input is answered and the connection closed", arguments: BoundTests.malformed.map(\.name))
    func malformedInput(_ name: String) async throws {
        let served = try await Served.start()
        let input = try #require(BoundTests.malformed.first { $0.name == name })
        let connection = try await RawConnection.open(served.port)
        try await connection.send(input.text)
        let answer = try await connection.everything()
        #expect(answer.hasPrefix("HTTP/1.1 \(input.status)"), "\(answer.prefix(200))")
        #expect(try await RawConnection.get(served.port, "/health").status == 200)
        await served.server.stop()
    }

    @Test("a body beyond the bound is refused while it arrives, whatever its framing")
    func chunkedBody() async throws {
        var limits = ServerLimits()
        limits.bodyBytesMax = 10_000
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "1000\r\n" + String(repeating: "x", count: 4_096) + "\r\n"
        for _ in 0..<3 { try await connection.send(chunk) }
        let answer = try await connection.response()
        #expect(answer.status == 413)
        #expect(answer.body.contains("body bytes") || answer.body.contains("too large"))
        await served.server.stop()
    }

    @Test("a header that does not come, and a body that does not, are cut off in time")
    func slow() async throws {
        var limits = ServerLimits()
        limits.headerTime = .milliseconds(200)
        limits.bodyTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let header = try await RawConnection.open(served.port)
        try await header.send("GET /state HTTP/1.1\r\nA: b")
        #expect(try await header.everything().hasPrefix("HTTP/1.1 408"))
        let body = try await RawConnection.open(served.port)
        try await body.send("POST /api/v1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        #expect(try await body.everything().hasPrefix("HTTP/1.1 408"))
        await served.server.stop()
    }

    @Test("an idle connection is closed")
    func idle() async throws {
        var limits = ServerLimits()
        limits.idleTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        try await connection.send("GET /health HTTP/1.1\r\n\r\n")
        #expect(try await connection.response().status == 200)
        #expect(try await connection.everything() == "")
        await served.server.stop()
    }

    @Test("connections beyond the bounds are refused with a reason; those that exist are kept")
    func connections() async throws {
        var limits = ServerLimits()
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
            try await connection.send("GET /health HTTP/1.1\r\n\r\n")
            #expect(try await connection.response().status == 200)
        }
        kept.removeFirst().close()
        try await eventually("room again") { served.server.figures.open == 2 }
        #expect(try await RawConnection.get(served.port, "/health").status == 200)
        await served.server.stop()
    }

    @Test("one address cannot take every connection")
    func perPeer() async throws {
        var limits = ServerLimits()
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
        var limits = ServerLimits()
        limits.pipelineBytesMax = 100_000
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port)
        let pair = "GET /health HTTP/1.1\r\n\r\nGET /version HTTP/1.1\r\n\r\n"
        try await connection.send(String(repeating: pair, count: 20))
        for _ in 0..<20 {
            #expect(try await connection.response().body == "")
            #expect(try await connection.response().body == #"{"version":"1.2.3"}"#)
        }
        connection.close()
        await served.server.stop()
    }

    @Test("a client that has sent all and shut its side down still gets its answer")
    func halfClosed() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /api/v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab")
        try await connection.finishSending()
        #expect(try await connection.everything().hasSuffix("2 bytes, rest "))
        await served.server.stop()
    }

    @Test("a client that asks whether to go on is told so, or refused before it sends")
    func expectContinue() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /api/v1 HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await connection.head().status == 100)
        try await connection.send("ab")
        #expect(try await connection.response().body == "2 bytes, rest ")
        connection.close()
        let refused = try await RawConnection.exchange(
            served.port, "POST /none HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(refused.status == 404)
        await served.server.stop()
    }

    @Test("a connection goes on after an early answer whose body was not wanted")
    func earlyAnswer() async throws {
        let served = try await Served.start()
        let connection = try await RawConnection.open(served.port)
        try await connection.send("POST /none HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde")
        #expect(try await connection.response().status == 404)
        try await connection.send("GET /version HTTP/1.1\r\n\r\n")
        #expect(try await connection.response().status == 200)
        connection.close()
        await served.server.stop()
    }

    @Test("a peer that does not read its answer is cut off")
    func stalled() async throws {
        var limits = ServerLimits()
        limits.stallTime = .milliseconds(200)
        let served = try await Served.start(limits: limits)
        let connection = try await RawConnection.open(served.port, reads: false)
        try await connection.send(
            String(repeating: "GET /large HTTP/1.1\r\n\r\n", count: 200))
        try await eventually("the end") { served.server.figures.open == 0 }
        await served.server.stop()
    }
}
