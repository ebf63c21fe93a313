public import ClusterModel
public import Diagnostics

/// A call of the scheduler API, `POST /api/v1/scheduler`: read, complete, and with ids that are fit to be names.
/// Whether what it asks for can be done is for the master to say.
public struct SchedulerCall: Hashable, Sendable {
    public struct TaskOfAgent: Hashable, Sendable {
        public var task: TaskID
        public var agent: AgentID?

        public init(task: TaskID, agent: AgentID? = nil) {
            self.task = task
            self.agent = agent
        }
    }

    public struct OperationOfAgent: Hashable, Sendable {
        public var operation: OperationID
        public var agent: AgentID?
        public var provider: ProviderID?

        public init(operation: OperationID, agent: AgentID? = nil, provider: ProviderID? = nil) {
            self.operation = operation
            self.agent = agent
            self.provider = provider
        }
    }

    /// An allocator may ignore it, and ours does.
    public struct ResourceRequest: Hashable, Sendable {
        public var agent: AgentID?
        public var resources: [Resource]

        public init(agent: AgentID?, resources: [Resource]) {
            self.agent = agent
            self.resources = resources
        }
    }

    public enum Action: Hashable, Sendable {
        case subscribe(Subscription)
        case updateFramework(Subscription)
        case teardown
        case accept(offers: [OfferID], operations: [OfferOperation], filter: OfferFilter)
        case decline(offers: [OfferID], filter: OfferFilter)
        case acceptInverseOffers([OfferID], filter: OfferFilter)
        case declineInverseOffers([OfferID], filter: OfferFilter)
        /// No roles: all of them. Nil: one cannot be a role, and so the call is for nothing, which is no error.
        case revive([RoleName]?)
        case suppress([RoleName]?)
        case kill(TaskOfAgent, gracePeriod: Duration?)
        case shutdown(ExecutorID, agent: AgentID)
        case acknowledge(UpdateID, task: TaskID, agent: AgentID)
        case acknowledgeOperation(UpdateID, OperationOfAgent)
        /// No tasks: all of them.
        case reconcile([TaskOfAgent])
        case reconcileOperations([OperationOfAgent])
        case message([UInt8], executor: ExecutorID, agent: AgentID)
        case request([ResourceRequest])
    }

    /// Nil only for a SUBSCRIBE that leaves the choice to the master.
    public var framework: FrameworkID?
    public var action: Action

    public init(framework: FrameworkID?, _ action: Action) {
        self.framework = framework
        self.action = action
    }

