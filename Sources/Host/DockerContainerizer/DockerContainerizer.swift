import Containerizing
public import Containers
public import Diagnostics
public import ImageStorage
import LinuxKernel
import OCIFormat
import Synchronization
import Waiting

/// A Docker Engine on this host behind the contract all containerizers keep, over its unix socket.
///
/// What it enforces is the engine's business and less than ours: Docs/Reference/Containerizers.md compares them. What
/// it cannot do at all is answered with `notSupported`.
public final class DockerContainerizer: Containerizer {
    /// What is kept of a container that runs.
    struct Detail: Sendable {
        /// The engine's id.
        var engineID: String
        var launch: ContainerLaunch
        var process: Int32?
        var startedAt: Double?
        /// The last signal that was ordered.
        var ordered: Int32?
        let input = EngineInput()
    }

    public static let usualSocket = "/var/run/docker.sock"
    /// No less than the engine has for an order (`EngineDeadline`).
    static let destroySeconds = 120.0
    /// How long output may still come after the end.
    static let outputSeconds = 60.0
    static let imageTries = 5
    public let name: String
    /// Tells this agent's containers from those of others at the same engine: letters, digits and `-`.
    let installation: String
    let engine: Engine
    let images: EngineImages
    let positions: OutputPositions
    let ledger = ContainerLedger<Detail>()
    private let known = Mutex<DockerLaunch.Abilities?>(nil)
    /// When the last sweep may begin; nil while none is needed.
    let sweepingUntil = Mutex<ContinuousClock.Instant?>(nil)

    /// `store` is where images are taken from that the engine does not have; nil: it has them all.
    public init(
        socket: String = DockerContainerizer.usualSocket, installation: String, store: ImageStore?, scratch: String,
        name: String = "docker"
    ) {
        self.name = name
        self.installation = installation
        engine = Engine(path: socket)
        positions = OutputPositions(directory: scratch + "/positions")
        images = EngineImages(engine: engine, store: store, installation: installation, scratch: scratch)
    }

    public func events() -> AsyncStream<ContainerEvent> { ledger.events() }
    public func containers() async throws(Failure) -> [ContainerID] { ledger.ids }
    public func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? { await ledger.wait(id) }
    public func pruneImages(excluding: [String]) async throws(Failure) -> [String] {
        try await images.prune(excluding: excluding)
    }

    func abilities() async throws(Failure) -> DockerLaunch.Abilities {
        if let abilities = known.withLock({ $0 }) { return abilities }
        let info = try await engine.call("GET", "/info", doing: "ask the Docker Engine what it can do").body
        func has(_ name: String) -> Bool { info[name].bool ?? false }
        let abilities = DockerLaunch.Abilities(
            memory: has("MemoryLimit"), swap: has("SwapLimit"), cpu: has("CpuCfsPeriod") && has("CpuCfsQuota"),
            cpuWeight: has("CPUShares"), cpuset: has("CPUSet"), pids: has("PidsLimit"))
        known.withLock { $0 = abilities }
        return abilities
    }

    // MARK: Launch

