import AuditFormat
import LinuxKernel

/// Containers and processes that somebody else made, found by the process table alone.
public enum ForeignContainer {
    /// A target for the process of that number.
    public static func target(process: Int32, in table: ProcessTable) -> ObservationTarget {
        let row = table.row(process)
        let isContained = row.map { $0.namespaces["pid"] != table.host["pid"] } ?? false
        let known = maker(process, in: table)
        let subject = Subject(
            isContained || known != nil ? .container : .process, id: known?.id ?? "pid:\(process)",
            name: known?.name ?? row?.name, maker: known?.maker, process: process)
        return ObservationTarget(subject: subject, process: process)
    }

    /// First processes of every pid namespace that is neither the host's nor one of `known`.
    public static func first(in table: ProcessTable, besides known: Set<Int32>) -> [Int32] {
        let spaces = Set(known.compactMap { table.row($0)?.namespaces["pid"] })
        return table.rows.filter { row in
            guard row.innerID == 1, let space = row.namespaces["pid"], space != table.host["pid"] else { return false }
            return !spaces.contains(space) && !row.controlGroup.begins(with: "/bulkhead/")
        }.map(\.id)
    }

    private struct Known {
        var maker: String
        var id: String
        var name: String?
    }

    /// By its monitor's command line, else by how its cgroup is called.
    private static func maker(_ process: Int32, in table: ProcessTable) -> Known? {
        guard let row = table.row(process) else { return nil }
        if let parent = table.row(row.parent) {
            let words = words(parent.id)
            if parent.name == "conmon", let id = value(of: ["-c", "--cid"], in: words) {
                return Known(maker: "podman", id: id, name: value(of: ["-n", "--name"], in: words))
            }
            if parent.name.begins(with: "containerd-shim"), let id = value(of: ["-id"], in: words) {
                let isDocker = value(of: ["-namespace"], in: words) == "moby"
                return Known(maker: isDocker ? "docker" : "containerd", id: id)
            }
        }
        let marks = [
            ("libpod-", "podman"), ("docker-", "docker"), ("crio-", "cri-o"), ("cri-containerd-", "containerd"),
        ]
        for part in row.controlGroup.cut(at: "/") {
            for (mark, maker) in marks where part.begins(with: mark) {
                return Known(maker: maker, id: String(part.dropFirst(mark.count).prefix { $0 != "." }))
            }
        }
        return nil
    }

    static func words(_ process: Int32) -> [String] {
        do throws(KernelError) {
            return try TextFile.read("/proc/\(process)/cmdline").cut(at: "\0").map(String.init)
        } catch { return [] }
    }

    static func value(of options: [String], in words: [String]) -> String? {
        guard let place = words.firstIndex(where: options.contains), place + 1 < words.count else { return nil }
        return words[place + 1]
    }
}
