public import Diagnostics

/// A bound on what a task may use above what it asked for.
public enum ResourceLimit: Hashable, Sendable {
    case atMost(Scalar)
    case infinite

    public func isAtLeast(_ request: Scalar) -> Bool {
        switch self {
        case .atMost(let bound): request <= bound
        case .infinite: true
        }
    }
}

/// Who runs a task's program.
public enum TaskRunner: Hashable, Sendable {
    /// The task's container is the container.
    case command(CommandSpec)
    case executor(ExecutorSpec)
}

/// A program of the framework, or our own, that runs tasks in its container.
public struct ExecutorSpec: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// Built in; runs task groups.
        case standard = "DEFAULT"
        case custom = "CUSTOM"
    }
    public var id: ExecutorID
    public var framework: FrameworkID
    public var kind: Kind
    public var name: String?
    /// Nil for the built-in one.
    public var command: CommandSpec?
    public var resources: [Resource]
    public var data: [UInt8]?
    public var shutdownGracePeriod: Duration?
    public var labels: [Label]
    @Boxed public var container: ContainerSpec?
    @Boxed public var discovery: DiscoveryInfo?

    public init(
        id: ExecutorID, framework: FrameworkID, kind: Kind, name: String? = nil, command: CommandSpec? = nil,
        resources: [Resource] = [], data: [UInt8]? = nil, shutdownGracePeriod: Duration? = nil, labels: [Label] = [],
        container: ContainerSpec? = nil, discovery: DiscoveryInfo? = nil
    ) {
        self.id = id
        self.framework = framework
        self.kind = kind
        self.name = name
        self.command = command
        self.resources = resources
        self.data = data
        self.shutdownGracePeriod = shutdownGracePeriod
        self.labels = labels
        self.container = container
        self.discovery = discovery
    }
}

/// What a framework wants to run on an agent, and with what.
public struct TaskSpec: Hashable, Sendable {
    public var id: TaskID
    public var name: String
    public var agent: AgentID
    public var resources: [Resource]
    /// By resource name; only `cpus` and `mem` can have one.
    public var limits: [String: ResourceLimit]
    public var runner: TaskRunner
    /// What a task group's executor starts for it; a task by itself has its command in `runner`.
    public var groupCommand: CommandSpec?
    /// From the polite signal to the end.
    public var killGracePeriod: Duration?
    public var maxCompletionTime: Duration?
    public var data: [UInt8]?
    public var labels: [Label]
    @Boxed public var container: ContainerSpec?
    @Boxed public var healthCheck: HealthCheck?
    @Boxed public var check: CheckSpec?
    @Boxed public var discovery: DiscoveryInfo?

    public init(
        id: TaskID, name: String, agent: AgentID, resources: [Resource], limits: [String: ResourceLimit] = [:],
        runner: TaskRunner, groupCommand: CommandSpec? = nil, killGracePeriod: Duration? = nil,
        maxCompletionTime: Duration? = nil, data: [UInt8]? = nil, labels: [Label] = [],
        container: ContainerSpec? = nil, healthCheck: HealthCheck? = nil, check: CheckSpec? = nil,
        discovery: DiscoveryInfo? = nil
    ) {
        self.id = id
        self.name = name
        self.agent = agent
        self.resources = resources
        self.limits = limits
        self.runner = runner
        self.groupCommand = groupCommand
        self.killGracePeriod = killGracePeriod
        self.maxCompletionTime = maxCompletionTime
        self.data = data
        self.labels = labels
        self.container = container
        self.healthCheck = healthCheck
        self.check = check
        self.discovery = discovery
    }

    /// The resources and limits by themselves: every limit bounds something that was asked for, from above.
    ///
    /// - Throws: `Failure` `task.invalid` or `resource.invalid`, naming the field at fault.
    public func validateResources() throws(Failure) {
        let requested = try Resources(validating: resources)
        if requested.isEmpty { throw invalid("it asks for no resources", field: "resources") }
        for name in limits.keys.sorted() {
            guard name == "cpus" || name == "mem" else {
                throw invalid("only cpus and mem can have a limit, not \(name)", field: "limits")
            }
            let request = requested.amount(of: name)
            if request.isZero { throw invalid("it limits \(name) without asking for any", field: "limits") }
            if limits[name]?.isAtLeast(request) == false {
                throw invalid("the limit of \(name) is below the \(request) it asks for", field: "limits")
            }
        }
    }

    private func invalid(_ cause: String, field: String) -> Failure {
        Failure(
            "task.invalid", doing: "run task", on: id.text, cause: cause, remedy: "correct the task", field: field)
    }
}
