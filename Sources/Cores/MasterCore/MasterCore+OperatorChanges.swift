import Authorization
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// What operators change: who may, what is wrong with it, and what is done once the registry has it.
extension MasterCore {
    mutating func operate(
        _ change: OperatorChange, _ call: CallID, by principal: String?, at now: Instant
    ) {
        for (action, object) in Self.questions(about: change) {
            if let refusal = refusal(of: action, on: object, by: principal) {
                answer(call, .forbidden(refusal))
                return
            }
        }
        do throws(Failure) {
            switch change {
            case .apply(let operation, let agent): operate(on: agent, operation, call, by: principal, at: now)
            case .updateWeights(let weights): try updateWeights(weights, change, call)
            case .updateQuota(let configs, let isForced): try updateQuota(configs, isForced: isForced, call)
            case .setQuota(let role, let guarantee, let isForced):
                try setQuota(role, guarantee, isForced: isForced, call)
            case .removeQuota(let role): try removeQuota(role, call)
            case .updateMaintenanceSchedule(let schedule): try updateSchedule(schedule, change, call)
            case .startMaintenance(let machines): try startMaintenance(machines, change, call)
            case .stopMaintenance(let machines): try stopMaintenance(machines, change, call)
            case .drainAgent(let agent, let drain): try self.drain(agent, drain, change, call, at: now)
            case .deactivateAgent(let agent): try deactivateAgent(agent, change, call)
            case .reactivateAgent(let agent): try reactivateAgent(agent, change, call)
            case .markAgentGone(let agent): try markGone(agent, call, at: now)
            // Has its own way in.
            case .teardown: answer(call, .invalid("This call is not served here"))
            }
        } catch {
            note("operator.refused", "An operator's call is refused", ["why": error.description])
            answer(call, Self.answer(to: change, refusedFor: error))
        }
    }

    /// By the protocol an agent that nobody knows is not found only where it is given up, and that the cluster has too
    /// little for a guarantee is a conflict only for the older way to set quota.
    private static func answer(to change: OperatorChange, refusedFor failure: Failure) -> CallAnswer {
        switch (failure.code, change) {
        case ("agent.unknown", .markAgentGone): .missing(failure.description)
        case ("agent.busy", _), ("quota.overcommitted", .setQuota): .conflict(failure.description)
        default: .invalid(failure.description)
        }
    }

    /// The registry has it: now it counts.
    mutating func operated(_ change: OperatorChange, _ call: CallID, at now: Instant) {
        switch change {
        case .updateWeights(let weights): weightsAreStored(weights, at: now)
        case .updateQuota(let configs, _): quotaIsStored(configs, at: now)
        case .updateMaintenanceSchedule(let schedule): scheduleIsStored(schedule, at: now)
        case .startMaintenance(let machines): maintenanceIsStarted(machines, at: now)
        case .stopMaintenance(let machines): maintenanceIsStopped(machines, at: now)
        case .drainAgent(let agent, let drain): drainIsStored(agent, drain, at: now)
        case .deactivateAgent(let agent): deactivationIsStored(agent, at: now)
        case .reactivateAgent(let agent): reactivationIsStored(agent, at: now)
        // These are not written, or become something else before they are.
        case .apply, .setQuota, .removeQuota, .markAgentGone, .teardown: break
        }
        answer(call, .done)
        wantAllocation()
    }

    private static func questions(about change: OperatorChange) -> [(Action, String?)] {
        switch change {
        case .updateWeights(let weights): weights.map { (.updateWeight, $0.role.text) }
        case .apply(let operation, _): questions(about: operation)
        case .updateMaintenanceSchedule: [(.updateMaintenance, nil)]
        case .startMaintenance: [(.startMaintenance, nil)]
        case .stopMaintenance: [(.stopMaintenance, nil)]
        // Who may only empty agents does not give one up by emptying it.
        case .drainAgent(_, let drain):
            drain.marksGone ? [(.drainAgent, nil), (.markAgentGone, nil)] : [(.drainAgent, nil)]
        case .deactivateAgent: [(.deactivateAgent, nil)]
        case .reactivateAgent: [(.reactivateAgent, nil)]
        case .markAgentGone: [(.markAgentGone, nil)]
        case .updateQuota(let configs, _): configs.map { (.updateQuota, $0.role.text) }
        case .setQuota(let role, _, _), .removeQuota(let role): [(.updateQuota, role.text)]
        // Asked where it is done: the object is the framework's principal.
        case .teardown: []
        }
    }
}
