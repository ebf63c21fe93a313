import Allocation
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// Operations on resources: ordered from agents, and what frameworks hear of them.
extension MasterCore {
    /// Carries out an operation on what was offered. The result can be used at once by what follows in the same call:
    /// the agent gets both in this order.
    mutating func apply(
        _ change: ResourceOperation, _ operation: OfferOperation, with accepted: inout AcceptedOffers, at now: Instant
    ) {
        let framework = accepted.framework.id
        do throws(Failure) {
            try admit(operation, of: framework)
            let conversion = try convert(change, of: accepted, at: now)
            let consumed = conversion.consumed.allocated(to: accepted.role)
            let converted = conversion.converted.allocated(to: accepted.role)
            try allocator.convert(on: accepted.agent, heldBy: framework, from: consumed, to: converted)
            accepted.remaining = accepted.remaining - consumed + converted
            let order = OperationOrder(
                key: newOperationKey(), framework: framework, id: operation.id, change: change)
            send(order, to: accepted.agent, consumed: consumed, converted: converted, at: now)
        } catch {
            refuse(operation, of: framework, on: accepted.agent, error.description)
        }
    }

    private func admit(_ operation: OfferOperation, of framework: FrameworkID) throws(Failure) {
        guard let id = operation.id, let known = frameworks[framework]?.operations else { return }
        if known[id] != nil {
            throw Failure(
                "operation.known", doing: "apply operation", on: id.text, cause: "there is one with this id",
                remedy: "give each operation an id of its own", field: "id")
        }
        if known.count >= configuration.limits.operationsOfFrameworkMax {
            throw Failure(
                "operation.too-many", doing: "apply operation", on: id.text,
                cause: "\(known.count) operations are not acknowledged", remedy: "acknowledge them",
                limit: "operations \(configuration.limits.operationsOfFrameworkMax)", retry: .later)
        }
    }

    mutating func newOperationKey() -> UpdateID { UpdateID(high: operationKeys.next(), low: operationKeys.next()) }

    /// Notes the order, counts its result as there, and sends it. The allocator has been told.
    mutating func send(
        _ order: OperationOrder, to agent: AgentID, consumed: Resources, converted: Resources, at now: Instant
    ) {
        let status = OperationStatus(operation: order.id, state: .pending, agent: agent)
        operations[order.key] = OperationRecord(
            order: order, agent: agent, consumed: consumed, converted: converted, status: status, asked: now)
        count(order.change, in: .pending)
        agents[agent]?.operations.insert(order.key)
        if let framework = order.framework {
            frameworks.change(framework) { record in
                record.counters.countOperation(FrameworkCounters.Operation(order.change))
                if let id = order.id { record.operations[id] = order.key }
            }
        }
        if let total = agents[agent]?.total {
            agents[agent]?.total = total - consumed.unallocated() + converted.unallocated()
        }
        send(.apply(order), to: agent)
        note(
            "operation.ordered", "An operation on resources is sent to its agent",
            ["operation": order.id?.text ?? "\(order.key)", "agent": agent.text, "change": order.change.name])
    }

    mutating func refuse(
        _ operation: OfferOperation, of framework: FrameworkID, on agent: AgentID?, _ why: String
    ) {
        note(
            "operation.refused", "An operation cannot be done", level: .warning,
            ["framework": framework.text, "why": why])
        if case .change(let change) = operation.action { count(change, in: .error) }
        guard let id = operation.id else { return }
        publish(
            .updateOperation(OperationStatus(operation: id, state: .error, message: why, agent: agent)), to: framework)
    }

    /// One more operation of a type, nil for one that could not be read, in a state; or, by a negative number, fewer.
    mutating func count(_ change: ResourceOperation?, in state: OperationStatus.State, by number: Int = 1) {
        counters.operations[OperationKind(change?.name, state), default: 0] += number
    }

    // MARK: Reports

    mutating func operationUpdate(
        _ status: OperationStatus, key: UpdateID, of framework: FrameworkID?, from agent: AgentID, at now: Instant
    ) {
        guard let record = operations[key], record.agent == agent else {
            counters.invalidOperationUpdates += 1
            strayUpdate(status, key: key, of: framework, from: agent)
            return
        }
        counters.validOperationUpdates += 1
        var status = status
        // An agent speaks for itself only, and of what it was told to do.
        status.operation = record.order.id
        status.agent = agent
        let wasPending = record.status.state == .pending
        count(record.order.change, in: record.status.state, by: -1)
        count(record.order.change, in: status.state)
        operations[key]?.status = status
        if wasPending, status.state.isFailure { revert(record, at: now) }
        if let owner = record.order.framework, let id = record.order.id, frameworks[owner] != nil,
            (frameworks[owner]?.operations[id] ?? key) == key
        {
            publish(.updateOperation(status), to: owner)
            if status.id == nil, status.state.isTerminal { forget(key) }
        } else if status.state.isTerminal {
            if let id = status.id { send(.acknowledgeOperation(id, key: key), to: agent) }
            forget(key)
        }
        taskEndedOnAgent(agent, at: now)
    }

