import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel
import Logging
import SchedulerKit

/// `task run` as a framework with one task: subscribes, takes the first offer that fits, and follows the task.
actor TaskSession {
    private let client: ClusterClient
    private let request: TaskRequest
    private let scheduler: Scheduler
    private let isDetached: Bool
    private var agent: AgentID?
    private var container: ContainerPath?
    private var hasSaidWhatLacks = false
    private var interrupts = 0
    private var outcome: TaskOutcome?

    /// Tasks that nobody watches may run this long without their framework.
    static let detachedFailover = Duration.seconds(365 * 24 * 3_600)
    /// A command that was killed leaves its task for that long.
    static let watchedFailover = Duration.seconds(60)
    /// Before people are told what they wait for.
    private static let patience = Duration.seconds(3)

    init(_ client: ClusterClient, _ request: TaskRequest, isDetached: Bool) {
        self.client = client
        self.request = request
        self.isDetached = isDetached
        var settings = FrameworkSettings(
            name: "bulkhead task run \(request.name)", role: request.placement.role,
            failoverTimeout: isDetached ? Self.detachedFailover : Self.watchedFailover)
        settings.framework.labels = [Label(Self.frameworkLabel, request.id.text)]
        settings.reconnection.giveUpAfter = Self.watchedFailover
        settings.acknowledgement = .manual
        var logger = Logger(label: "bulkhead.task")
        // What matters is said in sentences.
        logger.logLevel = .critical
        scheduler = Scheduler(settings, master: client, logger: logger)
    }

    /// Tells frameworks of this command from others.
    static let frameworkLabel = "bulkhead.task-run"

    /// Gives the exit status.
    func run(_ signals: SignalStream) async throws(Failure) -> Int32 {
        let listening = Task { [weak self] in
            for await signal in signals.signals { await self?.received(signal) }
        }
        let waiting = Task { [weak self] in await self?.sayWhatIsAwaited() }
        defer {
            listening.cancel()
            waiting.cancel()
        }
        return try await follow()
    }

    private func follow() async throws(Failure) -> Int32 {
        var output: Task<Failure?, Never>?
        for try await event in scheduler.events {
            switch event {
            case .offers(let offers): try await consider(offers)
            case .disconnected(let failure):
                // Leaving ends the stream too.
                if interrupts == 0 { Console.note("bulkhead: \(failure); trying again") }
            case .update(let update):
                guard update.task == request.id else { continue }
                container = update.containerStatus?.container ?? container
                try await acknowledge(update)
                if isDetached, update.state == .running { return try await leave() }
                if update.state == .running || update.state.isTerminal, output == nil, !isDetached {
                    output = streaming(update)
                }
                if update.state.isTerminal || update.state == .goneByOperator {
                    return try await ended(update, output)
                }
            default: break
            }
        }
        throw Failure(
            "task.not-started", doing: "run the task", on: request.id.text, cause: "it was given up before it started",
            remedy: "run it again")
    }

    // MARK: - Offers

    private func consider(_ offers: [Offer]) async throws(Failure) {
        var left = offers
        if agent == nil {
            let fitting = offers.compactMap { offer in
                request.placement.resources(of: offer).map { (offer: offer, resources: $0) }
            }
            // The agent with the most room left is the one where the task is least in the way.
            if let chosen = fitting.max(by: { Self.room($0.offer) < Self.room($1.offer) }) {
                agent = chosen.offer.agent
                left.removeAll { $0.id == chosen.offer.id }
                let spec = request.spec(on: chosen.offer.agent, with: chosen.resources)
                try await scheduler.accept([chosen.offer], [OfferOperation(.launch([spec]))], refuseFor: .zero)
                try await scheduler.suppress()
            } else if !hasSaidWhatLacks {
                hasSaidWhatLacks = true
                let lacks = offers.compactMap { request.placement.lack(in: $0) }
                Console.note(
                    "bulkhead: waiting for an offer of \(request.placement.description): "
                        + lacks.prefix(3).joined(separator: "; ") + (lacks.count > 3 ? "; and so on" : ""))
            }
        }
        try await scheduler.decline(left, refuseFor: .seconds(2))
    }

    private static func room(_ offer: Offer) -> Scalar { Resources(offer.resources).amount(of: "mem") }

    /// When no offer comes at all, people want to know why.
    private func sayWhatIsAwaited() async {
        do { try await Task.sleep(for: Self.patience) } catch { return }
        guard agent == nil, !hasSaidWhatLacks else { return }
        hasSaidWhatLacks = true
        var why = "the master has not offered anything yet"
        do throws(Failure) {
            let agents = try await client.agents().agents
            if agents.isEmpty { why = "no agent has registered with the master" }
            if !agents.isEmpty, agents.allSatisfy({ !$0.isActive || $0.isDeactivated || $0.drain != nil }) {
                why = "no agent takes new tasks at the moment"
            }
        } catch { why = "\(error)" }
        guard agent == nil else { return }
        Console.note("bulkhead: waiting for an offer of \(request.placement.description): \(why)")
    }

    // MARK: - Output

    private func streaming(_ update: StatusUpdate) -> Task<Failure?, Never> {
        let files = TaskFiles(framework: update.framework, task: request.id, executor: update.executor)
        let (client, agent) = (client, update.agent ?? agent)
        return Task { () -> Failure? in
            guard let agent else { return nil }
            do throws(Failure) {
                let agent = try await client.agent(agent)
                let isOver: @Sendable () async -> Bool = { [weak self] in await self?.outcome != nil }
                let error = Task { () -> Failure? in await files.copy(.error, from: agent, until: isOver) }
                let failure = await files.copy(.output, from: agent, until: isOver)
                let other = await error.value
                return failure ?? other
            } catch { return error }
        }
    }

    // MARK: - Signals

    private func received(_ signal: Int32) async {
        if signal == SignalNumber.interrupt || signal == SignalNumber.terminate { interrupts += 1 }
        guard let agent else {
            // Nothing runs: the master forgets that we asked.
            do throws(Failure) { try await scheduler.tearDown() } catch { Console.note("bulkhead: \(error)") }
            CurrentProcess.exit(128 + signal)
        }
        if interrupts >= 3 || container == nil {
            Console.note("bulkhead: killing \(request.id)")
            await scheduler.kill(request.id, on: agent, gracePeriod: .zero)
            return
        }
        guard let container else { return }
        do throws(Failure) {
            _ = try await client.agent(agent).call(.container(.kill(container, signal: signal), form: .any))
        } catch {
            if error.code != "client.not-found" { Console.note("bulkhead: \(error)") }
        }
        if interrupts == 2 { Console.note("bulkhead: \(request.id) has not ended yet; once more kills it") }
    }

    // MARK: - Ends

    /// At once, and before the framework ends: an update nobody acknowledged is repeated for a long time.
    private func acknowledge(_ update: StatusUpdate) async throws(Failure) {
        guard let id = update.id, let agent = update.agent ?? agent else { return }
        do throws(Failure) {
            try await scheduler.call(.acknowledge(id, task: update.task, agent: agent))
        } catch {
            // It comes again when the master is back.
            guard error.retry == .later || update.state.isTerminal else { throw error }
        }
    }

    private func leave() async throws(Failure) -> Int32 {
        try Console.write(request.id.text + "\n")
        await scheduler.stop()
        return 0
    }

    private func ended(_ update: StatusUpdate, _ output: Task<Failure?, Never>?) async throws(Failure) -> Int32 {
        let outcome = TaskOutcome(update)
        self.outcome = outcome
        if let output, let failure = await output.value { Console.note("bulkhead: \(failure)") }
        do throws(Failure) { try await scheduler.tearDown() } catch { Console.note("bulkhead: \(error)") }
        if let sentence = outcome.sentence { Console.note("bulkhead: \(sentence)") }
        return outcome.status
    }
}
