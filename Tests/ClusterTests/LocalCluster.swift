import AsyncHTTPClient
import ClusterClient
import ClusterModel
import Diagnostics
import LinuxKernel
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A master and an agent as one process (`bulkhead local`) or as two, with directories, ports and an image store of
/// their own. They can be killed and started again on the same ones; at the end everything they started is gone.
actor LocalCluster {
    /// What runs as a process.
    enum Part: String, CaseIterable {
        case local, master, agent
    }

    nonisolated let scratch: String
    nonisolated let masterPort: Int
    nonisolated let agentPort: Int
    private let options: [String]
    private let parts: [Part]
    private var running: [Part: (process: ProcessHandle, output: OwnedDescriptor)] = [:]
    /// What earlier processes said.
    private var said: [String] = []
    /// Holds a network namespace of the cluster's own; nil: it is on ours.
    private nonisolated let network: ProcessHandle?
    /// The folder with programs of another build, which is what starts; nil: those that were built with these tests.
    private var programs: String?

    /// `options` are those of an agent. In a network of its own only `run` and `runTool` reach it.
    init(
        _ options: [String] = [], parts: [Part] = [.local], images: [String] = ["busybox"], programs: String? = nil,
        inOwnNetwork: Bool = false
    ) async throws {
        network = inOwnNetwork ? try Self.newNetwork() : nil
        self.programs = programs
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        scratch = "\(base)/bulkhead-cluster-\(String(KernelRandom.number(), radix: 36))"
        self.options = options
        self.parts = parts
        try Directories.makeAll(scratch, mode: 0o711)
        (masterPort, agentPort) = (try await Self.freePort(), try await Self.freePort())
        for name in images {
            let archive = "\(Built.images)/\(name).tar"
            let tool = try ToolProcess.start(
                Built.program("bulkhead", "BULKHEAD_PROGRAM"), ["image", "import", archive, "--name", name],
                environment: environment, descriptors: [nil, nil, nil])
            // Not waited for in a thread that other tests need.
            try await eventually("the image is imported") { try tool.hasEnded() }
            guard case .exited(0) = try tool.reap() else {
                throw Failure("test.image", doing: "import the image", on: archive)
            }
        }
        try await start()
    }

    /// Those of this process's clusters: they are given out long before anybody listens on them.
    private static let portsGiven = Mutex<Set<Int>>([])

    /// A port that nobody has just now, the same one for every start.
    private static func freePort() async throws -> Int {
        while true {
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = listener.localAddress?.port ?? 0
            try await listener.close()
            if portsGiven.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    nonisolated var environment: [String] {
        [
            "BULKHEAD_STORE=\(scratch)/store", "BULKHEAD_STATE=\(scratch)/state",
            "BULKHEAD_LAUNCHER=\(Built.launcher)",
            "BULKHEAD_UNPACK=\(Built.program("bulkhead-unpack", "BULKHEAD_UNPACK"))",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]
    }

    /// Each build brings its own launcher and unpacker.
    private func environment(of programs: String?) -> [String] {
        guard let programs else { return environment }
        return environment.filter { !$0.hasPrefix("BULKHEAD_LAUNCHER=") && !$0.hasPrefix("BULKHEAD_UNPACK=") } + [
            "BULKHEAD_LAUNCHER=\(programs)/bulkhead-launch", "BULKHEAD_UNPACK=\(programs)/bulkhead-unpack",
        ]
    }

    /// From the next start on, what was built with these tests.
    func upgrade() { programs = nil }

    // MARK: The process

    /// Starts what does not run, and waits until the master serves and has its agent.
    func start() async throws {
        for part in parts where running[part] == nil {
            let output = try OwnedDescriptor.memoryFile("output")
            let process = try started(
                programs.map { $0 + "/bulkhead-cluster" } ?? Self.cluster, arguments(part),
                environment: environment(of: programs), [nil, output, output])
            running[part] = (process, output)
        }
        do {
            try await eventually("the cluster is up") {
                for (process, _) in running.values where try process.hasEnded() {
                    throw Failure("test.ended", doing: "start the cluster")
                }
                return await isUp()
            }
        } catch let failure as Failure {
            throw Failure("test.not-up", doing: failure.description, cause: try text())
        }
    }

    private static var cluster: String { Built.program("bulkhead-cluster", "BULKHEAD_CLUSTER") }

    /// A network namespace with a loopback interface, there for as long as its process.
    private static func newNetwork() throws -> ProcessHandle {
        let (holder, said) = try holdingNetwork()
        guard try said.readAll(limit: 16) == Array("up\n".utf8) else {
            throw Failure("test.network", doing: "make a network namespace")
        }
        return holder
    }

    /// Our copy of the write end is gone when this returns.
    private static func holdingNetwork() throws -> (ProcessHandle, said: OwnedDescriptor) {
        let said = try OwnedDescriptor.pipe()
        let script = "ip link set lo up && echo up && exec sleep 100000 > /dev/null"
        let holder = try ToolProcess.start(
            "/usr/bin/unshare", ["--net", "/bin/sh", "-c", script],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], descriptors: [nil, said.write, nil])
        return (holder, said.read)
    }

    private nonisolated func started(
        _ program: String, _ words: [String], environment: [String], _ descriptors: [OwnedDescriptor?]
    ) throws -> ProcessHandle {
        guard let network else {
            return try ToolProcess.start(program, words, environment: environment, descriptors: descriptors)
        }
        return try ToolProcess.start(
            "/usr/bin/nsenter", ["--net=/proc/\(network.id)/ns/net", program] + words, environment: environment,
            descriptors: descriptors)
    }

    func processID(_ part: Part) -> Int32? { running[part]?.process.id }

    private func arguments(_ part: Part) -> [String] {
        let work = "\(scratch)/cluster"
        return switch part {
        case .local:
            ["local", "--port", "\(masterPort)", "--agent-port", "\(agentPort)", "--work-dir", work] + options
        case .master: ["master", "--port", "\(masterPort)", "--work-dir", work + "/master"]
        case .agent:
            [
                "agent", "start", "--master", "http://127.0.0.1:\(masterPort)", "--port", "\(agentPort)",
                "--work-dir", work + "/agent", "--unenforced", "allow",
            ] + options
        }
    }

    /// The master serves and its agent is there.
    private func isUp() async -> Bool {
        do {
            if network != nil { return try await run(["agent", "ls"]).text.contains(" active ") }
            let agents = try await client().agents()
            return parts == [.master] || agents.agents.contains { $0.isActive }
        } catch {
            return false
        }
    }

    /// kill -9: nothing is said to anybody.
    func crash(_ some: [Part] = Part.allCases) throws {
        let dying = some.compactMap { running[$0]?.process }
        for process in dying { _ = try process.signal(SignalNumber.kill) }
        for process in dying { _ = try process.reap() }
        for part in some { try forget(part) }
    }

    private func forget(_ part: Part) throws {
        guard let (_, output) = running.removeValue(forKey: part) else { return }
        said.append("\(part): " + String(decoding: try output.readBytes(1 << 22, at: 0), as: UTF8.self))
    }

    /// Ends it as an operator would.
    func stop() async throws {
        for (part, (process, _)) in running {
            _ = try process.signal(SignalNumber.terminate)
            await #expect(throws: Never.self, "it ends after SIGTERM: \(part)") {
                try await eventually("the end") { try process.hasEnded() }
            }
            _ = try process.signal(SignalNumber.kill)
            _ = try process.reap()
            try forget(part)
        }
    }

    /// Stops it, and ends everything that may be left of its tasks.
    func end() async throws {
        try await stop()
        try await eventually("nothing of the cluster runs any more") {
            let left = try Self.processes(of: scratch)
            for id in left {
                do { _ = try ProcessHandle.open(id).signal(SignalNumber.kill) } catch { continue }  // ended meanwhile
            }
            return left.isEmpty
        }
        if let network {
            _ = try network.signal(SignalNumber.kill)
            _ = try network.reap()
        }
        try TreeRemoval.remove(scratch)
    }

    /// Processes that see something below `path` in a mount of theirs: those of its containers.
    private static func processes(of path: String) throws -> [Int32] {
        let last = path.split(separator: "/").last ?? ""
        var found: [Int32] = []
        for entry in try OwnedDescriptor.open("/proc", [.directory]).entries() {
            guard let id = Int32(entry.name.description) else { continue }
            do {
                if try TextFile.read("/proc/\(id)/mountinfo", limit: 1 << 20).contains(last) { found.append(id) }
            } catch {
                continue  // it has ended meanwhile
            }
        }
        return found
    }

    /// Everything it has said, for a test that fails.
    func text() throws -> String {
        let now = try running.map { part, running in
            "\(part): " + String(decoding: try running.output.readBytes(1 << 22, at: 0), as: UTF8.self)
        }
        return (said + now).joined(separator: "\n---\n")
    }

    // MARK: Talking to it

    /// A command of ours that asks this master; gives its exit status and what it printed.
    nonisolated func run(_ words: [String]) async throws -> (status: Int32, text: String) {
        try await runTool(Self.cluster, words)
    }

    /// A program on the cluster's network.
    nonisolated func runTool(_ program: String, _ words: [String]) async throws -> (status: Int32, text: String) {
        let output = try OwnedDescriptor.memoryFile("command")
        let process = try started(
            program, words, environment: environment + ["BULKHEAD_MASTER=http://127.0.0.1:\(masterPort)"],
            [nil, output, nil])
        try await eventually("the command ends") { try process.hasEnded() }
        let end = try process.reap()
        guard case .exited(let status) = end else { throw Failure("test.killed", doing: "run", on: "\(words)") }
        return (status, String(decoding: try output.readBytes(1 << 20, at: 0), as: UTF8.self))
    }

    nonisolated func client() throws -> ClusterClient {
        try ClusterClient(ClientSettings(masters: [ServerAddress(host: "127.0.0.1", port: UInt16(masterPort))]))
    }

    nonisolated func agent() throws -> AgentClient {
        try client().agent(at: ServerAddress(host: "127.0.0.1", port: UInt16(agentPort)))
    }
}

