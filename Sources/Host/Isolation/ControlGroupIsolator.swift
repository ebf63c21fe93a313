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
        try GroupSettings.check(limits)
    }

    public func establish(_ context: LaunchContext) throws(Failure) {
        guard let group = ControlGroup(context.request.id, host: context.host) else { return }
        try group.create(host: context.host)
        let settings = try Self.settings(
            context.request.limits, host: context.host, root: context.root.writtenAt,
            unenforced: context.request.isolation.allowedUnenforced)
        for setting in settings { try group.set(setting) }
    }

    /// Everything to write for `limits`, memory last: it is the one that cannot be taken back without harm. `root` is a
    /// host path on the file system the container writes to, `unenforced` what the user accepted to go without.
    public static func settings(
        _ limits: ContainerLimits, replacing old: ContainerLimits = ContainerLimits(pids: nil), host: HostAbilities,
        root: String, unenforced: [String] = []
    ) throws(Failure) -> [GroupSetting] {
        let enforced = { (controller: String) in host.groups.controllers.contains(controller) }
        var settings = GroupSettings.settings(limits, replacing: old, enforced: enforced)
        if let mount = host.groups.mountPoint, enforced("io") {
            do throws(Failure) {
                settings += try disks(limits, replacing: old, root: root, mount: mount)
            } catch {
                guard unenforced.contains(Feature.io.rawValue) else { throw error }
            }
        }
        return settings + GroupSettings.memory(limits, replacing: old, enforced: enforced)
    }

    private static func disks(
        _ limits: ContainerLimits, replacing old: ContainerLimits, root: String, mount: String
    ) throws(Failure) -> [GroupSetting] {
        var settings = try GroupSettings.io(limits.io, replacing: old.io) { device throws(Failure) in
            try BlockDevice.number(device, behind: root)
        }
        if let weight = limits.ioWeight ?? (old.ioWeight == nil ? nil : 100) {
            settings.append(
                try DiskWeight.setting(weight, disk: try BlockDevice.number(nil, behind: root), mount: mount))
        }
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
        // The directory these are in is there before them.
        case .overlay(_, let path, _), .loopOverlay(_, let path, _):
            String(path[..<(path.lastPosition(of: "/") ?? path.startIndex)])
        case .readOnlyOverlay(let layers): layers.first ?? "/"
        case .directory(let path): path
        }
    }
}
