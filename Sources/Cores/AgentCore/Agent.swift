import ClusterAPI
public import ClusterModel
import Containers
public import Determinism
import Diagnostics
import OrderedCollections

/// All decisions of an agent: what runs on its machine, what it tells the master, what it keeps and what it forgets.
///
/// What it must not forget is in `state`, which changes through records only; everything else here is made anew at each
/// start. Nothing leaves the agent before the records it follows from are durable: see `Outbox`.
public struct Agent: Core {
    public typealias Event = AgentEvent
    public typealias Effect = AgentEffect

    public let configuration: AgentConfiguration
    public internal(set) var state = AgentState()
    /// Numbers since the start, for the metrics.
    public internal(set) var counters = AgentCounters()
    var random: SeededRandom
    /// For an agent that has none yet.
    let drawnKey: AgentKey
    var outbox = Outbox()
    var timers = TimerTable()
    var phase = Phase.new
    var link = MasterLink()
    /// The latest instant seen: time never goes back here.
    var now = Instant.distantPast
    var startedAt = Instant.distantPast
    /// When everything that ran before had been taken over.
    var recoveredAt: Instant?
    /// How far the launch or the end of each container has come. Looked up, never walked.
    var progress: [ContainerID: ContainerProgress] = [:]
    /// What to wait before the next try of each stream's head. Looked up, never walked.
    var retries: [TaskReference: Duration] = [:]
    var operationRetries: [UpdateID: Duration] = [:]
    var executorStreams: OrderedDictionary<ContainerID, StreamID> = [:]
    /// Executors that have subscribed since the start, whether or not their streams are there still: by their
    /// containers, until those end. Looked up, never walked.
    var subscribedExecutors: Set<ContainerID> = []
    var probing = ProbeTable()
    var waiters: [Waiter] = []
    var sessions: OrderedDictionary<CallID, Session> = [:]
    /// How sessions ended, for those who ask afterwards; oldest first.
    var endedSessions: OrderedDictionary<ContainerPath, ContainerTermination> = [:]
    var pendingLaunches: [ContainerID: CallID] = [:]
    /// What the master has ordered that has to wait until resources are what it counts on: see `waits`.
    var held: [MasterMessage] = []
    /// What an agent that starts over had still to tell: it may leave although nothing of it is remembered.
    var lastUpdates: Set<UpdateID> = []
    var completed = CompletedWork()
    var collection = CollectionState()
    /// The machine's, now.
    var bootID: String?
    /// The machine has been started anew since the agent last ran.
    var hasRebooted = false
    /// Something has ended: see `settle`.
    var mayHaveSettled = false

    enum Phase: Hashable, Sendable {
        case new
        /// Waiting for the containerizer.
        case recovering
        case running
        /// Everything is being ended; why.
        case stopping(String)
        case stopped
    }

    struct Waiter: Sendable {
        var call: CallID
        var container: ContainerID
    }

    struct Session: Sendable {
        var path: ContainerPath
        var container: ContainerID
        var waiters: [CallID] = []
    }

    /// - Parameters:
    ///   - seed: another one for each start of the program, so that names it draws are never drawn again.
    ///   - key: one that nobody can guess, another one for each start; it counts when the journal has none.
    public init(_ configuration: AgentConfiguration, seed: UInt64, key: AgentKey) {
        self.configuration = configuration
        drawnKey = key
        random = SeededRandom(seed: seed)
    }

    public mutating func handle(_ event: AgentEvent, at instant: Instant) -> [AgentEffect] {
        now = max(now, instant)
        take(event)
        settle()
        let surplus = outbox.appended - state.size
        if surplus > configuration.bounds.surplusRecordsMax, !outbox.isFailing { outbox.compact(state.snapshot) }
        let (state, progress, last) = (state, progress, lastUpdates)
        // An effect that waited for the journal may have lost its reason: a container killed before it was launched, an
        // update acknowledged before it was sent once more.
        return outbox.flush { effect in
            switch effect {
            case .launch(let launch):
                state.containers[launch.id]?.phase == .planned && progress[launch.id]?.isDoomed != true
            case .send(.status(let update, _)):
                update.id.map { state.streams[update.reference]?.head?.id == $0 || last.contains($0) } ?? true
            case .send(.operation(_, let key, _)): last.contains(key) || state.operations[key] != nil
            default: true
            }
        }
    }

    private mutating func take(_ event: AgentEvent) {
        switch event {
        case .started(let records, let bootID): start(records, bootID: bootID)
        case .containersRecovered(let recovery): containersRecovered(recovery)
        case .recoveryFailed(let failure): stop("the containers of before cannot be taken over: \(failure)")
        case .stored(let ticket): stored(ticket)
        case .storeFailed(_, let failure): storeFailed(failure)
        case .timer(let timer): if let purpose = timers.fired(timer) { fired(purpose) }
        default: if isServing { takeWork(event) } else { refuseEarly(event) }
        }
    }

    var isServing: Bool {
        switch phase {
        case .running, .stopping: true
        case .new, .recovering, .stopped: false
        }
    }

