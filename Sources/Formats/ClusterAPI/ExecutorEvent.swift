public import ClusterModel
public import Diagnostics

/// An event of the executor API's stream.
public enum ExecutorEvent: Hashable, Sendable {
    /// `container`: the executor's own.
    case subscribed(ExecutorSpec, framework: FrameworkInfo, agent: AgentInfo, container: ContainerPath?)
    case launch(TaskSpec)
    case launchGroup([TaskSpec])
    case kill(TaskID, gracePeriod: Duration?)
    case acknowledged(UpdateID, task: TaskID)
    case message([UInt8])
    case error(String)
    case shutdown
    case heartbeat

    /// The message of the protocol that carries it.
    public static let messageName = "mesos.v1.executor.Event"
}

// MARK: - Encoding

extension ExecutorEvent {
    /// `form`: how the executor's framework reads reservations.
    public func value(_ form: ReservationForm) -> WireValue {
        let (type, member, content): (String, String, WireValue?) =
            switch self {
            case .subscribed(let executor, let framework, let agent, let container):
                (
                    "SUBSCRIBED", "subscribed",
                    .members([
                        "executor_info": .executor(executor, form), "framework_info": .framework(framework),
                        "agent_info": .agent(agent, form),
                        "container_id": container.map(WireValue.containerPath),
                    ])
                )
            case .launch(let task): ("LAUNCH", "launch", .object(["task": .task(task, form)]))
            case .launchGroup(let tasks):
                (
                    "LAUNCH_GROUP", "launch_group",
                    .object(["task_group": .members(["tasks": .array(tasks.map { .task($0, form) })])])
                )
            case .kill(let task, let gracePeriod):
                (
                    "KILL", "kill",
                    .members(["task_id": .identifier(task), "kill_policy": gracePeriod.map(WireValue.killPolicy)])
                )
            case .acknowledged(let id, let task):
                (
                    "ACKNOWLEDGED", "acknowledged",
                    .object(["task_id": .identifier(task), "uuid": .base64(id.bytes)])
                )
            case .message(let data): ("MESSAGE", "message", .object(["data": .base64(data)]))
            case .error(let message): ("ERROR", "error", .object(["message": .string(message)]))
            case .shutdown: ("SHUTDOWN", "shutdown", nil)
            case .heartbeat: ("HEARTBEAT", "heartbeat", nil)
            }
        return .members(["type": .string(type), member: content])
    }

    /// A record of the stream, framed.
    public func record(_ form: ReservationForm, _ format: WireFormat = .json) -> [UInt8] {
        RecordFraming.record(WireCodec.encode(value(form), as: ExecutorEvent.messageName, format))
    }
}

// MARK: - Decoding

extension ExecutorEvent {
    /// - Throws: `Failure` `api.body-…`, `api.member-…` or the value's own code, as `ExecutorCall.init` does;
    ///   `api.event-unknown` for a type that is not known.
    public init(
        _ record: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard
    ) throws(Failure) {
        try self.init(WireCodec.decode(record, as: ExecutorEvent.messageName, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let event = try WireObject(value)
        switch try event.required("type", event.string("type")) {
        case "SUBSCRIBED": self = try event.part("subscribed").subscribed()
        case "LAUNCH": self = .launch(try event.part("launch").part("task").launchedTask())
        case "LAUNCH_GROUP":
            var tasks: [TaskSpec] = []
            for task in try event.part("launch_group").part("task_group").objects("tasks") {
                tasks.append(try task.launchedTask())
            }
            self = .launchGroup(tasks)
        case "KILL":
            let kill = try event.part("kill")
            self = .kill(
                try kill.name("task_id"), gracePeriod: try kill.object("kill_policy")?.duration("grace_period"))
        case "ACKNOWLEDGED":
            let acknowledged = try event.part("acknowledged")
            self = .acknowledged(try acknowledged.updateID(), task: try acknowledged.name("task_id"))
        case "MESSAGE":
            let message = try event.part("message")
            self = .message(try message.required("data", message.bytes("data")))
        case "ERROR":
            let error = try event.part("error")
            self = .error(try error.required("message", error.string("message")))
        case "SHUTDOWN": self = .shutdown
        case "HEARTBEAT": self = .heartbeat
        case let type:
            throw Failure(
                "api.event-unknown", doing: "read the event", cause: "there is no event '\(type)'", field: "type")
        }
    }
}

extension WireObject {
    fileprivate func subscribed() throws(Failure) -> ExecutorEvent {
        let framework = try part("framework_info").frameworkInfo()
        let executor = try part("executor_info").executor(framework: framework.id)
        return .subscribed(
            executor, framework: framework, agent: try part("agent_info").agentInfo(),
            container: try containerPath("container_id"))
    }
}