    /// What an agent says of an operation that is not known on it. Its framework hears of it, unless it knows another
    /// one by that id.
    private mutating func strayUpdate(
        _ status: OperationStatus, key: UpdateID, of framework: FrameworkID?, from agent: AgentID
    ) {
        if operations[key] == nil, let framework, let id = status.operation, let record = frameworks[framework],
            record.operations[id] == nil
        {
            var status = status
            status.agent = agent
            publish(.updateOperation(status), to: framework)
        } else if let id = status.id {
            // Nobody here waits for it, so that the agent need not either.
            send(.acknowledgeOperation(id, key: key), to: agent)
        }
    }

    /// The agent could not do what was counted as done.
    private mutating func revert(_ record: OperationRecord, at now: Instant) {
        let agent = record.agent
        note(
            "operation.failed", "An agent could not carry out an operation", level: .warning,
            ["agent": agent.text, "why": record.status.message ?? record.order.change.name])
        rescindOffers(of: agent, at: now)
        let made = record.converted.unallocated()
        let before = record.consumed.unallocated()
        do throws(Failure) {
            try allocator.convert(on: agent, heldBy: nil, from: made, to: before)
        } catch {
            // A task has been given it: the agent refuses the task, and says what it really has.
            note(
                "operation.in-use", "What an operation failed to make is in use", level: .warning,
                ["agent": agent.text])
            return
        }
        if let total = agents[agent]?.total { agents[agent]?.total = total - made + before }
        wantAllocation()
    }

    private mutating func forget(_ key: UpdateID) {
        guard let record = operations.removeValue(forKey: key) else { return }
        // That one has come to its end stays counted.
        if !record.status.state.isTerminal { count(record.order.change, in: record.status.state, by: -1) }
        agents[record.agent]?.operations.remove(key)
        if let framework = record.order.framework, let id = record.order.id,
            frameworks[framework]?.operations[id] == key
        {
            frameworks[framework]?.operations[id] = nil
        }
    }

    mutating func acknowledge(
        _ id: UpdateID, _ operation: SchedulerCall.OperationOfAgent, of framework: FrameworkID, at now: Instant
    ) {
        guard let key = frameworks[framework]?.operations[operation.operation], let record = operations[key],
            record.status.id == id, agents[record.agent]?.isConnected == true
        else {
            counters.invalidOperationAcknowledgements += 1
            return
        }
        counters.validOperationAcknowledgements += 1
        send(.acknowledgeOperation(id, key: key), to: record.agent)
        if record.status.state.isTerminal { forget(key) }
        taskEndedOnAgent(record.agent, at: now)
    }

    mutating func reconcile(_ framework: FrameworkID, _ asked: [SchedulerCall.OperationOfAgent]) {
        guard let known = frameworks[framework]?.operations else { return }
        if asked.isEmpty {
            for id in known.keys.sorted() {
                if let key = known[id], let record = operations[key] { tell(framework, record.status) }
            }
            return
        }
        for operation in asked {
            if let key = known[operation.operation], let record = operations[key] {
                tell(framework, record.status)
                continue
            }
            tell(
                framework,
                OperationStatus(
                    operation: operation.operation, state: stateWithout(operation.agent),
                    message: "Reconciliation: the operation is not known", agent: operation.agent,
                    provider: operation.provider))
        }
    }

    private mutating func tell(_ framework: FrameworkID, _ status: OperationStatus) {
        var said = status
        said.id = nil
        publish(.updateOperation(said), to: framework)
    }

    /// What can be said of an operation that is not known, by what is known of its agent.
    private func stateWithout(_ agent: AgentID?) -> OperationStatus.State {
        guard let agent else { return recoveredAgents > 0 ? .recovering : .unknown }
        if let record = agents[agent] { return record.isRecovered ? .recovering : .unknown }
        if arrivals[agent] != nil { return .recovering }
        switch formerAgents[agent]?.entry.standing {
        case .unreachable: return .unreachable
        case .gone: return .goneByOperator
        case .registered, nil: return .unknown
        }
    }

    // MARK: Agents and frameworks that go and come

