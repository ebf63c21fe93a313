import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import HTTPServing
import Logging
import MasterCore
import NIOCore
import NIOPosix

/// The shell around the core: one mailbox, effects in order, nothing decided here.
///
/// It has a thread of its own: on the pool that all requests share, each turn would wait behind whatever they work out.
actor MasterDriver {
    /// Never ended: who asks a driver that has ended is still answered.
    private static let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
    nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.executor.asUnownedSerialExecutor() }

    private var core: MasterCore
    private var timers = TimerQueue()
    private var armed: (at: Instant, task: Task<Void, Never>)?
    private let writer: RegistryWriter
    nonisolated private let clock: MasterClock
    private let limits: MasterServiceLimits
    private let reads: ReadPool
    private let heartbeatInterval: Duration
    /// Streams of watchers who have not been shown yet what there is, and who they are.
    private var newcomers: [(id: StreamID, principal: String?)] = []
    private var isIntroducing = false
    private let logger: Logger
    private let stepDown: @Sendable (Failure) -> Void

    nonisolated let desk = Desk()
    nonisolated let master: MasterInfo
    nonisolated private let mailbox: Mailbox<Letter>

    private enum Letter: Sendable {
        case event(MasterCore.Event)
        case timersDue
    }

    /// `stepDown` is called at most once, when the core gives up the registry.
    init(
        core: MasterCore, store: any RegistryStore, clock: MasterClock, limits: MasterServiceLimits, reads: ReadPool,
        logger: Logger, stepDown: @escaping @Sendable (Failure) -> Void
    ) {
        self.core = core
        master = core.configuration.master
        writer = RegistryWriter(store: store)
        self.clock = clock
        self.limits = limits
        self.reads = reads
        heartbeatInterval = core.configuration.heartbeatInterval
        self.logger = logger
        self.stepDown = stepDown
        mailbox = Mailbox(capacity: limits.mailboxMax)
        mailbox.tell(.event(.started))
    }

    // MARK: - From outside

    /// Hands a request to the core and waits for its answer. `form` is how a stream would be written; nil where none
    /// is expected.
    nonisolated func call(_ form: StreamForm? = nil, _ event: (CallID) -> MasterCore.Event) async -> CallReply {
        await desk.call(form) { mailbox.request([.event(event($0))]) }
    }

    /// Messages of one agent, in order. False when they do not fit: none is taken.
    nonisolated func deliver(_ messages: [AgentMessage], on link: LinkID, by principal: String?) -> Bool {
        mailbox.request(messages.map { .event(.agent(link, principal: principal, $0)) })
    }

    nonisolated func linkClosed(_ link: LinkID) {
        desk.close(link)
        mailbox.tell(.event(.linkClosed(link)))
    }

    /// The core as it is between two events. Copying it is cheap, and reading the copy holds nobody up.
    func snapshot() -> MasterCore { core.shown }

    /// The core's own figures.
    nonisolated func coreFigures() async -> [Metric] { await snapshot().figures(at: clock.now) }

    nonisolated var figures: (waiting: Int, refused: UInt64, calls: Int, streams: Int, links: Int) {
        let counts = desk.counts
        return (mailbox.count, mailbox.refused, counts.calls, counts.streams, counts.links)
    }

    // MARK: - The loop

    /// Until `stop` or the core steps down.
    func run(from version: RegistryVersion) async {
        let mailbox = mailbox
        let writer = writer
        await withDiscardingTaskGroup { group in
            group.addTask { await writer.run(from: version) { mailbox.tell(.event($0)) } }
            while let letters = await mailbox.next(atMost: limits.eventsInTurnMax) {
                for letter in letters {
                    if mailbox.isClosed { break }
                    handle(letter)
                }
                armTimers()
                await Task.yield()
            }
            writer.close()
        }
        armed?.task.cancel()
        desk.closeAll()
    }

    nonisolated func stop() { mailbox.close(droppingWhatWaits: true) }

    private func handle(_ letter: Letter) {
        switch letter {
        case .event(let event): perform(core.handle(event, at: clock.now))
        case .timersDue:
            armed = nil
            while let timer = timers.pop(at: clock.now) { perform(core.handle(.timer(timer), at: clock.now)) }
        }
    }

    /// One sleeper for the earliest timer.
    private func armTimers() {
        guard let earliest = timers.earliest() else { return }
        if let armed, armed.at <= earliest { return }
        armed?.task.cancel()
        let moment = clock.moment(of: earliest)
        let mailbox = mailbox
        let task = Task {
            do { try await Task.sleep(until: moment, clock: .continuous) } catch { return }
            mailbox.tell(.timersDue)
        }
        armed = (earliest, task)
    }

    // MARK: - Effects

    private func perform(_ effects: [MasterCore.Effect]) {
        for effect in effects { perform(effect) }
    }

    private func perform(_ effect: MasterCore.Effect) {
        switch effect {
        case .persist(let changes, let ticket): writer.write(changes, ticket)
        case .openStream(let call, let id): open(id, for: call)
        case .answer(let call, let answer): desk.finish(call, .answer(answer))
        case .publish(let id, let event, let capabilities): publish(event, on: id, for: capabilities)
        case .introduce(let id, let principal):
            newcomers.append((id, principal))
            introduce()
        case .announce(let event): announce(event)
        case .closeStream(let id): desk.close(id)?.stream.finish()
        case .send(let link, let message): desk.link(link)?.stream.send(message.record)
        case .closeLink(let link): desk.close(link)?.stream.finish()
        case .setTimer(let timer, let instant): timers.set(timer, at: instant)
        case .cancelTimer(let timer): timers.cancel(timer)
        case .note(let note): logger.record(note)
        case .stepDown(let failure):
            logger.error("stepping down", metadata: ["cause": "\(failure)"])
            stop()
            stepDown(failure)
        }
    }

    private func open(_ id: StreamID, for call: CallID) {
        let mailbox = mailbox
        let desk = desk
        let opened = desk.open(id, for: call) { form in
            EventStream(rules(for: form), isHeld: form.isObserver) { _ in
                desk.close(id)
                mailbox.tell(.event(.streamClosed(id)))
            }
        }
        if opened == nil { mailbox.tell(.event(.streamClosed(id))) }
    }

    private func rules(for form: StreamForm) -> EventStreamRules {
        var rules = EventStreamRules()
        rules.heartbeatInterval = heartbeatInterval
        rules.earlyHeartbeat = limits.earlyHeartbeat
        switch form {
        case .scheduler(let format):
            rules.bytesMax = limits.schedulerQueueBytesMax
            rules.recordsMax = limits.schedulerQueueRecordsMax
            rules.headWaits = limits.headWaits
            rules.heartbeat = SchedulerEvent.heartbeat.record(for: [], format)
            rules.overflow = SchedulerEvent.error("the scheduler reads too slowly; subscribe again").record(
                for: [], format)
        case .observer(let format):
            rules.bytesMax = limits.observerQueueBytesMax
            rules.recordsMax = limits.observerQueueRecordsMax
            rules.heartbeat = OperatorEvent.heartbeat.record(format)
        }
        return rules
    }

    private func publish(_ event: SchedulerEvent, on id: StreamID, for capabilities: Set<FrameworkInfo.Capability>) {
        guard let open = desk.stream(id), case .scheduler(let format) = open.form else { return }
        open.stream.send(event.record(for: capabilities, format))
    }

    /// Written once for each encoding; all who watch share its bytes.
    private func announce(_ event: OperatorEvent) {
        var written: [WireFormat: ByteBuffer] = [:]
        let newcomers = Set(newcomers.map(\.id))
        for (id, open) in desk.observers where !newcomers.contains(id) {
            guard case .observer(let format) = open.form else { continue }
            let record = written[format] ?? ByteBuffer(bytes: event.record(format))
            written[format] = record
            open.stream.send(record)
        }
    }

    /// Shows those who have come what there is, away from the core: looked at once for all who wait and are the same
    /// person, written once for each encoding. One look at a time, so that however many come, only so much is kept.
    private func introduce() {
        guard !isIntroducing, let first = newcomers.first else { return }
        isIntroducing = true
        let principal = first.principal
        let together = newcomers.filter { $0.principal == principal }.compactMap { desk.stream($0.id) }
        newcomers.removeAll { $0.principal == principal }
        let core = core.shown
        let reads = reads
        let interval = heartbeatInterval
        Task {
            let isDone = await reads.introduce(together, to: core, by: principal, heartbeat: interval)
            // Only a master that stops reads nothing any more.
            if !isDone { for open in together { open.stream.finish() } }
            isIntroducing = false
            introduce()
        }
    }
}
