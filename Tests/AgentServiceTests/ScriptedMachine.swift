import AgentCore
import ClusterModel
import Containers
import Diagnostics
import Synchronization

/// Runs containers in words only: a test says when one ends.
final class ScriptedContainerizer: Containerizer {
    let name = "scripted"
    private let stream: AsyncStream<ContainerEvent>
    private let telling: AsyncStream<ContainerEvent>.Continuation
    private let state = Mutex<(running: [ContainerLaunch], killed: [Int32], launched: [ContainerLaunch])>(([], [], []))
    private let opened = Mutex<[ScriptedSession]>([])
    private let attached = Mutex<[ScriptedSession]>([])
    /// In the order they were opened.
    var sessions: [ScriptedSession] { opened.withLock { $0 } }
    var attachments: [ScriptedSession] { attached.withLock { $0 } }

    init() { (stream, telling) = AsyncStream.makeStream(of: ContainerEvent.self) }

    var running: [ContainerLaunch] { state.withLock { $0.running } }
    /// Also those that have ended, which the agent sees to at once where an executor cannot reach it.
    var launched: [ContainerLaunch] { state.withLock { $0.launched } }
    var signals: [Int32] { state.withLock { $0.killed } }

    func end(_ id: ContainerID, code: Int32) {
        state.withLock { $0.running.removeAll { $0.id == id } }
        telling.yield(.exited(id, ContainerExit(reason: .ended, code: code, endedAt: 1, message: "ended")))
    }

    /// Whether it has found what ran before, which the agent waits for.
    let recovers = Mutex(true)

    func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery {
        while !recovers.withLock({ $0 }) {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        state.withLock { $0.running = known }
        return ContainerRecovery(adopted: known.map(\.id))
    }

    /// What launches fail with; nil: with nothing.
    let launchFailure = Mutex<Failure?>(nil)

    func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        if let failure = launchFailure.withLock({ $0 }) { throw failure }
        state.withLock {
            $0.running.append(launch)
            $0.launched.append(launch)
        }
        return .launched
    }

    func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) {}
    func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? {
        guard running.contains(where: { $0.id == id }) else { return nil }
        var usage = ContainerUsage(at: 5)
        (usage.userMicroseconds, usage.systemMicroseconds, usage.cpuLimit) = (1_500_000, 250_000, 1)
        (usage.memoryBytes, usage.memoryLimitBytes, usage.anonymousBytes) = (4_096, 67_108_864, 2_048)
        usage.stalls["memory"] = PressureStall(text: "some avg10=1.50 avg60=0.50 avg300=0.10 total=2000000")
        return usage
    }

    func status(_ id: ContainerID) async throws(Failure) -> ContainerView? {
        ContainerView(state: .running, process: 42)
    }

    func containers() async throws(Failure) -> [ContainerID] { running.map(\.id) }
    func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        while running.contains(where: { $0.id == id }) {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { return nil }
        }
        return nil
    }

    func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool {
        state.withLock { $0.killed.append(signal) }
        let exit = ContainerExit(reason: .killed, code: 128 + signal, signal: signal, endedAt: 1, message: "killed")
        telling.yield(.exited(id, exit))
        return true
    }

    func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        state.withLock { $0.running.removeAll { $0.id == id } }
        return nil
    }

    let starts = Mutex<[OutputStart]>([])
    func attach(_ id: ContainerID, from start: OutputStart) async throws(Failure) -> (any ContainerSession)? {
        starts.withLock { $0.append(start) }
        guard running.contains(where: { $0.id == id }) else { return nil }
        let session = ScriptedSession()
        attached.withLock { $0.append(session) }
        return session
    }

    /// Whether processes that join from now on cannot be killed.
    let isStubborn = Mutex(false)

    func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        if request.arguments.first == "missing" {
            throw Failure("launch.program-not-found", doing: "start", on: "missing")
        }
        let session = ScriptedSession(request, isStubborn: isStubborn.withLock { $0 })
        opened.withLock { $0.append(session) }
        return session
    }

    let limitsOutput = Mutex(true)
    func limitsOutput(_ id: ContainerID) async -> Bool { limitsOutput.withLock { $0 } }

    /// The network of every container here.
    let network = Mutex<TestNetwork?>(nil)

    func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 {
        guard let network = network.withLock({ $0 }) else { throw Self.none }
        return try await network.listen(port)
    }

    func connect(
        _ id: ContainerID, address: String, port: UInt16, seconds: Double
    ) async throws(Failure) -> Int32 {
        guard let network = network.withLock({ $0 }) else { throw Self.none }
        return try await network.connect(address, port, seconds: seconds)
    }

    func pruneImages(excluding: [String]) async throws(Failure) -> [String] { [] }
    func events() -> AsyncStream<ContainerEvent> { stream }

    private static let none = Failure("container.not-found", doing: "find the container")
}

