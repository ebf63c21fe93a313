import Coordination
import Diagnostics
import MasterCore

/// Writes what the core wants kept, in order, away from the core's mailbox. What has come together while a write was
/// under way goes into the next as one.
struct RegistryWriter: Sendable {
    struct Order: Sendable {
        let changes: [RegistryChange]
        let ticket: Ticket
    }
    static let ordersInWriteMax = 512

    private let orders = Mailbox<Order>(capacity: .max)
    let store: any RegistryStore

    func write(_ changes: [RegistryChange], _ ticket: Ticket) {
        orders.tell(Order(changes: changes, ticket: ticket))
    }

    func close() { orders.close(droppingWhatWaits: true) }

    /// Until `close`. After a write that failed nothing is written any more: what is in the store is not known.
    func run(from start: RegistryVersion, report: @Sendable (MasterCore.Event) -> Void) async {
        var version = start
        var broken: Failure?
        while let batch = await orders.next(atMost: RegistryWriter.ordersInWriteMax) {
            if broken == nil {
                do throws(Failure) {
                    version = try await write(batch, over: version)
                } catch {
                    broken = error
                }
            }
            for order in batch {
                report(broken.map { .storeFailed(order.ticket, $0) } ?? .stored(order.ticket))
            }
        }
    }

    private func write(_ batch: [Order], over version: RegistryVersion) async throws(Failure) -> RegistryVersion {
        switch try await store.apply(batch.flatMap(\.changes), expecting: version) {
        case .applied(let next): return next
        case .overtaken(let other):
            throw Failure(
                "registry.overtaken", doing: "write to the registry", on: "\(version)",
                cause: "another master has written \(other)", remedy: "the leader has changed")
        }
    }
}
