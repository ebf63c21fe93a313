import Containers
public import Diagnostics
public import LaunchPlanning

/// /proc, /sys and /dev: the kernel's own file systems, seen through the container's namespaces.
///
/// Their targets must be real directories of the image: a link there could send the mount elsewhere (CVE-2019-19921,
/// CVE-2026-41579), so links are refused, not followed.
public struct KernelFilesystemIsolator: Isolator {
    public let name = "kernel-filesystems"
    public init() {}

    static let target: TargetRules = [.create, .noLinks]
    static let quiet: MountAttributes = [.noSetuid, .noDevices, .noExecute]

    /// Terminals a container may have. All containers share the kernel's 4,096 (kernel.pty.max): without a bound of its
    /// own one could take them from every other.
    static let terminalsMax = 256

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let isolation = context.request.isolation
        var contribution = PlanContribution(isolator: name)
        contribution.add(
            .mount(
                type: "proc", target: "/proc", attributes: Self.quiet, resolve: Self.target,
                options: isolation.procView == .processes ? ["subset=pid"] : []),
            at: .kernelFilesystems)
        addSys(isolation.network, to: &contribution)
        addDevices(isolation, label: SecurityLabelIsolator.options(context), to: &contribution)
        return contribution
    }

    private func addSys(_ network: IsolationRequest.Network, to contribution: inout PlanContribution) {
        let readOnly = Self.quiet.union(.readOnly)
        switch network {
        case .none, .bridge, .plugins, .container:
            contribution.add(
                .mount(type: "sysfs", target: "/sys", attributes: readOnly, resolve: Self.target, options: []),
                at: .kernelFilesystems)
        case .host:
            // sysfs(5) shows a network namespace, and the host's is not ours to mount it for: show the host's own.
            contribution.open(
                "sys", .hostTree(path: "/sys", kind: .directory, attributes: readOnly, recursive: false, mapped: false))
            contribution.add(
                .attach(tree: "sys", target: "/sys", kind: .directory, resolve: Self.target), at: .kernelFilesystems)
        }
        // The cgroup's own directory, bound: a mount of cgroup2 can wait for milliseconds in the kernel.
        contribution.open("cgroup", .controlGroupTree)
        contribution.add(
            .attach(tree: "cgroup", target: "/sys/fs/cgroup", kind: .directory, resolve: [.noLinks, .optional]),
            at: .kernelFilesystems)
    }

    /// `label`: mount options. A file system of queues takes none: the kernel has made it before anybody mounts it.
    private func addDevices(
        _ isolation: IsolationRequest, label: [String], to contribution: inout PlanContribution
    ) {
        contribution.open("dev", .deviceTree(DeviceIsolator.nodes(isolation), bytesMax: 1 << 20))
        contribution.add(
            .attach(tree: "dev", target: "/dev", kind: .directory, resolve: Self.target), at: .kernelFilesystems)
        contribution.add(
            .mount(
                type: "devpts", target: "/dev/pts", attributes: [.noSetuid, .noExecute], resolve: [.noLinks],
                options: ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5", "max=\(Self.terminalsMax)"] + label),
            at: .kernelFilesystems)
        contribution.add(
            .mount(
                type: "tmpfs", target: "/dev/shm", attributes: Self.quiet, resolve: [.noLinks],
                options: ["mode=1777"] + MemoryFilesystem.options(bytesMax: isolation.sharedMemoryBytes) + label),
            at: .kernelFilesystems)
        contribution.add(
            .mount(type: "mqueue", target: "/dev/mqueue", attributes: Self.quiet, resolve: [.noLinks], options: []),
            at: .kernelFilesystems)
    }
}
