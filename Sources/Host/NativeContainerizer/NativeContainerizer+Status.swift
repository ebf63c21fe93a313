public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LaunchPlanning
import LinuxKernel

/// A container as it is now.
public struct ContainerStatus: Equatable, Sendable {
    public enum State: String, Sendable, Codable { case creating, running, paused, ended }
    public var state: State
    public var record: ContainerRecord
    /// Id of init (or the monitor) on the host while it runs.
    public var process: Int32?
}

extension NativeContainerizer {
    /// Every container of this host, by age, each with its state settled: one that has ended has its end written down
    /// and what it held given back; one that was to be removed at its end is gone.
    /// Containers whose record is damaged are left out, see `survey`.
    public func list() throws(Failure) -> [ContainerStatus] { try survey().containers }

    /// The same, and beside it what is wrong with each container that cannot be listed.
    public func survey() throws(Failure) -> (containers: [ContainerStatus], damaged: [Failure]) {
        var containers: [ContainerStatus] = []
        var damaged: [Failure] = []
        for id in try records.identifiers() {
            do throws(Failure) {
                if let status = try status(of: id) { containers.append(status) }
            } catch {
                // One that cannot be read must not hide the others, nor keep them from being started and removed.
                guard error.code == Self.damagedCode else { throw error }
                damaged.append(error)
            }
        }
        containers.sort { ($0.record.createdAt, $0.record.request.id) < ($1.record.createdAt, $1.record.request.id) }
        return (containers, damaged)
    }

    /// Every container that can be read, as its record has it, with its process while that runs. Settles and changes
    /// nothing, for whoever looks at containers that are another program's.
    public func watched() throws(Failure) -> [ContainerStatus] {
        var containers: [ContainerStatus] = []
        for id in try records.identifiers() {
            guard let record = try records.read(id) else { continue }
            let process = record.phase == .started ? try liveProcess(record) : nil
            containers.append(
                ContainerStatus(state: process == nil ? .ended : .running, record: record, process: process?.id))
        }
        return containers.sorted {
            ($0.record.createdAt, $0.record.request.id) < ($1.record.createdAt, $1.record.request.id)
        }
    }

    /// Nil when there is no such container (any more).
    public func status(of id: ContainerID) throws(Failure) -> ContainerStatus? {
        guard let record = try records.read(id) else { return nil }
        switch record.phase {
        case .ended:
            return ContainerStatus(state: .ended, record: record)
        case .creating, .held:
            return try settleUnfinished(id)
        case .started:
            if let process = try liveProcess(record) {
                let frozen = ControlGroup(id, host: host)?.value(of: "frozen", in: "cgroup.events") == 1
                return ContainerStatus(state: frozen ? .paused : .running, record: record, process: process.id)
            }
            return try conclude(id, reaped: nil)
        }
    }

    /// The recorded process, if it still exists and is the same one.
    func liveProcess(_ record: ContainerRecord) throws(Failure) -> ProcessHandle? {
        guard let identity = record.process else { return nil }
        return try liveProcess(identity, of: record.request.id)
    }

    func liveProcess(
        _ identity: ContainerRecord.ProcessIdentity, of id: ContainerID
    ) throws(Failure) -> ProcessHandle? {
        do throws(KernelError) {
            guard try ProcessFacts.bootID() == identity.bootID else { return nil }
            let handle = try ProcessHandle.open(identity.id)
            // Asked after the pidfd is open: a number that was reused in between shows another start time.
            guard try ProcessFacts.startTime(of: identity.id) == identity.startTime else { return nil }
            return try handle.hasEnded() ? nil : handle
        } catch {
            if error.errno == Errno.noProcess || error.errno == Errno.noEntry { return nil }
            throw error.failure(
                "state.unreadable", doing: "look at the process of container", on: id.text)
        }
    }

    /// A launch that somebody is busy with, or that a crash cut off: then it is finished or undone here.
    private func settleUnfinished(_ id: ContainerID) throws(Failure) -> ContainerStatus? {
        guard let lock = try records.lock(id, wait: false) else {
            return try records.read(id).map { ContainerStatus(state: .creating, record: $0) }
        }
        defer { withExtendedLifetime(lock) {} }
        guard var record = try records.read(id) else { return nil }
        guard record.phase == .creating || record.phase == .held else { return try statusAfterOthers(record) }
        if let process = try liveProcess(record) {
            // Its release was lost with the command that held it, and it ends by itself; or it was released, and runs.
            if try !endsUnreleased(process, of: record) {
                record.phase = .started
                record.startedAt = record.startedAt ?? record.createdAt
                try records.write(record)
                return ContainerStatus(state: .running, record: record, process: process.id)
            }
        }
        if try exitRecord(of: id) != nil {
            record.phase = .started
            try records.write(record)
            return try concludeLocked(record, reaped: nil)
        }
        try demandInSight(record)
        try discard(record)
        return nil
    }

    /// The lock is ours, so what another command made of the container is final for now.
    private func statusAfterOthers(_ record: ContainerRecord) throws(Failure) -> ContainerStatus {
        let process = try liveProcess(record)
        return ContainerStatus(state: process == nil ? .ended : .running, record: record, process: process?.id)
    }

    /// Whether the container's process ends rather than become its init. One that does neither in time counts as one
    /// that runs: whoever asks next is told so at once.
    private func endsUnreleased(_ process: ProcessHandle, of record: ContainerRecord) throws(Failure) -> Bool {
        // One without an init never takes its name.
        let hasInit = record.request.isolation.hasInit
        let deadline = Deadline(seconds: hasInit ? Self.decidingSecondsMax : Self.undecidedSeconds)
        do throws(KernelError) {
            while !deadline.hasPassed {
                if try process.waitForEnd(milliseconds: 5) { return true }
                if try isInit(process) { return false }
            }
            return false
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.noProcess { return true }
            throw error.failure("state.unreadable", doing: "wait for the container's process")
        }
    }
    private static let decidingSecondsMax = 10.0
    private static let undecidedSeconds = 0.5

    /// Whether the launcher has become the container's init: it takes that name.
    func isInit(_ process: ProcessHandle) throws(KernelError) -> Bool {
        try TextFile.read("/proc/\(process.id)/comm", limit: 64) == "bulkhead-init\n"
    }
}
