import RawHTTP
import Testing

@Suite("Routing and negotiation", .timeLimit(.minutes(5)))
struct RoutingTests {
    @Test(
        "a path finds the longest route it begins with",
        arguments: [
            ("/api/v1", 200, "4 bytes, rest "), ("/master/api/v1", 200, "4 bytes, rest "),
            ("/api/v1/", 200, "4 bytes, rest "), ("/api/v1/operator", 200, "4 bytes, rest operator"),
            ("/m%61ster/api/v1", 200, "4 bytes, rest "), ("/api/v2", 404, nil), ("/api", 404, nil),
            ("/api/v1/../v1", 404, nil), ("/%2e%2e/api/v1", 404, nil), ("/api/v1%00", 404, nil),
            ("/api/v1/%zz", 400, nil), ("/api/v1?path=%2fa%00b", 400, nil), ("/api/v1?a%00=b", 400, nil),
            ("/slave(1)/api/v1", 404, nil),
        ])
    func routes(_ path: String, _ status: Int, _ body: String?) async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.post(served.port, path, body: "abcd")
        #expect(answer.status == status)
        if let body { #expect(answer.body == body) }
        await served.server.stop()
    }

    @Test("a method that is not served is answered 405 with those that are")
    func methods() async throws {
        let served = try await Served.start()
        let get = try await RawConnection.get(served.port, "/api/v1")
        #expect(get.status == 405)
        #expect(get["Allow"] == "POST")
        let put = try await RawConnection.exchange(
            served.port, "PUT /state HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        #expect(put.status == 405)
        #expect(put["Allow"] == "GET, HEAD")
        await served.server.stop()
    }

    @Test("HEAD answers like GET without the body")
    func head() async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.exchange(served.port, "HEAD /master/state HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.status == 200)
        #expect(answer["Content-Length"] == "9")
        #expect(answer["Content-Type"] == "application/json")
        let root = try await RawConnection.get(served.port, "/")
        #expect(root.status == 200)
        #expect(try await RawConnection.get(served.port, "/nothing").status == 404)
        await served.server.stop()
    }

    @Test(
        "Content-Type and Accept are matched exactly",
        arguments: [
            ("", 400, "Expecting 'Content-Type' to be present"),
            ("Content-Type: application/json\r\n", 200, "application/json application/json"),
            ("Content-Type: application/x-protobuf\r\nAccept: */*\r\n", 200, "application/x-protobuf application/json"),
            ("Content-Type: application/json; charset=utf-8\r\n", 415, nil),
            ("Content-Type: Application/JSON\r\n", 415, nil),
            ("Content-Type: text/plain\r\n", 415, nil),
            ("Content-Type: application/json\r\nMessage-Content-Type: application/json\r\n", 415, nil),
            (
                "Content-Type: application/json\r\nAccept: application/x-protobuf\r\n", 200,
                "application/json application/x-protobuf"
            ),
            (
                "Content-Type: application/json\r\nAccept: text/html, application/*;q=0.5\r\n", 200,
                "application/json application/json"
            ),
            (
                "Content-Type: application/json\r\nAccept: application/json;q=0, application/x-protobuf\r\n", 200,
                "application/json application/x-protobuf"
            ),
            ("Content-Type: application/json\r\nAccept: text/html\r\n", 406, nil),
        ])
    func negotiation(_ headers: String, _ status: Int, _ body: String?) async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.post(served.port, "/typed", headers, body: "{}")
        #expect(answer.status == status)
        if let body { #expect(answer.body == body) }
        await served.server.stop()
    }

    @Test("a gate answers before the method is looked at")
    func gate() async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.get(served.port, "/gated")
        #expect(answer.status == 503)
        #expect(answer.body == "recovering")
        await served.server.stop()
    }

    @Test("/redirect leads to the leader without a path, and has nothing below it")
    func redirect() async throws {
        let served = try await Served.start()
        for path in ["/redirect", "/master/redirect", "/master/redirect/"] {
            let answer = try await RawConnection.get(served.port, path)
            #expect(answer.status == 307)
            #expect(answer["Location"] == "//leader:5050")
        }
        #expect(try await RawConnection.get(served.port, "/redirect/x").status == 404)
        await served.server.stop()
    }

    @Test("answers of 1024 bytes and more are compressed for whoever takes gzip")
    func compression() async throws {
        let served = try await Served.start()
        let large = try await RawConnection.get(served.port, "/large", "Accept-Encoding: deflate, gzip\r\n")
        #expect(large["Content-Encoding"] == "gzip")
        #expect((large["Content-Length"].flatMap(Int.init) ?? .max) < 3_000)
        for (path, accepted) in [("/large", "gzip;q=0"), ("/large", "identity"), ("/small", "gzip")] {
            let answer = try await RawConnection.get(served.port, path, "Accept-Encoding: \(accepted)\r\n")
            #expect(answer["Content-Encoding"] == nil)
        }
        await served.server.stop()
    }

    @Test(
        "jsonp wraps in a call of a plain name only",
        arguments: [
            ("cb", 200, #"cb({"a":"b"});"#), ("a.b_$1", 200, #"a.b_$1({"a":"b"});"#), ("alert(1)//", 400, nil),
            ("", 400, nil),
        ])
    func jsonp(_ name: String, _ status: Int, _ body: String?) async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.get(served.port, "/state?jsonp=\(name)")
        #expect(answer.status == status)
        if let body { #expect(answer.body == body) }
        await served.server.stop()
    }
}
