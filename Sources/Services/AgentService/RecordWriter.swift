import AgentCore
import Determinism
import Diagnostics

/// Writes the core's batches to the journal, one after another, and says what came of each.
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
    let journal: any Journal

    func run(_ orders: AsyncStream<Order>, tell: (AgentEvent) -> Void) async {
        var failed: (epoch: Int, failure: Failure)?
        for await order in orders {
            if let failed, order.epoch <= failed.epoch {
                tell(.storeFailed(order.ticket, failed.failure))
                continue
            }
            do throws(Failure) {
                if order.replacesAll {
                    var batches: [[UInt8]] = []
                    for record in order.records { batches.append(try AgentRecord.encode([record])) }
                    try await journal.replace(with: batches)
                } else {
                    try await journal.append(try AgentRecord.encode(order.records))
                }
                tell(.stored(order.ticket))
            } catch {
                failed = (order.epoch, error)
                tell(.storeFailed(order.ticket, error))
            }
        }
    }

    /// Everything there is, oldest first.
    func readAll() async throws(Failure) -> [AgentRecord] {
        var records: [AgentRecord] = []
        for batch in try await journal.records() { records += try AgentRecord.decode(batch) }
        return records
    }
}
