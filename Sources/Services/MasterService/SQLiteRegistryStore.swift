public import Coordination
public import Diagnostics
import FoundationEssentials
import GRDB
import NIOPosix

/// The registry in one SQLite file: one row for each record, one transaction for each write, on disk when it is
/// answered.
///
/// A write says which version it is based on and is refused when another process has written since, so two masters
/// that share the file by mistake do not mix their clusters. Each row carries a sum of its key and value: a bit that
/// the disk has turned is noticed when the row is read.
public final class SQLiteRegistryStore: RegistryStore {
    /// Of the file in a master's work directory.
    public static let fileName = "registry.sqlite"

    /// "BULK": tells our files from others' of SQLite.
    static let applicationID: Int32 = 0x4255_4C4B
    /// Of the tables. A newer program may raise it; an older one then refuses the file.
    static let formatVersion: Int32 = 1
    static let lockWaitSeconds = 5.0

    private let path: String
    private let queue: DatabaseQueue

    private init(path: String, queue: DatabaseQueue) {
        self.path = path
        self.queue = queue
    }

    /// Opens the file, or makes it with the directory it is in.
    ///
    /// - Throws: `Failure` `registry.unopenable`, `registry.corrupt`, `registry.foreign` for a file that is not a
    ///   registry, `registry.too-new` for one that a newer program has written.
    public static func open(_ path: String) async throws(Failure) -> SQLiteRegistryStore {
        do {
            let queue = try await NIOThreadPool.singleton.runIfActive { try prepare(path) }
            return SQLiteRegistryStore(path: path, queue: queue)
        } catch {
            throw failure(error, doing: "open the registry", path)
        }
    }

    public func load() async throws(Failure) -> (snapshot: RegistrySnapshot, version: RegistryVersion) {
        let (records, version): ([RegistryRecord], RegistryVersion)
        do {
            let path = path
            (records, version) = try await queue.read { database in
                (try Self.records(in: database, path), try Self.version(of: database))
            }
        } catch {
            throw Self.failure(error, doing: "read the registry", path)
        }
        return (try RegistrySnapshot(records: records), version)
    }

    public func apply(
        _ changes: [RegistryChange], expecting expected: RegistryVersion
    ) async throws(Failure) -> RegistryAnswer {
        let rows = changes.map { (key: $0.key.text, bytes: $0.bytes) }
        do {
            return try await queue.write { database in
                let version = try Self.version(of: database)
                guard version == expected else { return .overtaken(version) }
                for row in rows { try Self.put(row.bytes, under: row.key, in: database) }
                try database.execute(
                    sql: "UPDATE registry SET version = ?", arguments: [Int64(bitPattern: expected.next.number)])
                return .applied(expected.next)
            }
        } catch {
            throw Self.failure(error, doing: "write to the registry", path)
        }
    }

    // MARK: - Rows

    private static func version(of database: Database) throws -> RegistryVersion {
        guard let number = try Int64.fetchOne(database, sql: "SELECT version FROM registry") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the version is missing")
        }
        return RegistryVersion(UInt64(bitPattern: number))
    }

    private static func records(in database: Database, _ path: String) throws -> [RegistryRecord] {
        var records: [RegistryRecord] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT key, value, sum FROM record ORDER BY key")
        while let row = try rows.next() {
            let key: String = row[0]
            let value: Data = row[1]
            let record = RegistryRecord(key: key, bytes: Array(value))
            guard row[2] == sum(of: record) else {
                throw Failure(
                    "registry.corrupt", doing: "read the registry's record", on: key,
                    cause: "it is not what was written", remedy: remedy(path))
            }
            records.append(record)
        }
        return records
    }

    private static func put(_ bytes: [UInt8]?, under key: String, in database: Database) throws {
        guard let bytes else {
            return try database.execute(sql: "DELETE FROM record WHERE key = ?", arguments: [key])
        }
        try database.execute(
            sql: "INSERT OR REPLACE INTO record (key, value, sum) VALUES (?, ?, ?)",
            arguments: [key, Data(bytes), sum(of: RegistryRecord(key: key, bytes: bytes))])
    }

    /// FNV-1a over the key, a zero and the value: against accidents, not against people.
    private static func sum(of record: RegistryRecord) -> Int64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in record.key.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        sum = sum &* 0x100_0000_01B3
        for byte in record.bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: sum)
    }

    // MARK: - The file

    private static func prepare(_ path: String) throws -> DatabaseQueue {
        let directory = URL(filePath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(lockWaitSeconds)
        // WAL alone would lose the latest writes with the machine's power.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        // Who runs what is nobody else's business. SQLite gives its other files the mode this one has at first.
        let owned: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        if FileManager.default.fileExists(atPath: path) {
            try FileManager.default.setAttributes(owned, ofItemAtPath: path)
        } else {
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: owned)
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { database in
            if try String.fetchAll(database, sql: "SELECT name FROM sqlite_master").isEmpty {
                try makeTables(database)
            } else {
                try check(database, path)
            }
        }
        return queue
    }

    private static func makeTables(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(formatVersion);
                CREATE TABLE registry (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
                INSERT INTO registry (one, version) VALUES (1, 0);
                CREATE TABLE record (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
                """)
    }

    private static func check(_ database: Database, _ path: String) throws {
        guard try Int32.fetchOne(database, sql: "PRAGMA application_id") == applicationID else {
            throw Failure(
                "registry.foreign", doing: "open the registry", on: path, cause: "the file belongs to another program",
                remedy: "give the master a work directory of its own", field: "work-dir")
        }
        let format = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard format == formatVersion else {
            throw Failure(
                "registry.too-new", doing: "open the registry", on: path,
                cause: "it has format \(format), this program knows \(formatVersion)",
                remedy: "use the version of the program that wrote it, or a newer one", field: "work-dir")
        }
        let faults = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
        guard faults == ["ok"] else {
            throw Failure(
                "registry.corrupt", doing: "open the registry", on: path,
                cause: faults.first ?? "it cannot be checked", remedy: remedy(path), field: "work-dir")
        }
    }

    private static func remedy(_ path: String) -> String {
        "restore \(path) from a copy, or move it away: the master then begins without quota, weights and maintenance, "
            + "and agents have to be started anew"
    }

    private static func failure(_ error: any Error, doing: String, _ path: String) -> Failure {
        if let failure = error as? Failure { return failure }
        guard let fault = error as? DatabaseError else {
            return Failure(
                "registry.unopenable", doing: doing, on: path, cause: "\(error)",
                remedy: "give the master a directory it may write to", field: "work-dir")
        }
        let cause = fault.message ?? "SQLite answers \(fault.resultCode)"
        switch fault.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return Failure(
                "registry.corrupt", doing: doing, on: path, cause: cause, remedy: remedy(path), field: "work-dir")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Failure(
                "registry.locked", doing: doing, on: path, cause: cause,
                remedy: "end the other process that uses it", field: "work-dir", retry: .later)
        case .SQLITE_FULL:
            return Failure(
                "registry.disk-full", doing: doing, on: path, cause: cause, remedy: "make room on its disk",
                retry: .later)
        default:
            return Failure(
                "registry.unopenable", doing: doing, on: path, cause: cause,
                remedy: "give the master a directory it may write to", field: "work-dir")
        }
    }
}
