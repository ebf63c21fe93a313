public import ClusterAPI
public import ClusterModel

/// What the master counts, by the names of `/metrics/snapshot` without their `master/`. Gauges are worked out where
/// they are shown.
public struct MasterCounters: Hashable, Sendable {
    public var agentRegistrations: UInt64 = 0
    public var agentReregistrations: UInt64 = 0
    public var agentRemovals: UInt64 = 0
    public var agentRemovalsUnhealthy: UInt64 = 0
    public var agentRemovalsUnregistered: UInt64 = 0
    public var agentUnreachableScheduled: UInt64 = 0
    public var agentUnreachableCompleted: UInt64 = 0
    public var agentUnreachableCanceled: UInt64 = 0
    public var recoveredAgentRemovals: UInt64 = 0
    public var validStatusUpdates: UInt64 = 0
    public var invalidStatusUpdates: UInt64 = 0
    public var validAcknowledgements: UInt64 = 0
    public var invalidAcknowledgements: UInt64 = 0
    public var validOperationUpdates: UInt64 = 0
    public var invalidOperationUpdates: UInt64 = 0
    public var validOperationAcknowledgements: UInt64 = 0
    public var invalidOperationAcknowledgements: UInt64 = 0
    public var droppedMessages: UInt64 = 0
    /// Calls of schedulers by the protocol's name in lower case: `messages_accept`.
    public var schedulerCalls: [String: UInt64] = [:]
    /// What agents say by the same rule: `messages_status_update`.
    public var agentMessages: [String: UInt64] = [:]
    public var messagesFromExecutors: UInt64 = 0
    public var invalidMessagesFromExecutors: UInt64 = 0
    public var messagesToExecutors: UInt64 = 0
    public var invalidMessagesToExecutors: UInt64 = 0
    public var offersSent: UInt64 = 0
    public var offersAccepted: UInt64 = 0
    public var offersDeclined: UInt64 = 0
    public var offersRescinded: UInt64 = 0
    public var offersExpired: UInt64 = 0
    public var allocationRuns: UInt64 = 0
    public var registryWrites: UInt64 = 0
    /// Ends of tasks by state, source and reason.
    public var endings: [TaskEnding: UInt64] = [:]
    /// Tasks that have come to each terminal state.
    public var tasksEnded: [TaskState: UInt64] = [:]
    /// Tasks on admitted agents in each state that is not terminal.
    public var tasksNow: [TaskState: Int] = [:]
    /// Operations that are in each state, or that have come to it if it is terminal.
    public var operations: [OperationKind: Int] = [:]

    public init() {}
}

/// `operations/reserve/pending`.
public struct OperationKind: Hashable, Sendable {
    /// As the protocol has it; nil: it could not be read.
    public var type: String?
    public var state: OperationStatus.State

    public init(_ type: String?, _ state: OperationStatus.State) {
        self.type = type
        self.state = state
    }
}

/// `task_failed/source_executor/reason_command_executor_failed`.
public struct TaskEnding: Hashable, Comparable, Sendable {
    public var state: TaskState
    public var source: StatusUpdate.Source
    public var reason: StatusReason?

    public init(_ state: TaskState, _ source: StatusUpdate.Source, _ reason: StatusReason?) {
        self.state = state
        self.source = source
        self.reason = reason
    }

    private var order: (String, String, String) { (state.rawValue, source.rawValue, reason?.rawValue ?? "") }
    public static func < (left: TaskEnding, right: TaskEnding) -> Bool { left.order < right.order }
}
