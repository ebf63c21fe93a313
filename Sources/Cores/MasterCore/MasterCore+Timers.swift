import ClusterModel
import Determinism

/// What is due when a timer fires.
enum TimerPurpose: Sendable {
    case allocation
    case offerExpiry
    case heartbeat
    case ping(AgentID)
    case agentRemoval
    /// Recovered agents that have not come back are given up.
    case agentReturn
    case failover(FrameworkID)
    /// Old entries of the registry are dropped.
    case forgetting
    case maintenance
}

extension MasterCore {
    mutating func setTimer(_ purpose: TimerPurpose, at instant: Instant) -> TimerID {
        let timer = timerSequence.next()
        timers[timer] = purpose
        emit(.setTimer(timer, instant))
        return timer
    }

    mutating func cancel(_ timer: TimerID?) {
        guard let timer, timers.removeValue(forKey: timer) != nil else { return }
        emit(.cancelTimer(timer))
    }

    /// A timer that was cancelled may still fire: it is known no more.
    mutating func timerFired(_ timer: TimerID, at now: Instant) {
        guard let purpose = timers.removeValue(forKey: timer) else { return }
        switch purpose {
        case .allocation:
            allocationTimer = nil
            allocationDue = now
        case .offerExpiry: expireOffers(at: now)
        case .heartbeat: heartbeat(at: now)
        case .ping(let agent): pingDue(agent, at: now)
        case .agentRemoval: removeNextInLine(at: now)
        case .agentReturn: returnWindowEnded(at: now)
        case .failover(let framework): failoverEnded(framework, at: now)
        case .forgetting: forgetFormerAgents(at: now)
        case .maintenance: maintenanceDue(at: now)
        }
    }

    /// Every stream says that it lives.
    mutating func heartbeat(at now: Instant) {
        for id in frameworks.keys.sorted() { publish(.heartbeat, to: id) }
        if !observers.isEmpty { emit(.announce(.heartbeat)) }
        _ = setTimer(.heartbeat, at: now + configuration.heartbeatInterval)
    }
}
