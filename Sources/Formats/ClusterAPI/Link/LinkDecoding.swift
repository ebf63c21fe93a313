public import ClusterModel
public import Diagnostics

/// The link between agent and master over HTTP. Agents open it, so it passes address translation and one direction has
/// to be let through.
public enum AgentLink {
    /// The agent's requests go here: the first, with `register` alone, is answered with the stream of the master's
    /// messages; the others, one after the other, with 202.
    public static let path = "/api/v1/agent"
    /// Names the link in the answer to the first request and in all later ones.
    public static let header = "Bulkhead-Link-Id"
    /// A registration carries all that the agent has: twice `agentTasksBytesMax`, for the rest of it.
    public static let bounds = WireBounds(bytes: 256 << 20, depth: 64, values: 32_000_000)
    /// One task, as the protocol's JSON. Masters and agents refuse more, and so for all below.
    public static let taskBytesMax = 1 << 20
    /// The tasks of a group together, each with the executor of all.
    public static let groupBytesMax = 48 << 20
    /// All tasks, executors and frameworks of an agent together, as `linkCost`: beyond it the agent takes no more, so
    /// that it can always register.
    public static let agentTasksBytesMax = 128 << 20
    /// All operations that wait for their acknowledgement, with what they made, in the same way.
    public static let agentOperationsBytesMax = 32 << 20
    /// What was said of all tasks: a registration leaves out the words of what is beyond it.
    public static let agentStatusesBytesMax = 32 << 20
    /// A message between a framework and an executor, in either direction.
    public static let messageBytesMax = 1 << 20
}

extension AgentMessage {
    /// `record` without its frame.
    ///
    /// - Throws: `Failure` `api.body-…`, `api.member-…` or the value's own code; `link.message-unknown`.
    public init(_ record: [UInt8], bounds: WireBounds = AgentLink.bounds) throws(Failure) {
        try self.init(WireObject(parsing: record, bounds))
    }

    private init(_ message: WireObject) throws(Failure) {
        let type = try message.required("type", message.string("type"))
        if type == "PONG" {
            self = .pong
            return
        }
        let content = try message.part("content")
        switch type {
        case "REGISTER": self = .register(try AgentRegistration(content))
        case "STATUS":
            self = .status(
                try content.part("update").update(),
                latest: try content.required("latest_state", content.choice("latest_state", of: TaskState.self)))
        case "EXECUTOR_LOST":
            self = .executorLost(
                try content.name("executor_id"), framework: try content.name("framework_id"),
                status: try content.required("status", content.integer("status")))
        case "MESSAGE":
            self = .message(
                try content.required("data", content.bytes("data")), executor: try content.name("executor_id"),
                framework: try content.name("framework_id"))
        case "OPERATION":
            self = .operation(
                try content.part("status").operationStatus(), key: try content.updateID("key"),
                framework: try content.identifier("framework_id"))
        case "RESOURCES": self = .resources(try content.resources("total"))
        default: throw WireObject.unknownMessage(type)
        }
    }
}

extension MasterMessage {
    /// `record` without its frame.
    ///
    /// - Throws: `Failure` `api.body-…`, `api.member-…` or the value's own code; `link.message-unknown`.
    public init(_ record: [UInt8], bounds: WireBounds = AgentLink.bounds) throws(Failure) {
        try self.init(WireObject(parsing: record, bounds))
    }

    private init(_ message: WireObject) throws(Failure) {
        let type = try message.required("type", message.string("type"))
        switch type {
        case "PING": self = .ping
        case "CANCEL_DRAIN": self = .cancelDrain
        default:
            let content = try message.part("content")
            if let work = try content.work(type) {
                self = work
            } else if let upkeep = try content.upkeep(type) {
                self = upkeep
            } else {
                throw WireObject.unknownMessage(type)
            }
        }
    }
}

extension WireObject {
    fileprivate static func unknownMessage(_ type: String) -> Failure {
        Failure(
            "link.message-unknown", doing: "read the link", cause: "there is no message '\(type)'",
            remedy: "run versions of agent and master that know each other", field: "type")
    }

    /// About tasks and executors.
    fileprivate func work(_ type: String) throws(Failure) -> MasterMessage? {
        switch type {
        case "RUN_TASK":
            let framework = try part("framework").frameworkInfo()
            return .runTask(
                try part("task").launchedTask(framework: framework.id), of: framework,
                startsExecutor: try bool("starts_executor"))
        case "RUN_GROUP":
            let framework = try part("framework").frameworkInfo()
            var tasks: [TaskSpec] = []
            for task in try objects("tasks") { tasks.append(try task.launchedTask(framework: framework.id)) }
            return .runGroup(
                tasks, under: try part("executor").executor(framework: framework.id), of: framework,
                startsExecutor: try bool("starts_executor"))
        case "KILL": return .kill(try part("task").reference(), gracePeriod: try duration("grace_period"))
        case "SHUTDOWN_EXECUTOR":
            return .shutdownExecutor(try name("executor_id"), framework: try name("framework_id"))
        case "SHUTDOWN_FRAMEWORK": return .shutdownFramework(try name("framework_id"))
        case "MESSAGE":
            return .message(
                try required("data", bytes("data")), executor: try name("executor_id"),
                framework: try name("framework_id"))
        case "ACKNOWLEDGE": return .acknowledge(try updateID("uuid"), try part("task").reference())
        case "RECONCILE":
            var tasks: [TaskReference] = []
            for task in try objects("tasks") { tasks.append(try task.reference()) }
            return .reconcile(tasks)
        default: return nil
        }
    }

