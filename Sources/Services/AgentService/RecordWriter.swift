import AgentCore
import Determinism
import Diagnostics
import Synchronization

/// Writes the core's batches to the journal, in order, and says what came of each. What has come together while a write
/// was under way goes into the next as one: a disk makes as many writes durable in a second as it does, whatever is in
/// them, and each task takes six.
///
/// After a failure nothing that was ordered before the core heard of it is written: batches build on each other, and
/// the core orders all of them again.
struct RecordWriter: Sendable {
    struct Order: Sendable {
        var records: [AgentRecord]
        var replacesAll: Bool
        var ticket: Agent.Ticket
        /// How many failures the core had heard of when it ordered this.
        var epoch: Int
    }
    /// Records written as one.
    static let recordsInWriteMax = 512
    let journal: any Journal
    /// Told what was too large for the journal and is forgotten.
    var lost: @Sendable (Failure) -> Void = { _ in }

    func run(_ orders: OrderQueue, tell: (AgentEvent) -> Void) async {
        var failed: (epoch: Int, failure: Failure)?
        while let waiting = await orders.next() {
            var rest = waiting[...]
            while let first = rest.first {
                if let failed, first.epoch <= failed.epoch {
                    tell(.storeFailed(rest.removeFirst().ticket, failed.failure))
                    continue
                }
                do throws(Failure) {
                    let count = try await write(first.replacesAll ? rest.prefix(1) : RecordWriter.together(rest))
                    for order in rest.prefix(count) { tell(.stored(order.ticket)) }
                    rest = rest.dropFirst(count)
                } catch {
                    // None of them is there; all go the way of the first.
                    failed = (first.epoch, error)
                }
            }
        }
    }

    /// Those at the beginning that are written as one: all or none of them is there after a crash.
    private static func together(_ orders: ArraySlice<Order>) -> ArraySlice<Order> {
        let epoch = orders.first?.epoch
        var count = 0
        var records = 0
        for order in orders {
            records += order.records.count
            if count > 0, order.replacesAll || order.epoch != epoch || records > recordsInWriteMax { break }
            count += 1
        }
        return orders.prefix(count)
    }

    /// Writes all of them at once, or the first alone where they are too many for one record; says how many.
    private func write(_ orders: ArraySlice<Order>) async throws(Failure) -> Int {
        if let order = orders.first, order.replacesAll {
            var batches: [[UInt8]] = []
            for record in order.records {
                let batch = try AgentRecord.encode([record])
                if batch.count > journal.recordBytesMax {
                    // Nothing the core takes in is so large. Should it be after all, one thing is forgotten at the next
                    // start; refusing it here would refuse all others with it, for ever.
                    lost(tooLarge(record, batch.count))
                } else {
                    batches.append(batch)
                }
            }
            try await journal.replace(with: batches)
            return 1
        }
        let record = try AgentRecord.encode(orders.flatMap(\.records))
        if record.count > journal.recordBytesMax, orders.count > 1 { return try await write(orders.prefix(1)) }
        try await journal.append(record)
        return orders.count
    }

    private func tooLarge(_ record: AgentRecord, _ count: Int) -> Failure {
        // No more of it: what it says may be a secret.
        let kind = String(describing: record).prefix { $0 != "(" }
        return Failure(
            "journal.record-lost", doing: "remember a record",
            cause: "\(kind) has \(count) bytes",
            remedy: "report it: the agent forgets it at its next start",
            limit: "recordBytesMax \(journal.recordBytesMax)")
    }

    /// Everything there is, oldest first.
    func readAll() async throws(Failure) -> [AgentRecord] {
        var records: [AgentRecord] = []
        for batch in try await journal.records() { records += try AgentRecord.decode(batch) }
        return records
    }
}

/// What waits to be written. Bounded by the core, which orders for what it is told and waits for what it ordered. One
/// reader.
final class OrderQueue: Sendable {
    private let waiting = Mutex<[RecordWriter.Order]>([])
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ order: RecordWriter.Order) {
        waiting.withLock { $0.append(order) }
        signal.yield()
    }

    /// What is there is still handed out.
    func finish() { signal.finish() }

    /// Everything that waits, in order, once there is something; nil at the end.
    func next() async -> [RecordWriter.Order]? {
        while true {
            let orders = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            if !orders.isEmpty { return orders }
            var iterator = signals.makeAsyncIterator()
            if await iterator.next() == nil, waiting.withLock({ $0.isEmpty }) { return nil }
        }
    }
}
