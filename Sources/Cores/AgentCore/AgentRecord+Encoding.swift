public import ClusterAPI
import ClusterModel
import Containers
import Determinism
public import Diagnostics

/// Records as the journal keeps them: a JSON array for each batch, so that a batch is there whole or not at all.
extension AgentRecord {
    /// - Throws: `Failure` `journal.encode`, for what cannot be written; nothing of the agent's own is.
    public static func encode(_ batch: [AgentRecord]) throws(Failure) -> [UInt8] {
        var values: [WireValue] = []
        values.reserveCapacity(batch.count)
        for record in batch { values.append(try record.value()) }
        return WireValue.array(values).bytes
    }

    /// `{"type": "ADMITTED", "content": …}`.
    public func value() throws(Failure) -> WireValue {
        let (type, content) = try parts()
        return .members(["type": .string(type), "content": content])
    }

    private func parts() throws(Failure) -> (String, WireValue?) {
        switch self {
        case .booted(let id): return ("BOOTED", .object(["boot_id": .string(id)]))
        case .configured(let identity): return ("CONFIGURED", identity.value)
        case .keyed(let key): return ("KEYED", .object(["key": .agentKey(key)]))
        case .admitted(let id): return ("ADMITTED", .object(["agent_id": .identifier(id)]))
        case .frameworkSeen(let info): return ("FRAMEWORK_SEEN", .framework(info))
        case .frameworkShutDown(let id): return ("FRAMEWORK_SHUT_DOWN", .object(["framework_id": .identifier(id)]))
        case .frameworkForgotten(let id): return ("FRAMEWORK_FORGOTTEN", .object(["framework_id": .identifier(id)]))
        case .executorAdded(let run): return ("EXECUTOR_ADDED", run.value)
        case .executorEnding(let id, let order):
            return ("EXECUTOR_ENDING", .object(["container": .string(id.text), "order": order.value]))
        case .executorForgotten(let id): return ("EXECUTOR_FORGOTTEN", .object(["container": .string(id.text)]))
        case .taskAccepted(let run): return ("TASK_ACCEPTED", run.value)
        case .taskEnding(let task, let order):
            return ("TASK_ENDING", .object(["task": .reference(task), "order": order.value]))
        case .taskDelivered(let task): return ("TASK_DELIVERED", .object(["task": .reference(task)]))
        default: return try laterParts()
        }
    }

    private func laterParts() throws(Failure) -> (String, WireValue?) {
        switch self {
        case .containerPlanned(let run): return ("CONTAINER_PLANNED", try run.value())
        case .containerLaunched(let id, let at, let info):
            return (
                "CONTAINER_LAUNCHED",
                .object(["container": .string(id.text), "at": .instant(at), "running": info.value])
            )
        case .containerEnded(let id, let exit):
            return (
                "CONTAINER_ENDED", .object(["container": .string(id.text), "exit": try WireCoding.value(exit)])
            )
        case .containerForgotten(let id): return ("CONTAINER_FORGOTTEN", .object(["container": .string(id.text)]))
        case .updateAdded(let update): return ("UPDATE_ADDED", .update(update))
        case .updateAcknowledged(let task, let id):
            return ("UPDATE_ACKNOWLEDGED", .object(["task": .reference(task), "uuid": .key(id)]))
        case .streamKept(let task, let ids):
            return ("STREAM_KEPT", .members(["task": .reference(task), "acknowledged": .array(ids.map(WireValue.key))]))
        case .updateKept(let update): return ("UPDATE_KEPT", .update(update))
        case .totalsChanged(let totals):
            return ("TOTALS_CHANGED", .members(["resources": .resources(totals, .stacked)]))
        case .operationAccepted(let order): return ("OPERATION_ACCEPTED", .order(order))
        case .operationEnded(let key, let status):
            let report = OperationReport(order: OperationOrder(key: key, change: .unreserve([])), status: status)
            return ("OPERATION_ENDED", .operationReport(report))
        case .operationForgotten(let key): return ("OPERATION_FORGOTTEN", .object(["key": .key(key)]))
        case .drainOrdered(let order, let at):
            return ("DRAIN_ORDERED", .wholeDrain(DrainInfo(state: .draining, configuration: order, startedAt: at)))
        case .drainCancelled: return ("DRAIN_CANCELLED", nil)
        case .sandboxEnded(let path, let at):
            return ("SANDBOX_ENDED", .object(["path": .string(path), "at": .instant(at)]))
        default: return ("SANDBOX_COLLECTED", sandboxContent)
        }
    }

