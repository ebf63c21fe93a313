public import ClusterModel
import Diagnostics

/// One thing to do with accepted offers.
public struct OfferOperation: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case launch([TaskRequest])
        case launchGroup(ExecutorRequest, [TaskRequest])
        /// `source`: what is reserved already and becomes something else.
        case reserve([Resource], source: [Resource])
        case unreserve([Resource])
        case create(volumes: [Resource])
        case destroy(volumes: [Resource])
        case grow(volume: Resource, by: Resource)
        case shrink(volume: Resource, by: Scalar)
        case createDisk(source: Resource, as: Disk.Source.Kind, profile: String?)
        case destroyDisk(source: Resource)
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
        case "RESERVE":
            let reserve = try part("reserve")
            action = .reserve(try reserve.resources("resources"), source: try reserve.resources("source"))
        case "UNRESERVE": action = .unreserve(try part("unreserve").resources("resources"))
        case "CREATE": action = .create(volumes: try part("create").resources("volumes"))
        case "DESTROY": action = .destroy(volumes: try part("destroy").resources("volumes"))
        case "GROW_VOLUME":
            let grow = try part("grow_volume")
            action = .grow(volume: try grow.part("volume").resource(), by: try grow.part("addition").resource())
        case "SHRINK_VOLUME":
            let shrink = try part("shrink_volume")
            action = .shrink(volume: try shrink.part("volume").resource(), by: try shrink.part("subtract").scalar())
        case "CREATE_DISK":
            let create = try part("create_disk")
            let kind = try create.required("target_type", create.choice("target_type", of: Disk.Source.Kind.self))
            action = .createDisk(
                source: try create.part("source").resource(), as: kind, profile: try create.string("target_profile"))
        case "DESTROY_DISK": action = .destroyDisk(source: try part("destroy_disk").part("source").resource())
        default: throw invalid("type", "there is no operation '\(type)'")
        }
        return OfferOperation(id: try identifier("id"), action)
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
        _ name: String, framework: FrameworkID, executor: ExecutorRequest?
    ) throws(Failure) -> [TaskRequest] {
        var tasks: [TaskRequest] = []
        for task in try objects(name) { tasks.append(try task.task(framework: framework, executor: executor)) }
        return tasks
    }
}
