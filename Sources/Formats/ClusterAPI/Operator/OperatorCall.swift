public import ClusterModel

/// A call of the master's operator API, `POST /api/v1`: read and complete. Whether what it asks for can be done is for
/// the master to say.
public enum OperatorCall: Hashable, Sendable {
    case process(ProcessCall)
    case query(OperatorQuery)
    case change(OperatorChange)
    /// Answered with a stream of `OperatorEvent`.
    case subscribe
}

/// Calls that only look. The raw values are the protocol's names.
public enum OperatorQuery: String, Sendable, CaseIterable {
    case state = "GET_STATE"
    case agents = "GET_AGENTS"
    case frameworks = "GET_FRAMEWORKS"
    case executors = "GET_EXECUTORS"
    case operations = "GET_OPERATIONS"
    case tasks = "GET_TASKS"
    case roles = "GET_ROLES"
    case weights = "GET_WEIGHTS"
    case master = "GET_MASTER"
    case maintenanceStatus = "GET_MAINTENANCE_STATUS"
    case maintenanceSchedule = "GET_MAINTENANCE_SCHEDULE"
    case quota = "GET_QUOTA"
}

/// Calls that change the cluster. All are answered without a body.
public enum OperatorChange: Hashable, Sendable {
    case updateWeights([RoleWeight])
    /// The agent may be left out when volumes grow or shrink: then the volume's provider names it.
    case apply(ResourceOperation, on: AgentID?)
    case updateMaintenanceSchedule(MaintenanceSchedule)
    case startMaintenance([MachineID])
    case stopMaintenance([MachineID])
    case drainAgent(AgentID, DrainConfiguration)
    case deactivateAgent(AgentID)
    case reactivateAgent(AgentID)
    case markAgentGone(AgentID)
    /// All or none. `isForced`: also when more is in use than the limits allow.
    case updateQuota([QuotaConfig], isForced: Bool)
    /// The older way: the guarantee is the limit as well, and the role must not have one yet.
    case setQuota(RoleName, guarantee: Quantities, isForced: Bool)
    case removeQuota(RoleName)
    case teardown(FrameworkID)

    /// Whether it is answered with 202, before it has happened, rather than 200.
    public var isAnsweredEarly: Bool {
        if case .apply = self { return true }
        return false
    }
}
