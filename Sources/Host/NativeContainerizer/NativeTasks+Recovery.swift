import Containerizing
public import Containers
public import Diagnostics
import LinuxKernel

extension NativeTasks {
    /// What crashes left half-made is undone first, by the runtime's own records; then what is there is compared with
    /// what is known.
    public func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery {
        let found = try await pool.run { [self] () throws(Failure) in try settled() }
        var recovery = ContainerRecovery()
        var rest = found.sound
        var left = try await remove(found.damaged) { [runtime] id throws(Failure) in try runtime.removeDamaged(id) }
        left.merge(found.left) { damaged, _ in damaged }
        for launch in known {
            if let failure = left.removeValue(forKey: launch.id) {
                giveUp(launch, failure, into: &recovery)
            } else if let status = rest.removeValue(forKey: launch.id) {
                try adopt(launch, status, into: &recovery)
            } else {
                recovery.vanished.append(launch.id)
            }
        }
        for (id, failure) in left.sorted(by: { $0.key < $1.key }) {
            recovery.left.append(ContainerRecovery.LeftContainer(id: id, failure: failure))
        }
        try await destroy(strangers: rest.keys.sorted(), into: &recovery)
        try await pool.run { [self] () throws(Failure) in try releaseLeases() }
        return recovery
    }

    /// Those that nobody knows.
    private func destroy(
        strangers: [ContainerID], into recovery: inout ContainerRecovery
    ) async throws(Failure) {
        let failures = try await remove(strangers) { [runtime] id throws(Failure) in
            try runtime.remove(id, force: true)
        }
        for id in strangers {
            guard let failure = failures[id] else {
                recovery.destroyed.append(id)
                continue
            }
            recovery.left.append(ContainerRecovery.LeftContainer(id: id, failure: failure))
        }
    }

    /// Side by side: who waits for one that does not end waits no longer for several. Gives those that cannot be
    /// removed yet, with what is in the way; what may be removed later keeps no agent from starting.
    private func remove(
        _ ids: [ContainerID], by removal: @escaping @Sendable (ContainerID) throws(Failure) -> Void
    ) async throws(Failure) -> [ContainerID: Failure] {
        let failures = await withTaskGroup(of: (ContainerID, Failure?).self) { group in
            for id in ids {
                group.addTask { [pool] in
                    do throws(Failure) {
                        try await pool.run { () throws(Failure) in try removal(id) }
                        return (id, nil)
                    } catch { return (id, error) }
                }
            }
            return await group.reduce(into: [ContainerID: Failure]()) { all, outcome in all[outcome.0] = outcome.1 }
        }
        for id in ids {
            if let failure = failures[id], failure.retry != .later { throw failure }
        }
        return failures
    }

    private struct Settled {
        var sound: [ContainerID: ContainerStatus]
        /// Those whose record cannot be read: they are nobody's any more, however it came to that.
        var damaged: [ContainerID]
        /// Those of which only a cgroup is left, that cannot be removed yet.
        var left: [ContainerID: Failure] = [:]
    }

    private func settled() throws(Failure) -> Settled {
        try runtime.records.prepare()
        var left: [ContainerID: Failure] = [:]
        try runtime.sweep { id, failure in left[id] = failure }
        let survey = try runtime.survey()
        var damaged: [ContainerID] = []
        for id in try runtime.records.identifiers() where try runtime.soundStatus(of: id) == nil {
            if runtime.records.exists(id.text) { damaged.append(id) }
        }
        return Settled(
            sound: Dictionary(uniqueKeysWithValues: survey.containers.map { ($0.record.request.id, $0) }),
            damaged: damaged, left: left)
    }

    /// One that is known, whose record is damaged or gone, and that cannot be removed yet. For its agent it has ended:
    /// there is nothing to follow it by, its id is not free, and its agent has it destroyed until that succeeds.
    private func giveUp(_ launch: ContainerLaunch, _ failure: Failure, into recovery: inout ContainerRecovery) {
        guard ledger.begin(launch.id, parent: launch.parent) else { return }
        let exit = ContainerExit(
            reason: .unknown, code: 137, endedAt: HostFacts.wallClock(),
            message: "its record is damaged or gone, and it cannot be removed yet: \(failure)")
        ledger.ended(launch.id, exit, isNew: false)
        recovery.ended.append(ContainerRecovery.EndedContainer(id: launch.id, exit: exit))
    }

    private func adopt(
        _ launch: ContainerLaunch, _ status: ContainerStatus, into recovery: inout ContainerRecovery
    ) throws(Failure) {
        let id = launch.id
        guard ledger.begin(id, parent: launch.parent ?? status.record.request.parent) else { return }
        if let process = try runtime.liveProcess(status.record), status.state != .ended {
            let detail = Detail(request: status.record.request, process: process)
            ledger.launched(id, detail, isNew: false)
            recovery.adopted.append(id)
            return watch(id, detail)
        }
        let exit = status.record.exit ?? ContainerExit(
            reason: .unknown, code: 137, endedAt: HostFacts.wallClock(), message: "it ended while nobody was looking")
        ledger.ended(id, exit, isNew: false)
        recovery.ended.append(ContainerRecovery.EndedContainer(id: id, exit: exit))
    }

    /// Leases of images whose container is no more.
    private func releaseLeases() throws(Failure) {
        guard let images else { return }
        for name in try images.leaseHolders() {
            guard let holder = runtime.places.leaseHolder(name), runtime.places.agent != nil else { continue }
            if !runtime.records.exists(holder) { try images.release(container: name) }
        }
    }
}
