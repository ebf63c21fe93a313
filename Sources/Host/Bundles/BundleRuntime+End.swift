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

    private func notRunning(_ id: String, _ status: RuntimeState.Status) -> Failure {
        Failure(
            "bundle.not-running", doing: "signal the container", on: id,
            cause: "container not running: it is \(status.rawValue)")
    }

    /// Removes a stopped container, and with `force` any. Poststop hooks that fail are told of, and nothing more.
    public func delete(_ id: String, force: Bool, warn: (Failure) -> Void) throws(Failure) {
        do throws(Failure) { _ = try store.open(id) } catch {
            if force, error.code == "bundle.not-found" { return }
            throw error
        }
        guard let record = try store.record(id) else {
            guard force else { _ = try required(id); return }
            try store.removeAnchor(id)
            return try store.remove(id)
        }
        let groups = try groups(record)
        let status = try status(record)
        guard status == .stopped || force else {
            throw Failure(
                "bundle.not-stopped", doing: "delete the container", on: id,
                cause: "cannot delete container that is not stopped: \(status.rawValue)",
                remedy: "kill it first, or use --force")
        }
        if status != .stopped { try stop(record, groups) }
        try remove(record, try configuration(id), groups, warn: warn)
    }

    /// The same for whoever created it and has seen its end. Somebody else may have deleted it meanwhile.
    public func delete(_ ended: CreatedBundle, warn: (Failure) -> Void) throws(Failure) {
        do throws(Failure) { _ = try store.open(ended.record.id) } catch {
            if error.code == "bundle.not-found" { return }
            throw error
        }
        try remove(ended.record, ended.configuration, try groups(ended.record), warn: warn)
    }

    private func remove(
        _ record: BundleRecord, _ configuration: RuntimeConfiguration, _ groups: BundleGroups,
        warn: (Failure) -> Void
    ) throws(Failure) {
        if !groups.processes().isEmpty { try groups.signalAll(SignalNumber.kill) }
        try groups.remove(groups.directories)
        if configuration.linux.namespace("mount") == nil { try store.removeAnchor(record.id) }
        try store.remove(record.id)
        let state = RuntimeState(
            id: record.id, status: .stopped, process: 0, bundle: record.bundle, annotations: configuration.annotations)
        for hook in configuration.hooks.poststop {
            do throws(Failure) { try HookRunner.run([hook], point: "poststop", state: state) } catch { warn(error) }
        }
    }

    private func stop(
        _ record: BundleRecord, _ groups: BundleGroups
    ) throws(Failure) {
        guard let process = try process(record) else { return }
        // A created container may be frozen too.
        if groups.isFrozen() {
            try groups.signalAll(SignalNumber.kill)
            try groups.freeze(false)
        }
        try groups.takeBack(process.id)
        do throws(KernelError) {
            try process.signal(SignalNumber.kill)
            guard try process.waitForEnd(milliseconds: 10_000) else {
                throw KernelError(call: "wait", on: record.id, errno: Errno.timedOut)
            }
        } catch {
            throw error.failure("bundle.cannot-kill", doing: "kill the container", on: record.id)
        }
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
        guard try status(record) != .stopped else { throw notRunning(id, .stopped) }
        let groups = try groups(record)
        if !resources.devices.isEmpty { try groups.changeDevices(resources.devices) }
        try groups.limit(resources)
    }
}
