import Diagnostics
import LaunchPlanning
import LinuxKernel
import RuntimeSpec

/// Whom a container's group of version 2 belongs to, runtime-spec config-linux.md "Cgroup ownership": a service manager
/// inside, which is not root of the host, makes groups of its own there.
enum GroupOwner {
    private static let place = ["sys", "fs", "cgroup"]

    /// The host's number of the container's user, where it sees its own groups alone and may write to them.
    static func find(_ context: BundleContext) -> UInt32? {
        guard context.isNew("cgroup"), let user = context.process?.user.uid else { return nil }
        // What is mounted last is what is seen.
        guard
            let mount = context.configuration.mounts.last(where: {
                $0.destination.cut(at: "/").map(String.init) == place
            }), mount.type == "cgroup" || mount.type == "cgroup2"
        else { return nil }
        let options = MountOptions(mount.options, type: mount.type)
        guard !options.set.union(options.recursiveSet).contains(.readOnly) else { return nil }
        guard context.hasUserNamespace else { return user }
        for map in context.linux.users {
            let mapping = IDMapping(inside: map.inside, outside: map.outside, count: map.count)
            if let host = mapping.hostID(of: user) { return host }
        }
        return nil
    }
}

extension BundleGroups {
    /// What the kernel says may be given away. Kernels before 4.15 do not say it.
    private static let listPath = "/sys/kernel/cgroup/delegate"
    private static let listBefore = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]

    func give(to owner: UInt32) throws(Failure) {
        // Ours already.
        guard owner != 0, hierarchies.isUnified, let unified else { return }
        do throws(KernelError) {
            let names =
                HostFacts.exists(Self.listPath)
                ? try TextFile.read(Self.listPath).split(whereSeparator: \.isWhitespace).map(String.init)
                : Self.listBefore
            let group = try OwnedDescriptor.open(RawPath(unified), [.directory])
            try group.changeOwner(uid: owner, gid: .max)
            // Files of a controller that is not enabled are not there.
            for name in names where HostFacts.exists("\(unified)/\(name)") {
                try group.changeOwner(of: RawPath(name), uid: owner, gid: .max)
            }
        } catch { throw Self.failed(error, "give the container's cgroup to its user") }
    }
}
