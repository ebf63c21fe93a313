public import ClusterAPI
public import ClusterModel
public import Containers
public import Determinism
public import Diagnostics

/// What the agent's core orders its driver to do, in the order of the list.
///
/// The core itself holds back everything that leaves the agent until the records before it are durable: a driver
/// carries effects out as they come and waits for nothing but the list.
public enum AgentEffect: Sendable {
    // MARK: Journal
    /// Appends the records as one entry, all or none, and answers `stored` or `storeFailed`.
    case persist([AgentRecord], Agent.Ticket)
    /// Replaces the whole journal by these records, atomically, and answers like `persist`.
    case compact([AgentRecord], Agent.Ticket)
    case setTimer(TimerID, Instant)
    case cancelTimer(TimerID)

    /// Hands the containerizer what the records say was launched here; answered by `containersRecovered`.
    case recoverContainers([ContainerLaunch])

    // MARK: Link to the master
    /// Opens a link to the leading master with this as its first record, in place of any link there is.
    /// Answered by `linked` or `linkFailed`.
    case link(AgentRegistration)
    /// Closes the link; no answer.
    case unlink
    /// Over the link, in order; dropped without one.
    case send(AgentMessage)

    // MARK: Containers
    /// Makes the directories; idempotent. Answered by `sandboxPrepared`.
    case prepareSandbox(ContainerID, SandboxOrder)
    /// Answered by `fetched`.
    case fetch(ContainerID, [CommandSpec.Fetch], into: String)
    /// Answered by `launched`.
    case launch(ContainerLaunch)
    /// To the container's task; no answer, an unknown container is none.
    case signal(ContainerID, Int32)
    /// Ends it by force if it runs, and removes all but its sandbox. Answered by `destroyed`, in bounded time.
    case destroy(ContainerID)
    /// Answered by `probed` with the same id, within the timeout and a moment, also when what was begun cannot be
    /// ended.
    case probe(Agent.ProbeID, ProbeOrder)
    case cancelProbe(Agent.ProbeID)
    /// Serves the executor API to this container on 127.0.0.1 at the port inside its network namespace, until it is
    /// destroyed: `Containerizer.listen`.
    case openExecutorDoor(ContainerID, ExecutorKey, port: UInt16)
    /// Answered by `limitsUpdated`.
    case update(ContainerID, ContainerLimits)

    // MARK: Executors and operators
    case publish(Agent.StreamID, ExecutorEvent)
    case closeStream(Agent.StreamID)
    case answer(Agent.CallID, CallAnswer)
    /// Runs a process in the container and streams with the call; its end is `sessionEnded`. Closing the call ends it.
    case openSession(Agent.CallID, in: ContainerID, ExecRequest)
    case signalSession(Agent.CallID, Int32)

    // MARK: Disk
    /// Answered by `diskMeasured`.
    case measureDisk
    /// Removes the tree without crossing a mount point. Answered by `collected`.
    case collect(path: String)
    /// Answered by `imagesPruned`.
    case pruneImages(keeping: [String])
    /// Makes, empties or removes persistent volumes' directories, in order. Answered by `volumeMade`.
    case changeVolumes(UpdateID, [VolumeOrder])

    /// The agent's program ends now; containers run on unless the core has destroyed them.
    case stop(String)
    case note(Note)
}

/// A sandbox directory to be there before a launch.
public struct SandboxOrder: Hashable, Sendable {
    /// Absolute.
    public var path: String
    /// Name in the container's user database of who owns it; nil: root.
    public var user: String?
    /// More directories inside it, for volumes; absolute.
    public var directories: [String]
    /// Symbolic links to make, replacing older ones: where, and what they say.
    public var links: [Link]

    public struct Link: Hashable, Sendable {
        public var path: String
        public var target: String
        public init(path: String, target: String) {
            self.path = path
            self.target = target
        }
    }

    public init(path: String, user: String? = nil, directories: [String] = [], links: [Link] = []) {
        self.path = path
        self.user = user
        self.directories = directories
        self.links = links
    }
}

/// One attempt of a health check or a check, made inside the container's namespaces.
public struct ProbeOrder: Hashable, Sendable {
    /// A task may have one of each.
    public enum Kind: Hashable, Sendable { case health, check }
    public var container: ContainerID
    public var kind: Kind
    public var probe: Probe
    /// Nil: as long as it takes.
    public var timeout: Duration?

    public init(container: ContainerID, kind: Kind, probe: Probe, timeout: Duration?) {
        self.container = container
        self.kind = kind
        self.probe = probe
        self.timeout = timeout
    }
}

/// What is to be done with one persistent volume's directory.
public enum VolumeOrder: Hashable, Sendable {
    /// Idempotent: a directory that is there keeps its content.
    case make(path: String)
    /// With everything in it; on a disk of its own only the content goes.
    case remove(path: String, isWholeDisk: Bool)
}

/// The answer to an operator's call.
public enum CallAnswer: Sendable {
    /// 200 for what was done.
    case done
    /// 202: a container of this name was launched before.
    case alreadyLaunched
    /// WAIT_CONTAINER: how it ended.
    case ended(ContainerTermination)
    /// 404; 500 for REMOVE_CONTAINER.
    case unknown(Failure)
    /// 400, or 500 when `Failure.retry` is `later`; 503 for `agent.not-ready` and `call.too-many`.
    case refused(Failure)
}
