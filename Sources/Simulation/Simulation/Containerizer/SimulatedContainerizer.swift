public import Containers
import Determinism
public import Diagnostics
import Synchronization

/// The contract of containerizers over the very bookkeeping that the simulation's machines have: `SimulatedContainers`
/// decides, real time passes, and small shell scripts are carried out by threads of nobody's. What holds for the others
/// holds for it, so the agents of the simulation meet what agents meet.
public final class SimulatedContainerizer: Containerizer {
    public let name = "simulated"
    private let host: SimulatedHost
    private let installation: String
    private let images: Set<String>

    private struct State {
        /// Launched or adopted by this object: of these it tells the ends.
        var own: Set<ContainerID> = []
        var listeners: [AsyncStream<ContainerEvent>.Continuation] = []
    }
    private let state = Mutex(State())

    /// - Parameters:
    ///   - installation: whose containers are whose; the same name after a restart finds them again.
    ///   - images: names that can be launched.
    public init(on host: SimulatedHost, installation: String, images: Set<String>) {
        self.host = host
        self.installation = installation
        self.images = images
    }

    private func with<Result: Sendable>(
        _ body: (inout SimulatedHost.Installation) throws -> Result
    ) rethrows -> Result {
        try host.with(installation, body)
    }

    private var now: Instant { host.clock() }

    // MARK: - Launch and recovery

    public func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery {
        let now = host.clock()
        let recovery = with { installation in
            let (recovery, stopped) = installation.containers.recover(known, at: now)
            for id in stopped { _ = installation.processes.removeValue(forKey: id)?.signal(9) }
            return recovery
        }
        state.withLock { $0.own.formUnion(recovery.adopted + recovery.ended.map(\.id)) }
        return recovery
    }

