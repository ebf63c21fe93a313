public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LinuxKernel

extension NativeContainerizer {
    /// The order that init takes from outside for "deliver this signal to the task", `BH_ORDER_SIGNAL` of plan.h.
    static let orderSignal: Int32 = 63
    private static let killSignal: Int32 = 9

    /// Sends `signal` to the task. Refused when the container does not run.
    public func kill(_ id: ContainerID, signal: Int32) throws(Failure) {
        let process = try running(id, to: "kill")
        if signal == Self.killSignal { try note(id, killOrdered: signal) }
        do throws(KernelError) {
            try process.queue(signal: Self.orderSignal, value: signal)
            guard signal == Self.killSignal else { return }
            // Frozen processes and a stuck init take no orders; the kernel's own kill always works.
            if try process.waitForEnd(milliseconds: 2_000) { return }
            try ControlGroup(id, host: host)?.kill()
            try process.signal(Self.killSignal)
        } catch {
            throw error.failure("container.cannot-signal", doing: "send signal \(signal) to container", on: id.text)
        }
    }

    /// Asks the task to stop with its stop signal and kills it after `seconds`. Stopping what has ended is fine.
    public func stop(_ id: ContainerID, seconds: Double) throws(Failure) {
        guard let status = try status(of: id), status.state != .ended else { return }
        if status.state == .paused { try resume(id) }
        let process = try running(id, to: "stop")
        try note(id, killOrdered: status.record.request.stopSignal)
        do throws(KernelError) {
            try process.queue(signal: Self.orderSignal, value: status.record.request.stopSignal)
            if try process.waitForEnd(milliseconds: Int32(min(seconds, 1e6) * 1_000)) { return }
        } catch {
            throw error.failure("container.cannot-signal", doing: "stop container", on: id.text)
        }
        try kill(id, signal: Self.killSignal)
    }

    /// Freezes every process of the container where it stands. Pausing twice is fine.
    public func pause(_ id: ContainerID) throws(Failure) { try freeze(id, true) }
    public func resume(_ id: ContainerID) throws(Failure) { try freeze(id, false) }

    private func freeze(_ id: ContainerID, _ frozen: Bool) throws(Failure) {
        _ = try running(id, to: frozen ? "pause" : "unpause")
        guard let group = ControlGroup(id, host: host) else {
            let ability = host.ability(.freezer)
            throw Failure(
                "host.cannot-enforce", doing: "pause container", on: id.text, cause: ability.why, remedy: ability.remedy
            )
        }
        do throws(KernelError) { try group.freeze(frozen) } catch {
            throw error.failure(
                "container.cannot-pause", doing: frozen ? "pause container" : "unpause container", on: id.text)
        }
    }

    func running(_ id: ContainerID, to operation: String) throws(Failure) -> ProcessHandle {
        guard let record = try records.read(id) else {
            throw Failure(
                "container.not-found", doing: "\(operation) container", on: id.text, cause: "there is none of that id")
        }
        if record.phase == .started || record.phase == .held, let process = try liveProcess(record) { return process }
        throw Failure(
            "container.not-running", doing: "\(operation) container", on: record.request.name,
            cause: "it has ended", remedy: "see how with: bulkhead inspect \(record.request.name)")
    }

    /// Writes down that we ordered the end, so that it is told as that afterwards.
    private func note(_ id: ContainerID, killOrdered: Int32) throws(Failure) {
        guard let lock = try records.lock(id, wait: true) else { return }
        defer { withExtendedLifetime(lock) {} }
        guard var record = try records.read(id), record.phase != .ended else { return }
        record.killOrdered = killOrdered
        try records.write(record)
    }

    /// Removes a container and everything it has. One that runs is refused unless `force`, which kills it first.
    public func remove(_ id: ContainerID, force: Bool) throws(Failure) {
        if let status = try status(of: id), status.state == .running || status.state == .paused {
            guard force else {
                throw Failure(
                    "container.running", doing: "remove container", on: status.record.request.name,
                    cause: "it is running", remedy: "stop it first, or use --force")
            }
            if status.state == .paused { try resume(id) }
            try kill(id, signal: Self.killSignal)
            _ = try wait(for: id)
        }
        Failpoint.pass("remove.stopped")
        guard records.exists(id.text) else { return }
        // The mark before the lock, as everywhere: a sweep that found a mark of ours waits for the lock with it.
        let mark = try marks.begin(id)
        defer { withExtendedLifetime(mark) {} }
        guard let lock = try records.lock(id, wait: true) else { return try marks.settled(id) }
        defer { withExtendedLifetime(lock) {} }
        guard let record = try recordToRemove(id) else { return try marks.settled(id) }
        try discard(record)
        Failpoint.pass("remove.cleaned")
    }

    /// A damaged record still names a container that can be removed.
    private func recordToRemove(_ id: ContainerID) throws(Failure) -> ContainerRecord? {
        do throws(Failure) { return try records.read(id) } catch {
            guard error.code == "state.damaged" else { throw error }
            try records.removeDirectory(id)
            return nil
        }
    }
}
