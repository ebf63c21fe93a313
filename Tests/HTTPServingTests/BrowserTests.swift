import RawHTTP
import Testing

@testable import HTTPServing

/// What a person's browser sends when a page tells it to, against a server on that person's machine.
@Suite("Pages of other sites", .timeLimit(.minutes(5)))
struct BrowserTests {
    /// A request, and the status it is answered with.
    struct Attempt: CustomStringConvertible, Sendable {
        let name: String
        var headers: String
        var status: Int
        var description: String { name }

        init(_ name: String, _ headers: String, _ status: Int) {
            (self.name, self.headers, self.status) = (name, headers, status)
        }
    }

    @Test(
        "a form or a text that another site's page sends does nothing",
        arguments: [
            Attempt("a form", "Host: 127.0.0.1:5050\r\nOrigin: http://evil.example.com\r\n", 403),
            Attempt("a page without an origin", "Host: 127.0.0.1:5050\r\nOrigin: null\r\n", 403),
            Attempt("another port", "Host: localhost:5050\r\nOrigin: http://localhost:3000\r\n", 403),
            Attempt("a file", "Host: localhost:5050\r\nOrigin: file://\r\n", 403),
            Attempt("a name that begins alike", "Host: localhost:5050\r\nOrigin: http://localhost:50500\r\n", 403),
            Attempt("two origins", "Host: a:1\r\nOrigin: http://a:1\r\nOrigin: http://b:1\r\n", 403),
            Attempt(
                "a name made to lead here", "Host: evil.example.com:5050\r\nOrigin: http://evil.example.com:5050\r\n",
                403),
            Attempt("a fetch", "Host: 127.0.0.1:5050\r\nSec-Fetch-Site: cross-site\r\n", 403),
            Attempt(
                "a form that somebody sends off",
                "Host: a\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n", 403),
            Attempt("our own page", "Host: localhost:5050\r\nOrigin: http://LOCALHOST:5050\r\n", 200),
            Attempt("our own page, by address", "Host: [::1]:5050\r\nOrigin: http://[::1]:5050\r\n", 200),
            Attempt("our own page, by name", "Host: here.example.com\r\nOrigin: https://here.example.com\r\n", 200),
            Attempt("a program", "Host: 127.0.0.1:5050\r\n", 200),
        ])
    func sending(_ attempt: Attempt) async throws {
        let served = try await Served.start(names: ["here.example.com"])
        let request = "POST /api/v1 HTTP/1.1\r\n\(attempt.headers)Content-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
        #expect(try await RawConnection.exchange(served.port, request + "abcd").status == attempt.status)
        await served.server.stop()
    }

    @Test(
        "a page whose name is made to lead here reads nothing",
        arguments: [
            Attempt("a stranger's name", "Host: evil.example.com\r\n", 421),
            Attempt("with a port", "Host: evil.example.com:5050\r\n", 421),
            Attempt("with a last dot", "Host: evil.example.com.\r\n", 421),
            Attempt("one that begins like an address", "Host: 127.0.0.1.example.com\r\n", 421),
            Attempt("one that begins like ours", "Host: here.example.com.evil.org\r\n", 421),
            Attempt("one that ends like localhost", "Host: notlocalhost.evil\r\n", 421),
            Attempt("what another site's page loads", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
            Attempt("what another port's page loads", "Host: localhost\r\nSec-Fetch-Site: same-site\r\n", 403),
            Attempt("an address", "Host: 127.0.0.1:5050\r\n", 200),
            Attempt("a name of this machine", "Host: a.localhost:5050\r\n", 200),
            Attempt("a name without a dot", "Host: master\r\n", 200),
            Attempt("our name, in other letters", "Host: HERE.Example.com.\r\n", 200),
            Attempt("no name", "Host:\r\n", 200),
            Attempt("a page typed in", "Host: localhost\r\nSec-Fetch-Site: none\r\n", 200),
            Attempt(
                "a link that was followed",
                "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n",
                200),
        ])
    func reading(_ attempt: Attempt) async throws {
        let served = try await Served.start(names: ["here.example.com"])
        let answer = try await RawConnection.exchange(served.port, "GET /state HTTP/1.1\r\n\(attempt.headers)\r\n")
        #expect(answer.status == attempt.status)
        #expect(answer.body.contains("\"a\"") == (attempt.status == 200))
        await served.server.stop()
    }

    @Test("where callers are asked who they are, any name will do")
    func knownCallers() async throws {
        let authentication = Authentication(
            authenticators: [BasicAuthenticator(["p": "s"])], realms: [.masterReadOnly])
        let served = try await Served.start(authentication: authentication)
        let request = "GET /state HTTP/1.1\r\nHost: far.example.com\r\n"
        #expect(try await RawConnection.exchange(served.port, request + "\r\n").status == 401)
        let known = request + "Authorization: Basic cDpz\r\n"
        #expect(try await RawConnection.exchange(served.port, known + "\r\n").status == 200)
        #expect(
            try await RawConnection.exchange(served.port, known + "Origin: http://evil.example.com\r\n\r\n").status
                == 403)
        await served.server.stop()
    }
}
