import LinuxKernel

/// The hierarchies of cgroups this host has mounted, cgroups(7): version 2 alone, version 1, or both side by side.
public struct GroupHierarchies: Equatable, Sendable {
    public struct Legacy: Equatable, Sendable {
        /// `cpu`, `cpuacct`; empty for a named one.
        public var controllers: [String]
        /// The name of the directory below /sys/fs/cgroup, which a container's own view has as well.
        public var directory: String
        public var mount: String
        public var name: String?

        /// By one of its controllers, or as `name=NAME`.
        func isCalled(_ controller: String) -> Bool {
            controllers.contains(controller) || name.map { controller == "name=\($0)" } == true
        }
    }

    public var unified: String?
    public var legacy: [Legacy]

    public var isUnified: Bool { legacy.isEmpty && unified != nil }

    private static let magicLegacy = 0x27_e0eb

    /// What is mounted may be covered by something else, so what mountinfo lists is asked what it is.
    static func find() throws(KernelError) -> GroupHierarchies {
        let root = "/sys/fs/cgroup"
        if let type = type(of: root), type == Mounts.superblockMagicCgroup2 {
            return GroupHierarchies(unified: root, legacy: [])
        }
        var result = GroupHierarchies(unified: nil, legacy: [])
        for line in try TextFile.read("/proc/self/mountinfo", limit: 16 << 20).split(separator: "\n") {
            guard line.contains(" cgroup") else { continue }
            let words = line.split(separator: " ")
            guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 3 < words.count else { continue }
            let (mount, kind, options) = (String(words[4]), words[dash + 1], words[dash + 3])
            if kind == "cgroup2", type(of: mount) == Mounts.superblockMagicCgroup2 {
                result.unified = result.unified ?? mount
            } else if kind == "cgroup", type(of: mount) == magicLegacy {
                result.add(mount, options.split(separator: ",").map(String.init))
            }
        }
        return result
    }

    private static func type(of path: String) -> Int? {
        do throws(KernelError) { return try Mounts.filesystemType(at: path) } catch { return nil }
    }

    private static let known: Set<String> = [
        "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "net_cls", "net_prio",
        "perf_event", "rdma", "misc",
    ]

    private mutating func add(_ mount: String, _ options: [String]) {
        let name = options.first { $0.hasPrefix("name=") }.map { String($0.dropFirst(5)) }
        let entry = Legacy(
            controllers: options.filter(Self.known.contains), directory: String(mount.split(separator: "/").last ?? ""),
            mount: mount, name: name)
        if !legacy.contains(where: { $0.mount == mount }) { legacy.append(entry) }
    }

    public func legacy(with controller: String) -> Legacy? { legacy.first { $0.controllers.contains(controller) } }
}
