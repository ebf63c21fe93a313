import ClusterAPI
import ClusterModel
import Containers
import Determinism
public import Diagnostics

/// Reading the journal back. A record of a type that is not known stops the start: a newer agent wrote it, and what it
/// meant cannot be guessed.
extension AgentRecord {
    /// The journal's records are the agent's own: as long as the journal lets them be.
    private static let bounds = WireBounds(bytes: 64 << 20, depth: 96, values: 8_000_000)

    /// A batch as `encode` wrote it.
    ///
    /// - Throws: `Failure` `journal.decode`, `journal.record-unknown`, or the codes of the protocol's own values.
    public static func decode(_ bytes: [UInt8]) throws(Failure) -> [AgentRecord] {
        guard let objects = try WireObject.list(parsing: bytes, bounds) else {
            throw Failure("journal.decode", doing: "read a record", cause: "it is not an array")
        }
        var records: [AgentRecord] = []
        records.reserveCapacity(objects.count)
        for object in objects { records.append(try AgentRecord(object)) }
        return records
    }

    private init(_ record: WireObject) throws(Failure) {
        let type = try record.required("type", record.string("type"))
        if type == "DRAIN_CANCELLED" {
            self = .drainCancelled
            return
        }
        let content = try record.required("content", record.object("content"))
        if let read = try Self.aboutWork(type, content) {
            self = read
        } else if let read = try Self.aboutAgent(type, content) {
            self = read
        } else {
            throw Failure(
                "journal.record-unknown", doing: "read the journal", on: type,
                cause: "this version of the agent does not know such records",
                remedy: "start the version that wrote the journal, or a newer one")
        }
    }

    private static func aboutAgent(_ type: String, _ content: WireObject) throws(Failure) -> AgentRecord? {
        switch type {
        case "BOOTED": return .booted(try content.required("boot_id", content.string("boot_id")))
        case "CONFIGURED": return .configured(try content.identity())
        case "KEYED": return .keyed(try content.required("key", content.agentKey("key")))
        case "ADMITTED": return .admitted(try content.needed("agent_id"))
        case "FRAMEWORK_SEEN": return .frameworkSeen(try content.frameworkInfo())
        case "FRAMEWORK_SHUT_DOWN": return .frameworkShutDown(try content.needed("framework_id"))
        case "FRAMEWORK_FORGOTTEN": return .frameworkForgotten(try content.needed("framework_id"))
        case "TOTALS_CHANGED": return .totalsChanged(try content.resources("resources"))
        case "OPERATION_ACCEPTED": return .operationAccepted(try content.order())
        case "OPERATION_ENDED":
            let report = try content.operationReport()
            return .operationEnded(key: report.order.key, report.status)
        case "OPERATION_FORGOTTEN": return .operationForgotten(key: try content.key("key"))
        case "DRAIN_ORDERED":
            let drain = try content.wholeDrain()
            return .drainOrdered(drain.configuration, at: try content.required("started", drain.startedAt))
        case "SANDBOX_ENDED":
            return .sandboxEnded(
                path: try content.required("path", content.string("path")), at: try content.moment("at"))
        case "SANDBOX_COLLECTED":
            return .sandboxCollected(path: try content.required("path", content.string("path")))
        default: return nil
        }
    }

    private static func aboutWork(_ type: String, _ content: WireObject) throws(Failure) -> AgentRecord? {
        switch type {
        case "EXECUTOR_ADDED": return .executorAdded(try content.executorRun())
        case "EXECUTOR_ENDING": return .executorEnding(try content.containerID("container"), try content.ordered())
        case "EXECUTOR_FORGOTTEN": return .executorForgotten(try content.containerID("container"))
        case "TASK_ACCEPTED": return .taskAccepted(try content.taskRun())
        case "TASK_ENDING": return .taskEnding(try content.member("task").reference(), try content.ordered())
        case "TASK_DELIVERED": return .taskDelivered(try content.member("task").reference())
        case "CONTAINER_PLANNED": return .containerPlanned(try content.containerRun())
        case "CONTAINER_LAUNCHED":
            return .containerLaunched(
                try content.containerID("container"), at: try content.moment("at"),
                try content.member("running").runningContainer())
        case "CONTAINER_ENDED":
            return .containerEnded(try content.containerID("container"), try content.exit("exit"))
        case "CONTAINER_FORGOTTEN": return .containerForgotten(try content.containerID("container"))
        case "UPDATE_ADDED": return .updateAdded(try content.update())
        case "UPDATE_ACKNOWLEDGED":
            return .updateAcknowledged(try content.member("task").reference(), try content.key("uuid"))
        case "STREAM_KEPT":
            var ids: [UpdateID] = []
            for text in try content.strings("acknowledged") { ids.append(try content.key("acknowledged", text)) }
            return .streamKept(try content.member("task").reference(), acknowledged: ids)
        case "UPDATE_KEPT": return .updateKept(try content.update())
        default: return nil
        }
    }
}

extension WireObject {
    fileprivate func member(_ name: String) throws(Failure) -> WireObject { try required(name, object(name)) }

    fileprivate func needed<Kind: IdentifierKind>(_ name: String) throws(Failure) -> Identifier<Kind> {
        try required(name, identifier(name))
    }

    fileprivate func moment(_ name: String) throws(Failure) -> Instant { try required(name, instant(name)) }