    /// The message of the protocol that carries it.
    public static let messageName = "mesos.v1.scheduler.Call"

    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no call, with the member at fault as the field; `api.call-unknown` for the type UNKNOWN, which is
    ///   answered with 501. What of an ACCEPT can be read but not be meant is in the call, as unfit.
    public init(
        _ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard
    ) throws(Failure) {
        try self.init(WireCodec.decode(body, as: SchedulerCall.messageName, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let call = try WireObject(value)
        let type = try call.required("type", call.string("type"))
        if type == "SUBSCRIBE" {
            let subscribe = try call.part("subscribe")
            // As texts, and first: two that differ are answered otherwise than two that are no identifier.
            guard try call.idText("framework_id") == subscribe.part("framework_info").idText("id") else {
                throw call.invalid("framework_id", "it differs from subscribe.framework_info.id")
            }
            let subscription = try subscribe.subscription()
            framework = subscription.framework.id
            action = .subscribe(subscription)
        } else {
            let framework: FrameworkID = try call.required("framework_id", call.identifier("framework_id"))
            self.framework = framework
            action = try call.action(type, of: framework)
        }
    }
}

extension WireObject {
    fileprivate func action(_ type: String, of framework: FrameworkID) throws(Failure) -> SchedulerCall.Action {
        switch type {
        case "TEARDOWN": return .teardown
        case "UPDATE_FRAMEWORK": return try update(of: framework)
        case "ACCEPT": return try part("accept").accept(framework)
        case "DECLINE":
            let decline = try part("decline")
            return .decline(offers: try decline.identifiers("offer_ids"), filter: try decline.filter())
        case "ACCEPT_INVERSE_OFFERS":
            let accept = try part("accept_inverse_offers")
            return .acceptInverseOffers(try accept.identifiers("inverse_offer_ids"), filter: try accept.filter())
        case "DECLINE_INVERSE_OFFERS":
            let decline = try part("decline_inverse_offers")
            return .declineInverseOffers(try decline.identifiers("inverse_offer_ids"), filter: try decline.filter())
        case "REVIVE": return .revive(try meantRoles("revive"))
        case "SUPPRESS": return .suppress(try meantRoles("suppress"))
        case "REQUEST": return .request(try part("request").resourceRequests())
        default: return try taskAction(type)
        }
    }

    private func taskAction(_ type: String) throws(Failure) -> SchedulerCall.Action {
        switch type {
        case "KILL":
            let kill = try part("kill")
            return .kill(try kill.taskOfAgent(), gracePeriod: try kill.object("kill_policy")?.duration("grace_period"))
        case "SHUTDOWN":
            let shutdown = try part("shutdown")
            return .shutdown(try shutdown.name("executor_id"), agent: try shutdown.name("agent_id"))
        case "ACKNOWLEDGE":
            let acknowledge = try part("acknowledge")
            return .acknowledge(
                try acknowledge.updateID(), task: try acknowledge.name("task_id"),
                agent: try acknowledge.name("agent_id"))
        case "ACKNOWLEDGE_OPERATION_STATUS":
            let acknowledge = try part("acknowledge_operation_status")
            return .acknowledgeOperation(try acknowledge.updateID(), try acknowledge.operationOfAgent())
        case "RECONCILE":
            var tasks: [SchedulerCall.TaskOfAgent] = []
            for task in try part("reconcile").objects("tasks") { tasks.append(try task.taskOfAgent()) }
            return .reconcile(tasks)
        case "RECONCILE_OPERATIONS":
            var operations: [SchedulerCall.OperationOfAgent] = []
            for operation in try part("reconcile_operations").objects("operations") {
                operations.append(try operation.operationOfAgent())
            }
            return .reconcileOperations(operations)
        case "MESSAGE":
            let message = try part("message")
            return .message(
                try message.required("data", message.bytes("data")), executor: try message.name("executor_id"),
                agent: try message.name("agent_id"))
        default: throw WireObject.unknownCall(type, of: "scheduler API")
        }
    }

    private func update(of framework: FrameworkID) throws(Failure) -> SchedulerCall.Action {
        let update = try part("update_framework")
        let subscription = try update.subscription()
        guard subscription.framework.id == framework else {
            throw update.invalid("framework_info.id", "it differs from framework_id")
        }
        return .updateFramework(subscription)
    }

    private func accept(_ framework: FrameworkID) throws(Failure) -> SchedulerCall.Action {
        var operations: [OfferOperation] = []
        for operation in try objects("operations") { operations.append(try operation.operation(framework: framework)) }
        return .accept(offers: try identifiers("offer_ids"), operations: operations, filter: try filter())
    }

    /// Nil: one of them cannot be a role. Who sends such a call is not told so, by the protocol.
    private func meantRoles(_ member: String) throws(Failure) -> [RoleName]? {
        guard let wish = try object(member) else { return [] }
        try wish.checkCount(of: "roles", atMost: WireObject.rolesMax)
        var roles: [RoleName] = []
        var met: Set<RoleName> = []
        for text in try wish.strings("roles") {
            let role: RoleName
            do throws(Failure) { role = try RoleName(text) } catch { return nil }
            if met.insert(role).inserted { roles.append(role) }
        }
        return roles
    }

    private func filter() throws(Failure) -> OfferFilter {
        OfferFilter(refuseSeconds: try object("filters")?.double("refuse_seconds"))
    }

    private func resourceRequests() throws(Failure) -> [SchedulerCall.ResourceRequest] {
        var requests: [SchedulerCall.ResourceRequest] = []
        for request in try objects("requests") {
            requests.append(
                SchedulerCall.ResourceRequest(
                    agent: try request.identifier("agent_id"), resources: try request.resources("resources")))
        }
        return requests
    }

    func name<Kind: IdentifierKind>(_ name: String) throws(Failure) -> Identifier<Kind> {
        try required(name, identifier(name))
    }

    /// pymesos leaves the agent out, others send an empty one.
    private func taskOfAgent() throws(Failure) -> SchedulerCall.TaskOfAgent {
        let agent: AgentID? = try object("agent_id")?.string("value") == "" ? nil : try identifier("agent_id")
        return SchedulerCall.TaskOfAgent(task: try name("task_id"), agent: agent)
    }

    private func operationOfAgent() throws(Failure) -> SchedulerCall.OperationOfAgent {
        SchedulerCall.OperationOfAgent(
            operation: try name("operation_id"), agent: try identifier("agent_id"),
            provider: try identifier("resource_provider_id"))
    }

    func updateID(_ name: String = "uuid") throws(Failure) -> UpdateID {
        guard let id = UpdateID(bytes: try required(name, bytes(name))) else {
            throw invalid(name, "it is not 16 bytes")
        }
        return id
    }
}