    public func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        if with({ $0.containers[launch.id] }) != nil { return .alreadyLaunched }
        if case .image(let image) = launch.root, !images.contains(image) {
            return .notSupported(
                Failure(
                    "image.not-found", doing: "launch container", on: launch.id.text,
                    cause: "there is no image '\(image)'", remedy: "name one that there is", field: "image"))
        }
        let words = try words(of: launch)
        let process = SimulatedProcess(isInteractive: launch.interactive, terminal: launch.terminal)
        let now = host.clock()
        let outcome = with { installation -> Result<LaunchAnswer, Failure> in
            do throws(Failure) {
                let answer = try installation.containers.launch(launch, at: now)
                if answer == .launched { installation.processes[launch.id] = process }
                return .success(answer)
            } catch { return .failure(error) }
        }
        guard try outcome.get() == .launched else { return .alreadyLaunched }
        state.withLock { _ = $0.own.insert(launch.id) }
        tell(.launched(launch.id))
        let surroundings = surroundings(of: launch)
        Task {
            if let words { await ShellRun.run(words, process, surroundings) } else { await hold(process) }
        }
        Task { await self.ended(launch.id, await process.wait()) }
        return .launched
    }

    private func hold(_ process: SimulatedProcess) async {
        while true {
            if let signal = process.nextSignal() { return process.finish(.signal(signal)) }
            await SimulatedTime.pass()
        }
    }

    /// Nil: nothing runs, it holds others.
    private func words(of launch: ContainerLaunch) throws(Failure) -> [String]? {
        switch launch.program {
        case .hold: return nil
        case .shell(let line): return ["sh", "-c", line]
        case .arguments(let arguments): return try SimulatedContainerizer.found(arguments)
        case .execute(let path, let arguments):
            return try SimulatedContainerizer.found((path.map { [$0] } ?? arguments.prefix(1).map { $0 })
                + arguments.dropFirst())
        }
    }

    private static func found(_ words: [String]) throws(Failure) -> [String] {
        guard let first = words.first, ShellRun.program(first) != nil else {
            throw Failure(
                "launch.program-not-found", doing: "execute", on: words.first ?? "", cause: "there is no such program",
                remedy: "name one that is in the image")
        }
        return words
    }

    /// How a container ended is written down first, and told then.
    private func ended(_ id: ContainerID, _ end: SimulatedProcess.End) async {
        let exit = exit(end)
        let isFirst = with { installation in
            installation.processes[id] = nil
            return installation.containers.end(id, exit)
        }
        if isFirst { tell(.exited(id, exit)) }
    }

    private func exit(_ end: SimulatedProcess.End) -> ContainerExit {
        switch end {
        case .code(let code):
            ContainerExit(reason: .ended, code: code, endedAt: now.seconds, message: "ended with exit code \(code)")
        case .signal(let signal):
            ContainerExit(
                reason: .killed, code: end.code, signal: signal, endedAt: now.seconds,
                message: "killed with signal \(signal) on request")
        }
    }

    // MARK: - What there is

    public func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) {
        let isThere = with { $0.containers.update(id, limits) }
        if !isThere { throw absent(id, "update limits") }
    }

    public func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? {
        guard let entry = with({ $0.containers[id] }), entry.exit == nil else { return nil }
        var usage = ContainerUsage(at: now.seconds)
        usage.memoryLimitBytes = entry.launch.limits.memory
        usage.processes = 1
        return usage
    }

    public func status(_ id: ContainerID) async throws(Failure) -> ContainerView? {
        guard let entry = with({ $0.containers[id] }) else { return nil }
        return ContainerView(
            state: entry.exit == nil ? .running : .ended,
            process: entry.exit == nil ? SimulatedHost.processBase + entry.pid : nil,
            startedAt: entry.startedAt.seconds, exit: entry.exit)
    }

    public func containers() async throws(Failure) -> [ContainerID] { with { $0.containers.entries.keys.sorted() } }

    public func pruneImages(excluding: [String]) async throws(Failure) -> [String] { [] }

    // MARK: - Ends

    public func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        while !Task.isCancelled {
            guard let entry = with({ $0.containers[id] }) else { return nil }
            if let exit = entry.exit { return exit }
            await SimulatedTime.pass()
        }
        return nil
    }

    public func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool {
        guard let process = with({ $0.processes[id] }) else { return false }
        return process.signal(signal)
    }

    public func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        let now = host.clock()
        let (ended, exit) = with { installation -> ([(ContainerID, ContainerExit)], ContainerExit?) in
            let ended = installation.containers.stop(id, at: now).map { ($0.id, $0.exit) }
            for each in [id] + ended.map(\.0) { _ = installation.processes.removeValue(forKey: each)?.signal(9) }
            return (ended, installation.containers.remove(id))
        }
        for (id, exit) in ended { tell(.exited(id, exit)) }
        return exit
    }

    // MARK: - Sessions

    public func attach(
        _ id: ContainerID, from start: OutputStart
    ) async throws(Failure) -> (any ContainerSession)? {
        let stream = SimulatedStream()
        guard let process = with({ $0.processes[id] }), process.follow(stream, from: start) else { return nil }
        return SimulatedSession(process, stream, isAttached: true)
    }

    public func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        guard let launch = with({ installation in
            installation.containers.isRunning(id) ? installation.containers[id]?.launch : nil
        }) else { throw absent(id, "run a process") }
        let words = try SimulatedContainerizer.found(request.arguments)
        let stream = SimulatedStream()
        let process = SimulatedProcess(
            isInteractive: request.interactive, terminal: request.terminal, listener: stream)
        var surroundings = surroundings(of: launch)
        surroundings.add(request.environment)
        surroundings.record = { _ in }
        surroundings.hasTerminal = request.terminal != nil
        surroundings.directory = request.workingDirectory ?? surroundings.directory
        let settled = surroundings
        Task { await ShellRun.run(words, process, settled) }
        // What joined a container ends with it.
        let parent = with { $0.processes[id] }
        Task {
            _ = await parent?.wait()
            _ = process.signal(9)
        }
        return SimulatedSession(process, stream, isAttached: false)
    }

    /// What a process of the container finds around it.
    private func surroundings(of launch: ContainerLaunch) -> ShellSurroundings {
        let files = host.files
        let volumes = launch.volumes.sorted { $0.target.utf8.count > $1.target.utf8.count }
        let place = { @Sendable (path: String) -> (path: String, isSealed: Bool)? in
            guard let volume = volumes.first(where: { path == $0.target || path.begins(with: $0.target + "/") })
            else { return nil }
            return (volume.source + path.dropFirst(volume.target.count), volume.readOnly)
        }
        var surroundings = ShellSurroundings()
        surroundings.add(launch.environment)
        surroundings.directory = launch.workingDirectory ?? launch.fallbackDirectory ?? "/"
        surroundings.user = launch.user.map { String($0.before(":")) } ?? "0"
        surroundings.hostname = launch.isolation.hostname
        surroundings.hasTerminal = launch.terminal != nil
        surroundings.write = { bytes, path in
            guard let found = place(path) else { return false }
            return !found.isSealed && files.append(bytes, found.path)
        }
        surroundings.exists = { path in place(path).map { files.exists($0.path) } ?? false }
        let output = launch.output?.path
        let error = launch.terminal == nil ? launch.error?.path : output
        surroundings.record = { piece in
            switch piece {
            case .output(let bytes): if let output { _ = files.append(bytes, output) }
            case .error(let bytes): if let error { _ = files.append(bytes, error) }
            }
        }
        return surroundings
    }

    private func absent(_ id: ContainerID, _ doing: String) -> Failure {
        let isKnown = with { $0.containers[id] } != nil
        return Failure(
            isKnown ? "container.not-running" : "container.not-found", doing: doing, on: id.text,
            cause: isKnown ? "it has ended" : "there is no such container", remedy: "name one that runs")
    }

    // MARK: - Networks

    public func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 { throw noNetwork(id, "listen") }

    public func connect(
        _ id: ContainerID, address: String, port: UInt16, seconds: Double
    ) async throws(Failure) -> Int32 { throw noNetwork(id, "connect") }

    private func noNetwork(_ id: ContainerID, _ doing: String) -> Failure {
        Failure(
            "container.cannot-connect", doing: doing, on: id.text, cause: "simulated containers have no network",
            remedy: "use a containerizer of this host's")
    }

    // MARK: - Events

    public func events() -> AsyncStream<ContainerEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ContainerEvent.self, bufferingPolicy: .bufferingNewest(ContainerEvent.backlogMax))
        state.withLock { $0.listeners.append(continuation) }
        return stream
    }

    private func tell(_ event: ContainerEvent) {
        let listeners = state.withLock { state -> [AsyncStream<ContainerEvent>.Continuation] in
            if case .exited(let id, _) = event, !state.own.contains(id) { return [] }
            return state.listeners
        }
        for listener in listeners { listener.yield(event) }
    }
}