    private mutating func takeWork(_ event: AgentEvent) {
        switch event {
        case .leaderChanged: leaderChanged()
        case .linked: linked()
        case .linkFailed(let failure): linkLost(failure, wasOpen: false)
        case .linkLost(let failure): linkLost(failure, wasOpen: true)
        case .master(let message): received(message)
        case .sandboxPrepared(let id, let failure): sandboxPrepared(id, failure)
        case .fetched(let id, let failure): fetched(id, failure)
        case .launched(let id, let result): launched(id, result)
        case .exited(let id, let exit): exited(id, exit)
        case .destroyed(let id, let result): destroyed(id, result)
        case .limitsUpdated(let id, let failure): limitsUpdated(id, failure)
        case .probed(let id, let result): probed(id, result)
        case .executorDoorFailed(let id, let failure): executorDoorFailed(id, failure)
        case .executorSubscribed(let stream, let call): executorSubscribed(stream, call)
        case .executorStreamClosed(let stream): executorStreamClosed(stream)
        case .executorCalled(let call): executorCalled(call)
        case .launchContainer(let call, let request): launchOrdered(request, for: call)
        case .openSession(let call, let request): openSession(request, for: call)
        case .sessionEnded(let call, let code): sessionEnded(call, code)
        case .waitContainer(let call, let path): wait(for: path, call)
        case .killContainer(let call, let path, let signal): killOrdered(path, signal, call)
        case .removeContainer(let call, let path): removeOrdered(path, call)
        case .pruneImages(let call, let keeping): pruneImages(keeping: keeping, for: call)
        case .callClosed(let call): callClosed(call)
        case .diskMeasured(let usage): diskMeasured(usage)
        case .collected(let path, let failure): collected(path, failure)
        case .sandboxesFound(let paths): sandboxesFound(paths)
        case .imagesPruned(let failure): imagesPruned(failure)
        case .volumesChanged(let key, let failure): volumesChanged(key, failure)
        case .started, .containersRecovered, .recoveryFailed, .stored, .storeFailed, .timer: break
        }
    }

    /// Before recovery and after the stop: whoever waits for an answer gets one.
    private mutating func refuseEarly(_ event: AgentEvent) {
        let failure = Failure(
            "agent.not-ready", doing: "serve the call", cause: "the agent is starting or stopping",
            remedy: "try again in a moment", retry: .later)
        switch event {
        case .launchContainer(let call, _), .openSession(let call, _), .waitContainer(let call, _),
            .killContainer(let call, _, _), .removeContainer(let call, _), .pruneImages(let call, _):
            send(.answer(call, .refused(failure)))
        case .executorSubscribed(let stream, _):
            send(.publish(stream, .error(failure.description)))
            send(.closeStream(stream))
        default: break
        }
    }

    private mutating func fired(_ purpose: TimerTable.Purpose) {
        switch purpose {
        case .register: register()
        case .watchdog: watchdogFired()
        case .update(let task): resendHead(of: task)
        case .operation(let key): resendOperation(key)
        case .kill(let id): killDeadline(id)
        case .destroy(let id): destroy(id)
        case .executorRegistration(let id): executorDidNotRegister(id)
        case .executorReturn(let id): executorDidNotReturn(id)
        case .executorShutdown(let id): executorShutdownDeadline(id)
        case .executorHeartbeat(let id): heartbeat(id)
        case .completion(let task): completionTimeReached(task)
        case .health(let task): probeHealth(of: task)
        case .check(let task): probeCheck(of: task)
        case .disk: watchDisk()
        case .store: outbox.compact(state.snapshot)
        }
    }

    private mutating func stored(_ ticket: Ticket) {
        let hasFailed = outbox.isFailing
        outbox.stored(ticket)
        guard hasFailed, !outbox.isFailing else { return }
        note("journal.back", "the agent's records are stored again")
        resendEverything()
    }

    private mutating func storeFailed(_ failure: Failure) {
        if !outbox.isFailing {
            note(
                "journal.refused",
                "the agent's records cannot be stored: nothing is launched or reported until they are", .error,
                ["failure": failure.description])
        }
        counters.storeFailures += 1
        outbox.failed()
        arm(.store, after: configuration.timing.storeRetry)
    }
}

// MARK: - What every part of the agent uses

extension Agent {
    /// Remembers, now and for ever.
    mutating func record(_ record: AgentRecord) {
        state.apply(record)
        outbox.add(record)
    }

    mutating func send(_ effect: AgentEffect) { outbox.send(effect) }

    mutating func arm(_ purpose: TimerTable.Purpose, at instant: Instant) {
        let (timer, old) = timers.arm(purpose)
        if let old { outbox.order(.cancelTimer(old)) }
        outbox.order(.setTimer(timer, instant))
    }

    mutating func arm(_ purpose: TimerTable.Purpose, after delay: Duration) { arm(purpose, at: now + delay) }

    mutating func disarm(_ purpose: TimerTable.Purpose) {
        if let timer = timers.disarm(purpose) { outbox.order(.cancelTimer(timer)) }
    }

    mutating func note(
        _ name: String, _ message: String, _ level: Note.Level = .info, _ details: KeyValuePairs<String, String> = [:]
    ) {
        outbox.order(.note(Note(name, message, level: level, details)))
    }

    /// What makes launches of what is asked for, as things are now.
    var taskLaunch: TaskLaunch {
        let used = configuration.policy.deviceResources.isEmpty ? [] : state.devicesInUse
        return TaskLaunch(configuration: configuration, totals: totals, devicesInUse: used)
    }

    mutating func newContainerID() -> ContainerID { ContainerID(number: random.next()) }
    mutating func newUpdateID() -> UpdateID { UpdateID(high: random.next(), low: random.next()) }

    /// As the agent tells of itself to executors and to those who look; nil before it has been admitted.
    public var info: AgentInfo? {
        state.id.map {
            AgentInfo(
                id: $0, address: configuration.address, resources: configuration.resources,
                attributes: configuration.attributes, domain: configuration.domain,
                capabilities: configuration.capabilities)
        }
    }

    /// Everything there is to give: as configured, with what operations made of it.
    var totals: [Resource] { state.totals ?? configuration.resources }
}

extension AgentState {
    /// About how many records a snapshot would have.
    var size: Int {
        tasks.count + streams.count + containers.count + executors.count + frameworks.count + operations.count
            + sandboxes.count
    }
}
