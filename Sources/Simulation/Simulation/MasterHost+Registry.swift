import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import MasterCore

/// The leader's writes to the registry.
extension MasterHost {
    /// One write at a time; what came together goes together.
    func write(_ world: World) {
        guard writing == nil, !orders.isEmpty else { return }
        let batch = orders
        let changes = batch.flatMap(\.changes)
        writing = changes
        if dies(world) { return kill(world, restartsAfter: .seconds(5)) }
        let life = life
        world.after(world.writeTime()) { world in
            guard self.life == life else { return }
            self.orders.removeFirst(batch.count)
            self.writing = nil
            let failure = self.isRegistryBroken ? SimulatedRegistry.broken : self.apply(changes, world)
            if failure != nil { self.isRegistryBroken = true }
            for order in batch where self.life == life {
                self.take(failure.map { .storeFailed(order.ticket, $0) } ?? .stored(order.ticket), world)
            }
            if self.life == life { self.write(world) }
        }
    }

    /// Planted with `onlyReads`: it takes a write that is late for the mistake to show, and these are rare.
    private func dies(_ world: World) -> Bool {
        world.has(.onlyReads) && world.masters.count > 1 && world.act == .safety && world.election.chance(1, outOf: 8)
    }

    /// Nil: written.
    private func apply(_ changes: [RegistryChange], _ world: World) -> Failure? {
        do throws(Failure) {
            switch try world.registry.apply(changes, expecting: version, by: self, world) {
            case .applied(let next): version = next
            case .overtaken(let other): return SimulatedRegistry.overtaken(version, other)
            }
        } catch { return error }
        return nil
    }
}
