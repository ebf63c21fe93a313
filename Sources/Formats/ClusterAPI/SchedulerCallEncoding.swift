public import ClusterModel

extension SchedulerCall {
    /// As a client sends it. Reservations are stacked: a framework without RESERVATION_REFINEMENT uses `value(_:)`.
    public var value: WireValue { value(.stacked) }

    public func value(_ form: ReservationForm) -> WireValue {
        let (type, member, content) = parts(form)
        return .members([
            "type": .string(type), "framework_id": framework.map { .identifier($0) }, member: content,
        ])
    }

    private func parts(_ form: ReservationForm) -> (type: String, member: String, content: WireValue?) {
        switch action {
        case .subscribe(let subscription): ("SUBSCRIBE", "subscribe", .subscription(subscription))
        case .updateFramework(let subscription): ("UPDATE_FRAMEWORK", "update_framework", .subscription(subscription))
        case .teardown: ("TEARDOWN", "teardown", nil)
        case .accept(let offers, let operations, let filter):
            ("ACCEPT", "accept", .answer("offer_ids", offers, filter, operations.map { .operation($0, form) }))
        case .decline(let offers, let filter): ("DECLINE", "decline", .answer("offer_ids", offers, filter))
        case .acceptInverseOffers(let offers, let filter):
            ("ACCEPT_INVERSE_OFFERS", "accept_inverse_offers", .answer("inverse_offer_ids", offers, filter))
        case .declineInverseOffers(let offers, let filter):
            ("DECLINE_INVERSE_OFFERS", "decline_inverse_offers", .answer("inverse_offer_ids", offers, filter))
        case .revive(let roles): ("REVIVE", "revive", .meantRoles(roles))
        case .suppress(let roles): ("SUPPRESS", "suppress", .meantRoles(roles))
        case .request(let requests):
            ("REQUEST", "request", .members(["requests": .array(requests.map { .request($0, form) })]))
        case .kill(let task, let gracePeriod):
            ("KILL", "kill", .taskOfAgent(task, policy: gracePeriod.map(WireValue.killPolicy)))
        case .shutdown(let executor, let agent):
            ("SHUTDOWN", "shutdown", .object(["executor_id": .identifier(executor), "agent_id": .identifier(agent)]))
        case .acknowledge(let id, let task, let agent):
            ("ACKNOWLEDGE", "acknowledge", .acknowledgement(id, task, agent))
        case .acknowledgeOperation(let id, let operation):
            ("ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status", .operationOfAgent(operation, id: id))
        case .reconcile(let tasks):
            ("RECONCILE", "reconcile", .members(["tasks": .array(tasks.map { .taskOfAgent($0) })]))
        case .reconcileOperations(let operations):
            ("RECONCILE_OPERATIONS", "reconcile_operations", .operationsOfAgents(operations))
        case .message(let data, let executor, let agent): ("MESSAGE", "message", .message(data, executor, agent))
        }
    }
}

extension WireValue {
    fileprivate static func roles(_ roles: [RoleName]) -> WireValue { .array(roles.map { .string($0.text) }) }

    /// What could not be read is written as what cannot be read either.
    fileprivate static func meantRoles(_ roles: [RoleName]?) -> WireValue {
        guard let roles else { return .object(["roles": .array([.string("")])]) }
        return .members(["roles": .roles(roles)])
    }

    fileprivate static func answer(
        _ member: String, _ offers: [OfferID], _ filter: OfferFilter, _ operations: [WireValue] = []
    ) -> WireValue {
        let filters = WireValue.object(["refuse_seconds": .number(filter.refuseFor.decimalSeconds)])
        return .members([member: .identifiers(offers), "operations": .array(operations), "filters": filters])
    }

    private static func identifiers<Kind>(_ identifiers: [Identifier<Kind>]) -> WireValue {
        .array(identifiers.map { .identifier($0) })
    }

    fileprivate static func acknowledgement(_ id: UpdateID, _ task: TaskID, _ agent: AgentID) -> WireValue {
        .object(["uuid": .base64(id.bytes), "task_id": .identifier(task), "agent_id": .identifier(agent)])
    }

    fileprivate static func request(_ request: SchedulerCall.ResourceRequest, _ form: ReservationForm) -> WireValue {
        .members([
            "agent_id": request.agent.map { .identifier($0) }, "resources": .resources(request.resources, form),
        ])
    }