    private var sandboxContent: WireValue? {
        guard case .sandboxCollected(let path) = self else { return nil }
        return .object(["path": .string(path)])
    }
}

extension WireValue {
    static func key(_ id: UpdateID) -> WireValue { .string(id.description) }
}

// MARK: - What records carry

extension AgentIdentity {
    var value: WireValue {
        var members: [String: WireValue] = [
            "hostname": .string(hostname), "resources": .resources(resources, .stacked),
            "attributes": .array(attributes.map(WireValue.attribute)),
        ]
        if let domain { members["domain"] = .object(["region": .string(domain.region), "zone": .string(domain.zone)]) }
        return .object(members)
    }
}

extension ExecutorRun {
    var value: WireValue {
        .members([
            // Secrets are never written down (decision 0085).
            "report": .executorReport(ExecutorReport(spec.withoutSecrets)), "container": .string(container.text),
            "sandbox": .string(sandbox), "ending": ending.map(\.value),
        ])
    }
}

extension KillOrder {
    var value: WireValue {
        let (name, detail) = cause.parts
        return .members([
            "cause": .string(name), "detail": detail.map { .string($0) }, "deadline": .instant(deadline),
        ])
    }
}

extension KillOrder.Cause {
    var parts: (name: String, detail: String?) {
        switch self {
        case .framework: ("framework", nil)
        case .frameworkRemoved: ("frameworkRemoved", nil)
        case .draining: ("draining", nil)
        case .group(let task): ("group", task.text)
        case .unhealthy(let why): ("unhealthy", why)
        case .completionTime: ("completionTime", nil)
        case .executorShutdown: ("executorShutdown", nil)
        case .executorEnded(let why): ("executorEnded", why)
        case .executorNotLaunched(let why): ("executorNotLaunched", why)
        // As agents of before 0.3 know it, who leave the detail out.
        case .executorUnreachable(let why): ("executorUnregistered", why)
        case .executorUnregistered: ("executorUnregistered", nil)
        case .executorUnreturned: ("executorUnreturned", nil)
        case .limitsRefused(let why): ("limitsRefused", why)
        case .unneeded: ("unneeded", nil)
        case .agentShutdown(let why): ("agentShutdown", why)
        case .operatorCall: ("operatorCall", nil)
        }
    }
}

extension TaskRun {
    var value: WireValue {
        let report = TaskReport(framework: framework, spec: spec.withoutSecrets, state: state, statuses: statuses)
        return .members([
            "report": .taskReport(report), "place": place.value, "arrived": .instant(arrivedAt),
            "ending": ending.map(\.value), "delivered": .bool(isDelivered),
            "healthy": isHealthy.map { .bool($0) }, "check": checkStatus.map(WireValue.checkStatus),
        ])
    }
}

extension TaskRun.Place {
    var value: WireValue {
        switch self {
        case .container(let id): .object(["container": .string(id.text)])
        case .member(let id, let executor, let group):
            .object([
                "container": .string(id.text), "executor": .string(executor.text), "group": .number(group),
            ])
        case .executor(let executor, let group):
            .members(["executor": .string(executor.text), "group": group.map { .number($0) }])
        }
    }
}

extension RunningContainer {
    var value: WireValue {
        .members([
            "pid": pid.map { .number($0) }, "addresses": .array(addresses.map { .string($0) }),
            "unenforced": .array(unenforced.map { .string($0) }),
        ])
    }
}

extension ContainerRun {
    func value() throws(Failure) -> WireValue {
        let command = CommandSpec(.execute(path: nil, arguments: []), fetches: fetches)
        var members: [String: WireValue] = [
            "path": .containerPath(path), "launch": try WireCoding.value(launch), "sandbox": sandbox.value,
            "fetches": .command(command),
        ]
        switch purpose {
        case .task(let task): members["task"] = .reference(task)
        case .executor(let key):
            members["executor"] = .object([
                "framework_id": .identifier(key.framework), "executor_id": .identifier(key.executor),
            ])
        case .ordered: break
        }
        switch phase {
        case .planned: break
        case .launched(let at, let info):
            members["launched"] = .instant(at)
            members["running"] = info.value
        case .ended(let exit): members["exit"] = try WireCoding.value(exit)
        }
        return .object(members)
    }
}

extension SandboxOrder {
    var value: WireValue {
        .members([
            "path": .string(path), "user": user.map { .string($0) },
            "directories": .array(directories.map { .string($0) }),
            "links": .array(links.map { .object(["path": .string($0.path), "target": .string($0.target)]) }),
        ])
    }
}
