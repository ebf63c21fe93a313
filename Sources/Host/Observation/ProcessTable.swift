import Auditing
public import LinuxKernel

/// Every process of this host, as far as finding containers needs it.
public struct ProcessTable: Sendable {
    public struct Row: Sendable {
        public var id: Int32
        public var parent: Int32
        public var name: String
        /// Its number in the innermost pid namespace it is in.
        public var innerID: Int32
        /// Inodes by kind.
        public var namespaces: [String: UInt64]
        /// In the version 2 tree.
        public var controlGroup: String
    }

    public static let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]
    /// With more processes than these nobody could say which belong to a container, so nothing is said.
    static let processesMax = 100_000

    public let rows: [Row]
    /// Inodes of the namespaces this host began with, those of process 1. A kind that could not be observed is missing,
    /// and rules that need it answer unknown.
    public let host: [String: UInt64]

    public static func read() throws(KernelError) -> ProcessTable {
        let entries = try OwnedDescriptor.open("/proc", [.directory]).entries()
        let processes = entries.compactMap { Int32($0.name.description) }.sorted()
        guard processes.count <= processesMax else {
            throw KernelError(
                call: "more than \(processesMax) processes: list", on: "/proc", errno: Errno.fileTooBig)
        }
        let rows = processes.compactMap(row)
        return ProcessTable(rows: rows, host: try hostNamespaces(rows))
    }

    private static func hostNamespaces(_ rows: [Row]) throws(KernelError) -> [String: UInt64] {
        let mark = try firstMount("1")
        let kernelThread = rows.first { isKernelThread($0.id) }
        let withItsMounts = rows.first { row in
            do throws(KernelError) { return try firstMount("\(row.id)") == mark } catch { return false }
        }
        return HostNamespaces(
            first: namespaces("/proc/1/ns"), kernelThread: kernelThread?.namespaces ?? [:],
            own: namespaces("/proc/self/ns"), mounts: mark == nil ? nil : withItsMounts?.namespaces["mnt"]
        ).known
    }

    /// PF_KTHREAD of the flags in /proc/PID/stat, linux/sched.h. Such threads never leave the first namespaces.
    private static func isKernelThread(_ process: Int32) -> Bool {
        do throws(KernelError) {
            let text = try TextFile.read("/proc/\(process)/stat", limit: 4_096)
            guard let name = text.lastPosition(of: ")") else { return false }
            let fields = text[text.utf8.index(after: name)...].cut(at: " ")
            guard fields.count > 6, let flags = UInt32(fields[6]) else { return false }
            return flags & 0x0020_0000 != 0
        } catch { return false }
    }

    /// Ids of mounts are unique on a host, so the first one tells a mount namespace.
    private static func firstMount(_ process: String) throws(KernelError) -> UInt64? {
        MountTable.read(try TextFile.read("/proc/\(process)/mountinfo", limit: 64 << 20)).first?.id
    }

    /// Nil for one that has ended meanwhile.
    static func row(_ id: Int32) -> Row? {
        do throws(KernelError) {
            let fields = ProcessText.fields(try TextFile.read("/proc/\(id)/status", limit: 65_536))
            let inner: [Int32] = ProcessText.numbers(fields["NSpid"])
            let spaces = namespaces("/proc/\(id)/ns")
            if spaces.isEmpty { return nil }
            let groups = try TextFile.read("/proc/\(id)/cgroup", limit: 65_536)
            return Row(
                id: id, parent: fields["PPid"].flatMap { Int32($0) } ?? 0, name: fields["Name"] ?? "",
                innerID: inner.last ?? id, namespaces: spaces,
                controlGroup: ProcessText.unifiedGroup(groups) ?? "/")
        } catch {
            return nil
        }
    }

    static func namespaces(_ directory: String) -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for kind in kinds {
            if let inode = HostFacts.linkTarget("\(directory)/\(kind)").flatMap(ProcessText.inode) {
                result[kind] = inode
            }
        }
        return result
    }

    /// Inodes of namespaces that others on this host are in and none of `members` is.
    func strangers(to members: [Row]) -> Set<UInt64> {
        let inside = Set(members.map(\.id))
        var found = Set(host.values)
        for row in rows where !inside.contains(row.id) { found.formUnion(row.namespaces.values) }
        return found.subtracting(members.flatMap(\.namespaces.values))
    }

    public func row(_ id: Int32) -> Row? { rows.first { $0.id == id } }

    /// The processes that belong together with `first`: those of its cgroup below `group`, those of its pid namespace
    /// when that is not the host's, and what they started.
    public func members(of first: Int32, group: String?) -> [Row] {
        guard let start = row(first) else { return [] }
        let space = start.namespaces["pid"]
        let isOwn = space != nil && host["pid"] != nil && space != host["pid"]
        var members: Set<Int32> = [first]
        for row in rows {
            let isGrouped = group.map { row.controlGroup == $0 || row.controlGroup.begins(with: $0 + "/") } ?? false
            if isGrouped || (isOwn && row.namespaces["pid"] == space) { members.insert(row.id) }
        }
        // Parents come before their children only until numbers wrap around, so until nothing is added.
        var count = 0
        while count != members.count {
            count = members.count
            for row in rows where members.contains(row.parent) { members.insert(row.id) }
        }
        return rows.filter { members.contains($0.id) }
    }
}
