import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

private func call(_ json: String) throws(Failure) -> SchedulerCall { try SchedulerCall(parsed(json)) }
private let resource = #"{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}"#
private let task =
    #"{"name":"n","task_id":{"value":"1:0:1"},"agent_id":{"value":"S"},"resources":[\#(resource)],"command":{"#
    + #""value":"x"}}"#

@Suite("Scheduler calls") struct SchedulerCallTests {
    private let framework: FrameworkID
    private let agent: AgentID
    private let task1: TaskID

    init() throws {
        framework = try FrameworkID("F")
        agent = try AgentID("S")
        task1 = try TaskID("T")
    }

    @Test("a subscription is read with everything in it")
    func subscribe() throws {
        let read = try call(
            #"""
            {"type":"SUBSCRIBE","framework_id":{"value":"F"},"subscribe":{"framework_info":{"user":"u","name":"n",
            "id":{"value":"F"},"roles":["a","b"],"failover_timeout":100.0,"checkpoint":true,"hostname":"",
            "webui_url":"",
            "principal":"p","capabilities":[{"type":"MULTI_ROLE"},{"type":"FROM_THE_FUTURE"}],"future":{"x":1},
            "labels":{"labels":[{"key":"k","value":"v"}]},"offer_filters":{"a":{"min_allocatable_resources":
            {"quantities":[{"quantities":{"cpus":{"value":1}}}]}}}},"suppressed_roles":["a"],"offer_constraints":
            {"role_constraints":{"a":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"rack"},
            "predicate":{"text_equals":{"value":"r1"}}}]}]}}}}}
            """#)
        guard case .subscribe(let subscription) = read.action else {
            Issue.record("not a subscription")
            return
        }
        let a = try RoleName("a")
        let info = subscription.framework.info(as: framework)
        #expect(read.framework == framework)
        #expect(
            info
                == FrameworkInfo(
                    id: framework, name: "n", user: "u", roles: [a, try RoleName("b")], capabilities: [.multiRole],
                    failoverTimeout: .seconds(100), checkpoint: true, principal: "p", labels: [Label("k", "v")],
                    minimumOffers: [a: MinimumOffer(anyOf: [["cpus": Scalar(1)]])]))
        #expect(subscription.suppressedRoles == [a])
        let constraint = AttributeConstraint(.attribute("rack"), .textEquals("r1"))
        #expect(subscription.constraints == (try OfferConstraints([a: [OfferConstraints.Group([constraint])]])))
    }

    @Test("the least a client may say of itself is enough, and nulls are nothing")
    func subscribeLeast() throws {
        let read = try call(
            #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n","user":"","capabilities":null,"#
                + #""role":"*"}}}"#
        )
        guard case .subscribe(let subscription) = read.action else {
            Issue.record("not a subscription")
            return
        }
        #expect(read.framework == nil)
        #expect(subscription.framework.id == nil)
        #expect(subscription.framework.roles == [.anyone])
        #expect(subscription.framework.user == "root")
        #expect(subscription.framework.capabilities.isEmpty)
        #expect(subscription.constraints == .none)
    }

    @Test("an empty framework id is none, and a failover timeout below zero is zero")
    func subscribeLenient() throws {
        for own in ["", #","id":{"value":""}"#] {
            let read = try call(
                #"{"type":"SUBSCRIBE","framework_id":{"value":""},"subscribe":{"framework_info":{"name":"n","#
                    + #""user":"u","failover_timeout":-3\#(own)}}}"#)
            guard case .subscribe(let subscription) = read.action else {
                Issue.record("not a subscription")
                return
            }
            #expect(read.framework == nil && subscription.framework.id == nil)
            #expect(subscription.framework.failoverTimeout == .zero)
        }
    }

    private func check(_ json: String, _ action: SchedulerCall.Action, line: Int = #line) throws {
        let read = try call(#"{"framework_id":{"value":"F"},"# + json + "}")
        #expect(read.action == action, "line \(line)")
        #expect(read.framework == framework)
    }

    @Test("calls about offers and roles are read")
    func offers() throws {
        let offer = try OfferID("O1")
        try check(#""type":"TEARDOWN""#, .teardown)
        try check(#""type":"REVIVE""#, .revive([]))
        try check(#""type":"REVIVE","revive":{"roles":["*"]}"#, .revive([.anyone]))
        try check(#""type":"SUPPRESS","suppress":{"roles":"*"}"#, .suppress([.anyone]))
        try check(#""type":"REVIVE","revive":{"roles":["a","a//b"]}"#, .revive(nil))
        try check(#""type":"SUPPRESS","suppress":{"roles":["-a"]}"#, .suppress(nil))
        try check(
            #""type":"DECLINE","decline":{"offer_ids":[{"value":"O1"}],"filters":{"refuse_seconds":4294967295}}"#,
            .decline(offers: [offer], filter: OfferFilter(refuseFor: OfferFilter.refuseMax)))
        try check(
            #""type":"DECLINE","decline":{"offer_ids":{"value":"O1"}}"#, .decline(offers: [offer], filter: .standard))
        try check(
            #""type":"ACCEPT_INVERSE_OFFERS","accept_inverse_offers":{"inverse_offer_ids":[{"value":"O1"}]}"#,
            .acceptInverseOffers([offer], filter: .standard))
        try check(
            #""type":"DECLINE_INVERSE_OFFERS","decline_inverse_offers":{"inverse_offer_ids":[{"value":"O1"}]}"#,
            .declineInverseOffers([offer], filter: .standard))
        try check(
            #""type":"REQUEST","request":{"requests":[{"agent_id":{"value":"S"},"resources":[\#(resource)]}]}"#,
            .request([
                SchedulerCall.ResourceRequest(
                    agent: agent, resources: [Resource("cpus", .scalar(Scalar(thousandths: 500)))])
            ]))
    }

    @Test("calls about tasks and operations are read")
    func tasks() throws {
        let executor = try ExecutorID("E")
        let id = UpdateID(high: 0, low: 1)
        let uuid = "AAAAAAAAAAAAAAAAAAAAAQ=="
        let named = SchedulerCall.TaskOfAgent(task: task1, agent: agent)
        let bare = SchedulerCall.TaskOfAgent(task: task1, agent: nil)
        let operation = SchedulerCall.OperationOfAgent(operation: try OperationID("op"), agent: agent, provider: nil)
        let ids = #""task_id":{"value":"T"},"agent_id":{"value":"S"}"#
        try check(#""type":"KILL","kill":{"task_id":{"value":"T"}}"#, .kill(bare, gracePeriod: nil))
        try check(
            #""type":"KILL","kill":{\#(ids),"kill_policy":{"grace_period":{"nanoseconds":5000000000}}}"#,
            .kill(named, gracePeriod: .seconds(5)))
        try check(
            #""type":"SHUTDOWN","shutdown":{"executor_id":{"value":"E"},"agent_id":{"value":"S"}}"#,
            .shutdown(executor, agent: agent))
        try check(
            #""type":"ACKNOWLEDGE","acknowledge":{\#(ids),"uuid":"\#(uuid)"}"#,
            .acknowledge(id, task: task1, agent: agent))
        try check(
            #""type":"ACKNOWLEDGE_OPERATION_STATUS","acknowledge_operation_status":{"agent_id":{"value":"S"},"#
                + #""uuid":"\#(uuid)","operation_id":{"value":"op"}}"#, .acknowledgeOperation(id, operation))
        try check(#""type":"RECONCILE","reconcile":{}"#, .reconcile([]))
        try check(
            #""type":"RECONCILE","reconcile":{"tasks":[{\#(ids)},{"task_id":{"value":"T"},"agent_id":{"value":""}}]}"#,
            .reconcile([named, bare]))
        try check(
            #""type":"RECONCILE_OPERATIONS","reconcile_operations":{"operations":[{"operation_id":{"value":"op"},"#
                + #""agent_id":{"value":"S"}}]}"#, .reconcileOperations([operation]))
        try check(
            #""type":"MESSAGE","message":{"agent_id":{"value":"S"},"executor_id":{"value":"E"},"data":"aGk="}"#,
            .message(Array("hi".utf8), executor: executor, agent: agent))
        let update = try call(
            #"{"framework_id":{"value":"F"},"type":"UPDATE_FRAMEWORK","update_framework":{"framework_info":"#
                + #"{"id":{"value":"F"},"name":"n","user":"u"}}}"#)
        guard case .updateFramework(let subscription) = update.action else {
            Issue.record("not an update")
            return
        }
        #expect(subscription.framework.id == framework)
    }

    private func operations(_ json: String) throws -> [OfferOperation] {
        let read = try call(
            #"{"framework_id":{"value":"F"},"type":"ACCEPT","accept":{"offer_ids":[{"value":"O1"}],"#
                + #""operations":[\#(json)]}}"#
        )
        guard case .accept(_, let operations, _) = read.action else { return [] }
        return operations
    }

    @Test("a task is read with its command, limits and what only the agent reads")
    func launch() throws {
        let json = #"""
            {"type":"LAUNCH","launch":{"task_infos":[{"name":"n","task_id":{"value":"1:0:1"},"agent_id":{"value":"S"},
            "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}],"limits":{"cpus":{"value":"Infinity"},
            "mem":{"value":64}},"command":{"shell":"false","value":"/bin/true","arguments":["true","-x"],"user":"u",
            "uris":[{"value":"http://h/f","extract":false}],"environment":{"variables":[{"name":"A","value":"b"},
            {"name":"B","type":"SECRET","secret":{"type":"REFERENCE","reference":{"name":"s","key":"k"}}}]}},
            "container":{"type":"MESOS"},"kill_policy":{"grace_period":{"nanoseconds":1}},"data":"aGk="}]}}
            """#
        let command = CommandSpec(
            .execute(path: "/bin/true", arguments: ["true", "-x"]),
            environment: [
                CommandSpec.EnvironmentVariable("A", .text("b")),
                CommandSpec.EnvironmentVariable("B", .secret(name: "s", key: "k")),
            ], fetches: [CommandSpec.Fetch("http://h/f", isExtracted: false)], user: "u")
        let spec = TaskSpec(
            id: try TaskID("1:0:1"), name: "n", agent: agent, resources: [Resource("cpus", .scalar(Scalar(1)))],
            limits: ["cpus": .infinite, "mem": .atMost(Scalar(64))], runner: .command(command),
            killGracePeriod: .nanoseconds(1), data: Array("hi".utf8), container: ContainerSpec())
        let read = try operations(json)
        guard case .launch(let tasks) = read.first?.action else {
            Issue.record("not a launch")
            return
        }
        #expect(tasks == [spec])
    }

    @Test("a task group is read under its executor")
    func group() throws {
        let read = try operations(
            #"{"type":"LAUNCH_GROUP","launch_group":{"executor":{"type":"DEFAULT","executor_id":{"value":"E"}},"#
                + #""task_group":{"tasks":[\#(task)]}}}"#)
        guard case .launchGroup(let executor, let tasks) = read.first?.action else {
            Issue.record("not a group")
            return
        }
        #expect(executor == ExecutorSpec(id: try ExecutorID("E"), framework: framework, kind: .standard))
        #expect(tasks.map(\.runner) == [.executor(executor)])
        #expect(tasks.map(\.groupCommand) == [CommandSpec(.shell("x"))])
    }

    @Test("operations on resources are read")
    func resourceOperations() throws {
        let half = Resource("cpus", .scalar(Scalar(thousandths: 500)))
        let expected: [(String, OfferOperation.Action)] = [
            (#""RESERVE","reserve":{"resources":[\#(resource)]}"#, .change(.reserve([half], source: []))),
            (#""UNRESERVE","unreserve":{"resources":[\#(resource)]}"#, .change(.unreserve([half]))),
            (#""CREATE","create":{"volumes":[\#(resource)]}"#, .change(.create(volumes: [half]))),
            (#""DESTROY","destroy":{"volumes":\#(resource)}"#, .change(.destroy(volumes: [half]))),
            (
                #""GROW_VOLUME","grow_volume":{"volume":\#(resource),"addition":\#(resource)}"#,
                .change(.grow(volume: half, by: half))
            ),
            (
                #""SHRINK_VOLUME","shrink_volume":{"volume":\#(resource),"subtract":{"value":64}}"#,
                .change(.shrink(volume: half, by: Scalar(64)))
            ),
            (
                #""CREATE_DISK","create_disk":{"source":\#(resource),"target_type":"MOUNT"}"#,
                .change(.createDisk(source: half, as: .mount, profile: nil))
            ),
            (#""DESTROY_DISK","destroy_disk":{"source":\#(resource)}"#, .change(.destroyDisk(source: half))),
        ]
        for (json, action) in expected {
            let read = try operations(#"{"id":{"value":"op"},"type":"# + json + "}")
            #expect(read == [OfferOperation(id: try OperationID("op"), action)])
        }
    }
}
