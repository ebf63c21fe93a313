public import ClusterAPI
public import ClusterModel
public import Containers
public import Determinism

/// One thing the agent must not forget. The journal is a list of these; `AgentState` is what they add up to.
public enum AgentRecord: Equatable, Sendable {
    /// The machine has been started; another boot id than before.
    case booted(String)
    /// What the agent says about itself, when it is new or has changed.
    case configured(AgentIdentity)
    /// What masters know it by: drawn before it first registers.
    case keyed(AgentKey)
    case admitted(AgentID)
    case frameworkSeen(FrameworkInfo)
    /// Everything of it is to end.
    case frameworkShutDown(FrameworkID)
    /// Nothing of it is left, and nobody waits for its updates.
    case frameworkForgotten(FrameworkID)
    case executorAdded(ExecutorRun)
    case executorEnding(ContainerID, KillOrder)
    case executorForgotten(ContainerID)
    case taskAccepted(TaskRun)
    case taskEnding(TaskReference, KillOrder)
    /// An executor has been sent it, or has shown that it knows it.
    case taskDelivered(TaskReference)
    /// About to be launched: what is launched is in the journal before it runs.
    case containerPlanned(ContainerRun)
    case containerLaunched(ContainerID, at: Instant, RunningContainer)
    case containerEnded(ContainerID, ContainerExit)
    /// Nothing is left of it but its sandbox.
    case containerForgotten(ContainerID)
    case updateAdded(StatusUpdate)
    case updateAcknowledged(TaskReference, UpdateID)
    /// A snapshot's way to say which updates were acknowledged, and which wait.
    case streamKept(TaskReference, acknowledged: [UpdateID])
    case updateKept(StatusUpdate)
    /// What there is to give after an operation.
    case totalsChanged([Resource])
    case operationAccepted(OperationOrder)
    case operationEnded(key: UpdateID, OperationStatus)
    case operationForgotten(key: UpdateID)
    case drainOrdered(DrainConfiguration, at: Instant)
    case drainCancelled
    /// Nobody writes to it any more: it is collected when its time has come.
    case sandboxEnded(path: String, at: Instant)
    case sandboxCollected(path: String)
}

/// What an agent must stay true to from start to start, or be another agent.
public struct AgentIdentity: Hashable, Sendable {
    public var hostname: String
    public var resources: [Resource]
    public var attributes: [Attribute]
    public var domain: FaultDomain?

    public init(hostname: String, resources: [Resource], attributes: [Attribute], domain: FaultDomain?) {
        self.hostname = hostname
        self.resources = resources
        self.attributes = attributes
        self.domain = domain
    }
}

/// Why something is being ended, and by when.
public struct KillOrder: Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        case framework
        case frameworkRemoved
        case draining
        /// Another task of its group ended badly or was killed.
        case group(TaskID)
        case unhealthy(String)
        case completionTime
        case executorShutdown
        /// Its executor, or the container that holds its group, has ended.
        case executorEnded(String)
        case executorNotLaunched(String)
        /// Nobody in its container's network could have reached the executor API.
        case executorUnreachable(String)
        case executorUnregistered
        case executorUnreturned
        case limitsRefused(String)
        /// Nobody is left for it to serve.
        case unneeded
        case agentShutdown(String)
        case operatorCall
    }
    public var cause: Cause
    /// When force is used.
    public var deadline: Instant

    public init(_ cause: Cause, deadline: Instant) {
        self.cause = cause
        self.deadline = deadline
    }
}

/// A program that runs tasks: one container, from its launch to its end.
public struct ExecutorRun: Hashable, Sendable {
    public var spec: ExecutorSpec
    public var container: ContainerID
    public var sandbox: String
    public var ending: KillOrder?
    /// What `spec` takes in a registration.
    let cost: Int

    public init(spec: ExecutorSpec, container: ContainerID, sandbox: String, ending: KillOrder? = nil) {
        self.spec = spec
        cost = WireValue.executor(spec, .stacked).linkCost
        self.container = container
        self.sandbox = sandbox
        self.ending = ending
    }

    public var key: ExecutorKey { ExecutorKey(spec.framework, spec.id) }
    /// Built in: a container that only holds its tasks' containers together.
    public var isPod: Bool { spec.kind == .standard }
}

/// A task, from its arrival until its last update has been acknowledged.
public struct TaskRun: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        /// The task's container is the container.
        case container(ContainerID)
        /// One of a group: its own container inside that of its executor.
        case member(ContainerID, of: ContainerID, group: UInt64)
        /// A custom executor runs it, in the executor's container.
        case executor(ContainerID, group: UInt64?)
    }
    public var framework: FrameworkID
    public var spec: TaskSpec
    /// What `spec` takes in a registration.
    let cost: Int
    public var place: Place
    public var arrivedAt: Instant
    /// What the latest update says.
    public var state: TaskState
    public var ending: KillOrder?
    public var isDelivered: Bool
    public var isHealthy: Bool?
    public var checkStatus: CheckStatus?
    /// The latest update of each state, without its data, in the order in which they came.
    public var statuses: [StatusUpdate]

    public init(framework: FrameworkID, spec: TaskSpec, place: Place, arrivedAt: Instant) {
        self.framework = framework
        self.spec = spec
        cost = WireValue.task(spec, .stacked).linkCost
        self.place = place
        self.arrivedAt = arrivedAt
        state = .staging
        isDelivered = false
        statuses = []
    }

    public var key: TaskReference { TaskReference(framework: framework, task: spec.id) }

    /// The tasks that live and die together with it; nil: it is alone.
    public var group: UInt64? {
        switch place {
        case .container: nil
        case .member(_, _, let group): group
        case .executor(_, let group): group
        }
    }

    /// The container that is the task's own.
    public var ownContainer: ContainerID? {
        switch place {
        case .container(let container), .member(let container, _, _): container
        case .executor: nil
        }
    }

    /// The container of its executor.
    public var executorContainer: ContainerID? {
        switch place {
        case .container: nil
        case .member(_, let executor, _), .executor(let executor, _): executor
        }
    }
}

/// A container, from the plan to launch it until nothing is left of it.
public struct ContainerRun: Equatable, Sendable {
    public enum Purpose: Hashable, Sendable {
        case task(TaskReference)
        /// A custom executor's, or the one that holds a pod.
        case executor(ExecutorKey)
        /// An operator asked for it.
        case ordered
    }
    public enum Phase: Equatable, Sendable {
        case planned
        case launched(at: Instant, RunningContainer)
        case ended(ContainerExit)
    }
    public var purpose: Purpose
    public var path: ContainerPath
    public var launch: ContainerLaunch
    public var sandbox: SandboxOrder
    public var fetches: [CommandSpec.Fetch]
    public var phase: Phase

    public init(
        purpose: Purpose, path: ContainerPath, launch: ContainerLaunch, sandbox: SandboxOrder,
        fetches: [CommandSpec.Fetch] = [], phase: Phase = .planned
    ) {
        self.purpose = purpose
        self.path = path
        self.launch = launch
        self.sandbox = sandbox
        self.fetches = fetches
        self.phase = phase
    }

    public var id: ContainerID { launch.id }
    public var exit: ContainerExit? {
        if case .ended(let exit) = phase { return exit }
        return nil
    }
    public var launchedAt: Instant? {
        if case .launched(let at, _) = phase { return at }
        return nil
    }
}
