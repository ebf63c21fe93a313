public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LaunchPlanning
import LinuxKernel

/// What a running container uses, from its cgroup. Nil: this host does not count it.
public struct ContainerUsage: Equatable, Sendable, Codable {
    /// Processor time since the start, microseconds.
    public var cpuMicroseconds: UInt64?
    /// Time the container was held back by its processor limit, microseconds.
    public var throttledMicroseconds: UInt64?
    public var memoryBytes: UInt64?
    public var memoryPeakBytes: UInt64?
    public var memoryLimitBytes: UInt64?
    public var processes: UInt64?
    public var processLimit: UInt64?
    public var readBytes: UInt64?
    public var writtenBytes: UInt64?
    /// `some avg10` of cpu.pressure, memory.pressure and io.pressure, percent.
    public var pressure: [String: Double]
    /// When it was read, seconds on a monotonic clock.
    public var at: Double
}

extension NativeContainerizer {
    /// Usage of a running container.
    public func usage(_ id: ContainerID) throws(Failure) -> ContainerUsage {
        _ = try running(id, to: "measure")
        guard let group = ControlGroup(id, host: host), group.exists else {
            throw Failure(
                "host.cannot-measure", doing: "measure container", on: id.text,
                cause: "no cgroup version 2 tree is mounted", remedy: "mount -t cgroup2 none /sys/fs/cgroup/unified")
        }
        return ContainerUsage(
            cpuMicroseconds: group.value(of: "usage_usec", in: "cpu.stat"),
            throttledMicroseconds: group.value(of: "throttled_usec", in: "cpu.stat"),
            memoryBytes: group.amount(of: "memory.current"), memoryPeakBytes: group.amount(of: "memory.peak"),
            memoryLimitBytes: group.amount(of: "memory.max"),
            processes: group.amount(of: "pids.current") ?? UInt64(group.processes().count),
            processLimit: group.amount(of: "pids.max"),
            readBytes: ioSum(group, "rbytes"), writtenBytes: ioSum(group, "wbytes"),
            pressure: pressure(group), at: HostFacts.monotonicClock())
    }

    private func ioSum(_ group: ControlGroup, _ key: String) -> UInt64? {
        guard let text = group.contents("io.stat") else { return nil }
        return text.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix(key + "=") }
            .reduce(0) { $0 + (UInt64($1.dropFirst(key.count + 1)) ?? 0) }
    }

    private func pressure(_ group: ControlGroup) -> [String: Double] {
        var result: [String: Double] = [:]
        for resource in ["cpu", "memory", "io"] {
            guard let text = group.contents(resource + ".pressure"),
                let word = text.split(whereSeparator: \.isWhitespace).first(where: { $0.hasPrefix("avg10=") })
            else { continue }
            result[resource] = Double(word.dropFirst("avg10=".count))
        }
        return result
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
        let upper = "\(places.containers)/\(id.text)/upper"
        let root = RootTree(assembly: .directory(upper), attributes: [], mapped: true)
        _ = try ControlGroupIsolator().prepare(context(record.request, root: root, hasReader: false))
        try ControlGroup(id, host: host)?.replace(
            old, by: limits, host: host, root: upper, unenforced: record.request.isolation.allowedUnenforced)
        try records.write(record)
    }
}
