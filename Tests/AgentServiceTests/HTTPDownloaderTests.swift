import AgentService
import Diagnostics
import HTTPServing
import Logging
import Synchronization
import Testing

@Suite("Downloads", .timeLimit(.minutes(1)))
struct HTTPDownloaderTests {
    private static func serve() async throws -> HTTPServer {
        try await HTTPServer.start(
            on: [.network(host: "127.0.0.1", port: 0)],
            router: Router(routes: [
                Route("/file") { _ in
                    .content([UInt8](repeating: 7, count: 300_000), type: "application/octet-stream")
                },
                Route("/moved") { _ in Response(.found, headers: ["Location": "/file"]) },
                Route("/circle") { _ in Response(.found, headers: ["Location": "/circle"]) },
            ]), logger: Logger(label: "server"))
    }

    @Test(
        "a body arrives whole, redirects are followed, and what goes wrong is said in words",
        arguments: [
            ("/file", 300_000, nil), ("/moved", 300_000, nil), ("/none", 0, "fetch.status"),
            ("/circle", 0, "fetch.unreachable"),
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
        try await downloader.shutDown()
        await server.stop()
    }
}
