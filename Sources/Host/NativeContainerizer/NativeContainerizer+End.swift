public import Containers
public import Diagnostics
import Isolation
import LinuxKernel

extension NativeContainerizer {
    /// Waits until the container has ended and tells how. For the process that started it `running` is its handle, and
    /// the end is known even without an init.
    public func wait(for id: ContainerID, running: RunningContainer? = nil) throws(Failure) -> ContainerExit {
        guard let running, running.isChild else { return try waitForOther(id) }
        defer { running.mounts?.closeLater() }
        let reaped = try waited(id) { () throws(KernelError) in try running.process.reapStatus() }
        // Another command may have settled, even removed, the container between its end and now; we saw how it ended.
        do throws(Failure) {
            if let exit = try conclude(id, reaped: reaped)?.record.exit { return exit }
        } catch {
            if try records.read(id) != nil { throw error }
        }
        return .concluded(
            from: ContainerObservation(isAlive: false, reaped: Self.taskStatus(ofInit: reaped)),
            killOrdered: nil, now: HostFacts.wallClock())
    }

    /// Init ends with the task's own code, or with 128 and the signal that ended the task.
    private static func taskStatus(ofInit status: Int32) -> Int32 {
        let code = (status >> 8) & 0xff
        return status & 0x7f == 0 && code > 128 && code <= 192 ? code - 128 : status
    }

    /// How long the kernel may take to end what was killed. A process in a call to a disk or a file server that does
    /// not answer is there until that does, and its container with it.
    static let endSeconds = 30.0

    /// Waits until a container that was killed has ended, and its end is written down.
    /// - Throws: `container.stuck` when it has not within `seconds`; everything of it is kept.
    func awaitEnd(of id: ContainerID, within seconds: Double) throws(Failure) {
        _ = try waitForOther(id, within: seconds)
    }

    /// Ends, removes and reaps a container that was just launched, for whoever cannot go on with it because of
    /// `failure`.
    func ended(_ running: RunningContainer, after failure: Failure) -> Failure {
        let id = running.record.request.id
        defer { running.mounts?.closeLater() }
        do throws(Failure) {
            try remove(id, force: true)
            if running.isChild {
                _ = try waited(id) { () throws(KernelError) in try running.process.reap(within: Self.endSeconds) }
            }
            return failure
        } catch {
            return failure.also(error)
        }
    }

    private func waitForOther(_ id: ContainerID, within seconds: Double? = nil) throws(Failure) -> ContainerExit {
        let milliseconds = seconds.map { Int32($0 * 1_000) } ?? -1
        while let record = try records.read(id) {
            if let exit = record.exit, record.phase == .ended { return exit }
            if let process = try liveProcess(record) {
                let hasEnded = try waited(id) { () throws(KernelError) in
                    try process.waitForEnd(milliseconds: milliseconds)
                }
                if !hasEnded { throw stuck(record, process, seconds ?? 0) }
            }
            // Nil while it is being launched: then it runs, or is gone, the next time we look.
            if let exit = try conclude(id, reaped: nil)?.record.exit { return exit }
        }
        throw Failure(
            "container.not-found", doing: "wait for container", on: id.text, cause: "it was removed meanwhile")
    }

    private func stuck(_ record: ContainerRecord, _ process: ProcessHandle, _ seconds: Double) -> Failure {
        // With an init it may be any of them that keeps it; the kernel shows those that have ended no more.
        let left = (ControlGroup(record.request.id, host: host)?.processes() ?? []).filter { $0 > 0 }
        let shown = (left.isEmpty ? [process.id] : Array(left.prefix(8))).map { "\($0)" }
        return Failure(
            "container.stuck", doing: "end container", on: record.request.name,
            cause: "it was killed, and after \(Int(seconds)) s the kernel has not ended process "
                + shown.joined(separator: ", ") + " of it; its record is kept",
            remedy: "see what it waits for: cat /proc/\(shown[0])/stack; trying again is safe", retry: .later)
    }

