public import ClusterModel
public import Diagnostics

/// A call of the executor API, `POST /api/v1/executor` on the agent: read, complete, and with ids that are fit to be
/// names. Whether the executor may say it is for the agent to decide.
public struct ExecutorCall: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// What the executor has not seen acknowledged: its tasks, and its updates in the order it sent them.
        case subscribe(tasks: [TaskSpec], updates: [StatusUpdate])
        /// Has an id and a source; its framework is the call's, and so is the executor, where it names one.
        case update(StatusUpdate)
        case message([UInt8])
        case heartbeat
    }
    public var framework: FrameworkID
    public var executor: ExecutorID
    public var action: Action

    public init(framework: FrameworkID, executor: ExecutorID, _ action: Action) {
        self.framework = framework
        self.executor = executor
        self.action = action
    }

    /// The message of the protocol that carries it.
    public static let messageName = "mesos.v1.executor.Call"
}

// MARK: - Decoding

extension ExecutorCall {
    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no call, with the member at fault as the field; `api.call-unknown` for the type UNKNOWN, which is
    ///   answered with 501.
    public init(
        _ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard
    ) throws(Failure) {
        try self.init(WireCodec.decode(body, as: ExecutorCall.messageName, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let call = try WireObject(value)
        framework = try call.required("framework_id", call.identifier("framework_id"))
        executor = try call.required("executor_id", call.identifier("executor_id"))
        let type = try call.required("type", call.string("type"))
        action = try call.executorAction(type, of: framework, by: executor)
    }
}

extension WireObject {
    fileprivate func executorAction(
        _ type: String, of framework: FrameworkID, by executor: ExecutorID
    ) throws(Failure) -> ExecutorCall.Action {
        switch type {
        case "SUBSCRIBE":
            let subscribe = try part("subscribe")
            var tasks: [TaskSpec] = []
            for task in try subscribe.objects("unacknowledged_tasks") {
                tasks.append(try task.launchedTask(framework: framework))
            }
            var updates: [StatusUpdate] = []
            for update in try subscribe.objects("unacknowledged_updates") {
                updates.append(try update.part("status").acknowledgedStatus(of: framework))
            }
            return .subscribe(tasks: tasks, updates: updates)
        case "UPDATE":
            let status = try part("update").part("status")
            let update = try status.acknowledgedStatus(of: framework)
            guard update.executor == nil || update.executor == executor else {
                throw status.invalid("executor_id", "it is not that of the executor that calls")
            }
            return .update(update)
        case "MESSAGE":
            let message = try part("message")
            return .message(try message.required("data", message.bytes("data")))
        case "HEARTBEAT": return .heartbeat
        default: throw WireObject.unknownCall(type, of: "executor API")
        }
    }

    /// An executor's report: it wants an acknowledgement, says that it comes from an executor, and is about a task that
    /// has been started.
    private func acknowledgedStatus(of framework: FrameworkID) throws(Failure) -> StatusUpdate {
        let status = try status(of: framework)
        guard status.id != nil else { throw invalid("uuid", "an executor's update has one") }
        guard status.source == .executor else { throw invalid("source", "it is not SOURCE_EXECUTOR") }
        guard status.state != .staging else { throw invalid("state", "only the agent says TASK_STAGING") }
        return status
    }
}

// MARK: - Encoding

extension ExecutorCall {
    public var value: WireValue {
        let (type, member, content): (String, String, WireValue?) =
            switch action {
            case .subscribe(let tasks, let updates):
                (
                    "SUBSCRIBE", "subscribe",
                    .members([
                        "unacknowledged_tasks": .array(tasks.map { .task($0, .stacked) }),
                        "unacknowledged_updates": .array(updates.map { .object(["status": .reported($0)]) }),
                    ])
                )
            case .update(let update): ("UPDATE", "update", .object(["status": .reported(update)]))
            case .message(let data): ("MESSAGE", "message", .object(["data": .base64(data)]))
            case .heartbeat: ("HEARTBEAT", "heartbeat", nil)
            }
        return .members([
            "type": .string(type), "framework_id": .identifier(framework), "executor_id": .identifier(executor),
            member: content,
        ])
    }
}

extension WireValue {
    fileprivate static func reported(_ update: StatusUpdate) -> WireValue {
        .status(update, .stacked, isPartitionAware: true)
    }
}
