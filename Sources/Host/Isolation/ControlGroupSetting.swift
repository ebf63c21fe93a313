/// A value for a file of a cgroup.
public struct GroupSetting: Equatable, Sendable {
    public var file: String
    public var value: String
    public init(_ file: String, _ value: String) {
        self.file = file
        self.value = value
    }

    /// Takes a processor set away again. While processes are inside, the kernel answers an empty list with ENOSPC, so
    /// this stands for the list of the directory above.
    static let allProcessors = GroupSetting("cpuset.cpus", "")

    /// Whether `text`, read back from the file, is what was meant. The kernel rounds bytes down to pages, writes
    /// processor lists its own way and prints settings for several devices one a line.
    func isKept(in text: String) -> Bool {
        switch file {
        case "io.max": return isKeptForDisk(text)
        case "cpuset.cpus": return ProcessorNumbers.parse(value) == ProcessorNumbers.parse(text)
        default: break
        }
        let kept = text.cut(at: "\n").first.map(String.init) ?? ""
        if kept == value || kept == "default " + value { return true }
        guard file.begins(with: "memory"), let wanted = UInt64(value), let got = UInt64(kept) else { return false }
        return got <= wanted && wanted - got < 65_536
    }

    /// A disk without any limit has no line.
    private func isKeptForDisk(_ text: String) -> Bool {
        let wanted = value.cut(at: " ")
        let lines = text.cut(at: "\n").map { $0.cut(at: " ") }
        guard let line = lines.first(where: { $0.first == wanted.first }) else {
            return wanted.dropFirst().allSatisfy { $0.ends(with: "=max") }
        }
        return Set(wanted).isSubset(of: line)
    }

    /// The flag that asks for it, for messages.
    var flag: String {
        let flags = [
            "cpu.max": "cpus", "cpu.weight": "cpu-weight", "cpuset.cpus": "cpuset", "memory.max": "memory",
            "memory.swap.max": "memory-swap", "pids.max": "pids", "io.weight": "io-weight",
            "io.bfq.weight": "io-weight",
        ]
        return flags[file] ?? String(file.prefix { $0 != "." })
    }
}

/// Lists of processors as the kernel writes them, cpuset(7): `0-2,4`.
enum ProcessorNumbers {
    private static let numberMax = 65_535

    /// Nil when it is not such a list. An empty list is one.
    static func parse(_ text: String) -> Set<Int>? {
        var result: Set<Int> = []
        for part in text.filter({ !$0.isWhitespace }).cut(at: ",", omittingEmptySubsequences: true) {
            let ends = part.cut(at: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
                first >= 0, first <= last, last <= numberMax
            else { return nil }
            result.formUnion(first...last)
        }
        return result
    }
}
