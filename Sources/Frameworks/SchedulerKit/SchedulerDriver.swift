import Determinism
import Logging
import Synchronization

/// Carries out what the core decides: one loop that keeps a subscription, one that sends calls, one timer.
actor SchedulerDriver {
    private var core: SessionCore
    private let master: any SchedulerMaster
    private let logger: Logger
    private let limits: SchedulerLimits
    private let isAutomatic: Bool
    private let events: BoundedChannel<FrameworkEvent>
    private let outbox: BoundedChannel<SchedulerCall.Action>
    private let clock = SessionClock()
    private var session: (any SchedulerSession)?
    private var loop: Task<Void, Never>?
    private var sender: Task<Void, Never>?
    private var timer: Task<Void, Never>?
    /// Handed out and not yet acknowledged.
    private var pending: FrameworkEvent?
    private var isStopping = false

    init(_ settings: FrameworkSettings, master: any SchedulerMaster, logger: Logger) {
        core = SessionCore(settings, seed: UInt64.random(in: .min ... .max))
        self.master = master
        self.logger = logger
        limits = settings.limits
        isAutomatic = settings.acknowledgement == .automatic
        events = BoundedChannel(capacity: settings.limits.eventsWaitingMax)
        outbox = BoundedChannel(capacity: settings.limits.callsWaitingMax)
    }

    var framework: FrameworkID? { core.framework }
    var tasks: [SchedulerCall.TaskOfAgent] {
        core.tasks.map { SchedulerCall.TaskOfAgent(task: $0.key, agent: $0.value.agent) }
    }

    // MARK: - The program's side

    func next() async throws(Failure) -> FrameworkEvent? {
        begin()
        await acknowledgePending()
        let event = try await events.receive().get()
        if isAutomatic { pending = event }
        return event
    }

    private func begin() {
        guard loop == nil, !isStopping else { return }
        loop = Task { await run() }
        sender = Task { await send() }
    }

    private func acknowledgePending() async {
        guard let event = pending else { return }
        pending = nil
        switch event {
        case .update(let update): await take(.handled(update))
        case .operation(let status): await take(.handledOperation(status))
        default: break
        }
    }

    func acknowledge(_ update: StatusUpdate) async { await take(.handled(update)) }
    func acknowledge(_ status: OperationStatus) async { await take(.handledOperation(status)) }
    func reconcile(_ tasks: [TaskID]) async { await take(.reconcile(tasks)) }

    func kill(_ task: SchedulerCall.TaskOfAgent, gracePeriod: Duration?) async {
        await take(.kill(task, gracePeriod: gracePeriod))
    }

    /// Makes a call of the program's own, on the subscription there is.
    func call(_ action: SchedulerCall.Action) async throws(Failure) {
        let launched = action.launchedTasks
        if !launched.isEmpty {
            guard core.tasks.count + launched.count <= limits.tasksMax else {
                throw Failure(
                    "scheduler.too-many-tasks", doing: "launch tasks",
                    cause: "the framework has \(core.tasks.count) that have not ended",
                    remedy: "wait until some have ended, or raise the limit", limit: "tasks \(limits.tasksMax)",
                    retry: .later)
            }
        }
        let session = try subscribed()
        if !launched.isEmpty { await take(.launching(launched)) }
        try await session.call(SchedulerCall(framework: core.framework, action))
    }

    private func subscribed() throws(Failure) -> any SchedulerSession {
        if let session, core.isSubscribed { return session }
        throw Failure(
            "scheduler.not-subscribed", doing: "call the master", cause: "there is no subscription now",
            remedy: "wait for the event subscribed; offers from before it are void", retry: .later)
    }

    /// Sends what is to be sent, then leaves.
    func stop() async {
        guard !isStopping else { return }
        await flush()
        end(nil)
    }

    /// Ends the framework after what is to be sent, then leaves, whatever the master said to it.
    func tearDown() async throws(Failure) {
        guard !isStopping else { return }
        let session = try subscribed()
        await flush()
        defer { end(nil) }
        try await session.call(SchedulerCall(framework: core.framework, .teardown))
    }

    private func flush() async {
        await acknowledgePending()
        isStopping = true
        timer?.cancel()
        outbox.finish()
        guard let sender else { return }
        let limit = Task { [stopTime = limits.stopTime] in
            do { try await Task.sleep(for: stopTime) } catch { return }
            sender.cancel()
        }
        await sender.value
        limit.cancel()
    }

    /// Leaves at once.
    func abandon() {
        isStopping = true
        sender?.cancel()
        timer?.cancel()
        end(nil)
    }

    private func end(_ failure: Failure?) {
        isStopping = true
        // What nobody has read when the program leaves, it will not miss: updates come again to who comes back.
        if let failure { events.finish(failure) } else { events.close() }
        outbox.close()
        loop?.cancel()
        timer?.cancel()
        session?.disconnect()
        session = nil
    }

    // MARK: - The master's side

    private func run() async {
        while !isStopping, !Task.isCancelled {
            let failure = await subscribedUntilLost()
            session?.disconnect()
            session = nil
            guard !isStopping, !Task.isCancelled else { return }
            if !isLost { logger.warning("there is no master; looking for one", metadata: ["cause": "\(failure)"]) }
            isLost = true
            await take(.lost(failure))
            guard let delay = reconnection else { return }
            do {
                try await Task.sleep(for: delay)
            } catch {
                return
            }
        }
    }
    private var reconnection: Duration?
    /// Said once for each loss.
    private var isLost = false

    /// Why the subscription ended, or did not begin.
    private func subscribedUntilLost() async -> Failure {
        do throws(Failure) {
            let session = try await master.begin(core.subscription)
            guard !isStopping else {
                session.disconnect()
                return Self.closed
            }
            self.session = session
            isLost = false
            while let event = try await session.next() {
                if case .error(let message) = event { return Self.refused(message) }
                await take(.received(event))
            }
            return Self.closed
        } catch {
            return error
        }
    }

    private static let closed = Failure(
        "scheduler.disconnected", doing: "stay subscribed", cause: "the master closed the stream",
        remedy: "it is tried again", retry: .later)

    /// The master's last word. Only one that asks for it is followed by another subscription: a framework that was
    /// removed, or that another process took over, must not come back by itself.
    private static func refused(_ message: String) -> Failure {
        Failure(
            "scheduler.refused", doing: "stay subscribed", cause: "the master says: \(message)",
            remedy: "see the master's log",
            retry: message.lowercased().ends(with: "subscribe again") ? .later : .never)
    }

    private func take(_ event: SessionCore.Event) async {
        for effect in core.handle(event, at: clock.now) {
            switch effect {
            case .deliver(let event): _ = await events.send(event)
            case .call(let action): _ = await outbox.send(action)
            case .wake(let instant): wake(at: instant)
            case .reconnect(let delay): reconnection = delay
            case .end(let failure):
                reconnection = nil
                end(failure)
            }
        }
    }

    private func send() async {
        while case .success(let action?) = await outbox.receive() {
            // What belongs to a subscription that is over is said again in the next where it still matters.
            guard let session, core.isSubscribed else { continue }
            do throws(Failure) {
                try await session.call(SchedulerCall(framework: core.framework, action))
            } catch {
                logger.warning("a call was not taken", metadata: ["call": "\(action.name)", "cause": "\(error)"])
            }
        }
    }

    private func wake(at instant: Instant?) {
        timer?.cancel()
        guard let instant, !isStopping else { return }
        let delay = instant - clock.now
        timer = Task {
            do {
                try await Task.sleep(for: max(delay, .zero))
            } catch {
                return
            }
            await take(.woken)
        }
    }
}

/// Time that only goes forward, for the core.
private struct SessionClock: Sendable {
    private let start = ContinuousClock.now
    var now: Instant { .epoch + (ContinuousClock.now - start) }
}

extension SchedulerCall.Action {
    var launchedTasks: [TaskSpec] {
        guard case .accept(_, let operations, _) = self else { return [] }
        return operations.flatMap { operation -> [TaskSpec] in
            switch operation.action {
            case .launch(let tasks), .launchGroup(_, let tasks): tasks
            case .change, .unfit: []
            }
        }
    }

    /// For the log.
    var name: String {
        switch self {
        case .acknowledge: "acknowledge"
        case .acknowledgeOperation: "acknowledge operation"
        case .reconcile: "reconcile"
        case .kill: "kill"
        default: "call"
        }
    }
}
