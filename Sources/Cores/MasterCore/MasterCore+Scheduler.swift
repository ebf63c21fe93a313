import ClusterAPI
import ClusterModel
import Determinism

/// Calls of schedulers: who may call, and where each goes.
extension MasterCore {
    mutating func schedulerCall(
        _ request: SchedulerCall, _ call: CallID, on stream: StreamID?, by principal: String?, at now: Instant
    ) {
        for name in request.action.counterNames { counters.schedulerCalls[name, default: 0] += 1 }
        if case .subscribe(let subscription) = request.action {
            guard stream == nil else {
                answer(call, .invalid("Subscribe calls should not include the 'Mesos-Stream-Id' header"))
                return
            }
            subscribe(call, subscription, by: principal, at: now)
            return
        }
        // Counted before it is looked at: what a record holds is copied when it is changed while somebody looks.
        guard let framework = request.framework,
            frameworks.change(framework, { $0.counters.countCall(request.action) }) != nil,
            let record = frameworks[framework]
        else {
            answer(call, .invalid("Framework cannot be found"))
            return
        }
        if let refusal = refusal(of: record, on: stream, by: principal) {
            answer(call, refusal)
            return
        }
        perform(request.action, of: framework, call, by: principal, at: now)
    }

    private func refusal(of record: FrameworkRecord, on stream: StreamID?, by principal: String?) -> CallAnswer? {
        if let principal, let owner = record.info.principal, !principal.isSame(as: owner) {
            return .invalid(
                "Framework principal '\(owner)' does not match the authenticated principal '\(principal)'")
        }
        guard let current = record.stream, !record.isBeingRemoved else {
            return .forbidden("Framework is not subscribed")
        }
        guard let stream else {
            return .invalid("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        }
        if stream != current {
            return .invalid("The stream ID '\(stream)' does not belong to the framework's current subscription")
        }
        return nil
    }

    private mutating func perform(
        _ action: SchedulerCall.Action, of framework: FrameworkID, _ call: CallID, by principal: String?,
        at now: Instant
    ) {
        switch action {
        case .subscribe: return
        case .updateFramework(let subscription):
            update(framework, subscription, call, by: principal, at: now)
            return
        case .teardown:
            remove(framework, for: .teardown, call, at: now)
            return
        default: break
        }
        if let refusal = refusal(of: action) {
            answer(call, .invalid(refusal))
            return
        }
        answer(call, .accepted)
        switch action {
        case .accept(let offers, let operations, let filter):
            accept(offers, operations, filter, of: framework, by: principal, at: now)
        case .decline(let offers, let filter): decline(offers, filter, of: framework, at: now)
        case .acceptInverseOffers(let offers, let filter):
            answerInverse(offers, .accepted, filter, of: framework, at: now)
        case .declineInverseOffers(let offers, let filter):
            answerInverse(offers, .declined, filter, of: framework, at: now)
        case .revive(let roles): revive(framework, roles, at: now)
        case .suppress(let roles): suppress(framework, roles)
        case .kill(let task, let gracePeriod): kill(framework, task, gracePeriod: gracePeriod, at: now)
        case .shutdown(let executor, let agent): shutdown(executor, of: framework, on: agent)
        case .acknowledge(let id, let task, let agent):
            acknowledge(id, TaskReference(framework: framework, task: task), agent: agent, at: now)
        case .acknowledgeOperation(let id, let operation): acknowledge(id, operation, of: framework, at: now)
        case .reconcile(let tasks): reconcile(framework, tasks, at: now)
        case .reconcileOperations(let operations): reconcile(framework, operations)
        case .message(let data, let executor, let agent): message(data, to: executor, of: framework, on: agent)
        // The allocator offers what there is to whoever is next: asking changes nothing.
        case .request, .subscribe, .updateFramework, .teardown: break
        }
    }

    /// What asks for more than a call may.
    private func refusal(of action: SchedulerCall.Action) -> String? {
        let limits = configuration.limits
        switch action {
        case .accept(let offers, let operations, _):
            if offers.count > limits.offersInCallMax { return "More than \(limits.offersInCallMax) offers in a call" }
            if operations.count > limits.operationsInCallMax {
                return "More than \(limits.operationsInCallMax) operations in a call"
            }
            let tasks = operations.reduce(0) { $0 + $1.tasks.count + $1.unfitTasks.count }
            if tasks > limits.tasksInCallMax { return "More than \(limits.tasksInCallMax) tasks in a call" }
            if operations.reduce(0, { $0 + $1.resourcePairs }) > limits.resourcePairsInCallMax {
                return "The tasks and operations of the call have too many resources: send them in several calls"
            }
        case .message(let data, _, _):
            if data.count > limits.messageBytesMax { return "More than \(limits.messageBytesMax) bytes in a message" }
        case .decline(let offers, _):
            if offers.count > limits.offersInCallMax { return "More than \(limits.offersInCallMax) offers in a call" }
        case .reconcile(let tasks):
            if tasks.count > limits.tasksInCallMax { return "More than \(limits.tasksInCallMax) tasks in a call" }
        default: break
        }
        return nil
    }

    // MARK: Wishes for offers

    private mutating func revive(_ framework: FrameworkID, _ roles: [RoleName]?, at now: Instant) {
        guard let meant = own(roles, of: framework) else { return }
        for role in meant { frameworks[framework]?.suppressedRoles.remove(role) }
        allocator.revive(framework, roles: meant)
        // What it is asked to give back is in no role: whichever it names, it may be asked again.
        forgetInverseRefusals(of: framework)
        offerInverse(to: framework, at: now)
        wantAllocation()
    }

    private mutating func suppress(_ framework: FrameworkID, _ roles: [RoleName]?) {
        guard let meant = own(roles, of: framework) else { return }
        for role in meant { frameworks[framework]?.suppressedRoles.insert(role) }
        allocator.suppress(framework, roles: meant)
    }

    /// The roles that are meant: all of the framework's when none is named. Nil when one is not the framework's, or is
    /// no role at all: the call is done for all it names or for nothing.
    private mutating func own(_ roles: [RoleName]?, of framework: FrameworkID) -> [RoleName]? {
        guard let record = frameworks[framework] else { return nil }
        guard let roles, roles.allSatisfy(record.info.roles.contains) else {
            note(
                "framework.not-in-role", "A framework names a role it is not in; its call is dropped", level: .warning,
                ["framework": framework.text])
            return nil
        }
        return roles.isEmpty ? record.info.roles : roles
    }
}

extension OfferOperation {
    var tasks: [TaskSpec] {
        switch action {
        case .launch(let tasks): tasks
        case .launchGroup(_, let tasks): tasks
        case .change, .unfit: []
        }
    }

    /// How many comparisons its lists of resources may take.
    var resourcePairs: Int {
        var lists = tasks.flatMap { [$0.resources.count, $0.executorResources.count] }
        switch action {
        case .launch, .unfit: break
        case .launchGroup(let executor, _): lists.append(executor.resources.count)
        case .change(.reserve(let resources, let source)): lists += [resources.count, source.count]
        case .change(.unreserve(let resources)), .change(.create(let resources)), .change(.destroy(let resources)):
            lists.append(resources.count)
        case .change: break
        }
        return lists.reduce(0) { $0 + $1 * $1 }
    }
}

extension SchedulerCall.Action {
    /// As metrics name it, and what it does by the names from before there were calls.
    var counterNames: [String] {
        switch self {
        case .subscribe(let subscription):
            [counterName, subscription.framework.id == nil ? "register_framework" : "reregister_framework"]
        case .accept(_, let operations, _):
            [counterName] + operations.compactMap { operation -> String? in
                guard case .launch(let tasks) = operation.action else { return nil }
                return tasks.isEmpty && operation.unfitTasks.isEmpty ? "decline_offers" : "launch_tasks"
            }
        default: [counterName]
        }
    }

    private var counterName: String {
        switch self {
        case .subscribe: "subscribe"
        case .updateFramework: "update_framework"
        case .teardown: "teardown"
        case .accept: "accept"
        case .decline: "decline_offers"
        case .acceptInverseOffers: "accept_inverse_offers"
        case .declineInverseOffers: "decline_inverse_offers"
        case .revive: "revive_offers"
        case .suppress: "suppress_offers"
        case .kill: "kill_task"
        case .shutdown: "shutdown"
        case .acknowledge: "status_update_acknowledgement"
        case .acknowledgeOperation: "operation_status_update_acknowledgement"
        case .reconcile: "reconcile_tasks"
        case .reconcileOperations: "reconcile_operations"
        case .message: "framework_to_executor"
        case .request: "resource_request"
        }
    }
}
