import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// Where the registry is kept, for all masters: all of a write or nothing of it, and nothing of one that is based on
/// what is not there any more. It outlives masters.
final class SimulatedRegistry {
    /// What is on the disk.
    private(set) var durable = RegistrySnapshot.empty
    private(set) var version = RegistryVersion.initial
    private var writer: (host: MasterHost, term: Int)?

    static let broken = Failure(
        "registry.unwritable", doing: "write to the registry", cause: "the disk gives errors",
        remedy: "the next master loads it anew", retry: .later)

    static func overtaken(_ version: RegistryVersion, _ other: RegistryVersion) -> Failure {
        Failure(
            "registry.overtaken", doing: "write to the registry",
            cause: "the change is based on \(version), and another master has written \(other)",
            remedy: "the master that leads now carries on")
    }

    /// What a master begins with, having gone through bytes, and a write of nothing that keeps out what former leaders
    /// have under way. Nil: not written, or what was read did not say what was written.
    func takeOver(by host: MasterHost, _ world: World) -> (RegistrySnapshot, RegistryVersion)? {
        let read: RegistrySnapshot
        do throws(Failure) { read = try RegistrySnapshot(records: durable.records) } catch {
            world.violate(.registry, "what was written cannot be read: \(error)")
            return nil
        }
        if read != durable { world.violate(.registry, "what was read back is not what was written") }
        if world.has(.onlyReads) { return (read, version) }
        do throws(Failure) { _ = try apply([], expecting: version, by: host, world) } catch { return nil }
        return (read, version)
    }

    /// A write that fails may have happened all the same.
    func apply(
        _ changes: [RegistryChange], expecting expected: RegistryVersion, by host: MasterHost, _ world: World
    ) throws(Failure) -> RegistryAnswer {
        if world.happens(world.faults.failedRegistryWrites) {
            world.count("failed-registry-writes")
            if expected == version, world.chance.chance(1, outOf: 2) { commit(changes, by: host, world) }
            throw SimulatedRegistry.broken
        }
        guard expected == version || world.has(.writesUnfenced) else {
            world.count("overtaken-writes")
            checkLeaders(host, expected, world)
            return .overtaken(version)
        }
        if world.has(.forgetsRegistry), world.chance.chance(1, outOf: 6) { return .applied(version) }
        commit(changes, by: host, world)
        return .applied(version)
    }

    /// A master may be late with a write, but not while it and whoever wrote in between have both been elected.
    private func checkLeaders(_ host: MasterHost, _ expected: RegistryVersion, _ world: World) {
        guard let writer, writer.host !== host, writer.host.term == writer.term, writer.host.core != nil,
            world.elections.has(host, at: world.now), world.elections.has(writer.host, at: world.now)
        else { return }
        world.violate(
            .leadership, "m\(host.term) and m\(writer.term) both lead: one writes what is based on \(expected), the "
                + "other has written \(version)")
    }

    /// The master died, or lost its session, while this was being written: it may arrive, and late.
    func cut(_ changes: [RegistryChange], on expected: RegistryVersion, by host: MasterHost, _ world: World) {
        guard !changes.isEmpty, world.storage.chance(1, outOf: 2) else { return }
        let term = host.term
        let arrive = { (world: World) in
            guard expected == self.version else { return world.count("late-writes-refused") }
            world.count("late-writes")
            // Whoever leads by now has read what was there before, and goes by it.
            let keys = changes.map(\.key.text).joined(separator: ", ")
            for other in world.masters where other.core != nil {
                world.violate(
                    .leadership, "m\(term) is late and has written \(keys), and m\(other.term), who leads, knows not")
            }
            self.commit(changes, by: host, world)
        }
        // With a store of several members it may be on its way for longer than it takes to elect another.
        let wait = Duration.milliseconds(world.storage.below(world.act == .safety ? 25_000 : 100))
        if world.masters.count == 1 { arrive(world) } else { world.after(wait, arrive) }
    }

    private func commit(_ changes: [RegistryChange], by host: MasterHost, _ world: World) {
        let before = durable
        writer = (host, host.term)
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
