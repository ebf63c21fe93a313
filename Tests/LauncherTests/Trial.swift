import Diagnostics
import Glibc
import LaunchPlanning
import LinuxKernel
import OrderedCollections
import Testing

/// One run of the real launcher: a plan of hand-picked steps, no builder between the test and the kernel.
struct Trial {
    var steps: [Step]
    var namespaces: NamespaceSet = []
    /// Id maps of the new user namespace; root inside is this user outside.
    var rootOutside: UInt32?
    /// Sent with the release.
    var descriptors: [(DescriptorName, Offer)] = []

    /// A descriptor made once the launcher exists (its user namespace may be needed). The launcher then has the only
    /// copy, so that the end of a pipe is seen.
    final class Offer {
        private var make: ((Int32) throws -> OwnedDescriptor)?
        init(_ make: @escaping (Int32) throws -> OwnedDescriptor) { self.make = make }

        func take(for process: Int32) throws -> OwnedDescriptor {
            let make = try #require(make)
            self.make = nil
            return try make(process)
        }
    }

    init(_ steps: [Step]) { self.steps = steps }

    /// Steps that end every plan: the caller's pipe as output, nothing else inherited.
    static func ending(_ arguments: [String], environment: [String] = ["PATH=/bin:/usr/bin"]) -> [Step] {
        [.closeDescriptors(keep: 0), .execute(arguments: arguments, environment: environment)]
    }

    static func shell(_ script: String) -> [Step] { ending(["/bin/busybox", "sh", "-c", script]) }

    mutating func open(_ name: DescriptorName, _ descriptor: OwnedDescriptor) {
        descriptors.append((name, Offer { _ in descriptor }))
    }

    /// Gives the plan a pipe called `name` and returns the end to read from.
    mutating func pipe(_ name: DescriptorName) throws -> OwnedDescriptor {
        let ends = try OwnedDescriptor.pipe()
        open(name, ends.write)
        return ends.read
    }

    var plan: LaunchPlan {
        LaunchPlan(
            spawn: SpawnOptions(namespaces: [], userMap: [], groupMap: [], inControlGroup: false),
            // What is behind a name does not matter to the encoder.
            descriptors: OrderedDictionary(uniqueKeysWithValues: descriptors.map { ($0.0, .exitRecord) }),
            steps: steps.map { PlannedStep(stage: .execute, isolator: "trial", step: $0) })
    }

    /// Starts the launcher and releases it. The test's own copies of the descriptors are let go of.
    func start() throws -> RunningTrial {
        let held = try hold(bytes: PlanEncoder.encode(plan))
        if let rootOutside {
            try TextFile.write("0 \(rootOutside) 65536\n", to: "/proc/\(held.process.id)/uid_map")
            try TextFile.write("0 \(rootOutside) 65536\n", to: "/proc/\(held.process.id)/gid_map")
        }
        let opened = try descriptors.map { try $0.1.take(for: held.process.id) }
        try held.socket.sendMessage([UInt8(ascii: "R")], descriptors: opened)
        return held
    }

    /// Starts the launcher with `bytes` as its plan and leaves it waiting for the release.
    func hold(bytes: [UInt8], sealed: Bool = true) throws -> RunningTrial {
        let file = try OwnedDescriptor.memoryFile("plan")
        try file.write(bytes)
        if sealed { try file.seal() }
        let (ours, theirs) = try OwnedDescriptor.packetPair()
        let process = try LauncherProcess.start(
            launcher: try LauncherBinary.open(), flags: namespaces.rawValue, cgroup: nil, descriptors: [file, theirs])
        return RunningTrial(process: process, socket: ours, plan: plan)
    }
}

/// A launcher that was started.
struct RunningTrial {
    let process: ProcessHandle
    let socket: OwnedDescriptor
    let plan: LaunchPlan

    /// Every report until the launcher's side is closed, by exec or by its end.
    func reports() throws -> [(LauncherReport, OwnedDescriptor?)] {
        var reports: [(LauncherReport, OwnedDescriptor?)] = []
        while try socket.waitReadable(milliseconds: Patience.milliseconds) {
            guard let message = try socket.receiveMessage(limit: 64) else { return reports }
            reports.append((try LauncherReport(bytes: message.bytes), message.descriptor))
        }
        try process.signal(SIGKILL)
        let end = try process.reap()
        Issue.record("no report and no exec after \(reports.map { $0.0.sentence(in: plan) }); killed: \(end)")
        throw KernelError(call: "wait for the launcher's side to be closed", errno: ETIMEDOUT)
    }

    /// What the task writes, until nobody has the other end of `output` any more.
    func text(of output: OwnedDescriptor) throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let deadline = Deadline(seconds: Double(Patience.milliseconds) / 1_000)
        while !deadline.hasPassed, bytes.count <= 1 << 22 {
            guard try output.waitReadable(milliseconds: 1_000) else { continue }
            let count = try chunk.withUnsafeMutableBytes { try output.read(into: $0) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
        let said = String(decoding: bytes, as: UTF8.self)
        try process.signal(SIGKILL)
        Issue.record("the task's output does not end; it is killed, and has said \(said.suffix(8_000))")
        return said
    }

    /// Waits until exec has succeeded.
    func expectStarted() throws {
        let reports = try reports()
        try #require(reports.isEmpty, "\(reports.map { $0.0.sentence(in: plan) })")
    }

    func end() throws -> ProcessEnd {
        if try !process.waitForEnd(milliseconds: Patience.milliseconds) {
            Issue.record("the launcher does not end")
            try process.signal(9)
        }
        return try process.reap()
    }
}

/// How long a test waits for what must happen; a bound for failures, never a wait of its own.
enum Patience {
    static let milliseconds: Int32 = 120_000
}

/// What a finished trial said.
struct Outcome {
    var output: String
    var failure: LauncherReport?
    var end: ProcessEnd
}

extension Trial {
    /// Runs steps whose last ones use the stream `out`, to the end.
    func run(output: OwnedDescriptor) throws -> Outcome {
        let running = try start()
        let reports = try running.reports()
        let text = try running.text(of: output)
        return Outcome(output: text, failure: reports.first?.0, end: try running.end())
    }
}

/// The binary under test: BULKHEAD_LAUNCHER, or what `make launcher` built.
enum LauncherBinary {
    static var path: String {
        if let set = getenv("BULKHEAD_LAUNCHER") { return String(cString: set) }
        let root = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/.build/launcher/bulkhead-launch"
    }

    static func open() throws -> OwnedDescriptor {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path))
        } catch {
            Issue.record("\(path) cannot be opened (\(error)); run `make launcher`")
            throw error
        }
    }
}
