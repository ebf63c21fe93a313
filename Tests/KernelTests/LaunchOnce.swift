import Containers
import LinuxKernel
import Testing

/// The program of Tests/LaunchOnce, which is built beside the tests.
enum LaunchOnce {
    static var path: String {
        let program = HostFacts.linkTarget("/proc/self/exe") ?? ""
        return program.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/launch-once"
    }

    struct Outcome {
        var end: ProcessEnd
        var output: String
    }

    /// Runs it to its end, behind `tracer` when given. One that does not end, or whose output does not, is killed, and
    /// the test fails with what it said.
    static func run(
        _ verb: String, on host: TestHost, _ last: String, failpoint: String? = nil, tracer: [String] = []
    ) throws -> Outcome {
        let (process, output) = try start(
            tracer + [path, verb, host.places.volatile, host.places.store, TestHost.launcherPath, host.layer, last],
            environment: failpoint.map { ["BULKHEAD_FAILPOINT=\($0)"] } ?? [])
        // Far more than any takes; a crowd has its test's own limit.
        let deadline = Deadline(seconds: ["many", "bridges"].contains(verb) ? 1_200 : 300)
        var said: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var isOpen = true
        while isOpen, said.count <= 1 << 20, !deadline.hasPassed {
            guard try output.waitReadable(milliseconds: 1_000) else { continue }
            let count = try chunk.withUnsafeMutableBytes { try output.read(into: $0) }
            isOpen = count > 0
            said += chunk[..<count]
        }
        while !deadline.hasPassed, try !process.waitForEnd(milliseconds: 1_000) {}
        let text = String(decoding: said, as: UTF8.self)
        let hasEnded = try process.hasEnded()
        if isOpen || !hasEnded { Issue.record("launch-once \(verb) does not end; it said: \(text.suffix(8_000))") }
        if !hasEnded { try process.signal(SignalNumber.kill) }
        return Outcome(end: try process.reap(), output: text)
    }

    /// Its errors go to /dev/null: a container it leaves behind inherits nothing of ours.
    private static func start(
        _ words: [String], environment: [String]
    ) throws -> (ProcessHandle, OwnedDescriptor) {
        let (read, write) = try OwnedDescriptor.pipe()
        let process = try ToolProcess.start(
            words[0], Array(words.dropFirst()), environment: environment, descriptors: [nil, write, nil])
        return (process, read)
    }
}

/// Everything a container leaves on a host while it exists.
struct Traces: Equatable, CustomStringConvertible {
    var lines: [String] = []

    init(of host: TestHost) throws {
        // What is held for containers to come is none's; given back, it must leave nothing either.
        try host.containerizer.namespaces?.end()
        for directory in ["containers", "pending", "running", "names", "ids", "workshop"] {
            try add(host.places.volatile + "/" + directory)
        }
        try add(host.places.store + "/containers")
        for name in try Self.groups() {
            if Self.owner(ofGroup: name) == host.places.volatile { lines.append("cgroup \(name)") }
        }
        let mounts = try TextFile.read("/proc/self/mountinfo").split(separator: "\n")
        lines += mounts.filter { $0.contains(host.scratch) }.map(String.init)
    }

    private static var parent: String {
        HostFacts.exists("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified/bulkhead" : "/sys/fs/cgroup/bulkhead"
    }

    private static func groups() throws -> [String] {
        guard HostFacts.exists(parent) else { return [] }
        let entries = try OwnedDescriptor.open(RawPath(parent), [.directory]).entries()
        return entries.filter { $0.kind == .directory }.map(\.name.description)
    }

    /// Another test's may go at any moment, and is none of ours.
    private static func owner(ofGroup name: String) -> String? {
        do throws(KernelError) {
            let group = try OwnedDescriptor.open(RawPath(parent + "/" + name), [.directory])
            return String(decoding: try group.attribute("trusted.bulkhead"), as: UTF8.self)
        } catch {
            return nil
        }
    }

    private mutating func add(_ directory: String) throws {
        guard HostFacts.exists(directory) else { return }
        let names = try OwnedDescriptor.open(RawPath(directory), [.directory]).entries().map(\.name.description)
        lines += names.sorted().map { "\(directory)/\($0)" }
    }

    var description: String { lines.joined(separator: "\n") }
}
