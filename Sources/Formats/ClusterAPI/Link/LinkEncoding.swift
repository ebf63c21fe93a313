public import ClusterModel

// MARK: - The agent's messages

extension AgentMessage {
    /// `{"type": "STATUS", "status": {…}}`.
    public var value: WireValue {
        switch self {
        case .register(let registration): return .message("REGISTER", registration.value)
        case .status(let update, let latest):
            return .message(
                "STATUS", .object(["update": .update(update), "latest_state": .string(latest.rawValue)]))
        case .executorLost(let executor, let framework, let status):
            return .message(
                "EXECUTOR_LOST",
                .object([
                    "executor_id": .identifier(executor), "framework_id": .identifier(framework),
                    "status": .number(status),
                ]))
        case .message(let data, let executor, let framework):
            return .message("MESSAGE", .executorData(data, executor, framework))
        case .operation(let status, let key, let framework):
            return .message(
                "OPERATION",
                .members([
                    "status": .operationStatus(status, .stacked), "key": .base64(key.bytes),
                    "framework_id": framework.map { .identifier($0) },
                ]))
        case .resources(let total):
            return .message("RESOURCES", .members(["total": .resources(total, .stacked)]))
        case .pong: return .message("PONG", nil)
        }
    }

    /// A record of the link, framed.
    public var record: [UInt8] { RecordFraming.record(value.bytes) }
}

extension WireValue {
    /// A message of the link: its type, and under `content` what it says.
    fileprivate static func message(_ type: String, _ content: WireValue?) -> WireValue {
        .members(["type": .string(type), "content": content])
    }

    fileprivate static func executorData(
        _ data: [UInt8], _ executor: ExecutorID, _ framework: FrameworkID
    ) -> WireValue {
        .object([
            "executor_id": .identifier(executor), "framework_id": .identifier(framework), "data": .base64(data),
        ])
    }

    public static func agentKey(_ key: AgentKey) -> WireValue { .base64(key.bytes) }

    /// A status with its framework: `WireObject.update` reads it.
    public static func update(_ update: StatusUpdate) -> WireValue {
        .object([
            "framework_id": .identifier(update.framework),
            "status": .status(update, .stacked, isPartitionAware: true),
        ])
    }

    public static func reference(_ task: TaskReference) -> WireValue {
        .object(["framework_id": .identifier(task.framework), "task_id": .identifier(task.task)])
    }

    public static func order(_ order: OperationOrder) -> WireValue {
        .members([
            "key": .base64(order.key.bytes), "framework_id": order.framework.map { .identifier($0) },
            "operation_id": order.id.map { .identifier($0) }, "change": .change(order.change, .stacked),
        ])
    }

    public static func operationReport(_ report: OperationReport) -> WireValue {
        .object(["order": .order(report.order), "status": .operationStatus(report.status, .stacked)])
    }

    public static func taskReport(_ report: TaskReport) -> WireValue {
        .members([
            "framework_id": .identifier(report.framework),
            "task": .task(report.spec, .stacked),
            "state": .string(report.state.rawValue),
            "executor_id": report.executor.map { .identifier($0) },
            "pending": report.pending.map(WireValue.update),
            "statuses": .array(report.statuses.map(WireValue.update)),
            "container_id": report.container.map(WireValue.containerPath),
        ])
    }

    public static func executorReport(_ report: ExecutorReport) -> WireValue {
        .members([
            "executor": .executor(report.spec, .stacked),
            "container_id": report.container.map(WireValue.containerPath),
        ])
    }

    /// Unlike the protocol's message, with everything: the address and the capabilities.
    public static func wholeAgent(_ info: AgentInfo) -> WireValue {
        .members([
            "id": .identifier(info.id),
            "address": .address(info.address),
            "resources": .resources(info.resources, .stacked),
            "attributes": .array(info.attributes.map(WireValue.attribute)),
            "domain": info.domain.map(WireValue.domain),
            "capabilities": .capabilities(info.capabilities),
        ])
    }

    fileprivate static func capabilities(_ capabilities: Set<AgentInfo.Capability>) -> WireValue {
        .array(AgentInfo.Capability.allCases.filter(capabilities.contains).map { .string($0.rawValue) })
    }

