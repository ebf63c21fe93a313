import ClusterAPI
import Diagnostics
import HTTPServing
import RawHTTP
import Testing

@Suite("Authentication", .timeLimit(.minutes(5)))
struct AuthenticationTests {
    static let key = Array(repeating: UInt8(7), count: 32)

    private func authentication(_ realms: Set<Realm>) async throws -> (Authentication, TokenAuthenticator) {
        let tokens = try await TokenAuthenticator(secret: Self.key)
        let basic = BasicAuthenticator(["ada": "sesame", "bob": ""])
        return (Authentication(authenticators: [basic, tokens], realms: realms), tokens)
    }

    private func basic(_ text: String) -> String { "Authorization: Basic \(Base64.text(Array(text.utf8)))\r\n" }

    @Test("a name and its secret are known, anything else is asked again")
    func basic() async throws {
        let (authentication, _) = try await authentication([.masterScheduler])
        let served = try await Served.start(authentication: authentication)
        let known = try await RawConnection.get(served.port, "/whoami", basic("ada:sesame"))
        #expect(known.body == "ada 0")
        for wrong in [
            "", basic("ada:wrong"), basic("ada:sesame2"), basic("ada:"), basic("eve:secret"), basic("bob:x"),
            basic("ada"), "Authorization: Basic !!!\r\n", "Authorization: Digest x\r\n",
            basic("ada:sesame") + basic("ada:sesame"),
        ] {
            let answer = try await RawConnection.get(served.port, "/whoami", wrong)
            #expect(answer.status == 401)
            let challenges = answer.headers.filter { $0.name == "WWW-Authenticate" }.map(\.value)
            #expect(
                challenges == [#"Basic realm="mesos-master-scheduler""#, #"Bearer realm="mesos-master-scheduler""#])
            #expect(!answer.body.contains("sesame"))
        }
        #expect(try await RawConnection.get(served.port, "/whoami", basic("bob:")).body == "bob 0")
        await served.server.stop()
    }

    @Test("only the realms that ask are guarded, and credentials are ignored elsewhere")
    func realms() async throws {
        let (authentication, _) = try await authentication([.masterScheduler])
        let served = try await Served.start(authentication: authentication)
        #expect(try await RawConnection.get(served.port, "/state", basic("nobody:wrong")).status == 200)
        await served.server.stop()
        let open = try await Served.start()
        #expect(try await RawConnection.get(open.port, "/whoami", basic("nobody:wrong")).body == "- 0")
        await open.server.stop()
    }

    @Test("a guarded route asks before it looks at the method or the body")
    func order() async throws {
        let (authentication, _) = try await authentication([.masterReadWrite])
        let served = try await Served.start(authentication: authentication)
        #expect(try await RawConnection.get(served.port, "/api/v1").status == 401)
        let large = "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
        #expect(try await RawConnection.exchange(served.port, large).status == 401)
        await served.server.stop()
    }

    @Test("a token is known until it is old or touched")
    func tokens() async throws {
        let (authentication, tokens) = try await authentication([.masterScheduler])
        let served = try await Served.start(authentication: authentication)
        let token = try await tokens.issue(Principal("ada", claims: ["fid": "F", "eid": "E"]), lifetime: .seconds(60))
        let known = try await RawConnection.get(served.port, "/whoami", "Authorization: Bearer \(token)\r\n")
        #expect(known.body == "ada 2")
        let claims = try await tokens.issue(Principal(nil, claims: ["cid": "C"]))
        #expect(
            try await RawConnection.get(served.port, "/whoami", "Authorization: bearer \(claims)\r\n").body == "- 1")
        let old = try await tokens.issue(Principal("ada"), lifetime: .seconds(-5))
        let expired = try await RawConnection.get(served.port, "/whoami", "Authorization: Bearer \(old)\r\n")
        #expect(expired.status == 401)
        #expect(expired.body.contains("expired"))
        await served.server.stop()
    }

    @Test("forged tokens are not valid")
    func forged() async throws {
        let (authentication, tokens) = try await authentication([.masterScheduler])
        let served = try await Served.start(authentication: authentication)
        let other = try await TokenAuthenticator(secret: Array(repeating: 8, count: 32))
        let good = try await tokens.issue(Principal("ada"))
        let parts = good.split(separator: ".").map(String.init)
        let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  // {"alg":"none","typ":"JWT"}
        for forged in [
            try await other.issue(Principal("ada")), "\(unsigned).\(parts[1]).", "\(unsigned).\(parts[1]).\(parts[2])",
            "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).AAAA", "x.y.z", String(repeating: "a", count: 9_000),
        ] {
            let answer = try await RawConnection.get(served.port, "/whoami", "Authorization: Bearer \(forged)\r\n")
            #expect(answer.status == 401, "\(forged)")
        }
        await served.server.stop()
    }

    @Test("a credentials file is read, and refused with what is wrong with it")
    func file() async throws {
        let folder = try TestFolder()
        let good = #"{"credentials": [{"principal": "ada", "secret": "secret"}]}"#
        let known = try BasicAuthenticator(file: try folder.write("good", good))
        guard case .known(let principal) = await known.authenticate(["Authorization": "Basic YWRhOnNlY3JldA=="]) else {
            Issue.record("not known")
            return
        }
        #expect(principal == Principal("ada"))
        for (name, text, mode) in [
            ("json", "{", 0o600),
            (
                "twice", #"{"credentials": [{"principal": "a", "secret": "s"}, {"principal": "a", "secret": "t"}]}"#,
                0o600
            ),
            ("nameless", #"{"credentials": [{"secret": "s"}]}"#, 0o600),
            ("colon", #"{"credentials": [{"principal": "a:b", "secret": "s"}]}"#, 0o600),
            ("open", good, 0o644),
        ] {
            let file = try folder.write(name, text, mode: mode)
            #expect(throws: Failure.self, "\(name)") { try BasicAuthenticator(file: file) }
        }
        #expect(throws: Failure.self) { try BasicAuthenticator(file: "\(folder.path)/none") }
        await #expect(throws: Failure.self) { try await TokenAuthenticator(secret: [1, 2, 3]) }
    }
}
