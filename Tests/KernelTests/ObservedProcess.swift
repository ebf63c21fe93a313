import LinuxKernel
import NativeContainerizer
import Testing

/// A process as the host's procfs shows it.
struct ObservedProcess: Sendable {
    var id: Int32

    static let host = ObservedProcess(id: HostFacts.processID())

    func file(_ name: String) throws -> String { try TextFile.read("/proc/\(id)/\(name)") }

    /// Value of a line of status, such as `CapEff`.
    func status(_ field: String) throws -> String {
        let line = try file("status").split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line.map { $0.dropFirst(field.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            ?? ""
    }

    /// Soft and hard limit by the name limits shows, such as `Max open files`.
    func limit(_ name: String) throws -> [String] {
        let line = try file("limits").split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.map { $0.dropFirst(name.count).split(separator: " ").prefix(2).map(String.init) } ?? []
    }

    static let namespaceKinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]

    /// `net:[4026531840]`, by kind.
    func namespaces() throws -> [String: String] {
        var result: [String: String] = [:]
        for kind in Self.namespaceKinds {
            let namespace: String = try #require(HostFacts.linkTarget("/proc/\(id)/ns/\(kind)"))
            result[kind] = namespace
        }
        return result
    }

    /// Processes it has started and not yet reaped.
    func children() throws -> [ObservedProcess] {
        try file("task/\(id)/children").split(separator: " ").compactMap { Int32($0).map(ObservedProcess.init) }
    }

    /// Numbers of its open descriptors.
    func descriptors() throws -> [String] {
        try OwnedDescriptor.open(RawPath("/proc/\(id)/fd"), [.directory]).entries().map(\.name.description).sorted()
    }

    /// Mount options by mount point, of its mount namespace as it sees it; the topmost mount of each place.
    func mounts() throws -> [String: ObservedMount] {
        var result: [String: ObservedMount] = [:]
        for line in try file("mountinfo").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let separator = words.firstIndex(of: "-"), separator + 3 < words.count else { continue }
            result[String(words[4])] = ObservedMount(
                options: Set(words[5].split(separator: ",").map(String.init)),
                propagation: words[6..<separator].map(String.init), type: String(words[separator + 1]),
                source: String(words[separator + 2]))
        }
        return result
    }
}

struct ObservedMount: Equatable, Sendable {
    var options: Set<String>
    /// `shared:1`, `master:2`; empty when the mount is private.
    var propagation: [String]
    var type: String
    var source: String
}

extension RunningContainer {
    /// Init, as the host sees it.
    var initProcess: ObservedProcess { ObservedProcess(id: process.id) }

    /// The task: init's first child.
    func task() throws -> ObservedProcess { try #require(try initProcess.children().first) }
}
