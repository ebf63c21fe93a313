public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LaunchPlanning
import LinuxKernel

extension NativeContainerizer {
    /// Usage of a running container.
    public func usage(_ id: ContainerID) throws(Failure) -> ContainerUsage {
        let process = try running(id, to: "measure")
        guard let group = ControlGroup(id, host: host), group.exists else {
            throw Failure(
                "host.cannot-measure", doing: "measure container", on: id.text,
                cause: "no cgroup version 2 tree is mounted", remedy: "mount -t cgroup2 none /sys/fs/cgroup/unified")
        }
        var usage = group.usage(at: HostFacts.monotonicClock())
        try networks.count(id, into: &usage)
        if let request = try records.read(id)?.request { try addDisk(of: request, process: process, to: &usage) }
        return usage
    }

    /// Replaces the limits of a running container: all, or none when one is refused. A limit that is nil in `limits` is
    /// taken away.
    public func update(_ id: ContainerID, limits: ContainerLimits) throws(Failure) {
        _ = try running(id, to: "update")
        guard let lock = try records.lock(id, wait: true) else { return }
        defer { withExtendedLifetime(lock) {} }
        guard var record = try records.read(id) else { return }
        let old = record.request.limits
        record.request.limits = limits
        // What holds the disk limits was decided at the start.
        record.request.limits.diskBacking = old.diskBacking
        let upper = "\(places.containers)/\(id.text)/upper"
        let root = RootTree(assembly: .directory(upper), attributes: [], mapped: true)
        _ = try ControlGroupIsolator().prepare(context(record.request, root: root, hasReader: false))
        try changeDisk(from: old, to: record.request)
        try ControlGroup(id, host: host)?.replace(
            old, by: limits, host: host, root: upper, unenforced: record.request.isolation.allowedUnenforced)
        try records.write(record)
    }
}
