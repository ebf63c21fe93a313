import LinuxKernel

/// How control groups are arranged on this host, cgroups(7).
public struct ControlGroupLayout: Equatable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable {
        /// cgroup v2 with every controller, at /sys/fs/cgroup.
        case unified
        /// Version 1 controllers, with a version 2 tree beside them.
        case hybrid
        case legacy
        case none
    }
    public var kind: Kind
    /// Where the version 2 tree is mounted.
    public var mountPoint: String?
    /// Controllers the version 2 tree has.
    public var controllers: Set<String>

    public init(kind: Kind, mountPoint: String?, controllers: Set<String>) {
        self.kind = kind
        self.mountPoint = mountPoint
        self.controllers = controllers
    }

    static func probe() -> ControlGroupLayout {
        for (path, kind) in [("/sys/fs/cgroup", Kind.unified), ("/sys/fs/cgroup/unified", .hybrid)]
        where probed({ try Mounts.filesystemType(at: path) }) == Mounts.superblockMagicCgroup2 {
            let text = probed { try TextFile.read(path + "/cgroup.controllers", limit: 4_096) } ?? ""
            return ControlGroupLayout(
                kind: kind, mountPoint: path,
                controllers: Set(text.split(whereSeparator: \.isWhitespace).map(String.init)))
        }
        let hasLegacy = probed { try Mounts.filesystemType(at: "/sys/fs/cgroup") } != nil
        return ControlGroupLayout(kind: hasLegacy ? .legacy : .none, mountPoint: nil, controllers: [])
    }

    /// What can be said of a controller's limits here.
    func ability(_ controller: String) -> Ability {
        if controllers.contains(controller) { return .enforced }
        switch kind {
        case .unified:
            return Ability(
                .unavailable, why: "the \(controller) controller is not in \(mountPoint ?? "")/cgroup.controllers",
                remedy: "boot a kernel with the \(controller) controller, or delegate it to this cgroup tree")
        case .hybrid, .legacy:
            return Ability(
                .unavailable, why: "cgroup version 1 holds the \(controller) controller on this host",
                remedy: "boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all)")
        case .none:
            return Ability(
                .unavailable, why: "no cgroup file system is mounted",
                remedy: "mount -t cgroup2 none /sys/fs/cgroup")
        }
    }
}

/// What a probe found, or nil when the kernel would not say: for a probe, an error is the answer "no".
func probed<Value>(_ body: () throws -> Value) -> Value? {
    do { return try body() } catch { return nil }
}
