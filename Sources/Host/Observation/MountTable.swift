import Auditing

/// /proc/PID/mountinfo as values, proc_pid_mountinfo(5). Pure.
enum MountTable {
    static func read(_ text: String) -> [MountFacts] { text.cut(at: "\n").compactMap(line) }

    private static func line(_ line: Substring) -> MountFacts? {
        // One blank between two fields, and a source may be empty.
        let fields = line.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count >= dash + 4,
            let id = UInt64(fields[0]), let parent = UInt64(fields[1])
        else { return nil }
        return MountFacts(
            id: id, parent: parent, device: fields[2], root: unescaped(fields[3]), target: unescaped(fields[4]),
            options: fields[5].cut(at: ",").map(String.init), propagation: Array(fields[6..<dash]),
            type: fields[dash + 1], source: unescaped(fields[dash + 2]),
            superOptions: fields[dash + 3].cut(at: ",").map(String.init))
    }

    /// `\040` and the other three octal escapes the kernel writes.
    static func unescaped(_ text: String) -> String {
        guard text.has("\\") else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let text = String(validating: digits, as: UTF8.self),
                let value = UInt8(text, radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// File systems that are the kernel's or in memory: a container's own instance of them shows nothing of the host's
    /// disks, however much its device number is found in the host's table.
    private static let virtualTypes: Set = [
        "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs", "bpf",
        "configfs", "fusectl", "binfmt_misc", "nsfs", "pstore", "efivarfs", "hugetlbfs",
    ]

    /// `mounts` with the path of the host that each shows: a mount of the host of the same file system, whose root is
    /// at or above what is shown. Virtual file systems count only where the very mount point is shown whole.
    static func withHostPaths(_ mounts: [MountFacts], host: [MountFacts]) -> [MountFacts] {
        var byDevice: [String: [MountFacts]] = [:]
        for mount in host { byDevice[mount.device, default: []].append(mount) }
        return mounts.map { mount in
            var mount = mount
            // A root of layers is the container's own, though other runtimes show it on the host as well.
            if mount.type == "overlay" && mount.target == "/" { return mount }
            guard !virtualTypes.contains(mount.type), let candidates = byDevice[mount.device] else { return mount }
            // A single device node is judged as a device, not as a directory.
            if mount.type == "devtmpfs" && mount.root != "/" { return mount }
            mount.hostPath = candidates.compactMap { path(mount.root, below: $0) }.min { $0.utf8.count < $1.utf8.count }
            return mount
        }
    }

    /// Where `root` of the file system is found through `mount`; nil when it is not below what that shows.
    private static func path(_ root: String, below mount: MountFacts) -> String? {
        if root == mount.root { return mount.target }
        let prefix = mount.root == "/" ? "/" : mount.root + "/"
        guard root.begins(with: prefix) else { return nil }
        return (mount.target == "/" ? "/" : mount.target + "/") + Substring(root.utf8.dropFirst(prefix.utf8.count))
    }
}
