import Determinism
import OrderedCollections

/// Decides what a scheduler does: what its program hears, what it tells the master, and when it tries again. Pure.
struct SessionCore: Core {
    enum Event: Sendable {
        case received(SchedulerEvent)
        case lost(Failure)
        /// The program is done with an update, or with an operation's status.
        case handled(StatusUpdate)
        case handledOperation(OperationStatus)
        /// About to be launched.
        case launching([TaskSpec])
        case kill(SchedulerCall.TaskOfAgent, gracePeriod: Duration?)
        case reconcile([TaskID])
        /// The time asked for has come.
        case woken
    }
    enum Effect: Equatable, Sendable {
        case deliver(FrameworkEvent)
        /// Sent in order; one that fails with the connection is not sent again unless this core says so.
        case call(SchedulerCall.Action)
        /// Takes the place of the one before.
        case wake(at: Instant?)
        case reconnect(after: Duration)
        case end(Failure)
    }

    struct KnownTask: Sendable {
        var agent: AgentID?
        /// Nil: launched, nothing heard yet.
        var state: TaskState?
        var kill: KillWish?
    }
    struct KillWish: Hashable, Sendable {
        var gracePeriod: Duration?
    }

    let settings: FrameworkSettings
    private(set) var framework: FrameworkID?
    private(set) var isSubscribed = false
    private(set) var tasks: OrderedDictionary<TaskID, KnownTask> = [:]
    /// Updates handed out; true: the program is done with them.
    private var updates: OrderedDictionary<UpdateID, Bool> = [:]
    /// Tasks asked about that nobody has said anything of.
    private var unanswered: OrderedSet<TaskID> = []
    private var nextAsking: Instant?
    private var askingDelay: Duration
    private var nextRound: Instant?
    private var attempts = 0
    private var lostSince: Instant?
    private var random: SeededRandom

    init(_ settings: FrameworkSettings, seed: UInt64) {
        self.settings = settings
        framework = settings.framework.id
        askingDelay = settings.reconciliation.retryFirst
        random = SeededRandom(seed: seed)
        for task in settings.knownTasks { tasks[task.task] = KnownTask(agent: task.agent) }
    }

    /// With the id, once there is one.
    var subscription: Subscription {
        var subscription = settings.subscription
        subscription.framework.id = framework
        return subscription
    }

    mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        switch event {
        case .received(let event): return received(event, at: now)
        case .lost(let failure): return lost(failure, at: now)
        case .handled(let update): return handled(update)
        case .handledOperation(let status): return handled(status)
        case .launching(let launched):
            for task in launched { tasks[task.id] = KnownTask(agent: task.agent) }
            return []
        case .kill(let task, let gracePeriod):
            tasks[task.task, default: KnownTask(agent: task.agent)].kill = KillWish(gracePeriod: gracePeriod)
            return isSubscribed ? [.call(.kill(task, gracePeriod: gracePeriod))] : []
        case .reconcile(let asked): return reconcile(asked, at: now)
        case .woken: return woken(at: now)
        }
    }

    // MARK: - What the master says

    private mutating func received(_ event: SchedulerEvent, at now: Instant) -> [Effect] {
        switch event {
        case .subscribed(let id, _, let master): return subscribed(id, master, at: now)
        case .offers(let offers): return [.deliver(.offers(offers))]
        case .inverseOffers(let offers): return [.deliver(.inverseOffers(offers))]
        case .rescind(let offer): return [.deliver(.rescinded(offer))]
        case .rescindInverseOffer(let offer): return [.deliver(.inverseOfferRescinded(offer))]
        case .update(let update): return updated(update, at: now)
        case .updateOperation(let status): return [.deliver(.operation(status))]
        case .message(let data, let executor, let agent):
            return [.deliver(.message(data, executor: executor, agent: agent))]
        case .agentLost(let agent): return [.deliver(.agentLost(agent))]
        case .executorLost(let executor, let agent, let status):
            return [.deliver(.executorLost(executor, agent: agent, status: status))]
        // Only a master makes these: what is read of the wire is one of those above.
        case .unfitTask, .unfitOperation, .error, .heartbeat: return []
        }
    }

    private mutating func subscribed(_ id: FrameworkID, _ master: MasterInfo, at now: Instant) -> [Effect] {
        let comesBack = framework != nil
        framework = id
        isSubscribed = true
        attempts = 0
        lostSince = nil
        var effects: [Effect] = [.deliver(.subscribed(id, master: master))]
        for (task, known) in tasks {
            guard let kill = known.kill else { continue }
            let wanted = SchedulerCall.TaskOfAgent(task: task, agent: known.agent)
            effects.append(.call(.kill(wanted, gracePeriod: kill.gracePeriod)))
        }
        // One that comes back may have tasks it does not remember.
        if comesBack { effects.append(.call(.reconcile([]))) }
        nextRound = settings.reconciliation.interval.map { now + $0 }
        askingDelay = settings.reconciliation.retryFirst
        unanswered = OrderedSet(tasks.keys)
        return effects + asking(at: now)
    }

    private mutating func updated(_ update: StatusUpdate, at now: Instant) -> [Effect] {
        unanswered.remove(update.task)
        if let id = update.id {
            if let isHandled = updates[id] { return isHandled ? acknowledgement(of: update) : [] }
            remember(id)
        } else if update.reason == .reconciliation, let known = tasks[update.task], known.state == update.state {
            return []
        }
        if update.state.isOver {
            tasks[update.task] = nil
        } else if tasks[update.task] != nil || tasks.count < settings.limits.tasksMax {
            tasks[update.task, default: KnownTask()].state = update.state
            if let agent = update.agent { tasks[update.task]?.agent = agent }
        }
        return [.deliver(.update(update))]
    }

    private mutating func remember(_ id: UpdateID) {
        updates[id] = false
        if updates.count > settings.limits.updatesRememberedMax { updates.removeFirst() }
    }

    // MARK: - What the program says

    private mutating func handled(_ update: StatusUpdate) -> [Effect] {
        guard let id = update.id else { return [] }
        if updates[id] != nil { updates[id] = true }
        return acknowledgement(of: update)
    }

    /// While there is no master, none is needed: the agent repeats the update.
    private func acknowledgement(of update: StatusUpdate) -> [Effect] {
        guard isSubscribed, let id = update.id, let agent = update.agent else { return [] }
        return [.call(.acknowledge(id, task: update.task, agent: agent))]
    }

    private func handled(_ status: OperationStatus) -> [Effect] {
        guard isSubscribed, let id = status.id, let operation = status.operation else { return [] }
        let named = SchedulerCall.OperationOfAgent(
            operation: operation, agent: status.agent, provider: status.provider)
        return [.call(.acknowledgeOperation(id, named))]
    }

    // MARK: - Losing the master

    private mutating func lost(_ failure: Failure, at now: Instant) -> [Effect] {
        var effects: [Effect] = isSubscribed ? [.deliver(.disconnected(failure)), .wake(at: nil)] : []
        isSubscribed = false
        let since = lostSince ?? now
        lostSince = since
        if failure.retry == .never { return effects + [.end(failure)] }
        if let limit = settings.reconnection.giveUpAfter, now - since >= limit { return effects + [.end(failure)] }
        var delay = settings.reconnection.first
        for _ in 0..<min(attempts, 32) where delay < settings.reconnection.most { delay = delay * 2 }
        delay = min(delay, settings.reconnection.most)
        attempts += 1
        effects.append(.reconnect(after: delay / 2 + delay / 2 * random.fraction()))
        return effects
    }

    // MARK: - Comparing pictures

    private mutating func reconcile(_ asked: [TaskID], at now: Instant) -> [Effect] {
        guard isSubscribed else { return [] }
        guard !asked.isEmpty else { return [.call(.reconcile([]))] }
        unanswered.formUnion(asked)
        askingDelay = settings.reconciliation.retryFirst
        return asking(at: now)
    }

    private mutating func woken(at now: Instant) -> [Effect] {
        guard isSubscribed else { return [] }
        var effects: [Effect] = []
        if let round = nextRound, round <= now {
            effects.append(.call(.reconcile([])))
            nextRound = settings.reconciliation.interval.map { now + $0 }
        }
        guard let asking = nextAsking, asking <= now else { return effects + [wake] }
        askingDelay = min(askingDelay * 2, settings.reconciliation.retryMost)
        return effects + self.asking(at: now)
    }

    /// Asks about every task that nobody has said anything of, and says when to do it again.
    private mutating func asking(at now: Instant) -> [Effect] {
        guard !unanswered.isEmpty else {
            nextAsking = nil
            return [wake]
        }
        var effects: [Effect] = []
        var batch: [SchedulerCall.TaskOfAgent] = []
        for task in unanswered {
            batch.append(SchedulerCall.TaskOfAgent(task: task, agent: tasks[task]?.agent))
            guard batch.count == settings.limits.tasksPerReconciliationMax else { continue }
            effects.append(.call(.reconcile(batch)))
            batch = []
        }
        if !batch.isEmpty { effects.append(.call(.reconcile(batch))) }
        nextAsking = now + askingDelay
        return effects + [wake]
    }

    private var wake: Effect {
        switch (nextAsking, nextRound) {
        case (let asking?, let round?): .wake(at: min(asking, round))
        case (let asking, let round): .wake(at: asking ?? round)
        }
    }
}

extension TaskState {
    /// Nothing more will be heard of it, or nothing that helps.
    var isOver: Bool { isTerminal || self == .goneByOperator || self == .unknown }
}
