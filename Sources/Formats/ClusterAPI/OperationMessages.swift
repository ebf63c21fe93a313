public import ClusterModel
import Diagnostics

/// One thing to do with accepted offers.
public struct OfferOperation: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case launch([TaskSpec])
        case launchGroup(ExecutorSpec, [TaskSpec])
        case change(ResourceOperation)
        /// Could be read but not be meant: nothing of it is done.
        case unfit(UnfitOperation)
    }
    /// Set when the framework wants to hear how it went.
    public var id: OperationID?
    public var action: Action
    /// Tasks of it that could be read but not be meant. None of them is among the action's.
    public var unfitTasks: [UnfitTask]

    public init(id: OperationID? = nil, _ action: Action, unfitTasks: [UnfitTask] = []) {
        self.id = id
        self.action = action
        self.unfitTasks = unfitTasks
    }
}

extension WireObject {
    /// An operation, a task or a task group that cannot be meant is unfit, and so nothing but itself is refused.
    ///
    /// - Throws: `Failure` for what is not of the protocol's types.
    func operation(framework: FrameworkID) throws(Failure) -> OfferOperation {
        do throws(Failure) {
            return try fitOperation(framework: framework)
        } catch {
            return try unfitOperation(because: error)
        }
    }

    private func fitOperation(framework: FrameworkID) throws(Failure) -> OfferOperation {
        let id: OperationID? = try identifier("id")
        let type = try required("type", string("type"))
        switch type {
        case "LAUNCH": return try part("launch").launch(id, framework: framework)
        case "LAUNCH_GROUP": return OfferOperation(id: id, try part("launch_group").launchGroup(framework: framework))
        default:
            for lists in WireObject.resourceLists where lists.type == type {
                try object(lists.part)?.checkCount(of: lists.list, atMost: WireObject.resourcesMax)
            }
            guard let change = try resourceOperation(type) else {
                throw invalid("type", "there is no operation '\(type)'")
            }
            return OfferOperation(id: id, .change(change))
        }
    }

    private static let resourceLists: [(type: String, part: String, list: String)] = [
        ("RESERVE", "reserve", "resources"), ("RESERVE", "reserve", "source"), ("UNRESERVE", "unreserve", "resources"),
        ("CREATE", "create", "volumes"), ("DESTROY", "destroy", "volumes"),
    ]

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

    private func launch(_ id: OperationID?, framework: FrameworkID) throws(Failure) -> OfferOperation {
        var tasks: [TaskSpec] = []
        var unfit: [UnfitTask] = []
        for task in try objects("task_infos") {
            do throws(Failure) {
                tasks.append(try task.task(framework: framework))
            } catch {
                guard error.isAboutMeaning else { throw error }
                unfit.append(try task.unfitTask(.taskInvalid, because: error.description))
            }
        }
        return OfferOperation(id: id, .launch(tasks), unfitTasks: unfit)
    }

    private func launchGroup(framework: FrameworkID) throws(Failure) -> OfferOperation.Action {
        let brought = try part("executor")
        try brought.checkCount(of: "resources", atMost: WireObject.resourcesMax)
        let executor = try brought.executor(framework: framework)
        var tasks: [TaskSpec] = []
        for task in try part("task_group").objects("tasks") {
            tasks.append(try task.task(framework: framework, executor: executor))
        }
        guard !tasks.isEmpty else { throw invalid("task_group", "there are no tasks in it") }
        return .launchGroup(executor, tasks)
    }
}