/// A disk whose fetches never end by themselves, and that remembers which logs it keeps.
final class BusyHost: AgentHost {
    private let empty = EmptyHost()
    private let state = Mutex<(fetching: Int, cancelled: Int, kept: [String], room: UInt64?)>((0, 0, [], nil))
    var fetching: Int { state.withLock { $0.fetching } }
    /// What the last fetch may bring.
    var room: UInt64? { state.withLock { $0.room } }
    var cancelled: Int { state.withLock { $0.cancelled } }
    var kept: [String] { state.withLock { $0.kept } }

    func fetch(
        _ fetches: [CommandSpec.Fetch], into sandbox: String, user: String?, bytesMax: UInt64?
    ) async throws(Failure) {
        state.withLock { state in
            state.fetching += 1
            state.room = bytesMax
        }
        do { try await Task.sleep(for: .seconds(3_600)) } catch { state.withLock { $0.cancelled += 1 } }
        throw Failure("fetch.cancelled", doing: "fetch")
    }

    func keepLog(_ path: String, bytesMax: UInt64) async throws(Failure) {
        state.withLock { $0.kept.append(path) }
    }

    func sandboxes() async throws(Failure) -> [String] {
        ["/var/lib/bulkhead/slaves/OLD/frameworks/F/executors/E/runs/r"]
    }

    func bootID() async throws(Failure) -> String { try await empty.bootID() }
    func prepareSandbox(_ order: SandboxOrder) async throws(Failure) {}
    func diskUsage() async throws(Failure) -> Double { 0.1 }
    func collect(_ path: String) async throws(Failure) {}
    func changeVolumes(_ orders: [VolumeOrder]) async throws(Failure) {}
    func listFiles(_ path: String) async throws(Failure) -> [FileFacts] { [] }
    func readFile(_ path: String, offset: Int64?, length: Int64?) async throws(Failure) -> FilePiece {
        try await empty.readFile(path, offset: offset, length: length)
    }
    func followFile(
        _ path: String, from offset: Int64?, deliver: @Sendable @escaping (FilePiece) async throws -> Void
    ) async throws {}
}

/// A disk that is always there and always empty.
struct EmptyHost: AgentHost {
    var boot = "boot-1"
    func bootID() async throws(Failure) -> String { boot }
    func prepareSandbox(_ order: SandboxOrder) async throws(Failure) {}
    func fetch(
        _ fetches: [CommandSpec.Fetch], into sandbox: String, user: String?, bytesMax: UInt64?
    ) async throws(Failure) {}
    func diskUsage() async throws(Failure) -> Double { 0.1 }
    func collect(_ path: String) async throws(Failure) {}
    func keepLog(_ path: String, bytesMax: UInt64) async throws(Failure) {}
    func sandboxes() async throws(Failure) -> [String] { [] }
    func changeVolumes(_ orders: [VolumeOrder]) async throws(Failure) {}
    func listFiles(_ path: String) async throws(Failure) -> [FileFacts] { [] }

    func readFile(_ path: String, offset: Int64?, length: Int64?) async throws(Failure) -> FilePiece {
        guard path == "/log" else { throw Failure("files.not-found", doing: "read", on: path) }
        return FilePiece(
            bytes: offset.map { $0 < 0 ? [] : [104, 105] } ?? [], offset: offset.map { $0 < 0 ? 2 : $0 } ?? 2, size: 2)
    }

    func followFile(
        _ path: String, from offset: Int64?, deliver: @Sendable @escaping (FilePiece) async throws -> Void
    ) async throws {
        let text = Array("hi, it grows".utf8)
        for start in Int(offset ?? 2)..<text.count {
            try await deliver(FilePiece(bytes: [text[start]], offset: Int64(start), size: Int64(text.count)))
        }
    }
}
