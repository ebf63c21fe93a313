import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import Foundation
import GRDB
import MasterService
import Testing

/// What every place that keeps a registry promises.
@Suite("A registry store", .timeLimit(.minutes(5)))
struct RegistryStoreTests {
    enum Kind: String, CaseIterable, Sendable { case memory, sqlite }

    /// One store, and the directory it may use.
    private func store(_ kind: Kind, in directory: TemporaryDirectory) async throws -> any RegistryStore {
        switch kind {
        case .memory: InMemoryRegistryStore()
        case .sqlite: try await SQLiteRegistryStore.open(directory.file("registry.sqlite"))
        }
    }

    @Test("begins empty, at the initial version", arguments: Kind.allCases)
    func empty(_ kind: Kind) async throws {
        let directory = try TemporaryDirectory()
        let (snapshot, version) = try await store(kind, in: directory).load()
        #expect(snapshot == .empty)
        #expect(version == .initial)
    }

    @Test("keeps all of a write in order and counts it", arguments: Kind.allCases)
    func writes(_ kind: Kind) async throws {
        let directory = try TemporaryDirectory()
        let store = try await store(kind, in: directory)
        let changes = try RegistryExample.changes
        #expect(try await store.apply(changes, expecting: .initial) == .applied(RegistryVersion(1)))
        let weight = RegistryChange.putWeight(7, try RoleName("eng/web"))
        let gone = RegistryChange.remove(.framework(try FrameworkID("f-1")))
        #expect(try await store.apply([weight, gone], expecting: RegistryVersion(1)) == .applied(RegistryVersion(2)))
        let (snapshot, version) = try await store.load()
        #expect(snapshot == RegistrySnapshot(changes + [weight, gone]))
        #expect(version == RegistryVersion(2))
    }

    @Test("changes nothing for who has not seen the latest write", arguments: Kind.allCases)
    func overtaken(_ kind: Kind) async throws {
        let directory = try TemporaryDirectory()
        let store = try await store(kind, in: directory)
        _ = try await store.apply([.putWeight(2, try RoleName("a"))], expecting: .initial)
        let stale: [RegistryChange] = [.putWeight(9, try RoleName("a")), .putWeight(9, try RoleName("b"))]
        for version in [RegistryVersion.initial, RegistryVersion(2), RegistryVersion(.max)] {
            #expect(try await store.apply(stale, expecting: version) == .overtaken(RegistryVersion(1)))
        }
        let (snapshot, version) = try await store.load()
        #expect(snapshot.weights == [try RoleName("a"): 2])
        #expect(version == RegistryVersion(1))
    }

    @Test("lets one of many writers that raced through, and only one", arguments: Kind.allCases)
    func race(_ kind: Kind) async throws {
        let directory = try TemporaryDirectory()
        let store = try await store(kind, in: directory)
        let answers = try await withThrowingTaskGroup(of: RegistryAnswer.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await store.apply([.putWeight(Double(number + 1), RoleName("a"))], expecting: .initial)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0 == .applied(RegistryVersion(1)) } == 1)
        #expect(answers.count { $0 == .overtaken(RegistryVersion(1)) } == 19)
    }

    @Test("takes an empty write and removals of what is not there", arguments: Kind.allCases)
    func nothing(_ kind: Kind) async throws {
        let directory = try TemporaryDirectory()
        let store = try await store(kind, in: directory)
        #expect(try await store.apply([], expecting: .initial) == .applied(RegistryVersion(1)))
        let absent: [RegistryChange] = [.remove(.maintenance), .remove(.agent(try AgentID("S0")))]
        #expect(try await store.apply(absent, expecting: RegistryVersion(1)) == .applied(RegistryVersion(2)))
        #expect(try await store.load().snapshot == .empty)
    }
}

/// What the registry in a file promises beyond that.
@Suite("The registry in an SQLite file", .timeLimit(.minutes(5)))
struct SQLiteRegistryStoreTests {
    @Test("is there again when it is opened anew, and two who have it open do not mix their writes")
    func reopened() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("deep/registry.sqlite")
        let changes = try RegistryExample.changes
        let first = try await SQLiteRegistryStore.open(path)
        _ = try await first.apply(changes, expecting: .initial)
        let second = try await SQLiteRegistryStore.open(path)
        let (snapshot, version) = try await second.load()
        #expect(snapshot == RegistrySnapshot(changes))
        #expect(try await second.apply([], expecting: version) == .applied(RegistryVersion(2)))
        #expect(try await first.apply([], expecting: version) == .overtaken(RegistryVersion(2)))
    }

    @Test("is for its owner's eyes only, with all files SQLite keeps beside it")
    func modes() async throws {
        let directory = try TemporaryDirectory()
        let store = try await SQLiteRegistryStore.open(directory.file("deep/registry.sqlite"))
        _ = try await store.apply(try RegistryExample.changes, expecting: .initial)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.file("deep"))
        #expect(files.count > 1)
        for name in files + [""] {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.file("deep/" + name))
            #expect(attributes[.posixPermissions] as? Int == (name.isEmpty ? 0o700 : 0o600), "\(name)")
        }
    }

    @Test("after a crash in the middle of a write has all that was answered and nothing of what was not")
    func crash() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("registry.sqlite")
        let store = try await SQLiteRegistryStore.open(path)
        _ = try await store.apply(try RegistryExample.changes, expecting: .initial)
        // Another connection is in the middle of a large write; what is on disk then is all a killed process leaves.
        let other = try DatabaseQueue(path: path)
        let copy = directory.file("after")
        try await other.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM record")
            for number in 0..<2_000 {
                try database.execute(
                    sql: "INSERT INTO record (key, value, sum) VALUES (?, zeroblob(512), 0)",
                    arguments: ["weight/half\(number)"])
            }
            try database.execute(sql: "UPDATE registry SET version = 99")
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: "\(copy)/registry.sqlite\(suffix)")
            }
            try database.execute(sql: "ROLLBACK")
        }
        let wal = try FileManager.default.attributesOfItem(atPath: "\(copy)/registry.sqlite-wal")[.size] as? Int
        #expect((wal ?? 0) > 100_000, "the unfinished write had reached the disk")
        let (snapshot, version) = try await SQLiteRegistryStore.open("\(copy)/registry.sqlite").load()
        #expect(snapshot == RegistrySnapshot(try RegistryExample.changes))
        #expect(version == RegistryVersion(1))
    }

    @Test("refuses what it cannot trust, and says what to do", arguments: [
        ("a text file", "registry.corrupt"), ("another program's database", "registry.foreign"),
        ("a newer format", "registry.too-new"), ("a turned bit in a record", "registry.corrupt"),
        ("a torn page", "registry.corrupt"), ("no version", "registry.corrupt"),
    ])
    func refused(_ damage: String, _ code: String) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("registry.sqlite")
        try await RegistryExample.damage(path, damage)
        let failure = await #expect(throws: Failure.self) { try await SQLiteRegistryStore.open(path).load() }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.remedy?.isEmpty == false)
    }

    @Test("refuses a place it cannot write to")
    func unwritable() async throws {
        let failure = await #expect(throws: Failure.self) {
            try await SQLiteRegistryStore.open("/proc/registry/registry.sqlite")
        }
        #expect(failure?.code == "registry.unopenable")
        #expect(failure?.field == "work-dir")
    }
}
