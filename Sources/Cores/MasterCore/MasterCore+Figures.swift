public import ClusterAPI
import ClusterModel
public import Determinism

extension MasterCore {
    /// Everything the master counts, sorted by name. Costs a walk over agents, frameworks and offers.
    public func figures(at now: Instant) -> [Metric] {
        var all = agentFigures() + frameworkFigures() + taskFigures() + updateFigures() + messageFigures()
        all += resourceFigures() + quotaFigures() + Self.neverHappens.map { Metric($0, 0) }
        all += operationFigures() + figuresOfEachFramework()
        all.append(Metric("master/elected", hasSteppedDown ? 0 : 1))
        all.append(Metric("master/uptime_secs", (now - elected).seconds))
        all.append(Metric("master/outstanding_offers", Double(offers.count)))
        all.append(Metric("master/operator_event_stream_subscribers", Double(observers.count)))
        all.append(Metric("allocator/mesos/allocation_runs", Double(counters.allocationRuns)))
        return all.sorted { $0.name < $1.name }
    }

    private func agentFigures() -> [Metric] {
        let registered = agents.values.filter { !$0.isRecovered }
        let connected = registered.count { $0.isConnected }
        let active = registered.count { $0.isActive }
        let unreachable = formerAgents.values.count { former in
            if case .unreachable = former.entry.standing { return true }
            return false
        }
        return [
            Metric("master/slaves_active", Double(active)),
            Metric("master/slaves_inactive", Double(registered.count - active)),
            Metric("master/slaves_connected", Double(connected)),
            Metric("master/slaves_disconnected", Double(registered.count - connected)),
            Metric("master/slaves_unreachable", Double(unreachable)),
            Metric("master/slave_registrations", Double(counters.agentRegistrations)),
            Metric("master/slave_reregistrations", Double(counters.agentReregistrations)),
            Metric("master/slave_removals", Double(counters.agentRemovals)),
            Metric("master/slave_removals/reason_unhealthy", Double(counters.agentRemovalsUnhealthy)),
            Metric("master/slave_removals/reason_unregistered", Double(counters.agentRemovalsUnregistered)),
            Metric("master/slave_unreachable_scheduled", Double(counters.agentUnreachableScheduled)),
            Metric("master/slave_unreachable_completed", Double(counters.agentUnreachableCompleted)),
            Metric("master/slave_unreachable_canceled", Double(counters.agentUnreachableCanceled)),
            Metric("master/recovery_slave_removals", Double(counters.recoveredAgentRemovals)),
        ]
    }

    private func frameworkFigures() -> [Metric] {
        let connected = frameworks.values.count { $0.isConnected }
        let active = frameworks.values.count { $0.isConnected && $0.isActive }
        return [
            Metric("master/frameworks_active", Double(active)),
            Metric("master/frameworks_inactive", Double(frameworks.count - active)),
            Metric("master/frameworks_connected", Double(connected)),
            Metric("master/frameworks_disconnected", Double(frameworks.count - connected)),
        ]
    }

    private func taskFigures() -> [Metric] {
        let unreachable = frameworks.values.reduce(0) { $0 + $1.unreachableTasks.count }
        var result = [Metric("master/tasks_unreachable", Double(unreachable))]
        for state in [TaskState.staging, .starting, .running, .killing] {
            result.append(Metric("master/\(state.metricName("tasks"))", Double(counters.tasksNow[state] ?? 0)))
        }
        for state in [TaskState.finished, .failed, .killed, .lost, .error, .dropped, .gone, .goneByOperator] {
            result.append(Metric("master/\(state.metricName("tasks"))", Double(counters.tasksEnded[state] ?? 0)))
        }
        for ending in counters.endings.keys.sorted() {
            var name = "master/\(ending.state.metricName("task"))/\(ending.source.rawValue.lowercased())"
            if let reason = ending.reason { name += "/\(reason.rawValue.lowercased())" }
            result.append(Metric(name, Double(counters.endings[ending] ?? 0)))
        }
        return result
    }

    private func updateFigures() -> [Metric] {
        [
            Metric("master/valid_status_updates", Double(counters.validStatusUpdates)),
            Metric("master/invalid_status_updates", Double(counters.invalidStatusUpdates)),
            Metric("master/valid_status_update_acknowledgements", Double(counters.validAcknowledgements)),
            Metric("master/invalid_status_update_acknowledgements", Double(counters.invalidAcknowledgements)),
            Metric("master/valid_operation_status_updates", Double(counters.validOperationUpdates)),
            Metric("master/invalid_operation_status_updates", Double(counters.invalidOperationUpdates)),
            Metric(
                "master/valid_operation_status_update_acknowledgements",
                Double(counters.validOperationAcknowledgements)),
            Metric(
                "master/invalid_operation_status_update_acknowledgements",
                Double(counters.invalidOperationAcknowledgements)),
            Metric("master/dropped_messages", Double(counters.droppedMessages)),
            Metric("master/valid_executor_to_framework_messages", Double(counters.messagesFromExecutors)),
            Metric("master/invalid_executor_to_framework_messages", Double(counters.invalidMessagesFromExecutors)),
            Metric("master/valid_framework_to_executor_messages", Double(counters.messagesToExecutors)),
            Metric("master/invalid_framework_to_executor_messages", Double(counters.invalidMessagesToExecutors)),
            Metric("registrar/writes", Double(counters.registryWrites)),
            Metric("master/offers/sent", Double(counters.offersSent)),
            Metric("master/offers/accepted", Double(counters.offersAccepted)),
            Metric("master/offers/declined", Double(counters.offersDeclined)),
            Metric("master/offers/rescinded", Double(counters.offersRescinded)),
            Metric("master/offers/expired", Double(counters.offersExpired)),
        ]
    }