    /// With the start: `WireObject.wholeDrain` reads it.
    public static func wholeDrain(_ drain: DrainInfo) -> WireValue {
        .members([
            "state": .string(drain.state.rawValue), "config": .drainConfiguration(drain.configuration),
            "started": drain.startedAt.map(WireValue.instant),
        ])
    }
}

extension AgentRegistration {
    public var value: WireValue {
        .members([
            "agent_id": id.map { .identifier($0) },
            "key": key.map(WireValue.agentKey),
            "address": .address(address),
            "resources": .resources(resources, .stacked),
            "totals": .resources(totals, .stacked),
            "attributes": .array(attributes.map(WireValue.attribute)),
            "domain": domain.map(WireValue.domain),
            "capabilities": .capabilities(capabilities),
            "version": .string(version),
            "boot_id": .string(bootID),
            "frameworks": .array(frameworks.map(WireValue.framework)),
            "executors": .array(executors.map(WireValue.executorReport)),
            "tasks": .array(tasks.map(WireValue.taskReport)),
            "operations": .array(operations.map(WireValue.operationReport)),
            "drain": drain.map(WireValue.wholeDrain),
        ])
    }
}

// MARK: - The master's messages

extension MasterMessage {
    /// `{"type": "KILL", "content": {…}}`.
    public var value: WireValue {
        switch self {
        case .registered(let agent, let interval, let missedMax):
            return .message(
                "REGISTERED",
                .object([
                    "agent_id": .identifier(agent), "ping_interval": .duration(interval),
                    "pings_missed_max": .number(missedMax),
                ]))
        case .refused(let reason, let isFinal):
            return .message("REFUSED", .object(["reason": .string(reason), "final": .bool(isFinal)]))
        case .runTask(let task, let framework, let starts):
            return .message(
                "RUN_TASK",
                .members([
                    "framework": .framework(framework), "task": .task(task, .stacked),
                    "starts_executor": starts.map { .bool($0) },
                ]))
        case .runGroup(let tasks, let executor, let framework, let starts):
            return .message(
                "RUN_GROUP",
                .members([
                    "framework": .framework(framework), "executor": .executor(executor, .stacked),
                    "tasks": .array(tasks.map { .task($0, .stacked) }),
                    "starts_executor": starts.map { .bool($0) },
                ]))
        case .kill(let task, let gracePeriod):
            return .message(
                "KILL", .members(["task": .reference(task), "grace_period": gracePeriod.map(WireValue.duration)]))
        case .shutdownExecutor(let executor, let framework):
            return .message(
                "SHUTDOWN_EXECUTOR",
                .object(["executor_id": .identifier(executor), "framework_id": .identifier(framework)]))
        case .shutdownFramework(let framework):
            return .message("SHUTDOWN_FRAMEWORK", .object(["framework_id": .identifier(framework)]))
        case .message(let data, let executor, let framework):
            return .message("MESSAGE", .executorData(data, executor, framework))
        default: return upkeepValue
        }
    }

    /// Messages that are not about a task or an executor.
    private var upkeepValue: WireValue {
        switch self {
        case .acknowledge(let id, let task):
            return .message("ACKNOWLEDGE", .object(["uuid": .base64(id.bytes), "task": .reference(task)]))
        case .acknowledgeOperation(let id, let key):
            return .message(
                "ACKNOWLEDGE_OPERATION", .object(["uuid": .base64(id.bytes), "key": .base64(key.bytes)]))
        case .apply(let order): return .message("APPLY", .order(order))
        case .updateFramework(let framework):
            return .message("UPDATE_FRAMEWORK", .object(["framework": .framework(framework)]))
        case .drain(let configuration): return .message("DRAIN", .drainConfiguration(configuration))
        case .cancelDrain: return .message("CANCEL_DRAIN", nil)
        case .reconcile(let tasks):
            return .message("RECONCILE", .members(["tasks": .array(tasks.map(WireValue.reference))]))
        case .shutdown(let reason): return .message("SHUTDOWN", .object(["reason": .string(reason)]))
        default: return .message("PING", nil)
        }
    }

    /// A record of the link, framed.
    public var record: [UInt8] { RecordFraming.record(value.bytes) }
}
