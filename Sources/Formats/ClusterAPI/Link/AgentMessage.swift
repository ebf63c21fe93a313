public import ClusterModel

/// What an agent tells the master, in order, on its link.
public enum AgentMessage: Hashable, Sendable {
    /// The first message, and the only one on the request that opens the link.
    case register(AgentRegistration)
    /// `latest`: the state the task is in by now; the update may be an older one.
    case status(StatusUpdate, latest: TaskState)
    /// `status` as wait(2) has it.
    case executorLost(ExecutorID, framework: FrameworkID, status: Int32)
    case message([UInt8], executor: ExecutorID, framework: FrameworkID)
    /// `key` as in the order.
    case operation(OperationStatus, key: UpdateID, framework: FrameworkID?)
    /// Everything it has now, with dynamic reservations and volumes.
    case resources([Resource])
    case pong
}
