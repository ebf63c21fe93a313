/// Everything that is asked about. The raw values are the names in the rules file; each says what its object is.
public enum Action: String, Sendable, CaseIterable {
    // Frameworks: object is a role.
    case registerFramework = "register-framework"
    /// Object: the principal of the framework.
    case teardownFramework = "teardown-framework"
    /// Object: a user that something of a task may run as. Each is asked about: its command's, its executor's, its
    /// checks'; for a command that names none the framework's, and root.
    case runTask = "run-task"

    // Resources: object is a role.
    case reserve = "reserve"
    /// Object: the principal that reserved.
    case unreserve = "unreserve"
    case createVolume = "create-volume"
    /// Object: the principal that created the volume.
    case destroyVolume = "destroy-volume"
    case resizeVolume = "resize-volume"
    case viewQuota = "view-quota"
    case updateQuota = "update-quota"
    case updateWeight = "update-weight"

    // Looking. Object: the role of the framework concerned, or for roles the role.
    case viewFramework = "view-framework"
    case viewTask = "view-task"
    case viewExecutor = "view-executor"
    case viewRole = "view-role"
    // Looking, without an object.
    case viewAgents = "view-agents"
    case viewFlags = "view-flags"
    case viewMetrics = "view-metrics"
    case viewOperations = "view-operations"
    case viewMaintenance = "view-maintenance"
    case accessLogs = "access-logs"
    case setLogLevel = "set-log-level"

    // Agents, without an object.
    case registerAgent = "register-agent"
    case updateMaintenance = "update-maintenance"
    case startMaintenance = "start-maintenance"
    case stopMaintenance = "stop-maintenance"
    case drainAgent = "drain-agent"
    case deactivateAgent = "deactivate-agent"
    case reactivateAgent = "reactivate-agent"
    case markAgentGone = "mark-agent-gone"

    // On an agent. Object: the role of the framework that owns the container or sandbox.
    case accessSandbox = "access-sandbox"
    case viewContainer = "view-container"
    case attachInput = "attach-container-input"
    case attachOutput = "attach-container-output"
    /// Object: the user the process in the container runs as.
    case launchNestedContainer = "launch-nested-container"
    case launchNestedSession = "launch-nested-container-session"
    case killNestedContainer = "kill-nested-container"
    case waitNestedContainer = "wait-nested-container"
    case removeNestedContainer = "remove-nested-container"
    /// Object: the user it runs as.
    case launchStandaloneContainer = "launch-standalone-container"
    case killStandaloneContainer = "kill-standalone-container"
    case waitStandaloneContainer = "wait-standalone-container"
    case removeStandaloneContainer = "remove-standalone-container"
    case pruneImages = "prune-images"
    /// Looking at everything the agent's machine runs, whoever owns it; without an object.
    case auditAgent = "audit-agent"
    /// Object: the name of a secret that the agent's operator keeps.
    case useSecret = "use-secret"
}