    fileprivate func upkeep(_ type: String) throws(Failure) -> MasterMessage? {
        switch type {
        case "REGISTERED":
            return .registered(
                try name("agent_id"), pingInterval: try required("ping_interval", duration("ping_interval")),
                pingsMissedMax: try required("pings_missed_max", integer("pings_missed_max")))
        case "REFUSED":
            return .refused(
                try required("reason", string("reason")), isFinal: try required("final", bool("final")))
        case "ACKNOWLEDGE_OPERATION":
            return .acknowledgeOperation(try updateID("uuid"), key: try updateID("key"))
        case "APPLY": return .apply(try order())
        case "UPDATE_FRAMEWORK": return .updateFramework(try part("framework").frameworkInfo())
        case "DRAIN": return .drain(try drainConfiguration())
        case "SHUTDOWN": return .shutdown(try required("reason", string("reason")))
        default: return nil
        }
    }
}

// MARK: - What messages and journals carry

extension AgentRegistration {
    init(_ content: WireObject) throws(Failure) {
        self.init(
            id: try content.identifier("agent_id"), key: try content.agentKey("key"),
            address: try content.part("address").networkAddress(),
            resources: try content.resources("resources"), totals: try content.resources("totals"),
            attributes: try content.attributes("attributes"), domain: try content.object("domain")?.faultDomain(),
            capabilities: try content.agentCapabilities(),
            version: try content.required("version", content.string("version")),
            bootID: try content.required("boot_id", content.string("boot_id")),
            drain: try content.object("drain")?.wholeDrain())
        for framework in try content.objects("frameworks") { frameworks.append(try framework.frameworkInfo()) }
        for executor in try content.objects("executors") { executors.append(try executor.executorReport()) }
        for task in try content.objects("tasks") { tasks.append(try task.taskReport()) }
        for operation in try content.objects("operations") { operations.append(try operation.operationReport()) }
    }
}

extension WireObject {
    /// Nil when it is not there.
    public func agentKey(_ name: String) throws(Failure) -> AgentKey? {
        guard let bytes = try bytes(name) else { return nil }
        guard let key = AgentKey(bytes: bytes) else { throw invalid(name, "it is not \(AgentKey.count) bytes") }
        return key
    }

    /// What `WireValue.update` wrote.
    public func update() throws(Failure) -> StatusUpdate { try part("status").status(of: name("framework_id")) }

    public func reference() throws(Failure) -> TaskReference {
        TaskReference(framework: try name("framework_id"), task: try name("task_id"))
    }

    public func order() throws(Failure) -> OperationOrder {
        let change = try part("change")
        let type = try change.required("type", change.string("type"))
        return OperationOrder(
            key: try updateID("key"), framework: try identifier("framework_id"), id: try identifier("operation_id"),
            change: try change.required("type", change.resourceOperation(type)))
    }

    public func operationReport() throws(Failure) -> OperationReport {
        OperationReport(order: try part("order").order(), status: try part("status").operationStatus())
    }

    public func taskReport() throws(Failure) -> TaskReport {
        let framework: FrameworkID = try name("framework_id")
        var report = TaskReport(
            framework: framework, spec: try part("task").launchedTask(framework: framework),
            state: try required("state", choice("state", of: TaskState.self)), executor: try identifier("executor_id"),
            pending: try object("pending")?.update(), container: try containerPath("container_id"))
        for status in try objects("statuses") { report.statuses.append(try status.update()) }
        return report
    }

    public func executorReport() throws(Failure) -> ExecutorReport {
        let executor = try part("executor")
        return ExecutorReport(
            try executor.executor(framework: executor.name("framework_id")),
            container: try containerPath("container_id"))
    }

    /// What `WireValue.wholeAgent` wrote.
    public func wholeAgent() throws(Failure) -> AgentInfo {
        AgentInfo(
            id: try name("id"), address: try part("address").networkAddress(), resources: try resources("resources"),
            attributes: try attributes("attributes"), domain: try object("domain")?.faultDomain(),
            capabilities: try agentCapabilities())
    }

    /// Those that are not known are left out: a newer agent may have more.
    fileprivate func agentCapabilities() throws(Failure) -> Set<AgentInfo.Capability> {
        Set(try strings("capabilities").compactMap(AgentInfo.Capability.init(rawValue:)))
    }

    /// What `WireValue.wholeDrain` wrote.
    public func wholeDrain() throws(Failure) -> DrainInfo {
        var drain = try drainInfo()
        drain.startedAt = try instant("started")
        return drain
    }
}
