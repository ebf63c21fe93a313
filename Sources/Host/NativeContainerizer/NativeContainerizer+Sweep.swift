public import Containers
public import Diagnostics
import Isolation
import LinuxKernel

extension NativeContainerizer {
    /// So many launched containers that nobody looks after are looked at by one sweep; those of the next sweep are
    /// others. A launch must not take longer because many containers run.
    private static let runningPerSweep = 16
    /// How long a sweep waits, in seconds, for what an earlier one has waited for in vain.
    private static let secondPatience = 0.5

    /// Undoes what crashes of earlier commands left: half-made containers, leases, names and cgroups without a
    /// container. Settles the end of containers nobody waits for, some at a time. True when everything was gone
    /// through, which is so after a crash and after a start of the host; otherwise it costs next to nothing.
    ///
    /// `telling` is told of each cgroup without a container that cannot be removed yet, as a process in it does not
    /// end. It is in nobody's way, keeps its ids, and every later sweep tries again.
    @discardableResult
    public func sweep(telling: (ContainerID, Failure) -> Void = { _, _ in }) throws(Failure) -> Bool {
        try settleEnded()
        let cutOff = try marks.abandoned(in: places.pending, limit: .max)
        let isSecond = HostFacts.exists(places.left)
        if cutOff.isEmpty, !isSecond, HostFacts.exists(places.swept) { return false }
        for (id, lock) in cutOff {
            defer { withExtendedLifetime(lock) {} }
            guard let status = try soundStatus(of: id) else {
                try removeRecordless(id)
                continue
            }
            if status.process != nil { try marks.launched(id) }
        }
        let left = try removeLeftovers(
            of: Set(cutOff.map(\.id.text)),
            patience: isSecond ? Self.secondPatience : ControlGroup.settlingSecondsMax)
        for (id, failure) in left.sorted(by: { $0.key < $1.key }) { telling(id, failure) }
        // Last: until here a crash of ours is one more thing the next sweep finds.
        for (id, lock) in cutOff {
            try marks.dropPending(id)
            withExtendedLifetime(lock) {}
        }
        try noteSwept(leaving: !left.isEmpty)
        return true
    }

    /// A directory without a record is what a crash in the first moment of a launch left. Whoever launches holds the
    /// mark, so this is for the holder of the mark only.
    private func removeRecordless(_ id: ContainerID) throws(Failure) {
        do throws(Failure) {
            if try records.read(id) == nil { try records.removeDirectory(id) }
        } catch {
            guard error.code == Self.damagedCode else { throw error }
        }
    }

    /// Containers whose command has gone and which have ended since.
    private func settleEnded() throws(Failure) {
        for (id, lock) in try marks.abandoned(in: places.running, limit: Self.runningPerSweep) {
            defer { withExtendedLifetime(lock) {} }
            do throws(Failure) { try settleIfEnded(id) } catch {
                // A damaged record is shown by `survey` and removed by force; here it is in nobody's way.
                guard error.code == Self.damagedCode else { throw error }
            }
        }
    }

    private func settleIfEnded(_ id: ContainerID) throws(Failure) {
        if let process = try records.process(of: id), try liveProcess(process, of: id) != nil { return }
        let status = try status(of: id)
        if status == nil || status?.state == .ended { try marks.settled(id) }
    }

    /// Everything that has no record any more, and no mark but one of `cutOff`, which nobody holds. Listed before the
    /// records it is compared with: a launch makes its record's directory first, so one that is under way is never
    /// taken for a leftover. Gives the cgroups that cannot be removed yet, with what is in the way.
    private func removeLeftovers(
        of cutOff: Set<String>, patience: Double
    ) throws(Failure) -> [ContainerID: Failure] {
        let directories = try containerDirectories()
        let groups = try ControlGroups.names(host: host)
        // Also settles containers whose marks went with the files of the last start of the host.
        _ = try list()
        let existing = Set(try records.identifiers().map(\.text))
        for name in directories where !existing.contains(name) { try removeFiles(of: name) }
        let left = removeGroups(groups.filter { !existing.contains($0) }, patience: patience)
        let living = Set(left.keys.map(\.text))
        try networks.sweep()
        // A lease or a name without a holder is one whose writing was cut off. What still runs keeps its ids: nobody
        // else's processes may have them as well.
        try leases.dropAbandoned { id in
            if living.contains(id) { return false }
            return id.isEmpty || !records.exists(id) && (cutOff.contains(id) || !marks.isPending(id))
        }
        try names.dropAbandoned { id in !records.exists(id) }
        return left
    }

    /// A record that is not here may be in the state of another installation, whose container may run.
    private func removeFiles(of name: String) throws(Failure) {
        let isRemovable: Bool
        do throws(KernelError) { isRemovable = try records.mayRemoveFiles(of: name) } catch {
            throw error.failure("state.unreadable", doing: "see whose the files are of container", on: name)
        }
        if isRemovable { try snapshots.remove(name) }
    }

    /// Whether the store has files of a container of that name, of this installation or of another.
    public func hasFiles(_ name: String) -> Bool { HostFacts.exists("\(places.containers)/\(name)") }

    /// Gives those that cannot be removed within `patience` seconds: one process that the kernel does not end keeps
    /// nobody from starting containers. All are killed before any is waited for, so they end side by side.
    private func removeGroups(_ names: [String], patience: Double) -> [ContainerID: Failure] {
        let groups = names.compactMap { name in group(named: name) }
        for (_, group) in groups {
            // What keeps it from being killed keeps it from being removed, and is told then.
            do throws(KernelError) { try group.kill() } catch { continue }
        }
        let deadline = Deadline(seconds: patience)
        var left: [ContainerID: Failure] = [:]
        for (id, group) in groups {
            do throws(Failure) { try group.remove(by: deadline) } catch { left[id] = error }
        }
        return left
    }

    /// Names that are no ids are not ours.
    private func group(named name: String) -> (id: ContainerID, group: ControlGroup)? {
        let id: ContainerID
        do throws(Failure) { id = try ContainerID(name) } catch { return nil }
        guard let group = ControlGroup(id, host: host), group.belongs(to: places.volatile) else { return nil }
        return (id, group)
    }

    private func noteSwept(leaving isLeft: Bool) throws(Failure) {
        try records.prepare()
        do throws(KernelError) {
            for path in [places.swept] + (isLeft ? [places.left] : []) where !HostFacts.exists(path) {
                _ = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .noFollow], mode: 0o600)
            }
            if !isLeft { try TreeRemoval.remove(places.left) }
        } catch {
            throw error.failure("state.unwritable", doing: "note that everything was swept", on: places.swept)
        }
    }

    /// Names of the directories containers have or had in the store. After a boot they are all that is left of them.
    private func containerDirectories() throws(Failure) -> [String] {
        do throws(KernelError) {
            let entries = try OwnedDescriptor.open(RawPath(places.containers), [.directory]).entries()
            return entries.map(\.name.description)
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("state.unreadable", doing: "list the containers' files", on: places.containers)
        }
    }
}
