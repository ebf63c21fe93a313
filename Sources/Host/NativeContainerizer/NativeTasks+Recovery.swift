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
        var rest = found
        for launch in known {
            guard let status = rest.removeValue(forKey: launch.id) else {
                recovery.vanished.append(launch.id)
                continue
            }
            try adopt(launch, status, into: &recovery)
        }
        for id in rest.keys.sorted() {
            try await pool.run { [runtime] () throws(Failure) in try runtime.remove(id, force: true) }
            recovery.destroyed.append(id)
        }
        try await pool.run { [self] () throws(Failure) in try releaseLeases() }
        return recovery
    }

    private func settled() throws(Failure) -> [ContainerID: ContainerStatus] {
        try runtime.records.prepare()
        try runtime.sweep()
        let survey = try runtime.survey()
        // One whose record cannot be read is nobody's any more, however it came to that.
        for id in try runtime.records.identifiers() where try runtime.soundStatus(of: id) == nil {
            if runtime.records.exists(id.text) { try runtime.remove(id, force: true) }
        }
        return Dictionary(uniqueKeysWithValues: survey.containers.map { ($0.record.request.id, $0) })
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
