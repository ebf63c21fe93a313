public import ClusterModel
import Diagnostics

/// One thing to do with accepted offers.
public struct OfferOperation: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case launch([TaskSpec])
        case launchGroup(ExecutorSpec, [TaskSpec])
        case change(ResourceOperation)
    }
    /// Set when the framework wants to hear how it went.
    public var id: OperationID?
    public var action: Action

    public init(id: OperationID? = nil, _ action: Action) {
        self.id = id
        self.action = action
    }
}

extension WireObject {
    func operation(framework: FrameworkID) throws(Failure) -> OfferOperation {
        let type = try required("type", string("type"))
        let action: OfferOperation.Action
        switch type {
        case "LAUNCH":
            action = .launch(try part("launch").tasks("task_infos", framework: framework, executor: nil))
        case "LAUNCH_GROUP": action = try part("launch_group").launchGroup(framework: framework)
        default:
            guard let change = try resourceOperation(type) else {
                throw invalid("type", "there is no operation '\(type)'")
            }
            action = .change(change)
        }
        return OfferOperation(id: try identifier("id"), action)
    }

    /// Nil when `type` is no operation on resources.
    func resourceOperation(_ type: String) throws(Failure) -> ResourceOperation? {
        switch type {
        case "RESERVE":
            let reserve = try part("reserve")
            return .reserve(try reserve.resources("resources"), source: try reserve.resources("source"))
        case "UNRESERVE": return .unreserve(try part("unreserve").resources("resources"))
        case "CREATE": return .create(volumes: try part("create").resources("volumes"))
        case "DESTROY": return .destroy(volumes: try part("destroy").resources("volumes"))
        case "GROW_VOLUME":
            let grow = try part("grow_volume")
            return .grow(volume: try grow.part("volume").resource(), by: try grow.part("addition").resource())
        case "SHRINK_VOLUME":
            let shrink = try part("shrink_volume")
            return .shrink(volume: try shrink.part("volume").resource(), by: try shrink.part("subtract").scalar())
        case "CREATE_DISK":
            let create = try part("create_disk")
            let kind = try create.required("target_type", create.choice("target_type", of: Disk.Source.Kind.self))
            return .createDisk(
                source: try create.part("source").resource(), as: kind, profile: try create.string("target_profile"))
        case "DESTROY_DISK": return .destroyDisk(source: try part("destroy_disk").part("source").resource())
        default: return nil
        }
    }

    /// The member that must be there.
    func part(_ name: String) throws(Failure) -> WireObject { try required(name, object(name)) }

    private func launchGroup(framework: FrameworkID) throws(Failure) -> OfferOperation.Action {
        let executor = try part("executor").executor(framework: framework)
        let tasks = try part("task_group").tasks("tasks", framework: framework, executor: executor)
        guard !tasks.isEmpty else { throw invalid("task_group", "there are no tasks in it") }
        return .launchGroup(executor, tasks)
    }

    private func tasks(
        _ name: String, framework: FrameworkID, executor: ExecutorSpec?
    ) throws(Failure) -> [TaskSpec] {
        var tasks: [TaskSpec] = []
        for task in try objects(name) { tasks.append(try task.task(framework: framework, executor: executor)) }
        return tasks
    }
}
