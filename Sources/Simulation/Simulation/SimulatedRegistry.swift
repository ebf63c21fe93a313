import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// Where the master's registry is kept: all of a write or nothing of it, and it outlives the master.
final class SimulatedRegistry {
    /// What is on the disk.
    private(set) var durable = RegistrySnapshot.empty
    private(set) var version = RegistryVersion.initial

    static let broken = Failure(
        "registry.unwritable", doing: "write to the registry", cause: "the disk gives errors",
        remedy: "the next master loads it anew", retry: .later)

    /// What a master begins with, having gone through bytes. Nil: they did not say what was written.
    func load(_ world: World) -> RegistrySnapshot? {
        do throws(Failure) {
            let read = try RegistrySnapshot(records: durable.records)
            if read != durable { world.violate(.registry, "what was read back is not what was written") }
            return read
        } catch {
            world.violate(.registry, "what was written cannot be read: \(error)")
            return nil
        }
    }

    /// Nil: written. A write that fails may have happened all the same.
    func apply(_ changes: [RegistryChange], _ world: World) -> Failure? {
        if world.happens(world.faults.failedRegistryWrites) {
            world.count("failed-registry-writes")
            if world.chance.chance(1, outOf: 2) { commit(changes, world) }
            return SimulatedRegistry.broken
        }
        if world.has(.forgetsRegistry), world.chance.chance(1, outOf: 6) { return nil }
        commit(changes, world)
        return nil
    }

    /// The master died while this was being written.
    func cut(_ changes: [RegistryChange], _ world: World) {
        if !changes.isEmpty, world.storage.chance(1, outOf: 2) { commit(changes, world) }
    }

    private func commit(_ changes: [RegistryChange], _ world: World) {
        let before = durable
        if world.has(.revivesGone) { reviveGone() }
        for change in changes { durable.apply(change) }
        version = version.next
        check(changes, before, world)
    }

    private func reviveGone() {
        for (id, entry) in durable.agents {
            if case .gone = entry.standing { durable.agents[id]?.standing = .registered }
        }
    }

    /// The registry only goes forward.
    private func check(_ changes: [RegistryChange], _ before: RegistrySnapshot, _ world: World) {
        if durable.issued.agents < before.issued.agents || durable.issued.frameworks < before.issued.frameworks {
            world.violate(.registry, "identifiers that were given out are free again")
        }
        for id in before.agents.keys.sorted() {
            guard case .gone = before.agents[id]?.standing, let new = durable.agents[id] else { continue }
            if case .gone = new.standing { continue }
            world.violate(.registry, "agent \(id) was given up for good and is back")
        }
        for id in before.frameworks.keys.sorted() where before.frameworks[id]?.removed != nil {
            if let new = durable.frameworks[id], new.removed == nil {
                world.violate(.registry, "framework \(id) was removed and is back")
            }
        }
    }
}
