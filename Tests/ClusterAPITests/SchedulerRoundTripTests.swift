@testable import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Scheduler calls and events, both ways") struct SchedulerRoundTripTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    private func check(
        _ action: SchedulerCall.Action, is json: String? = nil, framework: Bool = true, line: Int = #line
    ) throws {
        let call = SchedulerCall(framework: framework ? samples.framework : nil, action)
        if let json {
            #expect(try call.value == parsed(#"{"framework_id":{"value":"m-0001"},"# + json + "}"), "line \(line)")
        }
        #expect(Conformance.faults(call.value, SchedulerCall.messageName).isEmpty, "line \(line)")
        for format in WireFormat.allCases {
            let bytes = WireCodec.encode(call.value, as: SchedulerCall.messageName, format)
            #expect(try SchedulerCall(bytes, format: format) == call, "line \(line), \(format)")
        }
    }

    @Test("calls about offers are written as the protocol has them, and read back")
    func offers() throws {
        let offers = [samples.offer]
        let five = OfferFilter.standard
        try check(.teardown, is: #""type":"TEARDOWN""#)
        try check(
            .decline(offers: offers, filter: five),
            is: #""decline":{"filters":{"refuse_seconds":5.0},"offer_ids":[{"value":"m-O7"}]},"type":"DECLINE""#)
        try check(
            .acceptInverseOffers(offers, filter: five),
            is: #""accept_inverse_offers":{"filters":{"refuse_seconds":5.0},"inverse_offer_ids":[{"value":"m-O7"}]},"#
                + #""type":"ACCEPT_INVERSE_OFFERS""#)
        try check(
            .declineInverseOffers(offers, filter: .none),
            is: #""decline_inverse_offers":{"filters":{"refuse_seconds":0.0},"inverse_offer_ids":[{"value":"m-O7"}]},"#
                + #""type":"DECLINE_INVERSE_OFFERS""#)
        try check(.revive([samples.role]), is: #""revive":{"roles":["eng/web"]},"type":"REVIVE""#)
        try check(.suppress([]), is: #""suppress":{},"type":"SUPPRESS""#)
        try check(.suppress(nil), is: #""suppress":{"roles":[""]},"type":"SUPPRESS""#)
        try check(
            .request([SchedulerCall.ResourceRequest(agent: samples.agent, resources: [])]),
            is: #""request":{"requests":[{"agent_id":{"value":"m-S0"}}]},"type":"REQUEST""#)
        try check(
            .accept(offers: offers, operations: [], filter: OfferFilter(refuseFor: .milliseconds(1_500))),
            is: #""accept":{"filters":{"refuse_seconds":1.5},"offer_ids":[{"value":"m-O7"}]},"type":"ACCEPT""#)
    }

    @Test("calls about tasks are written as the protocol has them, and read back")
    func tasks() throws {
        let task = SchedulerCall.TaskOfAgent(task: samples.task, agent: samples.agent)
        let operation = SchedulerCall.OperationOfAgent(
            operation: samples.operation, agent: samples.agent, provider: try ProviderID("P"))
        let ids = #""agent_id":{"value":"m-S0"},"executor_id":{"value":"pod"}"#
        let names = #""agent_id":{"value":"m-S0"},"operation_id":{"value":"op"},"resource_provider_id":{"value":"P"}"#
        let uuid = #""uuid":"AQIDBAUGBwgJCgsMDQ4PEA==""#
        try check(
            .kill(task, gracePeriod: .seconds(5)),
            is: #""kill":{"agent_id":{"value":"m-S0"},"kill_policy":{"grace_period":{"nanoseconds":5000000000}},"#
                + #""task_id":{"value":"web:1"}},"type":"KILL""#)
        try check(
            .kill(SchedulerCall.TaskOfAgent(task: samples.task), gracePeriod: nil),
            is: #""kill":{"task_id":{"value":"web:1"}},"type":"KILL""#)
        try check(.shutdown(samples.executor, agent: samples.agent), is: #""shutdown":{\#(ids)},"type":"SHUTDOWN""#)
        try check(
            .acknowledge(samples.key, task: samples.task, agent: samples.agent),
            is: #""acknowledge":{"agent_id":{"value":"m-S0"},"task_id":{"value":"web:1"},\#(uuid)},"#
                + #""type":"ACKNOWLEDGE""#)
        try check(
            .acknowledgeOperation(samples.key, operation),
            is: #""acknowledge_operation_status":{\#(names),\#(uuid)},"type":"ACKNOWLEDGE_OPERATION_STATUS""#)
        try check(
            .reconcile([task]),
            is: #""reconcile":{"tasks":[{"agent_id":{"value":"m-S0"},"task_id":{"value":"web:1"}}]},"#
                + #""type":"RECONCILE""#)
        try check(.reconcile([]), is: #""reconcile":{},"type":"RECONCILE""#)
        try check(
            .reconcileOperations([operation]),
            is: #""reconcile_operations":{"operations":[{\#(names)}]},"type":"RECONCILE_OPERATIONS""#)
        try check(
            .message([104, 105], executor: samples.executor, agent: samples.agent),
            is: #""message":{"agent_id":{"value":"m-S0"},"data":"aGk=","executor_id":{"value":"pod"}},"#
                + #""type":"MESSAGE""#)
    }

    private func subscription() throws -> Subscription {
        let predicates: [AttributeConstraint.Predicate] = [
            .exists, .notExists, .textEquals("a"), .textNotEquals("b"), .textMatches(try TextPattern("r[0-9]+")),
            .textNotMatches(try TextPattern("x")),
        ]
        let subjects: [AttributeConstraint.Subject] = [.attribute("rack"), .hostname, .region, .zone]
        let all = predicates.enumerated().map { AttributeConstraint(subjects[$0.offset % 4], $0.element) }
        let constraints = try OfferConstraints([samples.role: [.init(all), .init([all[0]])]])
        return Subscription(
            framework: FrameworkRequest(samples.frameworkInfo, isNew: false), suppressedRoles: [samples.role],
            constraints: constraints)
    }

    @Test("a subscription comes back whole, of a framework with an id or without, with one role or many")
    func subscribe() throws {
        var subscription = try subscription()
        try check(.subscribe(subscription))
        try check(.updateFramework(subscription))
        subscription.framework.id = nil
        try check(.subscribe(subscription), framework: false)
        subscription.framework.capabilities = [.partitionAware]
        try check(.subscribe(subscription), framework: false)
    }

    @Test("every operation comes back whole")
    func operations() throws {
        var grouped = samples.tasks[2]
        grouped.container = samples.nativeContainer
        let single = samples.tasks.filter { $0.groupCommand == nil }
        let actions: [OfferOperation.Action] =
            [.launch(single), .launchGroup(samples.podExecutor, [grouped])] + samples.changes.map { .change($0) }
        let operations = actions.enumerated().map { index, action in
            OfferOperation(id: index % 2 == 0 ? samples.operation : nil, action)
        }
        try check(.accept(offers: [samples.offer], operations: operations, filter: .standard))
    }

    private func check(
        _ event: SchedulerEvent, _ capabilities: Set<FrameworkInfo.Capability>, line: Int = #line
    ) throws {
        #expect(Conformance.faults(event.value(for: capabilities), SchedulerEvent.messageName).isEmpty, "line \(line)")
        for format in WireFormat.allCases {
            var reader = RecordReader(bytesMax: 1 << 20)
            let records = try reader.read(event.record(for: capabilities, format))
            #expect(records.count == 1)
            let read = try SchedulerEvent(records[0], of: samples.framework, format: format)
            #expect(read == event, "line \(line), \(format)")
        }
    }

    @Test("every event comes back whole", arguments: [[], [.reservationRefinement]] as [[FrameworkInfo.Capability]])
    func events(refinement: [FrameworkInfo.Capability]) throws {
        let capabilities = Set(refinement).union([.partitionAware])
        var status = samples.status
        // Protobuf has it as a double of seconds, which ends at a fifth of a microsecond.
        status.at = Instant(seconds: 1_790_000_000)
        let master = MasterInfo(id: "M", address: samples.address, version: "1.12.0")
        let offer = Offer(
            id: samples.offer, framework: samples.framework, agent: samples.agent, role: samples.role,
            address: samples.address, resources: samples.resources, attributes: samples.agentInfo.attributes,
            domain: samples.agentInfo.domain, executors: [samples.executor], unavailability: samples.unavailability)
        let inverse = InverseOffer(
            id: samples.offer, framework: samples.framework, agent: samples.agent, address: samples.address,
            unavailability: samples.unavailability, resources: samples.resources)
        let events: [SchedulerEvent] = [
            .subscribed(samples.framework, heartbeat: .seconds(15), master: master), .offers([offer, offer]),
            .inverseOffers([inverse]), .rescind(samples.offer), .rescindInverseOffer(samples.offer), .update(status),
            .updateOperation(samples.operationStatus),
            .message([0, 255], executor: samples.executor, agent: samples.agent), .agentLost(samples.agent),
            .executorLost(samples.executor, agent: samples.agent, status: -1), .error("no"), .heartbeat,
        ]
        for event in events { try check(event, capabilities) }
        var least = samples.leastStatus
        least.at = status.at
        try check(.update(least), capabilities)
        for checkStatus in samples.checkStatuses {
            status.checkStatus = checkStatus
            try check(.update(status), capabilities)
        }
    }

    @Test("times in JSON are exact to the nanosecond")
    func exact() throws {
        for nanoseconds in [0, 1, -1, 1_500_000_000, 1_790_000_000_123_456_789, .max, -1_000_000_001] as [Int64] {
            var status = samples.leastStatus
            status.at = Instant(nanoseconds: nanoseconds)
            let value = SchedulerEvent.update(status).value(for: [.partitionAware])
            #expect(try SchedulerEvent(value, of: samples.framework) == .update(status))
        }
    }

    @Test("an update before the framework is known, and what is no event, is refused")
    func refused() throws {
        let update = SchedulerEvent.update(samples.leastStatus).value(for: [])
        #expect(throws: Failure.self) { try SchedulerEvent(update, of: nil) }
        let failure = #expect(throws: Failure.self) { try SchedulerEvent(.object(["type": "DANCE"]), of: nil) }
        #expect(failure?.code == "api.event-unknown")
    }
}
