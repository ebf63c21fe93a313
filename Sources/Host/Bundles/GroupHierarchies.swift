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

    private static let place = "/sys/fs/cgroup/"
    private static let magicLegacy = 0x27_e0eb

    /// Looked for once: a command has ended before anybody mounts others.
    static func find() throws(KernelError) -> GroupHierarchies { try found.get() }

    private static let found: Result<GroupHierarchies, KernelError> = {
        do throws(KernelError) { return .success(try look()) } catch { return .failure(error) }
    }()

    /// What is mounted may be covered by something else, so what mountinfo lists is asked what it is.
    private static func look() throws(KernelError) -> GroupHierarchies {
        let root = String(Self.place.dropLast())
        if let type = type(of: root), type == Mounts.superblockMagicCgroup2 {
            return GroupHierarchies(unified: root, legacy: [])
        }
        let table = try OwnedDescriptor.open("/proc/self/mountinfo").readAll(limit: 16 << 20)
        var result = GroupHierarchies(unified: nil, legacy: [])
        for entry in entries(table) {
            if entry.kind == "cgroup2", type(of: entry.mount) == Mounts.superblockMagicCgroup2 {
                result.unified = result.unified ?? entry.mount
            } else if entry.kind == "cgroup", type(of: entry.mount) == magicLegacy {
                result.add(entry.mount, entry.options)
            }
        }
        return result
    }

    /// The mounts of cgroups that /proc/self/mountinfo lists, proc_pid_mountinfo(5). By bytes: most lines are about
    /// something else, and a string's own search takes longer than all the rest of a command.
    static func entries(_ table: [UInt8]) -> [(mount: String, kind: String, options: [String])] {
        let (space, dash, kindBegins) = (UInt8(ascii: " "), UInt8(ascii: "-"), Array("cgroup".utf8))
        var result: [(mount: String, kind: String, options: [String])] = []
        for line in table.split(separator: UInt8(ascii: "\n")) {
            // Before the kind, between an unknown number of optional fields and the source: a dash.
            guard
                let mark = line.indices.dropLast(2).first(where: {
                    line[$0] == space && line[$0 + 1] == dash && line[$0 + 2] == space
                }), line[(mark + 3)...].starts(with: kindBegins)
            else { continue }
            let (fields, rest) = (line[..<mark].split(separator: space), line[(mark + 3)...].split(separator: space))
            guard fields.count > 5, rest.count > 2 else { continue }
            result.append(
                (
                    String(decoding: fields[4], as: UTF8.self), String(decoding: rest[0], as: UTF8.self),
                    rest[2].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
                ))
        }
        return result
    }

    private static func type(of path: String) -> Int? {
        do throws(KernelError) { return try Mounts.filesystemType(at: path) } catch { return nil }
    }

    private static let known = [
        "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "net_cls", "net_prio",
        "perf_event", "rdma", "misc",
    ]

    /// Each hierarchy once: what is mounted where another container's root is seen shows that one's groups alone.
    mutating func add(_ mount: String, _ options: [String]) {
        let name = options.first { $0.begins(with: "name=") }.map { String($0.dropFirst(5)) }
        let entry = Legacy(
            controllers: options.filter(Self.known.contains), directory: String(mount.cut(at: "/").last ?? ""),
            mount: mount, name: name)
        let known = legacy.firstIndex { $0.name == name && $0.controllers == entry.controllers }
        guard let known else { return legacy.append(entry) }
        if mount.begins(with: Self.place), !legacy[known].mount.begins(with: Self.place) { legacy[known] = entry }
    }

    public func legacy(with controller: String) -> Legacy? { legacy.first { $0.controllers.contains(controller) } }
}
