public import ClusterModel

/// An event of the operator API's stream.
public enum OperatorEvent: Hashable, Sendable {
    /// The first: all that the later ones change.
    case subscribed(StateView, heartbeat: Duration)
    case taskAdded(TaskView)
    /// `state`: the state the task is in by now; the update may be an older one.
    case taskUpdated(StatusUpdate, state: TaskState)
    case frameworkAdded(FrameworkView)
    case frameworkUpdated(FrameworkView)
    case frameworkRemoved(FrameworkInfo)
    case agentAdded(AgentView)
    case agentRemoved(AgentID)
    case heartbeat
}