/// What `make` and SwiftPM built.
enum Built {
    static func program(_ name: String, _ variable: String) -> String {
        if let path = ProcessEnvironment.value(variable) { return path }
        let bundles = [HostFacts.linkTarget("/proc/self/exe") ?? ""] + CommandLine.arguments
        let places = bundles.map { $0.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name }
        return places.first(where: HostFacts.exists) ?? name
    }

    static var launcher: String {
        ProcessEnvironment.value("BULKHEAD_LAUNCHER") ?? root + "/.build/launcher/bulkhead-launch"
    }

    /// The folder of third-party clients that Tests/run prepared.
    static var clients: String { ProcessEnvironment.value("BULKHEAD_CLIENTS") ?? root + "/.build/clients" }

    static var images: String { ProcessEnvironment.value("BULKHEAD_TEST_IMAGES") ?? root + "/images/out" }

    static var root: String {
        let file = #filePath
        return file.firstRange(of: "/Tests/").map { String(file[..<$0.lowerBound]) } ?? "."
    }
}

/// Asks again until it is so; a test that waits for long enough in vain has failed.
func eventually(
    _ what: String, within limit: Duration = .seconds(300), isolation: isolated (any Actor)? = #isolation,
    _ isSo: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !isSo() {
        guard ContinuousClock.now < deadline else {
            throw Failure("test.in-vain", doing: "wait \(limit) for this", on: what)
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
