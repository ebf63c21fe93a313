public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning
import LinuxKernel

/// cpu, memory, io, pids and cpuset limits. The process is born inside its cgroup, with every limit already in force.
public struct ControlGroupIsolator: Isolator {
    public let name = "control-group"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        try Self.check(context)
        var contribution = PlanContribution(isolator: name)
        contribution.inControlGroup = context.host.groups.mountPoint != nil
        return contribution
    }

    /// Refuses every limit that was asked for and that this host would not hold.
    static func check(_ context: LaunchContext) throws(Failure) {
        let limits = context.request.limits
        let asked: [(Bool, Feature, String, String)] = [
            (limits.cpus != nil || limits.cpuWeight != nil, .cpu, "a processor limit", "cpus"),
            (limits.memory != nil, .memory, "a memory limit", "memory"),
            (limits.swap != nil, .swap, "a swap limit", "memory-swap"),
            (limits.cpuset != nil, .cpuset, "a processor set", "cpuset"),
            (!limits.io.isEmpty || limits.ioWeight != nil, .io, "a disk bandwidth limit", "io"),
            (limits.pids != nil && limits.pidsAsked, .pids, "a process limit", "pids"),
        ]
        for (isAsked, feature, what, flag) in asked where isAsked {
            _ = try context.demand(feature, for: what, flag: flag)
        }
    }

    public func establish(_ context: LaunchContext) throws(Failure) {
        guard let group = ControlGroup(context.request.id, host: context.host) else { return }
        try group.create(host: context.host)
        for setting in try Self.settings(context.request.limits, host: context.host, root: context.root.writtenAt) {
            try group.set(setting)
        }
    }

    /// Everything to write for `limits`; `root` is a host path on the file system the container writes to.
    public static func settings(
        _ limits: ContainerLimits, host: HostAbilities, root: String
    ) throws(Failure) -> [GroupSetting] {
        let controllers = host.groups.controllers
        var settings = GroupSettings.settings(limits) { controllers.contains($0) }
        guard controllers.contains("io") else { return settings }
        for limit in limits.io {
            settings.append(GroupSettings.io(limit, device: try BlockDevice.number(limit.device, behind: root)))
        }
        if let weight = limits.ioWeight { settings.append(GroupSetting("io.weight", "default \(weight)")) }
        return settings
    }

    public func cleanUp(_ id: ContainerID, host: HostAbilities) throws(Failure) {
        try ControlGroup(id, host: host)?.remove()
    }
}

extension RootTree {
    /// A host path on the file system that holds the container's files.
    var writtenAt: String {
        switch assembly {
        case .overlay(_, let upper, _): upper
        case .readOnlyOverlay(let layers): layers.first ?? "/"
        case .directory(let path): path
        }
    }
}
