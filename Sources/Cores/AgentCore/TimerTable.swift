import ClusterAPI
import ClusterModel
import Containers
import Determinism

/// Which timer stands for what. One timer at most for each purpose.
struct TimerTable: Sendable {
    enum Purpose: Hashable, Sendable {
        case register
        case watchdog
        case update(TaskReference)
        case operation(UpdateID)
        /// Force follows.
        case kill(ContainerID)
        /// Force was not enough.
        case destroy(ContainerID)
        case executorRegistration(ContainerID)
        case executorReturn(ContainerID)
        case executorShutdown(ContainerID)
        case executorHeartbeat(ContainerID)
        case completion(TaskReference)
        case health(TaskReference)
        case check(TaskReference)
        case disk
        case store
    }
    private var sequence = TimerSequence()
    private var purposes: [TimerID: Purpose] = [:]
    private var timers: [Purpose: TimerID] = [:]

    /// The timer to set, and the one it takes the place of.
    mutating func arm(_ purpose: Purpose) -> (set: TimerID, cancel: TimerID?) {
        let old = disarm(purpose)
        let timer = sequence.next()
        purposes[timer] = purpose
        timers[purpose] = timer
        return (timer, old)
    }

    mutating func disarm(_ purpose: Purpose) -> TimerID? {
        guard let timer = timers.removeValue(forKey: purpose) else { return nil }
        purposes.removeValue(forKey: timer)
        return timer
    }

    func isArmed(_ purpose: Purpose) -> Bool { timers[purpose] != nil }

    /// Nil for one that was cancelled while it was about to fire.
    mutating func fired(_ timer: TimerID) -> Purpose? {
        guard let purpose = purposes.removeValue(forKey: timer) else { return nil }
        timers.removeValue(forKey: purpose)
        return purpose
    }
}