    private func waited<Value>(
        _ id: ContainerID, _ body: () throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure("container.cannot-wait", doing: "wait for container", on: id.text)
        }
    }

    /// Writes down how a container that is not alive any more ended, and gives back its cgroup and ids. Whoever notices
    /// first does it; for the others it is done already.
    func conclude(_ id: ContainerID, reaped: Int32?) throws(Failure) -> ContainerStatus? {
        guard let lock = try records.lock(id, wait: true) else { return nil }
        defer { withExtendedLifetime(lock) {} }
        guard let record = try records.read(id) else { return nil }
        if record.phase == .ended { return ContainerStatus(state: .ended, record: record) }
        // The launch we waited for may have gone well meanwhile: what lives is not concluded.
        if reaped == nil, let process = try liveProcess(record) {
            return ContainerStatus(state: .running, record: record, process: process.id)
        }
        return try concludeLocked(record, reaped: reaped)
    }

    func concludeLocked(_ record: ContainerRecord, reaped: Int32?) throws(Failure) -> ContainerStatus {
        if reaped == nil { try demandInSight(record) }
        // With our init all its processes have ended, pid_namespaces(7), and nothing of the end is read from the layer.
        let isAlone = reaped != nil && record.request.isolation.hasInit && record.request.removeAtEnd
        let layer = isAlone ? Errand { [record] () throws(Failure) in try releaseDisk(record) } : nil
        var record = record
        do throws(Failure) {
            record.exit = .concluded(
                from: try observe(record, reaped: reaped), killOrdered: record.killOrdered, now: HostFacts.wallClock())
        } catch {
            try layer?.finish()
            throw error
        }
        record.phase = .ended
        if record.request.removeAtEnd {
            try discard(record, layer: layer)
        } else {
            try settle(&record)
        }
        return ContainerStatus(state: .ended, record: record)
    }

    /// In another process namespace a container that runs looks as if it had ended, and must not be ended for that. The
    /// kernel shows processes that a reader has no number for as 0, cgroups(7); one that is just ending may be 0 for a
    /// moment.
    func demandInSight(_ record: ContainerRecord) throws(Failure) {
        guard let group = ControlGroup(record.request.id, host: host) else { return }
        do throws(KernelError) {
            try Deadline(seconds: 3).wait("every process of it to have a number") { !group.processes().contains(0) }
        } catch {
            throw Failure(
                "container.out-of-sight", doing: "look at the process of container", on: record.request.name,
                cause: "it runs, in a process namespace that this command does not see",
                remedy: "run this command in the process namespace the container was started from, usually the host's")
        }
    }

    /// The end is written down whatever cannot be given back: one cgroup that will not go away must not hide how its
    /// container ended, nor hold up anybody who lists containers. Removing the container tries again, and says why.
    private func settle(_ record: inout ContainerRecord) throws(Failure) {
        let id = record.request.id
        var left: Failure?
        for isolator in Isolators.all.reversed() {
            do throws(Failure) { try isolator.cleanUp(id, host: host) } catch { left = left?.also(error) ?? error }
        }
        do throws(Failure) { try dismissEmulator(of: id) } catch { left = left?.also(error) ?? error }
        do throws(Failure) { try starter?.cleanUp(id) } catch { left = left?.also(error) ?? error }
        if let left { record.exit?.message += "; \(left)" }
        try leases.release(record.request.isolation.identities, of: id)
        try records.write(record)
        if left == nil { try marks.settled(id) }
    }

    private func observe(_ record: ContainerRecord, reaped: Int32?) throws(Failure) -> ContainerObservation {
        let id = record.request.id
        let group = ControlGroup(id, host: host)
        var observation = ContainerObservation(isAlive: false, record: try exitRecord(of: id), reaped: reaped)
        observation.outOfMemoryKills = max(
            group?.value(of: "oom_kill", in: "memory.events") ?? 0,
            group?.value(of: "oom_group_kill", in: "memory.events") ?? 0)
        observation.memoryLimit = record.request.limits.memory
        observation.memoryPeak = group?.contents("memory.peak").flatMap { UInt64($0.filter(\.isNumber)) }
        do throws(KernelError) {
            if let process = record.process { observation.rebooted = try ProcessFacts.bootID() != process.bootID }
        } catch {
            throw error.failure("state.unreadable", doing: "read the boot id")
        }
        return observation
    }

    /// What init wrote when the task ended; nil when it did not.
    func exitRecord(of id: ContainerID) throws(Failure) -> (waitStatus: Int32, endedAt: UInt64)? {
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try OwnedDescriptor.open(RawPath(records.exitRecord(id))).readAll(limit: 64)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unreadable", doing: "read the exit record of container", on: id.text)
        }
        guard let record = ExitRecord(bytes: bytes) else { return nil }
        return (record.waitStatus, record.endedAt)
    }
}

/// The 32 bytes init writes when the task has ended, `struct bh_exit_record` of plan.h.
struct ExitRecord: Equatable {
    static let magic: UInt32 = 0x5458_4542
    static let byteCount = 32
    var waitStatus: Int32
    /// Nanoseconds since 1970.
    var endedAt: UInt64

    init?(bytes: [UInt8]) {
        guard bytes.count >= Self.byteCount else { return nil }
        func number(_ range: Range<Int>) -> UInt64 {
            bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard UInt32(number(0..<4)) == Self.magic else { return nil }
        waitStatus = Int32(bitPattern: UInt32(number(4..<8)))
        endedAt = number(8..<16)
    }
}
