public import ClusterAPI
import ClusterModel
public import Determinism

extension MasterCore {
    /// Everything the master counts, sorted by name. Costs a walk over agents, frameworks and offers.
    public func figures(at now: Instant) -> [Metric] {
        var all = agentFigures() + frameworkFigures() + taskFigures() + messageFigures()
        all += resourceFigures()
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

    private func messageFigures() -> [Metric] {
        var result = [
            Metric("master/valid_status_updates", Double(counters.validStatusUpdates)),
            Metric("master/invalid_status_updates", Double(counters.invalidStatusUpdates)),
            Metric("master/valid_status_update_acknowledgements", Double(counters.validAcknowledgements)),
            Metric("master/invalid_status_update_acknowledgements", Double(counters.invalidAcknowledgements)),
            Metric("master/valid_operation_status_updates", Double(counters.validOperationUpdates)),
            Metric("master/invalid_operation_status_updates", Double(counters.invalidOperationUpdates)),
            Metric("master/dropped_messages", Double(counters.droppedMessages)),
            Metric("master/valid_executor_to_framework_messages", Double(counters.messagesFromExecutors)),
            Metric("master/valid_framework_to_executor_messages", Double(counters.messagesToExecutors)),
            Metric("registrar/writes", Double(counters.registryWrites)),
            Metric("master/offers/sent", Double(counters.offersSent)),
            Metric("master/offers/accepted", Double(counters.offersAccepted)),
            Metric("master/offers/declined", Double(counters.offersDeclined)),
            Metric("master/offers/rescinded", Double(counters.offersRescinded)),
            Metric("master/offers/expired", Double(counters.offersExpired)),
        ]
        for name in counters.schedulerCalls.keys.sorted() {
            result.append(Metric("master/messages_\(name)", Double(counters.schedulerCalls[name] ?? 0)))
        }
        return result
    }

    /// What there is and what tasks and executors have of it, by name; revocable resources apart.
    private func resourceFigures() -> [Metric] {
        var total = Quantities()
        var revocable = Quantities()
        var used = Quantities()
        for agent in agents.values where !agent.isRecovered {
            total += agent.total.nonRevocable.quantities
            revocable += agent.total.revocable.quantities
            used += usedQuantities(on: agent)
        }
        var result: [Metric] = []
        for name in ["cpus", "gpus", "mem", "disk"] {
            let whole = total[name].value
            result.append(Metric("master/\(name)_total", whole))
            result.append(Metric("master/\(name)_used", used[name].value))
            result.append(Metric("master/\(name)_percent", whole > 0 ? used[name].value / whole : 0))
            result.append(Metric("master/\(name)_revocable_total", revocable[name].value))
        }
        return result
    }

    private func usedQuantities(on agent: AgentRecord) -> Quantities {
        var used = agent.used.values.reduce(into: Quantities()) { $0 += $1.quantities }
        for executors in agent.executors.values {
            for executor in executors.values { used += Resources(executor.resources).quantities }
        }
        return used
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(saturatingNanoseconds) / 1e9 }
}

extension TaskState {
    /// `tasks_running` of TASK_RUNNING.
    fileprivate func metricName(_ prefix: String) -> String { prefix + rawValue.dropFirst(4).lowercased() }
}
