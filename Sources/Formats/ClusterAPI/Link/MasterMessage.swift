public import ClusterModel

/// What the master tells an agent, in order, on its link.
public enum MasterMessage: Hashable, Sendable {
    /// The first message of an admitted agent. Without a ping for `pingInterval` times `pingsMissedMax` the agent looks
    /// for a master again.
    case registered(AgentID, pingInterval: Duration, pingsMissedMax: Int)
    /// The first message of an agent that is not admitted. `isFinal`: it is to end its tasks and itself.
    case refused(String, isFinal: Bool)
    /// `startsExecutor`: the task's executor is to be launched with it. Otherwise the master counts on one that runs:
    /// if it has ended meanwhile, nobody has given out what another would need, and the task is dropped. Nil: an older
    /// master, which does not say.
    case runTask(TaskSpec, of: FrameworkInfo, startsExecutor: Bool? = nil)
    case runGroup([TaskSpec], under: ExecutorSpec, of: FrameworkInfo, startsExecutor: Bool? = nil)
    case kill(TaskReference, gracePeriod: Duration?)
    case shutdownExecutor(ExecutorID, framework: FrameworkID)
    case shutdownFramework(FrameworkID)
    case message([UInt8], executor: ExecutorID, framework: FrameworkID)
    case acknowledge(UpdateID, TaskReference)
    case acknowledgeOperation(UpdateID, key: UpdateID)
    case apply(OperationOrder)
    case updateFramework(FrameworkInfo)
    case drain(DrainConfiguration)
    case cancelDrain
    /// What the master believes is there; the agent reports those it does not have as lost.
    case reconcile([TaskReference])
    case ping
    /// End the tasks and the agent; why.
    case shutdown(String)
}
