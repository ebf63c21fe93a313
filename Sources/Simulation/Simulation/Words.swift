import ClusterAPI
import ClusterModel

// Short words for the trace. Nothing in them may depend on the order of a set or a dictionary.

extension MasterMessage {
    var short: String {
        switch self {
        case .registered(let id, _, _): "registered as \(id)"
        case .refused(let why, let isFinal): "refused\(isFinal ? " for good" : ""): \(why)"
        case .runTask(let spec, _, let starts): "run \(spec.id)\(starts == true ? " with its executor" : "")"
        case .runGroup(let specs, let executor, _, let starts):
            "run \(specs.map(\.id.text).joined(separator: ",")) \(starts == true ? "with" : "under") \(executor.id)"
        case .kill(let task, _): "kill \(task.task)"
        case .shutdownExecutor(let id, _): "shut executor \(id) down"
        case .shutdownFramework(let id): "shut framework \(id) down"
        case .message: "message"
        case .acknowledge(let id, let task): "acknowledge \(task.task) \(id.short)"
        case .acknowledgeOperation(_, let key): "acknowledge operation \(key.short)"
        case .apply(let order): "apply \(order.change.short) \(order.key.short)"
        case .updateFramework(let info): "framework \(info.id) has changed"
        case .drain: "drain"
        case .cancelDrain: "cancel drain"
        case .reconcile(let tasks): "reconcile \(tasks.map(\.task.text).joined(separator: ","))"
        case .ping: "ping"
        case .shutdown(let why): "shut down: \(why)"
        }
    }
}

extension AgentMessage {
    var short: String {
        switch self {
        case .register(let registration): "register \(registration.id?.text ?? "new")"
        case .status(let update, let latest): "\(update.short), latest \(latest.rawValue)"
        case .executorLost(let id, let framework, let status): "executor \(id) of \(framework) lost, \(status)"
        case .message: "message"
        case .operation(let status, let key, _): "operation \(key.short) \(status.state.rawValue)"
        case .resources: "resources"
        case .pong: "pong"
        }
    }
}

extension SchedulerEvent {
    var short: String {
        switch self {
        case .subscribed(let id, _, let master): "subscribed as \(id) to \(master.id)"
        case .offers(let offers): "offers \(offers.map { "\($0.id) of \($0.agent)" }.joined(separator: ", "))"
        case .inverseOffers(let offers): "inverse offers \(offers.map(\.id.text).joined(separator: ", "))"
        case .rescind(let id): "rescind \(id)"
        case .rescindInverseOffer(let id): "rescind inverse \(id)"
        case .update(let update): update.short
        case .updateOperation(let status): "operation \(status.operation?.text ?? "-") \(status.state.rawValue)"
        case .unfitTask(let task, let state, _): "unfit task \(task.id) \(state.rawValue)"
        case .unfitOperation(let operation, _): "unfit operation \(operation.id ?? "-")"
        case .message: "message"
        case .agentLost(let id): "agent \(id) lost"
        case .executorLost(let id, let agent, let status): "executor \(id) on \(agent) lost, \(status)"
        case .error(let why): "error: \(why)"
        case .heartbeat: "heartbeat"
        }
    }
}

extension StatusUpdate {
    var short: String {
        "\(task) \(state.rawValue) \(id?.short ?? "-")\(reason.map { " " + $0.rawValue } ?? "")"
    }
}

extension UpdateID {
    var short: String { String(high & 0xffff_ffff, radix: 16) }
}

extension ResourceOperation {
    var short: String {
        switch self {
        case .reserve: "reserve"
        case .unreserve: "unreserve"
        case .create: "create"
        case .destroy: "destroy"
        case .grow: "grow"
        case .shrink: "shrink"
        case .createDisk: "create disk"
        case .destroyDisk: "destroy disk"
        }
    }
}

extension SchedulerCall.Action {
    var short: String {
        switch self {
        case .subscribe: "subscribe"
        case .updateFramework: "update framework"
        case .teardown: "teardown"
        case .accept(let offers, _, _): "accept \(offers.map(\.text).joined(separator: ","))"
        case .decline(let offers, _): "decline \(offers.map(\.text).joined(separator: ","))"
        case .acceptInverseOffers: "accept inverse offers"
        case .declineInverseOffers: "decline inverse offers"
        case .revive: "revive"
        case .suppress: "suppress"
        case .kill(let task, _): "kill \(task.task)"
        case .shutdown(let id, _): "shut executor \(id) down"
        case .acknowledge(let id, let task, _): "acknowledge \(task) \(id.short)"
        case .acknowledgeOperation: "acknowledge operation"
        case .reconcile(let tasks): "reconcile \(tasks.map(\.task.text).joined(separator: ","))"
        case .reconcileOperations: "reconcile operations"
        case .message: "message"
        case .request: "request"
        }
    }
}

extension ExecutorEvent {
    var short: String {
        switch self {
        case .subscribed: "subscribed"
        case .launch(let spec): "launch \(spec.id)"
        case .launchGroup(let specs): "launch \(specs.map(\.id.text).joined(separator: ","))"
        case .kill(let task, _): "kill \(task)"
        case .acknowledged(let id, let task): "acknowledged \(task) \(id.short)"
        case .message: "message"
        case .error(let why): "error: \(why)"
        case .shutdown: "shutdown"
        case .heartbeat: "heartbeat"
        }
    }
}
