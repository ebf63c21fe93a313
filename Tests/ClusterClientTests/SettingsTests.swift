import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import Foundation
import NIOSSL
import Testing

@Suite("What a client is made with", .timeLimit(.minutes(5)))
struct SettingsTests {
    @Test(
        "addresses are read as people write them",
        arguments: [
            ("10.0.0.1", "http://10.0.0.1:5050"), ("master:80", "http://master:80"),
            ("http://master:80/api/", "http://master:80"), ("HTTPS://m", "https://m:5050"),
            ("[::1]:5051", "http://[::1]:5051"), ("[::1]", "http://[::1]:5050"), ("::1", "http://[::1]:5050"),
            ("unix:/run/b.sock", "unix:/run/b.sock"),
        ])
    func addresses(_ text: String, _ shown: String) throws {
        #expect(try ServerAddress(parsing: text).description == shown)
    }

    @Test(
        "what is no address is refused with the place at fault",
        arguments: [
            "", "http://", "zk://m:2181", "m:0", "m:65536", "m:x", "user:secret@m", "[::1", "[::1]5", "a b", "unix:x",
            "m\r\nX: y",
        ])
    func noAddresses(_ text: String) {
        #expect(throws: Failure.self) { try ServerAddress(parsing: text) }
    }

    @Test("secrets are not in descriptions")
    func secrets() {
        let basic = Credentials.basic(principal: "ops", secret: "hush")
        #expect(!"\(basic) \(String(reflecting: basic))".contains("hush"))
        #expect(!String(reflecting: Credentials.bearer(token: "hush")).contains("hush"))
    }

    @Test("credentials that cannot be sent as they are are refused, and so is a client without a master")
    func invalid() throws {
        for credentials in [
            Credentials.bearer(token: "a\r\nX: y"), .bearer(token: ""), .basic(principal: "a:b", secret: ""),
            .basic(principal: "a\n", secret: "b"),
        ] {
            var settings = try settings(1)
            settings.credentials = credentials
            #expect(throws: Failure.self) { try ClusterClient(settings) }
        }
        #expect(throws: Failure.self) { try ClusterClient(ClientSettings(masters: [])) }
    }

    @Test("a server is trusted by the authority that was named, and by nobody else's word")
    func trust() async throws {
        let files = try CertificateFiles()
        let server = try await ScriptedServer.start(tls: files.context()) { _, reply in await reply.answer(202) }
        func outcome(_ trust: ClientTLS.Trust, certificate: Bool = true) async throws -> Failure? {
            var settings = try settings(server.port, tls: true)
            settings.tls = ClientTLS(trust: trust, certificate: certificate ? files.client : nil)
            let client = try ClusterClient(settings)
            let change = OperatorChange.removeQuota(.anyone)
            return await failure { () throws(Failure) in try await client.change(change) }
        }
        #expect(try await outcome(.authority(file: files.path("authority"))) == nil)
        #expect(try await outcome(.anybodyUnverified) == nil)
        let system = try #require(try await outcome(.system))
        #expect(system.code == "client.tls-refused", "\(system)")
        let stranger = try #require(try await outcome(.authority(file: files.path("stranger"))))
        #expect(stranger.code == "client.tls-refused" && stranger.remedy?.contains("authority") == true)
        #expect(try await outcome(.authority(file: files.path("authority")), certificate: false) != nil)
        #expect(throws: Failure.self) {
            var missing = try settings(1)
            missing.tls = ClientTLS(trust: .authority(file: "/nonexistent.pem"))
            _ = try ClusterClient(missing)
        }
        try await server.stop()
    }

    @Test("a redirect out of encryption is refused, and credentials do not follow it")
    func downgrade() async throws {
        let files = try CertificateFiles()
        let plain = try await ScriptedServer.start { _, reply in await reply.answer(202) }
        let location = "http://127.0.0.1:\(plain.port)/api/v1"
        let server = try await ScriptedServer.start(tls: files.context()) { _, reply in
            await reply.answer(307, "", ["Location": location])
        }
        var settings = try settings(server.port, tls: true)
        settings.tls = ClientTLS(trust: .authority(file: files.path("authority")), certificate: files.client)
        settings.credentials = .bearer(token: "t")
        let client = try ClusterClient(settings)
        let failed = await failure { () throws(Failure) in try await client.change(.removeQuota(.anyone)) }
        #expect(failed?.code == "client.redirect-refused" && plain.requests.isEmpty)
        try await server.stop()
        try await plain.stop()
    }
}
