public import Diagnostics

/// Something that runs containers on this machine: our own runtime, an OCI runtime's program, a Docker Engine, or a
/// simulated one. One suite of checks, Tests/ContractTests, holds for all of them.
///
/// Any method may be called at any time from any task, for any id. What is said about an id that is not known is nil or
/// false, never an error: whoever asks may have been overtaken by the container's end. Nothing blocks a thread
/// of Swift's own pool.
public protocol Containerizer: Sendable {
    /// `native`, `oci:crun`, `docker`: what policy and messages call it.
    var name: String { get }

    /// Takes over after a restart of the agent. `known` is what the agent's records say it launched here and has not
    /// seen the end of. Must be called once, before anything else.
    ///
    /// What runs and is known is adopted; how known ones ended meanwhile is told; what nobody knows is destroyed, but
    /// only what this installation made: other installations on the host are left alone. What cannot be destroyed yet
    /// is told of, and holds nothing else up.
    func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery

    /// Starts a container. When this throws, or answers `notSupported`, nothing of the container is left.
    /// Launching an id that is there, even when it has ended, answers `alreadyLaunched` and changes nothing.
    func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer

    /// Replaces the limits of a running container: all, or none when one is refused.
    /// - Throws: `container.not-found`, `container.not-running`, what the host cannot enforce.
    func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure)

    /// Nil for one that does not run.
    func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage?

    func status(_ id: ContainerID) async throws(Failure) -> ContainerView?

    /// Every container there is, ended ones included until they are destroyed, sorted by id.
    func containers() async throws(Failure) -> [ContainerID]

    /// Waits until the container has ended, and tells how; also long afterwards, until it is destroyed. Nil: not known.
    /// Many waits at once cost no threads. Nil as well when the waiting task is cancelled.
    func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit?

    /// Sends a signal to the task, not to what it started. False: not known, or it has ended.
    func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool

    /// Ends the container and those whose `parent` it is, children first, and removes all that they had. Answers how it
    /// ended; nil when it is not known (any more). May be called any number of times, and takes bounded time: a process
    /// that the kernel cannot end is a failure, `container.stuck`, after which calling again tries again.
    func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit?

    /// Follows what the container says from `start` on, and lets the caller write to it when it was launched
    /// interactive. Several may follow at once. Nil: not known, or it has ended.
    func attach(_ id: ContainerID, from start: OutputStart) async throws(Failure) -> (any ContainerSession)?

    /// Runs one more process in a running container, behind the same walls. Ending the session ends the process.
    /// - Throws: `container.not-found`, `container.not-running`, `launch.program-not-found` and the like.
    func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession

    /// A socket listening on 127.0.0.1 inside the container's network. The descriptor is the caller's, to be closed by
    /// it. For a launch with `endpointPort` the socket is there before the task runs, so that its first connection
    /// waits instead of failing; this hands it over. After a restart of the agent it makes a new one.
    func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32

    /// A stream socket connected to `address` as seen inside the container's network. The descriptor is the caller's.
    /// Waiting for an answer costs no thread, and ends when the waiting task is cancelled.
    /// - Throws: `container.cannot-connect` when nobody answers within `seconds`.
    func connect(_ id: ContainerID, address: String, port: UInt16, seconds: Double) async throws(Failure) -> Int32

    /// Whether what runs in the container keeps its output files within their limits by itself. Otherwise the agent
    /// does, while it runs.
    func limitsOutput(_ id: ContainerID) async -> Bool

    /// Removes images that no container needs, except those called `excluding`. Answers the names of what is gone.
    func pruneImages(excluding: [String]) async throws(Failure) -> [String]

    /// Gives back what is held for containers to come, before whoever launches them ends. What runs goes on; launching
    /// stays possible. May be called any number of times.
    func retire() async throws(Failure)

    /// What happens from now on. An end is told once to each stream, and only of containers launched or adopted by this
    /// object. A stream that nobody reads forgets its oldest events after `ContainerEvent.backlogMax`; `wait` never
    /// forgets.
    func events() -> AsyncStream<ContainerEvent>
}

extension Containerizer {
    /// From now on.
    public func attach(_ id: ContainerID) async throws(Failure) -> (any ContainerSession)? {
        try await attach(id, from: .now)
    }