    fileprivate func containerID(_ name: String) throws(Failure) -> ContainerID {
        try ContainerID(required(name, string(name)))
    }

    fileprivate func key(_ name: String) throws(Failure) -> UpdateID { try key(name, required(name, string(name))) }

    /// The 32 hexadecimal digits of an update's id.
    fileprivate func key(_ name: String, _ text: String) throws(Failure) -> UpdateID {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { throw invalid(name, "it is not an id") }
        return UpdateID(high: high, low: low)
    }

    fileprivate func exit(_ name: String) throws(Failure) -> ContainerExit {
        try WireCoding.decoded(ContainerExit.self, from: required(name, value(name)))
    }

    fileprivate func identity() throws(Failure) -> AgentIdentity {
        var domain: FaultDomain?
        if let place = try object("domain") {
            domain = FaultDomain(
                region: try place.required("region", place.string("region")),
                zone: try place.required("zone", place.string("zone")))
        }
        return AgentIdentity(
            hostname: try required("hostname", string("hostname")), resources: try resources("resources"),
            attributes: try attributes("attributes"), domain: domain)
    }

    fileprivate func executorRun() throws(Failure) -> ExecutorRun {
        ExecutorRun(
            spec: try member("report").executorReport().spec, container: try containerID("container"),
            sandbox: try required("sandbox", string("sandbox")), ending: try object("ending")?.killOrder())
    }

    fileprivate func ordered() throws(Failure) -> KillOrder { try member("order").killOrder() }

    fileprivate func killOrder() throws(Failure) -> KillOrder {
        let name = try required("cause", string("cause"))
        let detail = try string("detail") ?? ""
        let cause: KillOrder.Cause
        switch name {
        case "framework": cause = .framework
        case "frameworkRemoved": cause = .frameworkRemoved
        case "draining": cause = .draining
        case "group": cause = .group(try TaskID(detail))
        case "unhealthy": cause = .unhealthy(detail)
        case "completionTime": cause = .completionTime
        case "executorShutdown": cause = .executorShutdown
        case "executorEnded": cause = .executorEnded(detail)
        case "executorNotLaunched": cause = .executorNotLaunched(detail)
        case "executorUnregistered":
            cause = detail.isEmpty ? .executorUnregistered : .executorUnreachable(detail)
        case "executorUnreturned": cause = .executorUnreturned
        case "limitsRefused": cause = .limitsRefused(detail)
        case "unneeded": cause = .unneeded
        case "agentShutdown": cause = .agentShutdown(detail)
        case "operatorCall": cause = .operatorCall
        default: throw invalid("cause", "there is no cause '\(name)'")
        }
        return KillOrder(cause, deadline: try moment("deadline"))
    }

    fileprivate func taskRun() throws(Failure) -> TaskRun {
        let report = try member("report").taskReport()
        var run = TaskRun(
            framework: report.framework, spec: report.spec, place: try member("place").place(),
            arrivedAt: try moment("arrived"))
        run.state = report.state
        run.statuses = report.statuses
        run.ending = try object("ending")?.killOrder()
        run.isDelivered = try bool("delivered") ?? false
        run.isHealthy = try bool("healthy")
        run.checkStatus = try object("check")?.checkStatus()
        return run
    }

    private func place() throws(Failure) -> TaskRun.Place {
        let container = try string("container") == nil ? nil : containerID("container")
        let executor = try string("executor") == nil ? nil : containerID("executor")
        let group = try integer("group", as: UInt64.self)
        switch (container, executor) {
        case (let container?, let executor?):
            return .member(container, of: executor, group: try required("group", group))
        case (let container?, nil): return .container(container)
        case (nil, let executor?): return .executor(executor, group: group)
        case (nil, nil): throw invalid("container", "the task is nowhere")
        }
    }

    fileprivate func runningContainer() throws(Failure) -> RunningContainer {
        RunningContainer(
            pid: try integer("pid"), addresses: try strings("addresses"), unenforced: try strings("unenforced"))
    }

    fileprivate func containerRun() throws(Failure) -> ContainerRun {
        let purpose: ContainerRun.Purpose
        if let task = try object("task") {
            purpose = .task(try task.reference())
        } else if let executor = try object("executor") {
            purpose = .executor(ExecutorKey(try executor.needed("framework_id"), try executor.needed("executor_id")))
        } else {
            purpose = .ordered
        }
        let phase: ContainerRun.Phase
        if has("exit") {
            phase = .ended(try exit("exit"))
        } else if has("launched") {
            phase = .launched(at: try moment("launched"), try member("running").runningContainer())
        } else {
            phase = .planned
        }
        return ContainerRun(
            purpose: purpose, path: try required("path", containerPath("path")),
            launch: try WireCoding.decoded(ContainerLaunch.self, from: required("launch", value("launch"))),
            sandbox: try member("sandbox").sandboxOrder(), fetches: try member("fetches").command().fetches,
            phase: phase)
    }

    private func sandboxOrder() throws(Failure) -> SandboxOrder {
        var order = SandboxOrder(
            path: try required("path", string("path")), user: try string("user"),
            directories: try strings("directories"))
        for link in try objects("links") {
            order.links.append(
                SandboxOrder.Link(
                    path: try link.required("path", link.string("path")),
                    target: try link.required("target", link.string("target"))))
        }
        return order
    }
}
