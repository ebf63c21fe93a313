public import ClusterAPI
public import ClusterModel
public import Containers
public import Determinism
public import Diagnostics

/// What the driver tells the agent's core: facts and requests, one at a time.
///
/// The first event is `started`, then comes `containersRecovered`. Before that everything else is ignored.
public enum AgentEvent: Sendable {
    // MARK: Start and journal
    /// Everything the journal holds, in the order in which it was stored (nothing: the agent is new here), and the
    /// kernel's boot id: another one than last time means that nothing survived. Exactly once, first.
    case started([AgentRecord], bootID: String)
    /// The answer to `recoverContainers`.
    case containersRecovered(ContainerRecovery)
    case recoveryFailed(Failure)
    /// The batch, and every batch before it, is durable.
    case stored(Agent.Ticket)
    /// The batch is not in the journal, and neither is any batch given to the driver after it: the core gives all of
    /// them again later, oldest first.
    case storeFailed(Agent.Ticket, Failure)
    case timer(TimerID)

    // MARK: Link to the master
    /// Another master leads: the link, if there is one, is to the wrong one.
    case leaderChanged
    /// The master took the registration in and its stream is open. `registered` or `refused` follows as a message.
    case linked
    case linkFailed(Failure)
    /// The stream ended, for whatever reason.
    case linkLost(Failure)
    case master(MasterMessage)

    // MARK: Containers, each the answer to one effect
    case sandboxPrepared(ContainerID, Failure?)
    case fetched(ContainerID, Failure?)
    case launched(ContainerID, LaunchResult)
    /// The container's first process has ended; its record stays until `destroy`.
    case exited(ContainerID, ContainerExit)
    /// The answer to `destroy`.
    case destroyed(ContainerID, DestroyResult)
    /// The answer to `update`.
    case limitsUpdated(ContainerID, Failure?)
    case probed(Agent.ProbeID, ProbeResult)
    /// The socket inside the executor's network namespace could not be made, or not be kept.
    case executorDoorFailed(ContainerID, Failure)

    // MARK: Executors
    /// SUBSCRIBE came in on a new stream. `call` is the call itself; the stream gets SUBSCRIBED or is closed.
    case executorSubscribed(Agent.StreamID, ExecutorCall)
    case executorStreamClosed(Agent.StreamID)
    /// Any other call; answered by the driver with 202, or with what `refusal(of:)` says. Heartbeats are answered with
    /// 202 whoever they are from, and need not come here.
    case executorCalled(ExecutorCall)

    // MARK: Operators
    /// Answered `done` when it runs.
    case launchContainer(Agent.CallID, ContainerLaunchRequest)
    /// One more process in a running container, as long as the call lasts.
    case openSession(Agent.CallID, ContainerLaunchRequest)
    /// The process of a session has ended, with the code shells give it; nil: it could not be started.
    case sessionEnded(Agent.CallID, code: Int32?)
    /// Answered when it has ended.
    case waitContainer(Agent.CallID, ContainerPath)
    case killContainer(Agent.CallID, ContainerPath, signal: Int32)
    case removeContainer(Agent.CallID, ContainerPath)
    case pruneImages(Agent.CallID, keeping: [String])
    /// The caller went away: a session ends with its connection, a wait is forgotten.
    case callClosed(Agent.CallID)

    // MARK: Disk
    /// How full the file system of the work directory is, from 0 to 1; nil when it could not be measured.
    case diskMeasured(usage: Double?)
    case collected(path: String, Failure?)
    /// After recovery: the run directories on the disk, to be collected in their time where nothing remembers them.
    case sandboxesFound([String])
    case imagesPruned(Failure?)
    /// The answer to `changeVolumes`.
    case volumesChanged(UpdateID, Failure?)
}

/// What came of a launch.
public enum LaunchResult: Sendable {
    case launched(RunningContainer)
    /// A container of this id is there already: the same as launched, without a second start.
    case alreadyLaunched
    /// No containerizer of the agent's policy can do what the launch asks for; says what.
    case notSupported(Failure)
    /// A step failed; nothing runs.
    case failed(Failure)
}

/// What came of destroying a container.
public enum DestroyResult: Sendable {
    /// Nothing is left of it, or nobody knew it. How it ended, when that was still to be learned.
    case gone(ContainerExit?)
    /// Something is left that the kernel does not let go of; destroying again tries again.
    case stuck(Failure)
}

/// What is known of a container that has started.
public struct RunningContainer: Hashable, Sendable {
    /// Of its first process, as the host counts.
    public var pid: Int32?
    /// Its own addresses; none on a network of its own without any.
    public var addresses: [String]
    /// Limits the host does not enforce although they were asked for and policy allowed going without, in words.
    public var unenforced: [String]

    public init(pid: Int32? = nil, addresses: [String] = [], unenforced: [String] = []) {
        self.pid = pid
        self.addresses = addresses
        self.unenforced = unenforced
    }
}

/// What one attempt of a check saw.
public enum ProbeResult: Hashable, Sendable {
    /// A command ended.
    case exited(code: Int32)
    /// An HTTP answer.
    case answered(status: UInt16)
    /// A TCP connection was made.
    case connected
    /// It could not be made: no connection, no answer, no such program. Says why.
    case failed(String)
    case timedOut
}
