public import Determinism

/// One report about a task, resent until it is acknowledged when it has an identifier.
public struct StatusUpdate: Hashable, Sendable {
    public enum Source: String, Sendable {
        case master = "SOURCE_MASTER"
        case agent = "SOURCE_AGENT"
        case executor = "SOURCE_EXECUTOR"
    }
    public var framework: FrameworkID
    public var task: TaskID
    public var state: TaskState
    public var source: Source
    public var reason: StatusReason?
    /// Why, in words a person can act on.
    public var message: String?
    public var data: [UInt8]?
    public var agent: AgentID?
    public var executor: ExecutorID?
    public var at: Instant
    /// Nil: nobody waits for an acknowledgement.
    public var id: UpdateID?
    public var isHealthy: Bool?
    public var labels: [Label]
    /// Since when the agent has not been heard of.
    public var unreachableSince: Instant?
    /// The resources whose limit was hit.
    public var limitation: [Resource]
    @Boxed public var checkStatus: CheckStatus?
    @Boxed public var containerStatus: ContainerStatusInfo?

    public init(
        framework: FrameworkID, task: TaskID, state: TaskState, source: Source, reason: StatusReason? = nil,
        message: String? = nil, data: [UInt8]? = nil, agent: AgentID? = nil, executor: ExecutorID? = nil,
        at: Instant, id: UpdateID? = nil, isHealthy: Bool? = nil, labels: [Label] = [],
        unreachableSince: Instant? = nil, limitation: [Resource] = [], checkStatus: CheckStatus? = nil,
        containerStatus: ContainerStatusInfo? = nil
    ) {
        self.framework = framework
        self.task = task
        self.state = state
        self.source = source
        self.reason = reason
        self.message = message
        self.data = data
        self.agent = agent
        self.executor = executor
        self.at = at
        self.id = id
        self.isHealthy = isHealthy
        self.labels = labels
        self.unreachableSince = unreachableSince
        self.limitation = limitation
        self.checkStatus = checkStatus
        self.containerStatus = containerStatus
    }
}

/// Why a task is in its state. The raw values are the protocol's names.
public enum StatusReason: String, Sendable, CaseIterable {
    case commandExecutorFailed = "REASON_COMMAND_EXECUTOR_FAILED"
    case containerLaunchFailed = "REASON_CONTAINER_LAUNCH_FAILED"
    case containerLimitation = "REASON_CONTAINER_LIMITATION"
    case containerLimitationDisk = "REASON_CONTAINER_LIMITATION_DISK"
    case containerLimitationMemory = "REASON_CONTAINER_LIMITATION_MEMORY"
    case containerPreempted = "REASON_CONTAINER_PREEMPTED"
    case containerUpdateFailed = "REASON_CONTAINER_UPDATE_FAILED"
    case maxCompletionTimeReached = "REASON_MAX_COMPLETION_TIME_REACHED"
    case executorRegistrationTimeout = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    case executorReregistrationTimeout = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    case executorTerminated = "REASON_EXECUTOR_TERMINATED"
    case frameworkRemoved = "REASON_FRAMEWORK_REMOVED"
    case garbageCollectionError = "REASON_GC_ERROR"
    case invalidFrameworkID = "REASON_INVALID_FRAMEWORKID"
    case invalidOffers = "REASON_INVALID_OFFERS"
    case ioSwitchboardExited = "REASON_IO_SWITCHBOARD_EXITED"
    case masterDisconnected = "REASON_MASTER_DISCONNECTED"
    case reconciliation = "REASON_RECONCILIATION"
    case resourcesUnknown = "REASON_RESOURCES_UNKNOWN"
    case agentDisconnected = "REASON_AGENT_DISCONNECTED"
    case agentDraining = "REASON_AGENT_DRAINING"
    case agentRemoved = "REASON_AGENT_REMOVED"
    case agentRemovedByOperator = "REASON_AGENT_REMOVED_BY_OPERATOR"
    case agentReregistered = "REASON_AGENT_REREGISTERED"
    case agentRestarted = "REASON_AGENT_RESTARTED"
    case agentUnknown = "REASON_AGENT_UNKNOWN"
    case taskKilledDuringLaunch = "REASON_TASK_KILLED_DURING_LAUNCH"
    case taskCheckStatusUpdated = "REASON_TASK_CHECK_STATUS_UPDATED"
    case taskHealthCheckStatusUpdated = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
    case taskGroupInvalid = "REASON_TASK_GROUP_INVALID"
    case taskGroupUnauthorized = "REASON_TASK_GROUP_UNAUTHORIZED"
    case taskInvalid = "REASON_TASK_INVALID"
    case taskUnauthorized = "REASON_TASK_UNAUTHORIZED"
    case taskUnknown = "REASON_TASK_UNKNOWN"
}
