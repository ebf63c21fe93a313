public import ClusterModel
import Determinism
import Diagnostics

/// A task of an ACCEPT that can be read but not be meant, and what is said of it.
public struct UnfitTask: Hashable, Sendable {
    /// As the framework wrote it, cut when it is long. It may be no identifier, so it goes into nothing but the answer.
    public let id: String
    /// Nil when that is no identifier.
    public let agent: AgentID?
    public let reason: StatusReason
    public let why: String

    public init(id: String, agent: AgentID?, _ reason: StatusReason, because why: String) {
        self.id = UnfitTask.beginning(of: id)
        self.agent = agent
        self.reason = reason
        self.why = UnfitTask.beginning(of: why)
    }

    /// Four times an identifier: who is told has to know it again, and every task of a call may be one of these.
    public static let textBytesMax = 1_024

    /// As much of it as is kept, cut between two characters of Unicode.
    static func beginning(of text: String) -> String {
        guard text.utf8.count > textBytesMax else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: textBytesMax)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}

/// An operation of an ACCEPT that can be read but not be meant, and what is said of it.
public struct UnfitOperation: Hashable, Sendable {
    /// As the framework wrote it, cut when it is long; it may be no identifier. Nil: nobody wants to hear of it.
    public let id: String?
    public let why: String

    public init(id: String?, because why: String) {
        self.id = id.map(UnfitTask.beginning(of:))
        self.why = UnfitTask.beginning(of: why)
    }
}

// MARK: - Decoding

extension Failure {
    /// Whether it is about what is meant. A member of another type than the protocol's is not: that is no call at all,
    /// as it is none in protobuf.
    var isAboutMeaning: Bool { code != "api.member-type" }
}

extension WireObject {
    /// This object as a task of which `why` is said.
    ///
    /// - Throws: `Failure` when it has no id to say it by.
    func unfitTask(_ reason: StatusReason, because why: String) throws(Failure) -> UnfitTask {
        let id = try part("task_id")
        return UnfitTask(
            id: try id.required("value", id.string("value")), agent: try agentIfNamed(), reason, because: why)
    }

    private func agentIfNamed() throws(Failure) -> AgentID? {
        guard let text = try object("agent_id")?.string("value") else { return nil }
        do throws(Failure) { return try AgentID(text) } catch { return nil }
    }

    /// This object as an operation of which `failure` is said; one that launches, with all its tasks.
    ///
    /// - Throws: `failure` when it is not about what is meant; else as `unfitTask`.
    func unfitOperation(because failure: Failure) throws(Failure) -> OfferOperation {
        guard failure.isAboutMeaning else { throw failure }
        // Put into words and cut once: it may be as long as the call, and be said of thousands of tasks.
        let why = UnfitTask.beginning(of: failure.description)
        var tasks: [UnfitTask] = []
        switch try string("type") {
        case "LAUNCH":
            for task in try object("launch")?.objects("task_infos") ?? [] {
                tasks.append(try task.unfitTask(.taskInvalid, because: why))
            }
        case "LAUNCH_GROUP":
            for task in try object("launch_group")?.object("task_group")?.objects("tasks") ?? [] {
                tasks.append(try task.unfitTask(.taskGroupInvalid, because: why))
            }
        default: break
        }
        let unfit = UnfitOperation(id: try object("id")?.string("value"), because: why)
        return OfferOperation(.unfit(unfit), unfitTasks: tasks)
    }
}

// MARK: - Encoding

extension WireValue {
    /// The status of a task that never was one.
    static func unfitStatus(_ task: UnfitTask, _ state: TaskState, at instant: Instant) -> WireValue {
        .members([
            "task_id": .object(["value": .string(task.id)]),
            "agent_id": task.agent.map { .identifier($0) },
            "state": .string(state.rawValue),
            "source": .string(StatusUpdate.Source.master.rawValue),
            "reason": .string(task.reason.rawValue),
            "message": .string(task.why),
            "timestamp": .seconds(instant),
        ])
    }

    /// The status of an operation that never was one.
    static func unfitStatus(_ operation: UnfitOperation, on agent: AgentID?) -> WireValue {
        .members([
            "operation_id": operation.id.map { .object(["value": .string($0)]) },
            "state": .string(OperationStatus.State.error.rawValue),
            "message": .string(operation.why),
            "agent_id": agent.map { .identifier($0) },
        ])
    }
}