    public func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        if let parent = launch.parent {
            guard let entry = ledger[parent], entry.phase == .running else {
                throw Failure(
                    "container.no-parent", doing: "launch container", on: launch.id.text,
                    cause: "its parent \(parent) does not run")
            }
        }
        guard ledger.begin(launch.id, parent: launch.parent) else { return .alreadyLaunched }
        let detail: Detail
        do throws(Failure) {
            if let refusal = DockerLaunch.refusal(of: launch) { throw refusal }
            detail = try await start(launch)
        } catch {
            ledger.failed(launch.id)
            // Not before it is out of the ledger: what is there belongs to somebody.
            if Self.mayHaveLeftSomething(error) { sweepLater() }
            let others = ["docker.not-supported", "host.cannot-enforce", "image.not-found"]
            if others.contains(error.code.rawValue) { return .notSupported(error) }
            throw error
        }
        ledger.launched(launch.id, detail)
        watch(launch.id, detail)
        return .launched
    }

    private func start(_ launch: ContainerLaunch) async throws(Failure) -> Detail {
        let abilities = try await abilities()
        try DockerLaunch.check(
            launch.limits, allowed: launch.isolation.allowedUnenforced, abilities, on: launch.id)
        guard case .image(let reference) = launch.root else {
            throw Failure("docker.not-supported", doing: "run the container", cause: "it has no image", field: "image")
        }
        let (order, engineID) = try await create(launch, reference, abilities)
        do throws(Failure) {
            try await requireProgram(of: order, in: engineID)
            _ = try await engine.call(
                "POST", "/containers/\(engineID)/start", doing: "start the container", on: launch.id.text)
            var detail = Detail(engineID: engineID, launch: launch)
            try await note(&detail)
            if let terminal = launch.terminal { try await resize(engineID, terminal.rows, terminal.columns) }
            return detail
        } catch {
            var failure = error
            do throws(Failure) { try await remove(engineID) } catch { failure = failure.also(error) }
            throw failure
        }
    }

    private func create(
        _ asked: ContainerLaunch, _ reference: String, _ abilities: DockerLaunch.Abilities
    ) async throws(Failure) -> (DockerLaunch, String) {
        try await images.admit(reference)
        var launch = asked
        // Looking a path up waits for the file system it is on.
        launch.volumes = try await ThreadPool.shared.run { () throws(Failure) -> [VolumeRequest] in
            var volumes = asked.volumes
            for index in volumes.indices { volumes[index].source = try VolumeSource.resolved(volumes[index]) }
            return volumes
        }
        for _ in 0..<Self.imageTries {
            let image = try await images.find(reference)
            let user = launch.user ?? image.user
            let order = DockerLaunch(
                launch: launch, installation: installation, abilities: abilities, image: image.id,
                config: image.config, startsAsRoot: ["", "0", "root"].contains(user.before(":")))
            let made = try await engine.call(
                "POST", "/containers/create?name=" + DockerLaunch.name(launch.id, installation), try order.body(),
                accepting: [201, 404, 409], within: .files, doing: "create the container", on: launch.id.text)
            if made.status == 409 {
                throw Failure(
                    "docker.name-in-use", doing: "create the container", on: launch.id.text,
                    cause: made.body["message"].string ?? "the Docker Engine has one of its name",
                    remedy: "try again soon: what an earlier launch left is being removed", retry: .later)
            }
            if let engineID = made.body["Id"].string { return (order, engineID) }
            // Somebody removed the image between the two calls.
        }
        throw Failure(
            "image.not-found", doing: "create the container", on: reference,
            cause: "the image was removed from the Docker Engine again and again", field: "image", retry: .later)
    }

    /// Its init would run, and only then say that there is no such program.
    private func requireProgram(of order: DockerLaunch, in engineID: String) async throws(Failure) {
        let words = try order.launch.program.words(order.config)
        let path =
            EnvironmentList.value("PATH", in: order.config.environment + order.launch.environment)
            ?? TaskComposition.defaultPath
        let directory = order.launch.workingDirectory ?? order.config.workingDirectory
        let places: [String] =
            if words[0].begins(with: "/") { [words[0]] } else if words[0].has("/") {
                ["\(directory)/\(words[0])"]
            } else { path.cut(at: ":").map { "\($0)/\(words[0])" } }
        for place in places {
            let target = "/containers/\(engineID)/archive?path=" + Engine.quoted(place)
            let answer = try await engine.open("HEAD", target, doing: "look for the program", on: place)
            if answer.status == 200 { return }
        }
        throw Failure(
            "launch.program-not-found", doing: "start the container", on: words[0],
            cause: "there is no such program in the container", remedy: "correct the command", field: "command.value")
    }

    /// Process and start, as the engine knows them.
    func note(_ detail: inout Detail) async throws(Failure) {
        let state = try await inspect(detail.engineID)["State"]
        detail.process = state["Pid"].integer.flatMap { $0 > 0 ? Int32($0) : nil }
        detail.startedAt = state["StartedAt"].string.flatMap(EngineTime.seconds)
    }

    func inspect(_ engineID: String) async throws(Failure) -> JSONValue {
        try await engine.call("GET", "/containers/\(engineID)/json", doing: "look at the container", on: engineID).body
    }

    func resize(_ engineID: String, _ rows: UInt32, _ columns: UInt32) async throws(Failure) {
        // 409 and 500: it has ended meanwhile, or its terminal is not there yet.
        _ = try await engine.call(
            "POST", "/containers/\(engineID)/resize?h=\(rows)&w=\(columns)", accepting: [200, 204, 404, 409, 500],
            doing: "set the size of the container's terminal")
    }

    func remove(_ engineID: String) async throws(Failure) {
        _ = try await engine.call(
            "DELETE", "/containers/\(engineID)?force=1&v=1", accepting: [200, 204, 404], within: .files,
            doing: "remove the container", on: engineID)
    }

    func forgetOutput(of id: ContainerID) async throws(Failure) {
        let positions = positions
        try await ThreadPool.shared.run { () throws(Failure) in
            do throws(KernelError) { try positions.forget(id) } catch {
                throw error.failure(
                    "container.output", doing: "remove what is known of the container's output", on: id.text,
                    retry: .later)
            }
        }
    }

    // MARK: The end

    /// Two connections to the engine for each container that runs, and no thread.
    func watch(_ id: ContainerID, _ detail: Detail) {
        let writer =
            detail.launch.output == nil && detail.launch.error == nil
            ? nil : OutputWriter(detail, engine, positions)
        let writing = Task { if let writer { await writer.run() } }
        Task { [self] in
            let exit = await end(of: id, detail)
            await Self.written(writing)
            detail.input.close()
            ledger.ended(id, exit)
        }
    }

    /// Waits until what a container that has ended said is in its files, or cannot be: its disk may be full.
    static func written(_ writing: Task<Void, Never>) async {
        _ = await Patience.waiting(seconds: outputSeconds) { () -> Bool? in
            await withTaskCancellationHandler {
                await writing.value
                return true
            } onCancel: {
                writing.cancel()
            }
        }
    }

    private func end(of id: ContainerID, _ detail: Detail) async -> ContainerExit {
        var pause = Duration.milliseconds(100)
        while true {
            do throws(Failure) {
                let answer = try await engine.call(
                    "POST", "/containers/\(detail.engineID)/wait", accepting: [200, 404], within: .endless,
                    doing: "wait for the container")
                if answer.status == 404 { return Self.lost("somebody else removed it from the Docker Engine") }
                return try await exit(of: detail.engineID, ordered: ledger[id]?.detail?.ordered)
            } catch {
                // The engine is away: it is asked again until it is back, ever more slowly.
                do { try await Task.sleep(for: pause) } catch { return Self.lost("\(error)") }
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    func exit(of engineID: String, ordered: Int32?) async throws(Failure) -> ContainerExit {
        let state = try await inspect(engineID)["State"]
        let code = Int32(clamping: state["ExitCode"].integer ?? 137)
        let at = state["FinishedAt"].string.flatMap(EngineTime.seconds) ?? HostFacts.wallClock()
        // The engine has exit codes only: a signal is one that was ordered, all else may be the program's own number.
        let signal = ordered.flatMap { code == 128 + $0 ? $0 : nil }
        if state["OOMKilled"].bool == true {
            return ContainerExit(
                reason: .memoryLimit, code: code, signal: code == 137 ? 9 : nil, endedAt: at,
                message: "the kernel killed it because it reached its memory limit")
        }
        if let signal {
            return ContainerExit(
                reason: .killed, code: code, signal: signal, endedAt: at, message: "it was killed by signal \(signal)")
        }
        return ContainerExit(reason: .ended, code: code, endedAt: at, message: "it ended with \(code)")
    }

    static func lost(_ cause: String) -> ContainerExit {
        ContainerExit(reason: .unknown, code: 137, endedAt: HostFacts.wallClock(), message: cause)
    }

    public func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id], entry.phase == .running, let detail = entry.detail else { return false }
        ledger.change(id) { $0.ordered = signal }
        let answer = try await engine.call(
            "POST", "/containers/\(detail.engineID)/kill?signal=\(signal)", accepting: [204, 404, 409],
            doing: "send signal \(signal) to the container", on: id.text)
        return answer.status == 204
    }

    public func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id], let detail = entry.detail else { return nil }
        for child in ledger.children(of: id) { _ = try await destroy(child) }
        if entry.phase == .running { _ = try await kill(id, signal: SignalNumber.kill) }
        let exit = await Patience.waiting(seconds: Self.destroySeconds) { [ledger] in await ledger.wait(id) }
        guard let exit else {
            guard ledger[id] != nil else { return nil }
            throw Failure(
                "container.stuck", doing: "destroy container", on: id.text,
                cause: "the Docker Engine did not end it within \(Int(Self.destroySeconds)) s",
                remedy: "see the engine's log", retry: .later)
        }
        try await remove(detail.engineID)
        try await forgetOutput(of: id)
        ledger.forget(id)
        return exit
    }
}
