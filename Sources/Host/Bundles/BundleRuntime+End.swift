public import Diagnostics
import LinuxKernel
public import RuntimeSpec

extension BundleRuntime {
    /// Sends a signal to the first process, or to all of the container's. SIGKILL goes to all of them too where they
    /// have no pid namespace of their own, whose end would take them along.
    public func kill(_ id: String, signal: Int32, all: Bool) throws(Failure) {
        let record = try required(id)
        let groups = try groups(record)
        let status = try status(record)
        var everybody = all
        if signal == SignalNumber.kill, !all { everybody = try !configuration(id).linux.isNew("pid") }
        if everybody {
            if status == .stopped, groups.processes().isEmpty {
                if all { return }
                throw notRunning(id, status)
            }
            try groups.signalAll(signal)
            if signal == SignalNumber.kill, status == .paused { try groups.freeze(false) }
            return
        }
        guard status == .created || status == .running || status == .paused, let process = try process(record) else {
            throw notRunning(id, status)
        }
        if status == .running { awaitHandler(of: signal, record) }
        do throws(KernelError) { try process.signal(signal) } catch {
            if error.errno == Errno.noProcess { throw notRunning(id, .stopped) }
            throw error.failure("bundle.cannot-signal", doing: "signal the container", on: id)
        }
        if signal == SignalNumber.kill, status == .paused { try groups.freeze(false) }
    }

    /// Seconds that a program has for installing its handlers.
    private static let handlerSecondsMax = 1.0

    /// The first process of a pid namespace is never ended by a signal it does not handle. A program that was started a
    /// moment ago may not have come to that: whoever stops it at once would wait for nothing, and then kill it.
    private func awaitHandler(of signal: Int32, _ record: BundleRecord) {
        guard signal != 0, signal != SignalNumber.kill, signal != SignalNumber.stop else { return }
        do {
            // Changed last by `start`, which takes its socket away.
            let changed = try store.open(record.id).status()
            let started = Double(changed.modifiedSeconds) + Double(changed.modifiedNanoseconds) / 1e9
            let left = started + Self.handlerSecondsMax - HostFacts.wallClock()
            guard left > 0, left <= Self.handlerSecondsMax else { return }
            let deadline = Deadline(seconds: left)
            while try ProcessFacts.dropsSignal(signal, record.process) { try deadline.pause("a handler") }
        } catch { return }
    }

    private func notRunning(
        _ id: String, _ status: RuntimeState.Status, _ doing: String = "signal the container"
    ) -> Failure {
        Failure(
            "bundle.not-running", doing: doing, on: id,
            cause: "container not running: it is \(status.rawValue)")
    }

    public func pause(_ id: String, _ paused: Bool) throws(Failure) {
        let record = try required(id)
        let status = try status(record)
        guard status == (paused ? .running : .paused) || (paused && status == .created) else {
            throw Failure(
                "bundle.wrong-state", doing: paused ? "pause the container" : "resume the container", on: id,
                cause: "it is \(status.rawValue)")
        }
        try groups(record).freeze(paused)
    }

    public func update(_ id: String, _ resources: ResourceSpec) throws(Failure) {
        let record = try required(id)
        guard try status(record) != .stopped else { throw notRunning(id, .stopped, "update the container") }
        let groups = try groups(record)
        if !resources.devices.isEmpty { try groups.changeDevices(resources.devices) }
        try groups.limit(resources)
    }
}
