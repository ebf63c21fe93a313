import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// How the agent stands with the master.
struct MasterLink: Sendable {
    enum Phase: Hashable, Sendable {
        /// Waiting for the next try.
        case apart
        /// The link is being opened.
        case opening
        /// The stream is open; the master has not answered yet.
        case open
        case registered
        /// Never again.
        case closed
    }
    var phase = Phase.apart
    /// The next wait is drawn from zero to this.
    var backoff: Duration?
    /// It has been said that no master takes us.
    var hasFailed = false
    /// How long without a ping the link counts as alive.
    var patience: Duration?
    var registeredAt: Instant?
    /// Messages about executors that ended after the registration was written: the master believes in them.
    var executorsLost: [AgentMessage] = []
}

/// Registering, staying registered, and noticing when that is no longer so.
extension Agent {
    /// Plans the next try: a random part of a wait that doubles, so that a thousand agents do not come at once.
    mutating func planRegistration() {
        guard link.phase != .closed, case .running = phase else { return }
        let timing = configuration.timing
        let backoff = link.backoff ?? timing.registrationBackoff
        link.backoff = min(backoff * 2, timing.registrationBackoffMax)
        let wait = Int(clamping: backoff.saturatingNanoseconds)
        arm(.register, after: .nanoseconds(random.within(0...max(0, wait))))
    }

    mutating func register() {
        guard link.phase != .closed, link.phase != .registered, case .running = phase else { return }
        if link.phase != .apart {
            note("link.slow", "the master has not answered; trying again", .warning)
            unlink()
        }
        link.phase = .opening
        link.executorsLost = []
        send(.link(registration))
        // A try that is never answered must not be the last one.
        arm(.register, after: configuration.timing.registrationBackoffMax)
    }

    /// At once, whatever waits for the journal: what comes in on the old link must not be taken for the new one's,
    /// whose registration does not know of it.
    /// A link that was ordered and still waits for the journal is not opened any more: it would be a second one, with a
    /// registration that does not know what came in on the first.
    private mutating func unlink() {
        outbox.withdrawLinks()
        outbox.order(.unlink)
    }

    mutating func linked() {
        guard link.phase == .opening else { return }
        link.phase = .open
    }

    mutating func linkLost(_ failure: Failure, wasOpen: Bool) {
        guard link.phase != .closed, link.phase != .apart else { return }
        if link.phase == .registered {
            link.backoff = nil
            note("link.lost", "the link to the master is lost; tasks run on", .warning, ["failure": "\(failure)"])
        } else if !link.hasFailed {
            // Once: it is tried again for as long as it takes.
            note("link.failed", "no master takes this agent; it tries again", .warning, ["failure": "\(failure)"])
            link.hasFailed = true
        }
        part()
        planRegistration()
    }

    mutating func leaderChanged() {
        guard link.phase != .closed else { return }
        if link.phase != .apart { unlink() }
        link.backoff = nil
        part()
        planRegistration()
    }

    /// No link: updates wait where they are.
    private mutating func part() {
        link.phase = .apart
        held = []
        disarm(.watchdog)
        for task in state.streams.keys { disarm(.update(task)) }
        for key in state.operations.keys { disarm(.operation(key)) }
    }

    mutating func watchdogFired() {
        guard link.phase == .registered else { return }
        note(
            "link.silent",
            "the master has not pinged for \(link.patience ?? configuration.timing.pingTimeout); "
                + "looking for a master again", .warning)
        unlink()
        link.backoff = nil
        part()
        planRegistration()
    }

    mutating func registered(as id: AgentID, patience: Duration) {
        guard link.phase == .open || link.phase == .opening else { return }
        if state.id != id {
            if let old = state.id {
                note(
                    "agent.renamed", "the master does not know this agent by its old id any more", .warning,
                    ["old": old.text, "new": id.text])
            }
            record(.admitted(id))
        }
        link.phase = .registered
        link.backoff = nil
        link.hasFailed = false
        link.patience = patience > .zero ? patience : configuration.timing.pingTimeout
        link.registeredAt = now
        disarm(.register)
        arm(.watchdog, after: link.patience ?? configuration.timing.pingTimeout)
        note("agent.registered", "registered with the master", .info, ["agent": id.text])
        for message in link.executorsLost { send(.send(message)) }
        link.executorsLost = []
        resendEverything()
    }

    mutating func resendEverything() { resend { _ in true } }

    /// All that waits for an acknowledgement of these frameworks, from the beginning.
    mutating func resend(of isWanted: (FrameworkID) -> Bool) {
        for task in state.streams.keys where isWanted(task.framework) {
            retries[task] = nil
            sendHead(of: task)
        }
        for (key, operation) in state.operations {
            if let framework = operation.order.framework, !isWanted(framework) { continue }
            operationRetries[key] = nil
            sendOperation(key)
        }
    }

    mutating func pinged() {
        guard link.phase == .registered else { return }
        // Says nothing that could be forgotten: it does not wait for the journal.
        outbox.order(.send(.pong))
        arm(.watchdog, after: link.patience ?? configuration.timing.pingTimeout)
    }

    mutating func refused(_ reason: String, isFinal: Bool) {
        note("agent.refused", "the master refuses this agent: \(reason)", .error)
        if isFinal {
            shutDown(because: "the master refuses this agent: \(reason)")
            return
        }
        link.backoff = configuration.timing.registrationBackoffMax
        part()
        planRegistration()
    }

    /// Everything a master has to know, as it is now.
    var registration: AgentRegistration {
        AgentRegistration(
            id: state.id, key: state.key, address: configuration.address, resources: configuration.resources,
            totals: totals,
            attributes: configuration.attributes, domain: configuration.domain,
            capabilities: configuration.capabilities, version: configuration.version, bootID: state.bootID ?? "",
            frameworks: state.frameworks.values.map(\.info), executors: executorReports, tasks: taskReports,
            operations: operationReports, drain: state.drain)
    }

    private var taskReports: [TaskReport] {
        var room = configuration.bounds.allStatusesBytesMax
        return state.tasks.values.map { task in
            TaskReport(
                framework: task.framework, spec: task.spec, state: task.state, executor: executorID(of: task),
                // It comes whole by itself.
                pending: state.streams[task.key]?.head?.withoutWords, statuses: task.statuses.fitting(&room),
                container: task.ownContainer.flatMap { state.containers[$0]?.path })
        }
    }

    private var executorReports: [ExecutorReport] {
        state.executors.values.filter { state.containers[$0.container]?.exit == nil }.map { run in
            ExecutorReport(run.spec, container: state.containers[run.container]?.path)
        }
    }

    private var operationReports: [OperationReport] {
        state.operations.values.map { run in
            OperationReport(order: run.order, status: run.status ?? operationStatus(run.order, .pending))
        }
    }

    func executorID(of task: TaskRun) -> ExecutorID? {
        task.executorContainer.flatMap { state.executors[$0]?.spec.id }
    }
}

extension [StatusUpdate] {
    /// Without the words of those for which `room`, a `linkCost`, is too small.
    fileprivate func fitting(_ room: inout Int) -> [StatusUpdate] {
        map { update in
            let cost = WireValue.update(update).linkCost
            if cost > room { return update.withoutWords }
            room -= cost
            return update
        }
    }
}

extension StatusUpdate {
    /// What happened, without what was said about it.
    fileprivate var withoutWords: StatusUpdate {
        var update = self
        (update.message, update.data, update.labels, update.limitation) = (nil, nil, [], [])
        (update.checkStatus, update.containerStatus) = (nil, nil)
        return update
    }
}
