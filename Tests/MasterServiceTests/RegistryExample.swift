import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Foundation
import GRDB
import MasterService

/// A registry with a record of every kind.
enum RegistryExample {
    static var changes: [RegistryChange] {
        get throws {
            let agent = AgentInfo(
                id: try AgentID("m-S0"), address: NetworkAddress(hostname: "host", address: "10.0.0.1", port: 5051),
                resources: [])
            let framework = FrameworkInfo(id: try FrameworkID("f-1"), name: "name\u{1}\u{1F6A2}", user: "root")
            let eng = try RoleName("eng/web")
            return [
                .putAgent(RegisteredAgent(info: agent, registered: .epoch + .seconds(5))),
                .putFramework(RegisteredFramework(info: framework, registered: .epoch + .seconds(6))),
                .putWeight(2.5, eng), .putWeight(1.5, try RoleName("ops")),
                .putIssued(IssuedIdentifiers(agents: 3, frameworks: 2)),
            ]
        }
    }

    /// Makes a registry and then does to its file what `damage` says.
    static func damage(_ path: String, _ damage: String) async throws {
        if damage == "a text file" {
            return try Data("not a database, whatever it is\n".utf8).write(to: .init(filePath: path))
        }
        if damage == "another program's database" {
            return try await DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE t (x)") }
        }
        let store = try await SQLiteRegistryStore.open(path)
        _ = try await store.apply(try changes, expecting: .initial)
        let statements = [
            "a newer format": "PRAGMA user_version = 2",
            "a turned bit in a record":
                "UPDATE record SET value = CAST(replace(CAST(value AS TEXT), '2.5', '3.5') AS BLOB)",
            "no version": "DELETE FROM registry",
        ]
        if let statement = statements[damage] {
            try await DatabaseQueue(path: path).write { try $0.execute(sql: statement) }
            return
        }
        try await DatabaseQueue(path: path).writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        var bytes = try Data(contentsOf: .init(filePath: path))
        // The page with the records: its list of cells becomes nonsense.
        for index in stride(from: 4096, to: bytes.count, by: 1) { bytes[index] ^= 0x5A }
        try bytes.write(to: .init(filePath: path))
    }
}

/// A directory of a test's own that goes with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "master-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { return }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
