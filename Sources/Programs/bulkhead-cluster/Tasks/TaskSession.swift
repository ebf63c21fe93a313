import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel
import Logging
import SchedulerKit

/// `task run` as a framework: subscribes, takes offers that fit, and follows its tasks.
actor TaskSession {
    let client: ClusterClient
    let scheduler: Scheduler
    let manner: TaskManner
    private let settings: FrameworkSettings
    /// In the order of their numbers.
    private let ids: [TaskID]
    var instances: [TaskID: TaskInstance] = [:]
    private var hasSaidWhatLacks = false
    private var remarks = RunningRemarks()
    private var interrupts = 0
    private var hasLeft = false
    private var hasLostOutput = false

    /// Tasks that nobody watches may run this long without their framework.
    static let detachedFailover = Duration.seconds(365 * 24 * 3_600)
    /// A command that was killed leaves its task for that long.
    static let watchedFailover = Duration.seconds(60)
    /// Before people are told what they wait for.
    private static let patience = Duration.seconds(3)
    /// Tells frameworks of this command from others.
    static let frameworkLabel = "bulkhead.task-run"

    init(_ client: ClusterClient, _ requests: [TaskRequest], _ manner: TaskManner) {
        self.client = client
        self.manner = manner
        ids = requests.map(\.id)
        let width = "\(requests.count)".count
        for (index, request) in requests.enumerated() {
            let number = "\(index + 1)"
            let prefix = "[" + String(repeating: " ", count: width - number.count) + number + "] "
            instances[request.id] = TaskInstance(
                request, output: InstanceOutput(prefix: requests.count == 1 ? nil : prefix))
        }
        var settings = FrameworkSettings(
            name: "bulkhead task run \(requests[0].name)", role: requests[0].placement.role,
            failoverTimeout: manner.isDetached ? Self.detachedFailover : Self.watchedFailover)
        // Else an agent with GPUs would not be offered at all. It is taken last where none are asked for.
        settings.framework.capabilities.insert(.gpuResources)
        settings.framework.labels = [Label(Self.frameworkLabel, requests[0].id.text)]
        settings.reconnection.giveUpAfter = Self.watchedFailover
        settings.acknowledgement = .manual
        self.settings = settings
        var logger = Logger(label: "bulkhead.task")
        // What matters is said in sentences.
        logger.logLevel = .critical
        scheduler = Scheduler(settings, master: client, logger: logger)
    }

    /// Gives the exit status: that of the first task, by its number, that did not end well.
    func run(_ signals: SignalStream) async throws(Failure) -> Int32 {
        let listening = Task { [weak self] in
            for await signal in signals.signals { await self?.received(signal) }
        }
        let waiting = Task { [weak self] in await self?.sayWhatIsAwaited() }
        defer {
            listening.cancel()
            waiting.cancel()
        }
        return try await follow(signals.resizes)
    }

    private func follow(_ resizes: AsyncStream<Void>) async throws(Failure) -> Int32 {
        for try await event in scheduler.events {
            switch event {
            case .offers(let offers): try await consider(offers)
            case .disconnected(let failure):
                // Leaving ends the stream too.
                if interrupts == 0, !hasLeft { Console.note("bulkhead: \(failure); trying again") }
            case .update(let update): try await take(update, resizes)
            default: break
            }
            if isOver { return try await ended() }
            if manner.isDetached, instances.values.allSatisfy({ $0.isRunning || $0.outcome != nil }) {
                return try await leave()
            }
        }
        if hasLeft { return 0 }
        throw Failure(
            "task.not-started", doing: "run the task", on: ids[0].text, cause: "it was given up before it started",
            remedy: "run it again")
    }

    private func take(_ update: StatusUpdate, _ resizes: AsyncStream<Void>) async throws(Failure) {
        guard instances[update.task] != nil else { return }
        if let container = update.containerStatus?.container { instances[update.task]?.container = container }
        try await acknowledge(update)
        let hasEnded = update.state.isTerminal || update.state == .goneByOperator
        if update.state == .running { instances[update.task]?.isRunning = true }
        if let sentence = remarks.sentence(update) { Console.note("bulkhead: \(sentence)") }
        if update.state == .running || hasEnded, !manner.isDetached, instances[update.task]?.streaming == nil {
            let task = streaming(update, resizes)
            instances[update.task]?.streaming = task
        }
        if hasEnded { instances[update.task]?.outcome = TaskOutcome(update) }
    }

    private var isOver: Bool { instances.values.allSatisfy { $0.outcome != nil } }
    func hasEnded(_ task: TaskID) -> Bool { instances[task]?.outcome != nil }

    // MARK: - Offers

    private var waiting: [TaskRequest] {
        ids.compactMap { instances[$0] }.filter(\.isWaiting).map(\.request)
    }

    private func consider(_ offers: [Offer]) async throws(Failure) {
        let before = waiting
        let offers = offers.filter { !$0.hasGPUs } + offers.filter(\.hasGPUs)
        let placed = PlacedTasks(before, on: offers)
        var unused: [Offer] = []
        let isLast = placed.waiting.isEmpty
        for use in placed.uses {
            guard !use.launches.isEmpty else {
                unused.append(use.offer)
                continue
            }
            for launch in use.launches { instances[launch.task]?.agent = use.offer.agent }
            let specs = use.launches.compactMap { launch in
                instances[launch.task]?.request.spec(on: use.offer.agent, with: launch.resources)
            }
            try await scheduler.accept(
                [use.offer], [OfferOperation(.launch(specs))], refuseFor: isLast ? .zero : .seconds(2))
        }
        if isLast, !before.isEmpty { try await scheduler.suppress() }
        if !isLast, !hasSaidWhatLacks {
            hasSaidWhatLacks = true
            let lacks = unused.compactMap { placed.waiting[0].placement.lack(in: $0) }
            if !lacks.isEmpty || placed.waiting.count < ids.count {
                let all = lacks.isEmpty ? ["no more room just now"] : lacks
                Console.note(
                    "bulkhead: waiting for an offer of \(wanted(placed.waiting)): "
                        + all.prefix(3).joined(separator: "; ") + (all.count > 3 ? "; and so on" : ""))
            }
        }
        try await scheduler.decline(unused, refuseFor: .seconds(2))
    }

    private func wanted(_ requests: [TaskRequest]) -> String {
        let count = ids.count > 1 ? " for each of \(requests.count) more instances" : ""
        return (requests.first?.placement.description ?? "") + count
    }

    /// When no offer comes at all, people want to know why.
    private func sayWhatIsAwaited() async {
        do { try await Task.sleep(for: Self.patience) } catch { return }
        guard !waiting.isEmpty, !hasSaidWhatLacks else { return }
        hasSaidWhatLacks = true
        var why = "the master has not offered anything yet"
        do throws(Failure) {
            let agents = try await client.agents().agents
            if agents.isEmpty { why = "no agent has registered with the master" }
            if !agents.isEmpty, agents.allSatisfy({ !$0.isActive || $0.isDeactivated || $0.drain != nil }) {
                why = "no agent takes new tasks at the moment"
            }
        } catch { why = "\(error)" }
        guard !waiting.isEmpty else { return }
        Console.note("bulkhead: waiting for an offer of \(wanted(waiting)): \(why)")
    }

    // MARK: - Signals

    private func received(_ signal: Int32) async {
        if signal == SignalNumber.interrupt || signal == SignalNumber.terminate { interrupts += 1 }
        let underWay = ids.compactMap { instances[$0] }.filter(\.isUnderWay)
        guard !underWay.isEmpty else {
            // Nothing runs: the master forgets that we asked.
            do throws(Failure) { try await scheduler.tearDown() } catch {
                // A master that was never reached has nothing to forget.
                if error.code != "scheduler.not-subscribed" { Console.note("bulkhead: \(error)") }
            }
            CurrentProcess.exit(128 + signal)
        }
        for request in waiting {
            instances[request.id]?.outcome = TaskOutcome(
                status: 128 + signal, sentence: "it was given up before it started")
        }
        for instance in underWay { await pass(signal, to: instance) }
        if interrupts == 2 {
            let who = underWay.count == 1 ? underWay[0].request.id.text : "\(underWay.count) tasks"
            Console.note("bulkhead: \(who) not ended yet; once more kills")
        }
    }

    func pass(_ signal: Int32, to instance: TaskInstance) async {
        guard interrupts < 3, let container = instance.container, let agent = instance.agent else {
            Console.note("bulkhead: killing \(instance.request.id)")
            return await scheduler.kill(instance.request.id, on: instance.agent, gracePeriod: .zero)
        }
        do throws(Failure) {
            _ = try await client.agent(agent).call(.container(.kill(container, signal: signal), form: .any))
        } catch {
            if error.code != "client.not-found" { Console.note("bulkhead: \(error)") }
        }
    }

    // MARK: - Ends

    /// At once, and before the framework ends: an update nobody acknowledged is repeated for a long time.
    private func acknowledge(_ update: StatusUpdate) async throws(Failure) {
        guard let id = update.id, let agent = update.agent ?? instances[update.task]?.agent else { return }
        do throws(Failure) {
            try await scheduler.call(.acknowledge(id, task: update.task, agent: agent))
        } catch {
            // It comes again when the master is back.
            guard error.retry == .later || update.state.isTerminal else { throw error }
        }
    }

    private func leave() async throws(Failure) -> Int32 {
        hasLeft = true
        for id in ids { try Console.write(id.text + "\n") }
        await scheduler.stop()
        return finalStatus()
    }

    /// The keys that leave a terminal were typed: from now on the task is as if started with `--detach`.
    func detached() async throws(Failure) {
        hasLeft = true
        var subscription = settings.framework
        subscription.id = await scheduler.framework
        subscription.failoverTimeout = Self.detachedFailover
        try await scheduler.call(
            .updateFramework(Subscription(framework: subscription, suppressedRoles: subscription.roles)))
        Console.note("bulkhead: \(ids[0]) goes on; 'bulkhead task attach -i \(ids[0])' comes back to it")
        await scheduler.stop()
    }

    private func ended() async throws(Failure) -> Int32 {
        for id in ids {
            guard let failure = await instances[id]?.streaming?.value else { continue }
            // Said when it came.
            if [Console.unwritable, Console.readerGone].contains(failure.code) { continue }
            Console.note("bulkhead: \(failure)")
        }
        do throws(Failure) { try await scheduler.tearDown() } catch { Console.note("bulkhead: \(error)") }
        return finalStatus()
    }

    /// Our own streams cannot be written. The tasks go on, their files have everything.
    func outputIsLost(_ failure: Failure) {
        if !hasLostOutput { Console.note("bulkhead: \(failure)") }
        hasLostOutput = true
    }

    private func finalStatus() -> Int32 {
        var status: Int32 = 0
        for instance in ids.compactMap({ instances[$0] }) {
            if let sentence = instance.sentence(among: ids.count) { Console.note("bulkhead: \(sentence)") }
            if status == 0, let own = instance.outcome?.status { status = own }
        }
        return status == 0 && hasLostOutput ? ErrorReport.ownStatus : status
    }
}

extension Offer {
    fileprivate var hasGPUs: Bool { resources.contains { $0.name == "gpus" } }
}

/// How tasks are watched.
struct TaskManner: Sendable {
    var isDetached = false
    /// What we are given on standard input goes to the task.
    var isInteractive = false
    var hasTerminal = false
    var detachKeys = DetachKeys([])
}
