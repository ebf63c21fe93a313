import Determinism
import Diagnostics
import DurableStorage
import Glibc
import LinuxKernel
import Testing

/// A directory in memory, gone with the object.
final class MemoryPlace: Sendable {
    let directory: OwnedDescriptor
    private let name = RawPath("bulkhead-journal-" + RandomName.make())
    private let parent: OwnedDescriptor

    init() throws {
        parent = try OwnedDescriptor.open("/dev/shm", [.directory])
        try parent.makeDirectory(name, mode: 0o700)
        directory = try parent.open(name, [.directory])
    }

    deinit {
        do { try TreeRemoval.remove(name, in: parent) } catch { print("left behind: \(name): \(error)") }
    }
}

/// What every journal promises. `reopened` is the same journal after its process died.
private struct JournalContract {
    var name: String
    var make: @Sendable () throws -> (journal: any Journal, reopened: @Sendable () throws -> any Journal)

    static let all = [
        JournalContract(name: "memory") {
            let journal = MemoryJournal(recordBytesMax: 1_000)
            return (journal, { journal })
        },
        JournalContract(name: "file") {
            let place = try MemoryPlace()
            let journal = try FileJournal(in: place.directory, recordBytesMax: 1_000)
            return (
                journal,
                {
                    journal.close()
                    return try FileJournal(in: place.directory, recordBytesMax: 1_000)
                }
            )
        },
    ]
}

extension JournalContract: CustomTestStringConvertible {
    var testDescription: String { name }
}

@Suite("Every journal")
struct JournalContractTests {
    @Test("gives back every record in order, empty ones and duplicates too", arguments: JournalContract.all)
    private func order(_ contract: JournalContract) async throws {
        let (journal, reopened) = try contract.make()
        let records: [[UInt8]] = [[1], [], [2, 3], [1], [UInt8](repeating: 7, count: 1_000)]
        for record in records { try await journal.append(record) }
        #expect(try await journal.records() == records)
        #expect(try await reopened().records() == records)
    }

    @Test("refuses a record over its bound and goes on", arguments: JournalContract.all)
    private func bound(_ contract: JournalContract) async throws {
        let (journal, _) = try contract.make()
        let failure = await #expect(throws: Failure.self) {
            try await journal.append([UInt8](repeating: 0, count: 1_001))
        }
        #expect(failure?.code == "journal.record-too-large")
        let second = await #expect(throws: Failure.self) {
            try await journal.replace(with: [[1], [UInt8](repeating: 0, count: 1_001)])
        }
        #expect(second?.code == "journal.record-too-large")
        try await journal.append([5])
        #expect(try await journal.records() == [[5]])
    }

    @Test("replaces everything at once and goes on behind it", arguments: JournalContract.all)
    private func replaces(_ contract: JournalContract) async throws {
        let (journal, reopened) = try contract.make()
        for number in 0..<50 { try await journal.append([UInt8](repeating: UInt8(number), count: 100)) }
        let before = await journal.byteCount()
        try await journal.replace(with: [[1], [2]])
        #expect(await journal.byteCount() < before)
        try await journal.append([3])
        #expect(try await reopened().records() == [[1], [2], [3]])
    }

    @Test("keeps every record of many writers, each one's in its order", arguments: JournalContract.all)
    private func writers(_ contract: JournalContract) async throws {
        let (journal, reopened) = try contract.make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<20 as Range<UInt8> {
                group.addTask {
                    for number in 0..<20 as Range<UInt8> { try await journal.append([writer, number]) }
                }
            }
            try await group.waitForAll()
        }
        let records = try await reopened().records()
        #expect(records.count == 400)
        for writer in 0..<20 as Range<UInt8> {
            #expect(records.filter { $0[0] == writer }.map { $0[1] } == Array(0..<20))
        }
    }
}

@Suite("Journal in a file")
struct FileJournalTests {
    private static let records: [[UInt8]] = [[], [1], Array("a record".utf8), [UInt8](repeating: 0xb1, count: 40)]

