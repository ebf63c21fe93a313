/// Requests that two readers could understand differently, or that never end, and what every server of ours answers.
package struct HostileRequest: Sendable, CustomStringConvertible {
    package let name: String
    package let text: String
    package let status: Int
    package var description: String { name }
}

extension HostileRequest {
    private static let get = "GET /version HTTP/1.1\r\n"
    private static let post = "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
    /// What an attacker hopes is taken for a request of its own.
    private static let smuggled = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

    private static func header(_ line: String, _ status: Int = 400) -> HostileRequest {
        let shown = line.unicodeScalars.prefix(40).map { $0.escaped(asASCII: true) }.joined()
        return HostileRequest(name: "header \(shown)", text: get + "Host: x\r\n\(line)\r\n\r\n", status: status)
    }

    private static func framed(_ name: String, _ headers: String, _ body: String = "", _ status: Int = 400) -> Self {
        HostileRequest(name: name, text: post + headers + "\r\n" + body, status: status)
    }

    private static func chunks(_ name: String, _ body: String) -> HostileRequest {
        HostileRequest(name: name, text: chunked + body, status: 400)
    }

    /// Each is answered once, with this status, and the connection is closed at once.
    package static let refused: [HostileRequest] = lines + hosts + headers + lengths + brokenChunks

