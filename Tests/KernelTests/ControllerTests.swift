import Containers
import HostProbe
import Isolation
import LinuxKernel
import NativeContainerizer
import Testing

/// Limits that cgroup v2 controllers hold. One after another, as they measure shares of one small machine.
///
/// They run where the controllers are: on a host with a delegated version 2 tree, else in the VM that
/// Tests/VirtualMachine starts.
@Suite("Limits the kernel holds", .serialized)
enum ControllerTests {}

extension TestHost {
    /// The container's cgroup as the host sees it.
    func group(_ id: ContainerID) throws -> ControlGroup {
        try #require(ControlGroup(id, host: containerizer.host))
    }

    /// A container that runs `script` and goes on, with its id and its cgroup.
    func started(
        _ script: String, _ change: (inout ContainerRequest) -> Void = { _ in }
    ) throws -> (id: ContainerID, group: ControlGroup, running: RunningContainer) {
        let running = try detached(["sh", "-c", script], change)
        let id = running.record.request.id
        return (id, try group(id), running)
    }

    /// What a file of the container's cgroup holds, without the last newline.
    func setting(_ file: String, of id: ContainerID) throws -> String {
        try group(id).read(file).split(separator: "\n").joined(separator: "\n")
    }
}

/// A counter of the kernel, watched until it has grown enough to be measured.
struct Measured {
    /// Never more than it was, as its time begins before the first reading and ends after the last one. A machine that
    /// stands still meanwhile makes it less.
    var perSecond: Double

    /// Growth of `counter` for each second, from now until it has grown by `amount`. Fails after a minute.
    init(_ what: String, growsBy amount: UInt64, _ counter: () -> UInt64?) throws {
        let start = HostFacts.monotonicClock()
        let from = try #require(counter())
        var now = from
        var end = start
        try Deadline(seconds: 60).wait("\(what) to grow by \(amount)") {
            now = counter() ?? from
            end = HostFacts.monotonicClock()
            return now - from >= amount
        }
        perSecond = Double(now - from) / (end - start)
    }

    /// The highest of up to five rates, of which the first to reach `least` is the last. A stall makes a rate less and
    /// never more: what is held too low reaches it in none, and what is not held is shown by the one that does.
    static func highest(reaching least: Double, _ measure: () throws -> Double) rethrows -> Double {
        var highest = try measure()
        for _ in 1..<5 where highest < least { highest = max(highest, try measure()) }
        return highest
    }

    /// Processors' worth of time that the group uses, over a window in which it uses `seconds`.
    static func processors(_ group: ControlGroup, using seconds: Double) throws -> Double {
        let used = try Measured("processor time", growsBy: UInt64(seconds * 1e6)) {
            group.value(of: "usage_usec", in: "cpu.stat")
        }
        return used.perSecond / 1e6
    }

    /// Sum of `key` (rbytes, wbytes, rios, wios) over all disks.
    static func disk(_ group: ControlGroup, _ key: String) -> UInt64 {
        (group.contents("io.stat") ?? "").split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix(key + "=") }
            .reduce(0) { $0 + (UInt64($1.dropFirst(key.count + 1)) ?? 0) }
    }
}

/// A program of the host, with all of the host's rights.
enum HostCommand {
    /// Far more than any takes on a slow machine.
    private static let seconds = 300.0
    private static let saidBytesMax = 1 << 20

    /// Runs a shell command, first entering `group` when given. One that does not end is killed, and the test fails
    /// with what it said.
    static func run(_ script: String, in group: ControlGroup? = nil) throws -> (code: Int32, said: String) {
        let enter = group.map { "echo $$ > \($0.path)/cgroup.procs && " } ?? ""
        let (reader, process) = try start(enter + script)
        let deadline = Deadline(seconds: seconds)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var isOver = false
        while !isOver, !deadline.hasPassed, bytes.count <= saidBytesMax {
            guard try reader.waitReadable(milliseconds: 1_000) else { continue }
            let count = try chunk.withUnsafeMutableBytes { try reader.read(into: $0) }
            bytes += chunk[..<count]
            isOver = count == 0
        }
        let said = String(decoding: bytes, as: UTF8.self)
        if !isOver {
            Issue.record("'\(script)' does not end or says too much, and is killed; it said \(said.suffix(8_000))")
            try process.killAndReap()
            return (128 + SignalNumber.kill, said)
        }
        // One that has closed its output may go on all the same.
        switch try process.reap(within: seconds) {
        case .exited(let code): return (code, said)
        case .signaled(let signal): return (128 + signal, said)
        }
    }

    /// Our copy of the write end is gone when this returns.
    private static func start(_ script: String) throws -> (OwnedDescriptor, ProcessHandle) {
        let output = try OwnedDescriptor.pipe()
        let process = try ToolProcess.start(
            "/bin/sh", ["-c", script], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
            descriptors: [nil, output.write, output.write])
        return (output.read, process)
    }
}