    /// The file after each of `records` was made durable by itself.
    private static func file() async throws -> (bytes: [UInt8], ends: [Int]) {
        let place = try MemoryPlace()
        let journal = try FileJournal(in: place.directory)
        var ends = [Int(await journal.byteCount())]
        for record in records {
            try await journal.append(record)
            ends.append(Int(await journal.byteCount()))
        }
        let bytes = try AtomicFile.read(FileJournal.name, in: place.directory, limit: 1 << 20)
        return (try #require(bytes), ends)
    }

    private static func open(_ bytes: [UInt8]) throws -> (FileJournal, MemoryPlace) {
        let place = try MemoryPlace()
        try AtomicFile.replace(FileJournal.name, in: place.directory, with: bytes, durable: false)
        return (try FileJournal(in: place.directory), place)
    }

    @Test("after a crash at any byte the whole records are there and the torn one is cut off")
    func prefixes() async throws {
        let (bytes, ends) = try await Self.file()
        for length in ends[0]...bytes.count {
            let whole = ends.filter { $0 <= length }.count - 1
            let (journal, place) = try Self.open(Array(bytes[..<length]))
            #expect(try await journal.records() == Array(Self.records[..<whole]), "\(length)")
            #expect(journal.tornBytes == length - ends[whole])
            try await journal.append([9])
            journal.close()
            let again = try FileJournal(in: place.directory)
            #expect(try await again.records() == Self.records[..<whole] + [[9]])
            #expect(again.tornBytes == 0)
        }
    }

    @Test("no flipped bit turns into a record that was never written")
    func flips() async throws {
        let (bytes, ends) = try await Self.file()
        var refused = 0
        for position in 0..<bytes.count {
            for bit in [0, 5] as [UInt8] {
                var flipped = bytes
                flipped[position] ^= 1 << bit
                do {
                    let (journal, _) = try Self.open(flipped)
                    let records = try await journal.records()
                    // Only the very last record can pass for one that was never finished.
                    #expect(records == Array(Self.records.dropLast()), "\(position)")
                    #expect(position >= ends[ends.count - 2])
                } catch let failure as Failure {
                    refused += 1
                    #expect(failure.code == (position < ends[0] ? "journal.foreign" : "journal.damaged"))
                }
            }
        }
        #expect(refused == 2 * ends[ends.count - 2])
    }

    @Test("bytes of a batch that was never made durable are cut off, whatever order they reached the disk in")
    func tornBatch() async throws {
        let (bytes, ends) = try await Self.file()
        // Two records of one batch, the first of which did not reach the disk: neither claims the other was durable.
        var batch = Array(bytes[..<ends[1]])
        let lost = [UInt8](repeating: 0, count: 64)
        batch += lost
        let (journal, _) = try Self.open(batch)
        #expect(try await journal.records() == [[]])
        #expect(journal.tornBytes == 64)
    }

    /// A program that another test is just starting may hold our lock until it has been executed.
    private func reopened(_ place: MemoryPlace) async throws -> FileJournal {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                return try FileJournal(in: place.directory)
            } catch {
                guard error.code == "journal.in-use", ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }

    @Test("a journal is open once at a time")
    func once() async throws {
        let place = try MemoryPlace()
        let journal = try FileJournal(in: place.directory)
        let failure = #expect(throws: Failure.self) { _ = try FileJournal(in: place.directory) }
        #expect(failure?.code == "journal.in-use")
        journal.close()
        #expect(try await reopened(place).records() == [])
        let closed = await #expect(throws: Failure.self) { try await journal.append([1]) }
        #expect(closed?.code == "journal.write")
    }

    /// From now on every write to the open journal finds its disk full: its descriptor leads to full(4).
    private static func fillDisk(of place: MemoryPlace) throws {
        let named = try place.directory.open(FileJournal.name, [.readOnly])
        var mine = stat()
        let isThere = fstat(named.number, &mine) == 0
        try #require(isThere)
        var holders: [Int32] = []
        for number in 0..<65_536 as Range<Int32> where number != named.number {
            var other = stat()
            guard fstat(number, &other) == 0 else { continue }
            if other.st_dev == mine.st_dev && other.st_ino == mine.st_ino { holders.append(number) }
        }
        let holder = try #require(holders.first)
        try #require(holders.count == 1)
        let full = try OwnedDescriptor.open("/dev/full", [.readWrite])
        let isFull = dup2(full.number, holder) == holder && fcntl(holder, F_SETFD, FD_CLOEXEC) == 0
        try #require(isFull)
    }

    @Test("after a failed write every append is refused until a replacement succeeds, and none after it")
    func fullDisk() async throws {
        let place = try MemoryPlace()
        let journal = try FileJournal(in: place.directory)
        try await journal.append([1])
        try Self.fillDisk(of: place)
        for record in [[2], [3]] as [[UInt8]] {
            let failure = await #expect(throws: Failure.self) { try await journal.append(record) }
            #expect(failure?.code == "journal.write")
        }
        let unread = await #expect(throws: Failure.self) { _ = try await journal.records() }
        #expect(unread?.code == "journal.write")
        try await journal.replace(with: [[4], [5]])
        try await journal.append([6])
        #expect(try await journal.records() == [[4], [5], [6]])
        journal.close()
        let again = try await reopened(place)
        #expect(again.tornBytes == 0)
        #expect(try await again.records() == [[4], [5], [6]])
    }

    @Test("a replacement that a crash left unfinished changes nothing and is swept away")
    func unfinishedReplacement() async throws {
        let (bytes, _) = try await Self.file()
        let place = try MemoryPlace()
        try AtomicFile.replace(FileJournal.name, in: place.directory, with: bytes)
        try AtomicFile.replace(RawPath(AtomicFile.temporaryPrefix + "x"), in: place.directory, with: [1, 2, 3])
        let journal = try FileJournal(in: place.directory)
        #expect(try await journal.records() == Self.records)
        let names = try place.directory.entries().map(\.name.description).sorted()
        #expect(names == ["journal", "journal.lock"])
    }
}
