public import ClusterModel

/// A call of the agent's operator API, `POST /api/v1`: read and complete. Whether what it asks for can be done is for
/// the agent to say.
public enum AgentCall: Hashable, Sendable {
    case process(ProcessCall)
    case query(AgentQuery)
    case container(ContainerCall, form: ContainerCallForm)
    /// All images but these, and those in use.
    case pruneImages(except: [ContainerImage])
    case provider(ProviderCall)
}

/// Calls that only look.
public enum AgentQuery: Hashable, Sendable {
    case state
    case agent
    case frameworks
    case executors
    case tasks
    case operations
    case providers
    case containers(showNested: Bool, showStandalone: Bool)
}

/// Which of the protocol's two names a call was made by; its answer goes by the same.
public enum ContainerCallForm: Hashable, Sendable {
    /// `WAIT_CONTAINER`: any container.
    case any
    /// `WAIT_NESTED_CONTAINER`: only one inside another.
    case nested
}

/// Calls about one container.
public enum ContainerCall: Hashable, Sendable {
    /// Answered with 200, or 202 when it has been launched before.
    case launch(ContainerLaunchRequest)
    /// Answered when it has ended.
    case wait(ContainerPath)
    case kill(ContainerPath, signal: Int32)
    /// Of one that has ended, to free its name.
    case remove(ContainerPath)
    /// Answered with a stream of `ProcessIO`; the container ends with the connection.
    case launchSession(ContainerLaunchRequest)
    /// The first record of a request that is a stream of `AttachInput`.
    case attachInput(ContainerPath)
    /// Answered with a stream of `ProcessIO`.
    case attachOutput(ContainerPath)

    public var container: ContainerPath {
        switch self {
        case .launch(let request), .launchSession(let request): request.container
        case .wait(let container), .kill(let container, _), .remove(let container), .attachInput(let container),
            .attachOutput(let container):
            container
        }
    }
}

/// A container that belongs to no task: inside another one, or by itself.
public struct ContainerLaunchRequest: Hashable, Sendable {
    public var container: ContainerPath
    public var command: CommandSpec?
    public var spec: ContainerSpec?
    /// Only for one by itself, which must have some.
    public var resources: [Resource]
    public var limits: [String: ResourceLimit]

    public init(
        _ container: ContainerPath, command: CommandSpec? = nil, spec: ContainerSpec? = nil,
        resources: [Resource] = [], limits: [String: ResourceLimit] = [:]
    ) {
        self.container = container
        self.command = command
        self.spec = spec
        self.resources = resources
        self.limits = limits
    }
}

/// Resource providers are not served: their calls are known and refused by name. The raw values are the protocol's.
public enum ProviderCall: String, Sendable, CaseIterable {
    case add = "ADD_RESOURCE_PROVIDER_CONFIG"
    case update = "UPDATE_RESOURCE_PROVIDER_CONFIG"
    case remove = "REMOVE_RESOURCE_PROVIDER_CONFIG"
    case markGone = "MARK_RESOURCE_PROVIDER_GONE"
}
