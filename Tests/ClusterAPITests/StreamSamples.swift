import ClusterAPI
import ClusterModel
import Determinism

/// What goes over the schedulers' and the executors' streams, every call and event, complete and bare.
extension ClusterSamples {
    /// Protobuf has times as doubles of seconds, which end at a fifth of a microsecond.
    var wholeSecond: Instant { Instant(seconds: 1_790_000_000) }

    var wholeStatus: StatusUpdate {
        var status = status
        status.at = wholeSecond
        return status
    }

    func subscription(isNew: Bool) throws -> Subscription {
        let constraint = AttributeConstraint(.attribute("rack"), .textMatches(try TextPattern("r[0-9]+")))
        var request = FrameworkRequest(frameworkInfo, isNew: false)
        if isNew { request.id = nil }
        return Subscription(
            framework: request, suppressedRoles: isNew ? [] : [role],
            constraints: try OfferConstraints(isNew ? [:] : [role: [.init([constraint])]]))
    }

    func schedulerCalls() throws -> [SchedulerCall] {
        let ofTask = SchedulerCall.TaskOfAgent(task: task, agent: agent)
        let ofOperation = SchedulerCall.OperationOfAgent(
            operation: operation, agent: agent, provider: try ProviderID("P"))
        var grouped = tasks[2]
        grouped.container = nativeContainer
        let kinds: [OfferOperation.Action] =
            [.launch(tasks.filter { $0.groupCommand == nil }), .launchGroup(podExecutor, [grouped])]
            + changes.map { .change($0) }
        let operations = kinds.enumerated().map { index, action in
            OfferOperation(id: index % 2 == 0 ? operation : nil, action)
        }
        let actions: [SchedulerCall.Action] = [
            .subscribe(try subscription(isNew: false)), .updateFramework(try subscription(isNew: false)), .teardown,
            .accept(offers: [offer], operations: operations, filter: .standard),
            .accept(offers: [offer], operations: [], filter: OfferFilter(refuseFor: .milliseconds(1_500))),
            .decline(offers: [offer], filter: .standard), .acceptInverseOffers([offer], filter: .standard),
            .declineInverseOffers([offer], filter: .none), .revive([role]), .revive([]), .suppress([role]),
            .suppress([]), .kill(ofTask, gracePeriod: .seconds(5)), .kill(.init(task: task), gracePeriod: nil),
            .shutdown(executor, agent: agent), .acknowledge(key, task: task, agent: agent),
            .acknowledgeOperation(key, ofOperation), .reconcile([ofTask]), .reconcile([]),
            .reconcileOperations([ofOperation]), .message([0, 255], executor: executor, agent: agent),
            .request([SchedulerCall.ResourceRequest(agent: agent, resources: resources)]),
        ]
        return [SchedulerCall(framework: nil, .subscribe(try subscription(isNew: true)))]
            + actions.map { SchedulerCall(framework: framework, $0) }
    }

    var schedulerEvents: [SchedulerEvent] {
        let master = MasterInfo(id: "M", address: address, version: "1.12.0")
        let inverse = InverseOffer(
            id: offer, framework: framework, agent: agent, unavailability: unavailability, resources: resources)
        let checked = checkStatuses.map { check in
            var status = wholeStatus
            status.checkStatus = check
            return SchedulerEvent.update(status)
        }
        return [
            .subscribed(framework, heartbeat: .seconds(15), master: master), .offers([offerValue, offerValue]),
            .inverseOffers([inverse]), .rescind(offer), .rescindInverseOffer(offer), .update(wholeStatus),
            .updateOperation(operationStatus), .message([0, 255], executor: executor, agent: agent),
            .agentLost(agent), .executorLost(executor, agent: agent, status: -1), .error("no"), .heartbeat,
        ] + checked
    }

    var executorCalls: [ExecutorCall] {
        let actions: [ExecutorCall.Action] = [
            .subscribe(tasks: tasks, updates: [wholeStatus]), .subscribe(tasks: [], updates: []),
            .update(wholeStatus), .message([0, 255]), .heartbeat,
        ]
        return actions.map { ExecutorCall(framework: framework, executor: executor, $0) }
    }

    var executorEvents: [ExecutorEvent] {
        var agent = agentInfo
        agent.capabilities = []
        agent.address = NetworkAddress(hostname: "h", port: 5_051)
        return [
            .subscribed(executorSpec, framework: frameworkInfo, agent: agent, container: container),
            .subscribed(podExecutor, framework: frameworkInfo, agent: agent, container: nil),
        ] + tasks.map { .launch($0) } + [
            .launchGroup(tasks), .kill(task, gracePeriod: nil), .kill(task, gracePeriod: .seconds(5)),
            .acknowledged(key, task: task), .message([0, 255]), .error("no"), .shutdown, .heartbeat,
        ]
    }
}
