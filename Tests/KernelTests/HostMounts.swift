import LinuxKernel

/// The host's mount table at the places where containers mount things: a mount of theirs that got out would show there.
/// The rest of the table changes while other tests, podman's and containerd's among them, mount things of their own.
struct HostMounts: Equatable {
    private var count: [String: Int] = [:]
    private let table: String

    private static let places = ["/", "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/", "/etc/", "/run", "/tmp"]

    static func now() throws -> HostMounts { HostMounts(try TextFile.read("/proc/self/mountinfo")) }

    private init(_ text: String) {
        table = text
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 4 else { continue }
            let point = String(words[4])
            let isOne = Self.places.contains { $0.count > 1 && $0.hasSuffix("/") ? point.hasPrefix($0) : point == $0 }
            if isOne { count[point, default: 0] += 1 }
        }
    }

    static func == (one: HostMounts, other: HostMounts) -> Bool { one.count == other.count }

    /// Whether any mount is at a path with these words in it, or of something with them in its name.
    func mentions(_ words: String) -> Bool { table.contains(words) }
}
