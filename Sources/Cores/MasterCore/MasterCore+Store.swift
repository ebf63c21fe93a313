import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// What is done once the registry has it.
enum StoredChange: Sendable {
    /// Nothing waits for it.
    case kept
    case agentArrived(AgentID)
    case agentChanged(AgentID)
    case agentUnreachable(AgentID)
    case agentGone(AgentID, CallID?)
    case agentTakenDown(AgentID)
    case agentDrained(AgentID)
    case frameworkSubscribed(CallID, Subscription, FrameworkID, principal: String?)
    case frameworkUpdated(CallID, Subscription, FrameworkID, principal: String?)
    case frameworkRemoved(FrameworkID, CallID?, why: FrameworkRemoval)
    /// Quota, weights, maintenance, drains: what an operator asked for.
    case operated(CallID, OperatorChange)
}

extension MasterCore {
    /// Has `changes` written; what `change` says is done when they are.
    @discardableResult
    mutating func persist(_ changes: [RegistryChange], then change: StoredChange) -> Ticket {
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        tickets[ticket] = change
        counters.registryWrites += 1
        emit(.persist(changes, ticket))
        return ticket
    }

    mutating func stored(_ ticket: Ticket, at now: Instant) {
        guard let change = tickets.removeValue(forKey: ticket) else { return }
        switch change {
        case .kept: break
        case .agentArrived(let id): agentArrived(id, at: now)
        case .agentChanged(let id): agentChanged(id, at: now)
        case .agentUnreachable(let id): agentIsUnreachable(id, at: now)
        case .agentGone(let id, let call): agentIsGone(id, call, at: now)
        case .agentTakenDown(let id): agentIsTakenDown(id, at: now)
        case .agentDrained(let id): agentIsDrained(id, at: now)
        case .frameworkSubscribed(let call, let subscription, let id, let principal):
            frameworkWritten(id)
            completeSubscription(call, subscription, as: id, by: principal, at: now)
        case .frameworkUpdated(let call, let subscription, let id, let principal):
            frameworkWritten(id)
            completeUpdate(call, subscription, of: id, by: principal, at: now)
        case .frameworkRemoved(let id, let call, let why): frameworkIsRemoved(id, call, why, at: now)
        case .operated(let call, let change): operated(change, call, at: now)
        }
    }

    /// Without the registry nobody may lead: another master may be doing so already.
    mutating func storeFailed(_ ticket: Ticket, _ failure: Failure) {
        guard tickets[ticket] != nil else { return }
        stepDown(failure)
    }

    mutating func stepDown(_ failure: Failure) {
        hasSteppedDown = true
        note(
            "master.stepped-down", "The registry could not be written: another master has to lead", level: .error,
            ["failure": failure.description])
        emit(.stepDown(failure))
    }
}
