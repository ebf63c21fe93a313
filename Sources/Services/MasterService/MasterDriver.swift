import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import HTTPServing
import Logging
import MasterCore
import NIOCore

/// Bounds of what waits in a master. Each names what is refused or cut off beyond it.
public struct MasterServiceLimits: Sendable {
    /// Requests that wait for the core. One more is answered 503.
    public var mailboxMax = 10_000
    /// Events the core handles before reads get their turn.
    public var eventsInTurnMax = 256
    /// Bytes and records that wait for a scheduler; it is disconnected with an ERROR beyond.
    public var schedulerQueueBytesMax = 8 << 20
    public var schedulerQueueRecordsMax = 16_384
    /// The same for an operator who watches. The first record is the whole state, whatever its size.
    public var observerQueueBytesMax = 8 << 20
    public var observerQueueRecordsMax = 16_384
    /// The same for an agent, whose link ends beyond; it registers again.
    public var agentQueueBytesMax = 64 << 20
    public var agentQueueRecordsMax = 131_072
    /// Bytes of one call's body.
    public var callBytesMax = 16 << 20
    /// Bytes of what an agent sends at once; a registration carries every task.
    public var agentBodyBytesMax = 64 << 20
    /// Reads worked out at once.
    public var readsMax = 2
    /// Reads that wait, are worked out or are being sent. One more is answered 503.
    public var readsWaitingMax = 1_000
    /// Bytes of an answer above which it is sent a piece at a time.
    public var wholeAnswerBytesMax = 4 << 20
    /// Answers sent a piece at a time: each keeps what it shows in memory. One more is answered 503.
    public var largeAnswersMax = 16

    /// After the last event of a stream there is a heartbeat so soon, and then one in each of the core's intervals.
    public var earlyHeartbeat: Duration? = .seconds(1)

    public init() {}
}

/// The shell around the core: one mailbox, effects in order, nothing decided here.
actor MasterDriver {
    private var core: MasterCore
    private var timers = TimerQueue()
    private var armed: (at: Instant, task: Task<Void, Never>)?
    private let writer: RegistryWriter
    private let clock: MasterClock
    private let limits: MasterServiceLimits
    private let heartbeatInterval: Duration
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
        core: MasterCore, store: any RegistryStore, clock: MasterClock, limits: MasterServiceLimits, logger: Logger,
        stepDown: @escaping @Sendable (Failure) -> Void
    ) {
        self.core = core
        master = core.configuration.master
        writer = RegistryWriter(store: store)
        self.clock = clock
        self.limits = limits
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
    func snapshot() -> MasterCore { core }

    /// The core's own figures.
    func coreFigures() -> [Metric] { core.figures(at: clock.now) }

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
                for letter in letters { handle(letter) }
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
        case .inform(let id, let event): inform(event, on: id)
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
            EventStream(rules(for: form)) { _ in
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

    private func inform(_ event: OperatorEvent, on id: StreamID) {
        guard let open = desk.stream(id), case .observer(let format) = open.form else { return }
        open.stream.send(event.record(format))
    }

    /// Written once for each encoding; all who watch share its bytes.
    private func announce(_ event: OperatorEvent) {
        var written: [WireFormat: ByteBuffer] = [:]
        for open in desk.observers {
            guard case .observer(let format) = open.form else { continue }
            let record = written[format] ?? ByteBuffer(bytes: event.record(format))
            written[format] = record
            open.stream.send(record)
        }
    }
}
