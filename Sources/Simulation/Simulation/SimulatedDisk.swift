import AgentCore
import Determinism
import Diagnostics

/// An agent's journal on a disk that may be cut off at any moment: whole batches, in order, as far as they came.
struct SimulatedDisk {
    private struct Batch {
        var records: [JournalRecord]
        var replacesAll: Bool
    }
    /// What is on the disk, as the batches were written.
    private(set) var batches: [[JournalRecord]] = []
    /// Given to the disk and not durable yet, the oldest first.
    private var underWay: [Batch] = []
    /// So many of the batches have been read back from their bytes.
    private var readBack = 0
    /// Takes nothing until then.
    var fullUntil: Instant?

    var records: [JournalRecord] { batches.flatMap { $0 } }

    static let full = Failure(
        "journal.write", doing: "write to the journal", cause: "no space is left on the device",
        remedy: "make room", retry: .later)

    mutating func begin(_ records: [JournalRecord], replacesAll: Bool) {
        underWay.append(Batch(records: records, replacesAll: replacesAll))
    }

    /// The oldest batch under way is durable now, or will never be. Answers its records.
    mutating func finish(isDurable: Bool) -> [JournalRecord] {
        guard !underWay.isEmpty else { return [] }
        let batch = underWay.removeFirst()
        if isDurable { commit(batch) }
        return batch.records
    }

    private mutating func commit(_ batch: Batch) {
        if batch.replacesAll {
            batches = [batch.records]
            readBack = 0
        } else {
            batches.append(batch.records)
        }
    }

    /// The writer is gone: some of what was under way arrived whole, the next was torn and does not count.
    mutating func cut(_ random: inout SeededRandom) {
        let arrived = underWay.isEmpty ? 0 : random.within(0...underWay.count)
        for batch in underWay.prefix(arrived) { commit(batch) }
        underWay = []
    }

    mutating func forgetLast() {
        if !batches.isEmpty { batches.removeLast() }
        readBack = min(readBack, batches.count)
    }

    /// What a start reads. Each batch has gone through bytes once.
    mutating func read() throws(Failure) -> [JournalRecord] {
        for batch in batches[readBack...] {
            let read = try JournalRecord.decode(try JournalRecord.encode(batch))
            guard read == batch else {
                throw Failure("journal.record-unfit", doing: "read the journal", cause: "it reads other than written")
            }
        }
        readBack = batches.count
        return records
    }
}

/// The agent's records; the master has another type of this name.
typealias JournalRecord = AgentCore.AgentRecord
