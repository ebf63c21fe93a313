import AgentService
import Diagnostics
import HTTPServing
import Logging
import Synchronization
import Testing

@Suite("Downloads", .timeLimit(.minutes(5)))
struct HTTPDownloaderTests {
    private static func serve() async throws -> HTTPServer {
        try await HTTPServer.start(
            on: [.network(host: "127.0.0.1", port: 0)],
            router: Router(routes: [
                Route("/file") { _ in
                    .content([UInt8](repeating: 7, count: 300_000), type: "application/octet-stream")
                },
                Route("/moved") { _ in Response(.found, headers: ["Location": "/file"]) },
                Route("/metadata") { _ in Response(.found, headers: ["Location": "http://169.254.169.254/latest"]) },
                Route("/program") { _ in Response(.found, headers: ["Location": "http+unix://%2Frun%2Fx.sock/"]) },
                Route("/local") { _ in Response(.found, headers: ["Location": "file:///etc/passwd"]) },
                Route("/circle") { _ in Response(.found, headers: ["Location": "/circle"]) },
            ]), logger: Logger(label: "server"))
    }

    @Test(
        "a body arrives whole, redirects are followed, and what goes wrong is said in words",
        arguments: [
            ("/file", 300_000, nil), ("/moved", 300_000, nil), ("/none", 0, "fetch.status"),
            ("/circle", 0, "fetch.unreachable"), ("/metadata", 0, "fetch.forbidden"),
            ("/program", 0, "fetch.unreachable"), ("/local", 0, "fetch.unreachable"),
        ] as [(String, Int, String?)])
    func downloads(_ path: String, _ bytes: Int, _ code: String?) async throws {
        let server = try await Self.serve()
        let downloader = HTTPDownloader(stall: .seconds(20))
        let received = Mutex(0)
        var failure: Failure?
        do throws(Failure) {
            try await downloader.download("http://127.0.0.1:\(server.port ?? 0)\(path)", stall: .seconds(20)) { piece in
                received.withLock { $0 += piece.count }
            }
        } catch { failure = error }
        #expect(failure?.code.rawValue == code)
        #expect(received.withLock { $0 } == bytes)
        await server.stop()
    }

    @Test(
        "what clouds keep for the machine itself is not asked for, however it is named",
        arguments: [
            "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
            "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200",
        ])
    func metadata(_ host: String) async throws {
        let failure = await #expect(throws: Failure.self) {
            try await HTTPDownloader().download("http://\(host)/latest/meta-data/", stall: .seconds(5)) { _ in }
        }
        #expect(failure?.code == "fetch.forbidden", "\(failure?.description ?? "")")
    }

    @Test("localhost is fetched from by name too")
    func localhost() async throws {
        let server = try await Self.serve()
        let received = Mutex(0)
        let address = "http://localhost:\(server.port ?? 0)/moved"
        try await HTTPDownloader().download(address, stall: .seconds(20)) { piece in
            received.withLock { $0 += piece.count }
        }
        #expect(received.withLock { $0 } == 300_000)
        await server.stop()
    }
}
