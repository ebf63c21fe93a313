import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Who has the cgroups of a container that is being created: whoever made them, or else locked them first. Two creators
/// of one path never share it, and what was there before is never taken back.
extension BundleRuntime {
    /// Makes the groups, adds those that were not there to `made`, and holds them for as long as the result is held.
    func claim(_ groups: BundleGroups, of id: String, _ made: inout [String]) throws(Failure) -> OwnedDescriptor? {
        guard groups.path != "/" else { throw Self.inUse(groups, "it is the root of all groups") }
        // Limits of a group somebody else lives in would be theirs as well.
        try refuseInhabited(groups)
        try refuseFrozen(groups, code: "bundle.cgroup-in-use")
        try groups.create(&made)
        let lock: OwnedDescriptor?
        do throws(Failure) {
            lock = try self.lock(groups)
            try refuseInhabited(groups)
        } catch {
            // Somebody else was faster, and has it now whoever made it.
            made = []
            throw error
        }
        if !groups.isTold(by: made), let other = try owner(of: groups, beside: id) {
            throw Self.inUse(groups, "it is the container \(Untrusted.shown(other))'s")
        }
        try refuseFrozen(groups, code: "bundle.cgroup-frozen")
        return lock
    }

    private func refuseInhabited(_ groups: BundleGroups) throws(Failure) {
        guard groups.processes().isEmpty else {
            throw Self.inUse(groups, "container's cgroup is not empty: there are processes in it")
        }
    }

    /// Whoever creates a container in it holds the lock until there is a process, flock(2).
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