    /// Messages the protocol counts. Who watches a figure is to find it before there was one of its kind.
    private static let messageNames = [
        "decline_offers", "executor_to_framework", "exited_executor", "framework_to_executor", "kill_task",
        "launch_tasks", "operation_status_update", "operation_status_update_acknowledgement", "reconcile_operations",
        "reconcile_tasks", "register_framework", "register_slave", "reregister_framework", "reregister_slave",
        "resource_request", "revive_offers", "status_update", "status_update_acknowledgement", "suppress_offers",
        "update_slave",
    ]

    /// Figures of the protocol's own master, which those who watch it read, of what there is none of here: messages of
    /// the API before the calls, and removals for reasons that ours have not.
    private static let neverHappens = [
        "master/messages_authenticate", "master/messages_deactivate_framework", "master/messages_unregister_framework",
        "master/messages_unregister_slave", "master/slave_removals/reason_registered",
        "master/slave_shutdowns_canceled", "master/slave_shutdowns_completed", "master/slave_shutdowns_scheduled",
    ]

    private func messageFigures() -> [Metric] {
        var counts: [String: UInt64] = [:]
        for name in Self.messageNames { counts[name] = 0 }
        for kind in [counters.schedulerCalls, counters.agentMessages] { counts.merge(kind) { $0 + $1 } }
        return counts.keys.sorted().map { Metric("master/messages_\($0)", Double(counts[$0] ?? 0)) }
    }

    private static let operationTypes = [
        "RESERVE", "UNRESERVE", "CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME", "CREATE_DISK", "DESTROY_DISK",
    ]
    private static let operationStates: [OperationStatus.State] = [
        .pending, .recovering, .unreachable, .finished, .failed, .error, .dropped, .goneByOperator,
    ]

    /// Of all operations together, and of each type.
    private func operationFigures() -> [Metric] {
        var sums: [OperationStatus.State: Int] = [:]
        for (kind, count) in counters.operations { sums[kind.state, default: 0] += count }
        var result = Self.operationFigures("master/operations/") { sums[$0] ?? 0 }
        for type in Self.operationTypes {
            result += Self.operationFigures("master/operations/\(type.lowercased())/") { state in
                counters.operations[OperationKind(type, state)] ?? 0
            }
        }
        return result
    }

    private static func operationFigures(
        _ prefix: String, _ count: (OperationStatus.State) -> Int
    ) -> [Metric] {
        var total = 0
        var result: [Metric] = []
        for state in operationStates {
            let number = count(state)
            total += number
            result.append(Metric(prefix + state.rawValue.dropFirst("OPERATION_".count).lowercased(), Double(number)))
        }
        result.append(Metric(prefix + "total", Double(total)))
        return result
    }

    /// Bounded: what is asked for often must not grow with whoever subscribes.
    private func figuresOfEachFramework() -> [Metric] {
        let most = configuration.limits.frameworksFiguredMax
        let shown = frameworks.values.filter { $0.isConnected || frameworks.count <= most }.map(\.id).sorted()
        return shown.prefix(most).flatMap { frameworks[$0]?.figures ?? [] }
    }

    /// What there is and what tasks and executors have of it, by name; revocable resources apart.
    private func resourceFigures() -> [Metric] {
        var total = Sums()
        var used = Sums()
        for agent in agents.values where !agent.isRecovered {
            total.add(agent.total)
            for resources in agent.used.values { used.add(resources) }
            for executors in agent.executors.values {
                for executor in executors.values { used.add(Resources(executor.resources)) }
            }
        }
        let offered = offers.values.reduce(into: Quantities()) { $0 += $1.resources.quantities }
        var result: [Metric] = []
        for name in ["cpus", "gpus", "mem", "disk"] {
            let kinds = [
                (name, total.lasting[name].value, used.lasting[name].value),
                ("\(name)_revocable", total.revocable[name].value, used.revocable[name].value),
            ]
            for (kind, whole, taken) in kinds {
                result.append(Metric("master/\(kind)_total", whole))
                result.append(Metric("master/\(kind)_used", taken))
                result.append(Metric("master/\(kind)_percent", whole > 0 ? taken / whole : 0))
            }
            let given = used.lasting[name].value + used.revocable[name].value + offered[name].value
            let allocator = "allocator/mesos/resources/\(name)"
            result.append(Metric("\(allocator)/total", total.lasting[name].value + total.revocable[name].value))
            result.append(Metric("\(allocator)/offered_or_allocated", given))
        }
        return result
    }

    private func quotaFigures() -> [Metric] {
        quotas.keys.sorted().flatMap { role -> [Metric] in
            let prefix = "allocator/mesos/quota/roles/\(role)/resources"
            let guarantees = quotas[role]?.guarantees.amounts ?? []
            let limits = quotas[role]?.limits.bounds ?? []
            return guarantees.map { Metric("\(prefix)/\($0.name)/guarantee", $0.scalar.value) }
                + limits.map { Metric("\(prefix)/\($0.name)/limit", $0.scalar.value) }
        }
    }
}

/// Amounts of what can be taken back at any time, and of the rest.
private struct Sums {
    var lasting = Quantities()
    var revocable = Quantities()

    mutating func add(_ resources: Resources) {
        lasting += resources.nonRevocable.quantities
        revocable += resources.revocable.quantities
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(saturatingNanoseconds) / 1e9 }
}

extension TaskState {
    /// `tasks_running` of TASK_RUNNING.
    fileprivate func metricName(_ prefix: String) -> String { prefix + rawValue.dropFirst(4).lowercased() }
}
