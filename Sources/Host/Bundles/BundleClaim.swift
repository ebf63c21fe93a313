import Diagnostics
import LinuxKernel
import RuntimeSpec

/// What a creator has of the cgroups of its container.
struct GroupClaim: Sendable {
    /// Those that were not there before.
    var made: [String] = []
    /// The group that tells who is in the container, locked, flock(2), as long as this is held.
    var lock: OwnedDescriptor?
}

/// Who has the cgroups of a container that is being created: whoever made them, or else locked them first. Two creators
/// of one path never share it, and what was there before is never taken back.
extension BundleRuntime {
    /// Makes the groups, and has them for as long as `claim` is held. What was made is in it also after a failure.
    func claim(_ groups: BundleGroups, of id: String, _ claim: inout GroupClaim) throws(Failure) {
        guard groups.path != "/" else { throw Self.inUse(groups, "it is the root of all groups") }
        // Limits of a group somebody else lives in would be theirs as well.
        try refuseInhabited(groups)
        try refuseFrozen(groups, code: "bundle.cgroup-in-use")
        try groups.create(&claim.made)
        do throws(Failure) {
            claim.lock = try lock(groups)
            try refuseInhabited(groups)
        } catch {
            // Somebody else was faster, and has it now whoever made it.
            claim = GroupClaim()
            throw error
        }
        if !groups.isTold(by: claim.made) {
            if let other = try owner(of: groups, beside: id) {
                throw Self.inUse(groups, "it is the container \(Untrusted.shown(other))'s")
            }
            // Found before whoever had it took it away, and locked afterwards.
            if let lock = claim.lock, try groups.leads(to: lock) != true {
                throw Self.inUse(groups, "the container that had it has just been removed")
            }
        }
        try refuseFrozen(groups, code: "bundle.cgroup-frozen")
    }

    /// Takes away what was made for a container that is not created after all.
    func takeBack(_ groups: BundleGroups, _ claim: GroupClaim) throws(Failure) {
        // Whoever deleted it by force has done that already, and somebody else may have made the same again.
        if let lock = claim.lock, try groups.leads(to: lock) == false { return }
        if groups.isTold(by: claim.made) { try groups.signalAll(SignalNumber.kill) }
        try groups.remove(claim.made)
    }

    private func refuseInhabited(_ groups: BundleGroups) throws(Failure) {
        guard groups.processes().isEmpty else {
            throw Self.inUse(groups, "container's cgroup is not empty: there are processes in it")
        }
    }

    /// Whoever creates a container in it holds the lock until it is created or taken back, flock(2).
    private func lock(_ groups: BundleGroups) throws(Failure) -> OwnedDescriptor? {
        guard let directory = groups.telling else { return nil }
        let isLocked: Bool
        let place: OwnedDescriptor
        do throws(KernelError) {
            place = try OwnedDescriptor.open(RawPath(directory), [.directory])
            isLocked = try place.lock(exclusive: true, wait: false)
        } catch { throw BundleGroups.failed(error, "claim the container's cgroup") }
        guard isLocked else { throw Self.inUse(groups, "another container is being created in it") }
        return place
    }

    /// A container that has this group, though nothing runs in it.
    private func owner(of groups: BundleGroups, beside id: String) throws(Failure) -> String? {
        for other in try store.ids() where other != id {
            do throws(Failure) {
                if try store.record(other)?.groupPath == groups.path { return other }
            } catch {
                // Deleted since.
                if error.code != "bundle.not-found" { throw error }
            }
        }
        return nil
    }

    private static func inUse(_ groups: BundleGroups, _ cause: String) -> Failure {
        Failure(
            "bundle.cgroup-in-use", doing: "use the cgroup", on: groups.path, cause: cause,
            remedy: "choose another linux.cgroupsPath", field: "linux.cgroupsPath")
    }

    /// What is put into a frozen group, or below one, waits there for ever, and whoever waits for it as well.
    private func refuseFrozen(_ groups: BundleGroups, code: Failure.Code) throws(Failure) {
        guard groups.isFrozen() else { return }
        throw Failure(
            code, doing: "use the cgroup", on: groups.path,
            cause: "container's cgroup unexpectedly frozen: it is, or a group above it",
            remedy: "thaw it, or choose another linux.cgroupsPath", field: "linux.cgroupsPath")
    }
}

extension BundleGroups {
    /// Whether the group that tells who is in the container is still `lock`; nil when there is none.
    func leads(to lock: OwnedDescriptor) throws(Failure) -> Bool? {
        guard let directory = telling else { return nil }
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(directory), [.path, .directory]).isSameFile(as: lock)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw Self.failed(error, "look at the container's cgroup")
        }
    }
}
