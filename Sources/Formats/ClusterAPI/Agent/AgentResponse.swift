public import ClusterModel
public import Determinism

/// The answer to a call that looks or waits.
public enum AgentResponse: Hashable, Sendable {
    case process(ProcessResponse)
    case state(AgentStateView)
    case agent(OwnAgentView)
    case frameworks(AgentFrameworksView)
    case executors(AgentExecutorsView)
    case tasks(AgentTasksView)
    case operations([OperationView])
    /// There are none.
    case providers
    case containers([ContainerView])
    case ended(ContainerTermination, form: ContainerCallForm)
}

/// Everything on the agent at one moment.
public struct AgentStateView: Hashable, Sendable {
    public var tasks: AgentTasksView
    public var executors: AgentExecutorsView
    public var frameworks: AgentFrameworksView

    public init(
        tasks: AgentTasksView = AgentTasksView(), executors: AgentExecutorsView = AgentExecutorsView(),
        frameworks: AgentFrameworksView = AgentFrameworksView()
    ) {
        self.tasks = tasks
        self.executors = executors
        self.frameworks = frameworks
    }
}

/// The agent as it sees itself.
public struct OwnAgentView: Hashable, Sendable {
    public var info: AgentInfo
    public var drain: DrainConfiguration?
    public var drainStartedAt: Instant?

    public init(info: AgentInfo, drain: DrainConfiguration? = nil, drainStartedAt: Instant? = nil) {
        self.info = info
        self.drain = drain
        self.drainStartedAt = drainStartedAt
    }
}

/// Frameworks with something on the agent, and those that had.
public struct AgentFrameworksView: Hashable, Sendable {
    public var frameworks: [FrameworkInfo]
    public var completed: [FrameworkInfo]

    public init(frameworks: [FrameworkInfo] = [], completed: [FrameworkInfo] = []) {
        self.frameworks = frameworks
        self.completed = completed
    }
}

/// Executors that run, and those that did.
public struct AgentExecutorsView: Hashable, Sendable {
    public var executors: [ExecutorSpec]
    public var completed: [ExecutorSpec]

    public init(executors: [ExecutorSpec] = [], completed: [ExecutorSpec] = []) {
        self.executors = executors
        self.completed = completed
    }
}

/// The agent's tasks by how far they have come.
public struct AgentTasksView: Hashable, Sendable {
    /// Not yet with an executor.
    public var pending: [TaskView]
    /// For an executor that has not subscribed.
    public var queued: [TaskView]
    public var launched: [TaskView]
    /// Ended, an update not yet acknowledged.
    public var terminated: [TaskView]
    public var completed: [TaskView]

    public init(
        pending: [TaskView] = [], queued: [TaskView] = [], launched: [TaskView] = [], terminated: [TaskView] = [],
        completed: [TaskView] = []
    ) {
        self.pending = pending
        self.queued = queued
        self.launched = launched
        self.terminated = terminated
        self.completed = completed
    }
}

/// A container that runs.
public struct ContainerView: Hashable, Sendable {
    public var container: ContainerPath
    /// Nil: it stands alone.
    public var framework: FrameworkID?
    public var executor: ExecutorID?
    public var executorName: String?
    public var status: ContainerStatusInfo?
    public var statistics: ResourceStatistics?

    public init(
        container: ContainerPath, framework: FrameworkID? = nil, executor: ExecutorID? = nil,
        executorName: String? = nil, status: ContainerStatusInfo? = nil, statistics: ResourceStatistics? = nil
    ) {
        self.container = container
        self.framework = framework
        self.executor = executor
        self.executorName = executorName
        self.status = status
        self.statistics = statistics
    }
}

/// How a container ended.
public struct ContainerTermination: Hashable, Sendable {
    /// As wait(2) has it.
    public var status: Int32?
    public var state: TaskState?
    public var reason: StatusReason?
    /// The resources whose limit was hit.
    public var limitation: [Resource]
    public var message: String?

    public init(
        status: Int32? = nil, state: TaskState? = nil, reason: StatusReason? = nil, limitation: [Resource] = [],
        message: String? = nil
    ) {
        self.status = status
        self.state = state
        self.reason = reason
        self.limitation = limitation
        self.message = message
    }
}
