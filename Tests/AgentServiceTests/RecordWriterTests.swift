import AgentCore
import Determinism
import Diagnostics
import Synchronization
import Testing

@testable import AgentService

@Suite("writing the agent's records", .timeLimit(.minutes(5)))
struct RecordWriterTests {
    /// A disk whose writes take until they are let through.
    private final class SlowJournal: Journal {
        let recordBytesMax: Int
        private let state: Mutex<(records: [[UInt8]], isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>
        private let fails: @Sendable (Int) -> Bool

        init(
            recordBytesMax: Int = 1 << 20, isOpen: Bool = true,
        fails: @escaping @Sendable (Int) -> Bool = { _ in false }
        ) {
            self.recordBytesMax = recordBytesMax
            self.fails = fails
            state = Mutex(([], isOpen, []))
        }

        var writes: [[AgentRecord]] {
            get throws { try state.withLock { $0.records }.map { try AgentRecord.decode($0) } }
        }
        var isWriting: Bool { state.withLock { !$0.waiting.isEmpty } }

        func open() {
            state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }.forEach { $0.resume() }
        }

        func append(_ record: [UInt8]) async throws(Failure) {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
            let number = state.withLock { state in
                state.records.append(record)
                return state.records.count
            }
            if fails(number) { throw Failure("journal.write", doing: "write", cause: "the disk is full") }
        }

        func records() async throws(Failure) -> [[UInt8]] { state.withLock { $0.records } }
        func replace(with records: [[UInt8]]) async throws(Failure) { state.withLock { $0.records = records } }
        func byteCount() async -> UInt64 { 0 }
    }

    private final class Told: Sendable {
        private let events = Mutex<[(ticket: UInt64, isStored: Bool)]>([])
        var all: [(ticket: UInt64, isStored: Bool)] { events.withLock { $0 } }

        @Sendable func tell(_ event: AgentEvent) {
            switch event {
            case .stored(let ticket): events.withLock { $0.append((ticket.number, true)) }
            case .storeFailed(let ticket, _): events.withLock { $0.append((ticket.number, false)) }
            default: Issue.record("\(event)")
            }
        }
    }

    private func order(_ number: Int, replacesAll: Bool = false, epoch: Int = 0) -> RecordWriter.Order {
        RecordWriter.Order(
            records: [.booted("boot \(number)")], replacesAll: replacesAll, ticket: Agent.Ticket(UInt64(number)),
            epoch: epoch)
    }

    private func write(_ orders: [RecordWriter.Order], to journal: SlowJournal) async -> Told {
        let (queue, told) = (OrderQueue(), Told())
        for order in orders { queue.add(order) }
        queue.finish()
        await RecordWriter(journal: journal).run(queue, tell: told.tell)
        return told
    }

    @Test("what comes while a write is under way goes into the next as one, and everybody is told in order")
    func grouped() async throws {
        let journal = SlowJournal(isOpen: false)
        let (queue, told) = (OrderQueue(), Told())
        queue.add(order(1))
        async let written: Void = RecordWriter(journal: journal).run(queue, tell: told.tell)
        try await eventually("the first write") { journal.isWriting }
        for number in 2...20 { queue.add(order(number)) }
        #expect(told.all.isEmpty)
        journal.open()
        queue.finish()
        await written
        let writes = try journal.writes
        #expect(writes == [[.booted("boot 1")], (2...20).map { .booted("boot \($0)") }])
        #expect(told.all.map(\.ticket) == Array(1...20) && !told.all.contains { !$0.isStored })
    }

    @Test("what replaces everything is written by itself, in its turn")
    func replacing() async throws {
        let journal = SlowJournal()
        let told = await write([order(1), order(2), order(3, replacesAll: true), order(4), order(5)], to: journal)
        let writes = try journal.writes
        #expect(writes == [[.booted("boot 3")], [.booted("boot 4"), .booted("boot 5")]])
        #expect(told.all.map(\.ticket) == Array(1...5))
    }

    @Test("after a failure nothing is written that was ordered before it was known")
    func failure() async throws {
        let journal = SlowJournal { $0 == 1 }
        let told = await write([order(1), order(2), order(3, epoch: 1), order(4, epoch: 1)], to: journal)
        #expect(told.all.map(\.ticket) == [1, 2, 3, 4] && told.all.map(\.isStored) == [false, false, true, true])
        let writes = try journal.writes
        #expect(writes.last == [.booted("boot 3"), .booted("boot 4")])
    }

    private final class Lost: Sendable {
        private let failures = Mutex<[String]>([])
        var all: [String] { failures.withLock { $0 } }

        @Sendable func add(_ failure: Failure) { failures.withLock { $0.append(failure.description) } }
    }

    // The core takes in nothing so large; should it ever, all else that is to be remembered must not wait for it.
    @Test("a record that is too large for the journal is lost by itself, and that is said")
    func tooLarge() async throws {
        let journal = SlowJournal(recordBytesMax: try AgentRecord.encode([.booted("boot 1")]).count)
        let (queue, told, lost) = (OrderQueue(), Told(), Lost())
        let records = [AgentRecord.booted("boot 1"), .booted("a name too long"), .booted("boot 2")]
        queue.add(RecordWriter.Order(records: records, replacesAll: true, ticket: Agent.Ticket(1), epoch: 0))
        queue.finish()
        await RecordWriter(journal: journal, lost: lost.add).run(queue, tell: told.tell)
        let writes = try journal.writes
        #expect(writes == [[.booted("boot 1")], [.booted("boot 2")]])
        #expect(told.all.map(\.isStored) == [true])
        #expect(lost.all.count == 1 && lost.all.first?.contains("booted has ") == true)
    }

    @Test("more than one record of the journal holds goes into several")
    func large() async throws {
        let journal = SlowJournal(recordBytesMax: try AgentRecord.encode([.booted("boot 1")]).count)
        let told = await write([order(1), order(2), order(3)], to: journal)
        let writes = try journal.writes
        #expect(writes == (1...3).map { [.booted("boot \($0)")] })
        #expect(!told.all.contains { !$0.isStored })
    }
}
