import Containerizing
public import Containers
public import Diagnostics
import HostProbe
public import ImageStorage
import LinuxKernel
import Waiting

/// Our own runtime behind the contract all containerizers keep: asynchronous, with one thread that sees all containers
/// end, and blocking calls on threads of our own.
public final class NativeTasks: Containerizer {
    /// What is kept of a container that runs.
    struct Detail: Sendable {
        var request: ContainerRequest
        var process: ProcessHandle
        /// Nil for one that was adopted: it is no child of ours.
        var running: RunningContainer?
        var input: InputLine?
        /// Listens since before the task ran, until somebody asks for it.
        var endpoint: (port: UInt16, socket: OwnedDescriptor)?
    }

    /// How long destroying waits for a container to die before it says that it does not.
    static let destroySeconds = 30.0
    public let name: String
    let runtime: NativeContainerizer
    let images: ImageStore?
    let ledger = ContainerLedger<Detail>()
    let pool = ThreadPool.shared
    let ending = ThreadPool.ending

    /// `name` tells it from others: `oci:crun` for one whose containers crun makes.
    public init(runtime: NativeContainerizer, images: ImageStore?, name: String = "native") {
        self.name = name
        self.runtime = runtime
        self.images = images
    }

    public func events() -> AsyncStream<ContainerEvent> { ledger.events() }
    public func containers() async throws(Failure) -> [ContainerID] { ledger.ids }
    public func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? { await ledger.wait(id) }

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
            detail = try await pool.run { [self] () throws(Failure) in try start(launch) }
        } catch {
            ledger.failed(launch.id)
            if error.code == "container.exists" { return .alreadyLaunched }
            if Self.anotherMight(error) { return .notSupported(error) }
            throw error
        }
        ledger.launched(launch.id, detail)
        watch(launch.id, detail)
        return .launched
    }

    /// What this host or this store lacks, an engine with its own images or another host's kernel might have.
    private static func anotherMight(_ failure: Failure) -> Bool {
        ["host.cannot-enforce", "host.cannot-raise-limit", "image.not-found", "runtime.not-supported"]
            .contains(failure.code.rawValue)
    }

    private func start(_ launch: ContainerLaunch) throws(Failure) -> Detail {
        let composed = try LaunchComposer(runtime: runtime, images: images).compose(launch)
        let lease = runtime.places.leaseName(launch.id.text)
        if let image = composed.image { try images?.lease(container: lease, image: image) }
        do throws(Failure) {
            return try run(composed, launch)
        } catch {
            guard composed.image != nil, let images else { throw error }
            var failure = error
            do throws(Failure) { try images.release(container: lease) } catch { failure = failure.also(error) }
            throw failure
        }
    }

    private func run(_ composed: ComposedLaunch, _ launch: ContainerLaunch) throws(Failure) -> Detail {
        var streams: [Int: OwnedDescriptor] = [:]
        var input: InputLine?
        if launch.interactive, launch.terminal == nil {
            let ends = try Self.pipe()
            streams[0] = ends.read
            // Before there is a container that would have to be ended when this fails.
            input = try InputLine(ends.write, isTerminal: false)
        }
        var endpoint: (port: UInt16, socket: OwnedDescriptor)?
        let running = try runtime.launch(
            composed.request, layers: composed.layers, attachment: Attachment(streams: streams)
        ) { process throws(Failure) in
            guard let port = launch.endpointPort else { return }
            endpoint = (port, try Self.listen(process, port))
        }
        if let terminal = running.terminal {
            do throws(Failure) { input = try InputLine(terminal, isTerminal: true) } catch {
                throw runtime.ended(running, after: error)
            }
        }
        return Detail(
            request: running.record.request, process: running.process, running: running, input: input,
            endpoint: endpoint)
    }

    static func pipe() throws(Failure) -> (read: OwnedDescriptor, write: OwnedDescriptor) {
        do throws(KernelError) { return try OwnedDescriptor.pipe() } catch {
            throw error.failure("session.cannot-open", doing: "make a pipe to the container")
        }
    }

    // MARK: The end

    func watch(_ id: ContainerID, _ detail: Detail) {
        // Only what is needed at the end: the rest must be let go of when it is handed over.
        let running = detail.running
        let conclude: @Sendable () -> Void = { [self] in self.conclude(id, running) }
        do throws(KernelError) {
            let ending = ending
            try DescriptorWatch.shared.once(detail.process.descriptor) { ending.submit(always: conclude) }
        } catch {
            waitAlone(conclude)
        }
    }

    /// Out of descriptors or of watches. The container runs, and must not do so without anybody who sees it end: a
    /// thread waits for this one alone. Of the pool only where none can be made: it is wanted for what ends soon.
    private func waitAlone(_ conclude: @escaping @Sendable () -> Void) {
        do throws(KernelError) { _ = try WorkerThread(conclude) } catch { ending.submit(always: conclude) }
    }

    private func conclude(_ id: ContainerID, _ running: RunningContainer?) {
        let exit: ContainerExit
        do throws(Failure) { exit = try runtime.wait(for: id, running: running) } catch {
            exit = ContainerExit(
                reason: .unknown, code: 137, endedAt: HostFacts.wallClock(), message: "it ended, and \(error)")
        }
        ledger.change(id) { detail in
            detail.running = nil
            detail.input = nil
            detail.endpoint = nil
        }
        ledger.ended(id, exit)
    }

    public func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id], entry.phase == .running else { return false }
        return try await ending.run { [runtime] () throws(Failure) in
            do throws(Failure) {
                try runtime.kill(id, signal: signal)
                return true
            } catch {
                if error.code == "container.not-running" || error.code == "container.not-found" { return false }
                throw error
            }
        }
    }

    public func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        await ledger.awaitLaunch(id)
        guard ledger[id] != nil else { return nil }
        try await destroyChildren(of: id)
        if ledger[id]?.phase == .running { _ = try await kill(id, signal: SignalNumber.kill) }
        let exit = await Patience.waiting(seconds: Self.destroySeconds) { [ledger] in await ledger.wait(id) }
        guard let exit else {
            guard ledger[id] != nil else { return nil }
            throw Failure(
                "container.stuck", doing: "destroy container", on: id.text,
                cause: "the kernel did not end it within \(Int(Self.destroySeconds)) s",
                remedy: "see what its processes wait for: cat /proc/PID/stack", retry: .later)
        }
        try await ending.run { [self] () throws(Failure) in
            try runtime.remove(id, force: true)
            try images?.release(container: runtime.places.leaseName(id.text))
        }
        ledger.forget(id)
        return exit
    }

    private func destroyChildren(of id: ContainerID) async throws(Failure) {
        let children = ledger.children(of: id)
        let failures = await withTaskGroup(of: Failure?.self) { group in
            for child in children {
                group.addTask { [self] in
                    do throws(Failure) {
                        _ = try await destroy(child)
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [Failure]()) { all, failure in if let failure { all.append(failure) } }
        }
        if let first = failures.first { throw failures.dropFirst().reduce(first) { $0.also($1) } }
    }
}
