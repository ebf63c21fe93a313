import ClusterAPI
import ClusterModel
import Coordination
import Foundation
import HTTPServing
import Logging
import MasterCore
import MasterService
import Testing

@Suite("A master over HTTP")
struct MasterSmokeTests {
    @Test("calls that cannot be are answered with the protocol's status, and reads with the state")
    func calls() async throws {
        var settings = MasterSettings(version: VersionInfo(version: "1.0.0"))
        settings.addresses = [.network(host: "127.0.0.1", port: 0)]
        let master = try await Master.start(
            settings, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let port = try #require(master.port)
        for (path, type, body, status) in [
            ("/api/v1", "application/json", #"{"type":"GET_AGENTS"}"#, 200),
            ("/master/api/v1", "application/json", #"{"type":"GET_STATE"}"#, 200),
            ("/api/v1", "text/plain", #"{"type":"GET_STATE"}"#, 415), ("/api/v1", "application/json", "{", 400),
            ("/api/v1/scheduler", "application/json", #"{"type":"TEARDOWN","framework_id":{"value":"F"}}"#, 400),
            ("/api/v1/agent", "application/json", "x", 415),
        ] {
            #expect(try await post(port, path, type, body) == status, "\(path) \(body)")
        }
        await master.stop()
    }

    private func post(_ port: Int, _ path: String, _ type: String, _ body: String) async throws -> Int {
        var process = RawPost(port: port)
        return try await process.status(path, type, body)
    }
}