    /// True of every container whose first process is our own init.
    public func limitsOutput(_ id: ContainerID) async -> Bool { true }

    /// Most hold nothing.
    public func retire() async throws(Failure) {}
}

/// What became of the containers of the agent's last life.
public struct ContainerRecovery: Equatable, Sendable {
    /// Known ones that run.
    public var adopted: [ContainerID]
    /// Known ones that have ended, and those that nobody can follow any more, as their record is damaged or gone, nor
    /// remove yet. They can be waited for until they are destroyed.
    public var ended: [EndedContainer]
    /// Known ones of which nothing is left: their launch was cut off, or the host was started anew.
    public var vanished: [ContainerID]
    /// Ones nobody knew, which were ended and removed.
    public var destroyed: [ContainerID]
    /// Ones nobody knew, which cannot be ended or removed yet. They stay as they are; the next recovery tries again.
    public var left: [LeftContainer]

    public struct EndedContainer: Equatable, Sendable {
        public var id: ContainerID
        public var exit: ContainerExit
        public init(id: ContainerID, exit: ContainerExit) {
            self.id = id
            self.exit = exit
        }
    }

    public struct LeftContainer: Equatable, Sendable {
        public var id: ContainerID
        public var failure: Failure
        public init(id: ContainerID, failure: Failure) {
            self.id = id
            self.failure = failure
        }
    }

    public init(
        adopted: [ContainerID] = [], ended: [EndedContainer] = [], vanished: [ContainerID] = [],
        destroyed: [ContainerID] = [], left: [LeftContainer] = []
    ) {
        self.adopted = adopted
        self.ended = ended
        self.vanished = vanished
        self.destroyed = destroyed
        self.left = left
    }
}

public enum LaunchAnswer: Equatable, Sendable {
    /// The task's program was executed; it may have ended since.
    case launched
    case alreadyLaunched
    /// This containerizer cannot run it; another might.
    case notSupported(Failure)
}

public enum ContainerEvent: Equatable, Sendable {
    case launched(ContainerID)
    case exited(ContainerID, ContainerExit)

    /// So many events wait for a slow reader.
    public static let backlogMax = 65_536
}

/// A container as it is now.
public struct ContainerView: Equatable, Sendable {
    public enum State: String, Sendable, Codable { case launching, running, paused, ended }
    public var state: State
    /// Its first process as the host numbers it, while it runs.
    public var process: Int32?
    /// Seconds since 1970.
    public var startedAt: Double?
    public var exit: ContainerExit?
    /// Limits that were asked for and that nothing on this host holds, by feature: `memory`, `cpu`.
    public var unenforced: [String]
    public init(
        state: State, process: Int32? = nil, startedAt: Double? = nil, exit: ContainerExit? = nil,
        unenforced: [String] = []
    ) {
        self.state = state
        self.process = process
        self.startedAt = startedAt
        self.exit = exit
        self.unenforced = unenforced
    }
}

/// A connection with the streams of a container, or of a process that joined one.
///
/// Reading is a pull: what nobody reads waits in bounded memory, and then holds the writer of an exec up.
public protocol ContainerSession: Sendable {
    /// The next piece of output; nil at the end, which comes after everything that was said. One reader at a time.
    func read() async throws(Failure) -> SessionOutput?
    /// Writes to its standard input or terminal, waiting for room. False when nobody reads there any more.
    func write(_ bytes: [UInt8]) async throws(Failure) -> Bool
    /// The end of its standard input. Twice is fine.
    func closeInput() async
    /// Without a terminal nothing happens.
    func resize(rows: UInt16, columns: UInt16) async throws(Failure)
    /// Sends a signal to the process of an exec. False for an attached container, and when it has ended.
    func signal(_ number: Int32) async throws(Failure) -> Bool
    /// How the process of an exec, or the attached container, ended: its exit code as shells give it.
    func wait() async throws(Failure) -> Int32?
    /// Lets go. The process of an exec is killed; an attached container goes on. Twice is fine.
    func close() async
}

/// Where following a container's output begins.
public enum OutputStart: Sendable {
    case now
    /// At the beginning of what is kept of it: nothing is missed between a launch and the first look.
    case beginning
}

public enum SessionOutput: Equatable, Sendable {
    case output([UInt8])
    case error([UInt8])
}