    mutating func operationLostItsAgent(_ key: UpdateID, for why: AgentRemoval) {
        guard let record = operations[key] else { return }
        let state: OperationStatus.State =
            switch why {
            case .unreachable: .unreachable
            case .gone: .goneByOperator
            // The agent is forgotten, and so is how far it came.
            case .takenDown: .unknown
            }
        // As with the protocol's master, how many became unreachable never gets less: who comes back begins anew.
        if !record.status.state.isTerminal { count(record.order.change, in: state) }
        if let framework = record.order.framework, let id = record.order.id, !record.status.state.isTerminal {
            publish(.updateOperation(OperationStatus(operation: id, state: state, agent: record.agent)), to: framework)
        }
        forget(key)
    }

    /// The framework goes, and waits for nothing any more. What an agent is still doing for it is done all the same, so
    /// it counts until its end: without that, what the agent says it has meanwhile would be believed too early.
    mutating func dropOperations(of framework: FrameworkID) {
        let keys = frameworks[framework]?.operations ?? [:]
        for id in keys.keys.sorted() {
            guard let key = keys[id], let record = operations[key], record.status.state.isTerminal else { continue }
            if let status = record.status.id { send(.acknowledgeOperation(status, key: key), to: record.agent) }
            forget(key)
        }
    }

    /// What the agent says it has does not have yet what it is still doing. It counts as done, as when it was ordered:
    /// a volume that is being destroyed is not offered again. Nil: there is nothing it could be done to.
    private mutating func expect(
        _ order: OperationOrder, _ known: OperationRecord?, on agent: AgentID
    ) -> ResourceConversion? {
        guard let record = agents[agent] else { return nil }
        var change = known.map { ResourceConversion(consumed: $0.consumed, converted: $0.converted) }
        if change == nil {
            do throws(Failure) {
                // Whoever asked was asked who it is by the master that ordered it.
                let rules = OperationRules(principal: nil, agent: record.info, total: record.total)
                change = try rules.conversion(of: order.change)
            } catch { return nil }
        }
        guard let change, record.total.contains(change.consumed.unallocated()) else { return nil }
        agents[agent]?.total = record.total - change.consumed.unallocated() + change.converted.unallocated()
        return change
    }

    /// What the agent has not seen was lost on the way, and its framework hears so.
    mutating func adoptOperations(_ reports: [OperationReport], on agent: AgentID) {
        let reported = Set(reports.map(\.order.key))
        let missing = (agents[agent]?.operations ?? []).subtracting(reported)
        for key in missing.sorted(by: { ($0.high, $0.low) < ($1.high, $1.low) }) {
            if let record = operations[key], !record.status.state.isTerminal {
                count(record.order.change, in: .dropped)
            }
            if let record = operations[key], let framework = record.order.framework, let id = record.order.id,
                !record.status.state.isTerminal
            {
                publish(
                    .updateOperation(
                        OperationStatus(
                            operation: id, state: .dropped, message: "the agent has not received the operation",
                            agent: agent)), to: framework)
            }
            forget(key)
        }
        for report in reports {
            let order = report.order
            // Whoever ordered it may have been removed: what it makes of the agent's resources counts all the same.
            let known = operations[order.key]
            if let known, known.agent != agent {
                if let id = report.status.id { send(.acknowledgeOperation(id, key: order.key), to: agent) }
                continue
            }
            let change = report.status.state == .pending ? expect(order, known, on: agent) : nil
            if let known { count(known.order.change, in: known.status.state, by: -1) }
            count(order.change, in: report.status.state)
            operations[order.key] = OperationRecord(
                order: order, agent: agent, consumed: change?.consumed ?? .none, converted: change?.converted ?? .none,
                status: report.status, asked: known?.asked ?? elected)
            agents[agent]?.operations.insert(order.key)
            if let framework = order.framework, let id = order.id, !isElsewhere(id, of: framework, than: agent) {
                frameworks[framework]?.operations[id] = order.key
            }
        }
    }

    /// Whether the framework knows an operation by that id on another agent.
    private func isElsewhere(_ id: OperationID, of framework: FrameworkID, than agent: AgentID) -> Bool {
        guard let key = frameworks[framework]?.operations[id], let record = operations[key] else { return false }
        return record.agent != agent
    }
}

extension OperationStatus.State {
    var isTerminal: Bool {
        switch self {
        case .finished, .failed, .error, .dropped, .goneByOperator: true
        case .pending, .unreachable, .recovering, .unknown: false
        }
    }

    var isFailure: Bool { self == .failed || self == .error || self == .dropped }
}

extension ResourceOperation {
    /// The protocol's name.
    var name: String {
        switch self {
        case .reserve: "RESERVE"
        case .unreserve: "UNRESERVE"
        case .create: "CREATE"
        case .destroy: "DESTROY"
        case .grow: "GROW_VOLUME"
        case .shrink: "SHRINK_VOLUME"
        case .createDisk: "CREATE_DISK"
        case .destroyDisk: "DESTROY_DISK"
        }
    }
}
