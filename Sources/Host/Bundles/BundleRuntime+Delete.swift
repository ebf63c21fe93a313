public import Diagnostics
import LinuxKernel
import RuntimeSpec

/// A container is removed by one at a time. First goes what is found by its record, then its name, and whoever takes
/// that away runs the poststop hooks: so they run once, after the container is gone, as the specification wants.
extension BundleRuntime {
    /// Removes a stopped container, and with `force` any; none is fine then. Poststop hooks that fail are told of, and
    /// nothing more.
    public func delete(_ id: String, force: Bool, warn: (Failure) -> Void) throws(Failure) {
        do throws(Failure) { try delete(id, in: try store.open(id), force: force, warn: warn) } catch {
            // Somebody else may have been faster, at any point of it.
            if force, error.code == "bundle.not-found" { return }
            throw error
        }
    }

    /// The same for whoever created it and has seen its end. Somebody else may have deleted it meanwhile.
    public func delete(_ ended: CreatedBundle, warn: (Failure) -> Void) throws(Failure) {
        guard let held = try store.hold(ended.record.id, ended.place) else { return }
        try remove(held, ended.record, ended.configuration, warn: warn)
    }

    /// The same for whoever created it and cannot go on with it, whatever it does.
    public func discard(_ created: CreatedBundle, warn: (Failure) -> Void) throws(Failure) {
        guard let held = try store.hold(created.record.id, created.place) else { return }
        try stop(created.record, try groups(created.record))
        try remove(held, created.record, created.configuration, warn: warn)
    }

    private func delete(
        _ id: String, in place: OwnedDescriptor, force: Bool, warn: (Failure) -> Void
    ) throws(Failure) {
        guard let held = try store.hold(id, place) else { throw BundleStore.notFound(id) }
        // Before anything is ended: afterwards it would be too late to find out that the hooks cannot be read.
        let configuration = try configuration(held, force: force, warn: warn)
        guard let record = try store.record(in: place) else {
            guard force else { throw Self.creating(id) }
            return try remove(held, nil, configuration, warn: warn)
        }
        let status = try status(record)
        guard status == .stopped || force else {
            throw Failure(
                "bundle.not-stopped", doing: "delete the container", on: id,
                cause: "cannot delete container that is not stopped: \(status.rawValue)",
                remedy: "kill it first, or use --force")
        }
        if status != .stopped { try stop(record, try groups(record)) }
        try remove(held, record, configuration, warn: warn)
    }

    /// Nil where it cannot be read and that is no reason to keep the container: its hooks do not run then.
    private func configuration(
        _ held: HeldBundle, force: Bool, warn: (Failure) -> Void
    ) throws(Failure) -> RuntimeConfiguration? {
        do throws(Failure) {
            let (bytes, own) = try store.configuration(held)
            return try Self.configuration(bytes, without: own)
        } catch {
            guard force else { throw error }
            warn(error)
            return nil
        }
    }

    /// `record`: nil when its creator had not come so far as to have groups, and no hook had run.
    private func remove(
        _ held: HeldBundle, _ record: BundleRecord?, _ configuration: RuntimeConfiguration?, warn: (Failure) -> Void
    ) throws(Failure) {
        try takeAway(record, configuration, of: held.id)
        guard let rest = try store.takeName(held) else { return }
        var known = record
        // Also when something in its directory stays: it is nobody's container any more.
        defer { if let known { runPoststop(known, configuration, warn: warn) } }
        if known == nil, let late = try store.record(in: held.place) {
            // Its creator has come so far meanwhile; whether it saw that the name is gone is not known.
            known = late
            try takeAway(late, configuration, of: held.id)
        }
        try store.clear(rest)
    }

    /// What the container has outside its directory.
    private func takeAway(
        _ record: BundleRecord?, _ configuration: RuntimeConfiguration?, of id: String
    ) throws(Failure) {
        if let record { try groups(record).end() }
        if configuration?.linux.namespace("mount") == nil { try store.removeAnchor(id) }
    }

    private func runPoststop(
        _ record: BundleRecord, _ configuration: RuntimeConfiguration?, warn: (Failure) -> Void
    ) {
        guard let configuration else { return }
        let state = RuntimeState(
            id: record.id, status: .stopped, process: 0, bundle: record.bundle, annotations: configuration.annotations)
        for hook in configuration.hooks.poststop {
            do throws(Failure) { try HookRunner.run([hook], point: "poststop", state: state) } catch { warn(error) }
        }
    }

    private func stop(_ record: BundleRecord, _ groups: BundleGroups) throws(Failure) {
        // A created container may be frozen too, and one that is being created.
        if groups.isFrozen() {
            try groups.signalAll(SignalNumber.kill)
            try groups.freeze(false)
        }
        guard let process = try process(record) else { return }
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
}