    fileprivate static func taskOfAgent(_ task: SchedulerCall.TaskOfAgent, policy: WireValue? = nil) -> WireValue {
        .members([
            "task_id": .identifier(task.task), "agent_id": task.agent.map { .identifier($0) }, "kill_policy": policy,
        ])
    }

    fileprivate static func operationsOfAgents(_ operations: [SchedulerCall.OperationOfAgent]) -> WireValue {
        .members(["operations": .array(operations.map { .operationOfAgent($0) })])
    }

    fileprivate static func operationOfAgent(
        _ operation: SchedulerCall.OperationOfAgent, id: UpdateID? = nil
    ) -> WireValue {
        .members([
            "operation_id": .identifier(operation.operation), "agent_id": operation.agent.map { .identifier($0) },
            "resource_provider_id": operation.provider.map { .identifier($0) }, "uuid": id.map { .base64($0.bytes) },
        ])
    }
}

// MARK: - Operations

extension WireValue {
    public static func operation(_ operation: OfferOperation, _ form: ReservationForm) -> WireValue {
        var value: WireValue =
            switch operation.action {
            case .launch(let tasks):
                .object(["type": "LAUNCH", "launch": .members(["task_infos": .array(tasks.map { .task($0, form) })])])
            case .launchGroup(let executor, let tasks):
                .object(["type": "LAUNCH_GROUP", "launch_group": .launchGroup(executor, tasks, form)])
            case .change(let change): .change(change, form)
            // Nobody sends one: it is what was made of another.
            case .unfit(let unfit):
                .members([
                    "type": .string("UNKNOWN"), "id": unfit.id.map { .object(["value": .string($0)]) },
                ])
            }
        if let id = operation.id, case .object(var members) = value {
            members["id"] = .identifier(id)
            value = .object(members)
        }
        return value
    }

    /// The tasks of a group leave their executor out: it stands beside them.
    private static func launchGroup(
        _ executor: ExecutorSpec, _ tasks: [TaskSpec], _ form: ReservationForm
    ) -> WireValue {
        let list = tasks.map { task in
            var value = WireValue.task(task, form)
            if case .object(var members) = value {
                members["executor"] = nil
                value = .object(members)
            }
            return value
        }
        return .object([
            "executor": .executor(executor, form), "task_group": .members(["tasks": .array(list)]),
        ])
    }
}

// MARK: - Subscriptions

extension WireValue {
    fileprivate static func subscription(_ subscription: Subscription) -> WireValue {
        .members([
            "framework_info": .framework(subscription.framework),
            "suppressed_roles": .roles(subscription.suppressedRoles),
            "offer_constraints": constraints(subscription.constraints),
        ])
    }

    /// Nil without any.
    public static func constraints(_ constraints: OfferConstraints) -> WireValue? {
        guard !constraints.groups.isEmpty else { return nil }
        var roles: [String: WireValue] = [:]
        for (role, groups) in constraints.groups {
            let list = groups.map { group in
                WireValue.members(["attribute_constraints": .array(group.all.map(WireValue.constraint))])
            }
            roles[role.text] = .members(["groups": .array(list)])
        }
        return .object(["role_constraints": .object(roles)])
    }

    private static func constraint(_ constraint: AttributeConstraint) -> WireValue {
        let selector: WireValue =
            switch constraint.subject {
            case .attribute(let name): .object(["attribute_name": .string(name)])
            case .hostname: .object(["pseudoattribute_type": "HOSTNAME"])
            case .region: .object(["pseudoattribute_type": "REGION"])
            case .zone: .object(["pseudoattribute_type": "ZONE"])
            }
        let (name, predicate): (String, WireValue) =
            switch constraint.predicate {
            case .exists: ("exists", .object([:]))
            case .notExists: ("not_exists", .object([:]))
            case .textEquals(let text): ("text_equals", .object(["value": .string(text)]))
            case .textNotEquals(let text): ("text_not_equals", .object(["value": .string(text)]))
            case .textMatches(let pattern): ("text_matches", .object(["regex": .string(pattern.source)]))
            case .textNotMatches(let pattern): ("text_not_matches", .object(["regex": .string(pattern.source)]))
            }
        return .object(["selector": selector, "predicate": .object([name: predicate])])
    }
}