    private static let lines: [HostileRequest] = [
        .init(name: "no HTTP at all", text: "hello\r\n\r\n", status: 400),
        .init(name: "a TLS greeting", text: "\u{16}\u{03}\u{01}\u{00}\r\n\r\n", status: 400),
        .init(name: "HTTP/0.9", text: "GET /version\r\n\r\n", status: 505),
        .init(name: "HTTP/2's preface", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505),
        .init(name: "an unknown version", text: "GET /version HTTP/9.9\r\n\r\n", status: 505),
        .init(name: "a version of two digits", text: "GET /version HTTP/1.10\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a version in lower case", text: "GET /version http/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a space in the target", text: "GET /ver sion HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "two spaces", text: "GET  /version HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a tab for a space", text: "GET\t/version HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a space at the line's end", text: "GET /version HTTP/1.1 \r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a space at the line's begin", text: " GET /version HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "NUL in the target", text: "GET /ver\0sion HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "CR in the target", text: "GET /ver\rsion HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "what is not ASCII in the target", text: "GET /é HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "LF alone", text: "GET /version HTTP/1.1\nHost: x\n\n", status: 400),
        .init(name: "a method that is no token", text: "G@T /version HTTP/1.1\r\nHost: x\r\n\r\n", status: 400),
        .init(name: "a method nobody knows", text: "BREW /version HTTP/1.1\r\nHost: x\r\n\r\n", status: 501),
        .init(name: "a tunnel", text: "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 501),
        .init(
            name: "a huge target", text: "GET /" + String(repeating: "x", count: 10_000) + " HTTP/1.1\r\n",
            status: 414),
        .init(name: "a target without end", text: "GET /" + String(repeating: "x", count: 1 << 20), status: 414),
        .init(name: "nothing but empty lines", text: String(repeating: "\r\n", count: 1 << 16), status: 400),
    ]

    private static let hosts: [HostileRequest] = [
        .init(name: "no Host", text: get + "\r\n", status: 400),
        .init(name: "two Hosts", text: get + "Host: a\r\nHost: b\r\n\r\n", status: 400),
        .init(name: "the same Host twice", text: get + "Host: a\r\nhost: a\r\n\r\n", status: 400),
        .init(name: "two Hosts in HTTP/1.0", text: "GET /version HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", status: 400),
        .init(name: "a Host with a path", text: get + "Host: a/b\r\n\r\n", status: 400),
        .init(name: "a Host with a user", text: get + "Host: u@a\r\n\r\n", status: 400),
        .init(name: "a Host with a space", text: get + "Host: a b\r\n\r\n", status: 400),
        .init(name: "a Host with a port that is none", text: get + "Host: a:b\r\n\r\n", status: 400),
        .init(name: "a Host with half an address", text: get + "Host: [::1\r\n\r\n", status: 400),
        .init(name: "no Host beside an absolute target", text: "GET http://x/version HTTP/1.1\r\n\r\n", status: 400),
    ]

    private static let headers: [HostileRequest] = [
        header("Name"), header(": value"), header("A : b"), header("A\t: b"), header("A(b): c"), header("A: b\0c"),
        header("A: b\u{01}c"), header("A: b\u{7F}c"), header("A: b\rc"), header("A: b\nC: d"), header("A: b\r\n c"),
        header("A: b\r\n\tc"), header(" A: b"), header("A: b\r\r"), header("\u{0B}A: b"), header("Ä: b"),
        header("A: " + String(repeating: "x", count: 1 << 20), 431),
        header(String(repeating: "x", count: 1 << 20), 431),
        header(String(repeating: "A: b\r\n", count: 10_000) + "A: b", 431),
        header(String(repeating: "A: \(String(repeating: "b", count: 8_000))\r\n", count: 9) + "A: b", 431),
    ]

    private static let lengths: [HostileRequest] = [
        framed("a negative length", "Content-Length: -1\r\n"),
        framed("a length with a sign", "Content-Length: +2\r\n", "{}"),
        framed("a length in hexadecimal", "Content-Length: 0x2\r\n", "{}"),
        framed("a length with a space", "Content-Length: 1 0\r\n", "{}"),
        framed("a length with a point", "Content-Length: 2.0\r\n", "{}"),
        framed("an empty length", "Content-Length:\r\n", smuggled),
        framed("a length beyond 64 bits", "Content-Length: 99999999999999999999999\r\n"),
        framed("a length of 2^64", "Content-Length: 18446744073709551616\r\n"),
        framed("a length of 2^63", "Content-Length: 9223372036854775808\r\n"),
        framed("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
        framed("the same length twice", "Content-Length: 2\r\ncontent-length: 2\r\n", "{}"),
        framed("a list of lengths", "Content-Length: 2, 2\r\n", "{}"),
        framed(
            "length, then chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled),
        framed(
            "chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + smuggled),
        framed("an encoding that is not known", "Transfer-Encoding: gzip\r\n", smuggled),
        framed("identity", "Transfer-Encoding: identity\r\n", smuggled),
        framed("chunks inside another encoding", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        framed("another encoding inside chunks", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501),
        framed("two encodings", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 501),
        framed("chunks twice", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
        framed("chunks, almost", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        framed("chunks with a parameter", "Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
        framed("chunks, quoted", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
        framed("an empty encoding", "Transfer-Encoding:\r\n", "0\r\n\r\n"),
        framed("an encoding with a control character", "Transfer-Encoding: \u{0B}chunked\r\n", "0\r\n\r\n"),
        .init(
            name: "chunks in HTTP/1.0",
            text: "POST /api/v1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 400),
        framed("a body announced too large", "Content-Length: 104857600\r\n", "", 413),
    ]

    private static let brokenChunks: [HostileRequest] = [
        chunks("a chunk of 2^63", "8000000000000000\r\n"), chunks("a chunk of 2^64 - 1", "ffffffffffffffff\r\n"),
        chunks("a chunk of 2^63 - 1", "7fffffffffffffff\r\n"), chunks("a chunk of 2^32", "100000000\r\n"),
        chunks("a chunk size that overflows", "fffffffffffffffff\r\n"),
        chunks("a chunk size that overflows to two", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
        chunks("a second chunk that is too large", "2\r\n{}\r\n8000000000000000\r\n"),
        chunks("a chunk size that is none", "xyz\r\n"), chunks("a negative chunk size", "-1\r\nab"),
        chunks("a chunk size with a sign", "+2\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk size with a prefix", "0x2\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk size with a space before", " 2\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk size with a space after", "2 \r\n{}\r\n0\r\n\r\n"),
        chunks("no chunk size", "\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk line with LF alone", "2\n{}\r\n0\r\n\r\n"),
        chunks("a chunk longer than it says", "2\r\n{}}\r\n0\r\n\r\n"),
        chunks("a chunk that ends with LF alone", "2\r\n{}\n0\r\n\r\n"),
        chunks("a chunk extension with CR", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk extension with LF", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
        chunks("a chunk extension without end", "1;" + String(repeating: "x", count: 1 << 20)),
        chunks("trailers without end", "0\r\n" + String(repeating: "A: b\r\n", count: 1 << 16)),
        chunks("a trailer that is none", "2\r\n{}\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
        chunks("a length in a trailer", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
    ]
}

/// Requests in forms that are rare but right. The last one of each says `Connection: close`.
package struct UnusualRequest: Sendable, CustomStringConvertible {
    package let name: String
    package let text: String
    /// Of each answer, in order.
    package let statuses: [Int]
    package var description: String { name }
}

extension UnusualRequest {
    private static let host = "Host: x\r\n"
    private static let last = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    private static let body = #"{"type":"GET_HEALTH"}"#
    private static let post = "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    private static let chunks = "8\r\n{\"type\":\r\n0000D\r\n\"GET_HEALTH\"}\r\n0\r\n"

    package static let all: [UnusualRequest] = [
        .init(name: "HTTP/1.0 without Host", text: "GET /version HTTP/1.0\r\n\r\n", statuses: [200]),
        .init(
            name: "HTTP/1.0 that goes on",
            text: "GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "GET /version HTTP/1.0\r\n\r\n",
            statuses: [200, 200]),
        .init(
            name: "HTTP/1.0 with an expectation, which it does not know",
            text: "POST /api/v1 HTTP/1.0\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", statuses: [200]),
        .init(name: "an empty Host", text: "GET /version HTTP/1.1\r\nHost:\r\n\r\n" + last, statuses: [200, 200]),
        .init(
            name: "a Host that is an address", text: "GET /version HTTP/1.1\r\nhOsT: \t[::1%25lo]:5050 \r\n\r\n" + last,
            statuses: [200, 200]),
        .init(
            name: "an absolute target", text: "GET http://else:80/version?x=1 HTTP/1.1\r\n\(host)\r\n" + last,
            statuses: [200, 200]),
        .init(name: "everything as target", text: "OPTIONS * HTTP/1.1\r\n\(host)\r\n" + last, statuses: [400, 200]),
        .init(name: "empty lines before the request", text: "\r\n\r\n" + last, statuses: [200]),
        .init(
            name: "requests ahead of their turn",
            text: String(repeating: "GET /version HTTP/1.1\r\n\(host)\r\n", count: 9) + last,
            statuses: [Int](repeating: 200, count: 10)),
        .init(
            name: "a good request before a bad one",
            text: "GET /version HTTP/1.1\r\n\(host)\r\nGET /health HTTP/1.1\r\n\(host)\r\nGET /version HTTP/1.1\r\n\r\n"
                + last, statuses: [200, 200, 400]),
        .init(
            name: "HEAD, and what comes after it", text: "HEAD /version HTTP/1.1\r\n\(host)\r\n" + last,
            statuses: [200, 200]),
        .init(
            name: "HEAD of what is nowhere", text: "HEAD /nowhere HTTP/1.1\r\n\(host)\r\n" + last,
            statuses: [404, 200]),
        .init(
            name: "chunks", text: post + "Transfer-Encoding: Chunked\r\n\r\n\(chunks)\r\n" + last,
            statuses: [200, 200]),
        .init(
            name: "chunks with an extension and a trailer",
            text: post + "Transfer-Encoding: chunked\r\n\r\n" + chunks.replacing("8\r\n", with: "8;a=\"b\"; c\r\n")
                + "Checksum: 5\r\n\r\n" + last, statuses: [200, 200]),
        .init(
            name: "an offer to speak another protocol, which is not taken",
            text: "GET /version HTTP/1.1\r\n\(host)Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + last, statuses: [200, 200]),
        .init(
            name: "another protocol and a body",
            text: post + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                + body + last, statuses: [200, 200]),
        .init(
            name: "an expectation, and a body that does not wait",
            text: post + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" + last,
            statuses: [200, 200]),
        .init(
            name: "a body that nobody wants",
            text: "GET /version HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nabcde" + last, statuses: [200, 200]),
        .init(
            name: "a length with zeros before it",
            text: post + "Content-Length: 00\(body.utf8.count)\r\n\r\n\(body)" + last, statuses: [200, 200]),
        .init(
            name: "bytes beyond ASCII in a value", text: "GET /version HTTP/1.1\r\n\(host)A: é\r\n\r\n" + last,
            statuses: [200, 200]),
    ]
}

/// What came back on a connection that was closed.
package struct ClosedExchange: Sendable {
    package let text: String
    /// Of each answer, those that ask to go on excepted.
    package var statuses: [Int] {
        text.split(separator: "HTTP/1.").dropFirst(text.hasPrefix("HTTP/1.") ? 0 : 1).compactMap { answer in
            answer.dropFirst(2).split(separator: " ").first.flatMap { Int($0) }
        }.filter { $0 != 100 }
    }

    /// Sends all of it, cut into pieces of `pieceBytes`, and reads until the server closes.
    package static func of(_ text: String, port: Int, pieceBytes: Int = .max) async throws -> ClosedExchange {
        let connection = try await RawConnection.open(port)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try await connection.send(Array(rest.prefix(pieceBytes)))
            rest = rest.dropFirst(pieceBytes)
        }
        let exchange = ClosedExchange(text: try await connection.everything())
        connection.close()
        return exchange
    }
}
