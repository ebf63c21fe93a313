import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import HTTPServing
import Logging

/// The shell around the agent's core: one mailbox, effects in order, nothing decided here.
actor AgentDriver {
    var core: Agent
    private var timers: [TimerID: Task<Void, Never>] = [:]
    private var storeFailures = 0
    var probes: [Agent.ProbeID: Task<Void, Never>] = [:]
    /// Which link events count: those of the latest.
    var linkNumber = 0
    var link: (task: Task<Void, Never>, outgoing: AsyncStream<AgentMessage>.Continuation)?
    var masters: [String]
    var mastersTried = 0
    /// Launches whose answer is not in yet, and ends that overtook them.
    private var launching: Set<ContainerID> = []
    private var overtaken: [ContainerID: ContainerExit] = [:]
    var doors: [ContainerID: HTTPServer] = [:]
    /// What goes on beside a container and ends with it: fetching for it, and keeping its logs within their limits.
    var companions: [ContainerID: [Task<Void, Never>]] = [:]

    let parts: AgentParts
    let prober: Prober
    private let orders = OrderQueue()
    private let launches: Gate
    private let transfers: Gate
    nonisolated let desk = AgentDesk()
    nonisolated let mailbox: AgentMailbox<Letter>

    enum Letter: Sendable {
        case event(AgentEvent)
        case link(AgentLinkEvent, number: Int)
    }

    init(core: Agent, parts: AgentParts) {
        self.core = core
        self.parts = parts
        masters = parts.settings.masters
        prober = Prober(containerizer: parts.containerizer, grace: parts.limits.probeGrace)
        mailbox = AgentMailbox(capacity: parts.limits.mailboxMax)
        launches = Gate(parts.limits.launchesMax)
        transfers = Gate(parts.limits.fetchesMax)
    }

    /// The core as it is between two events.
    func snapshot() -> Agent { core }

    /// Before `run` only.
    func replace(_ core: Agent) { self.core = core }

    /// Of the master the link leads to, or is tried.
    var masterHostname: String? {
        guard link != nil, !masters.isEmpty else { return nil }
        let address = masters[(mastersTried + masters.count - 1) % masters.count]
        let host = address.drop { $0 != "/" }.drop { $0 == "/" }
        return host.begins(with: "[")
            ? String(host.prefix { $0 != "]" }.dropFirst()) : String(host.prefix { $0 != ":" })
    }

    nonisolated func tell(_ event: AgentEvent) { mailbox.tell(.event(event)) }

    /// Until the core says stop, or `stop` is called. Answers why.
    func run() async throws(Failure) {
        let logger = parts.logger
        let writer = RecordWriter(
            journal: parts.journal,
            lost: { failure in
                logger.critical("a record is lost: \(failure)", metadata: ["code": "\(failure.code.rawValue)"])
            })
        let records = try await writer.readAll()
        let bootID = try await parts.host.bootID()
        let (orders, mailbox, events) = (orders, mailbox, parts.containerizer.events())
        let writing = Task { await writer.run(orders) { mailbox.tell(.event($0)) } }
        let watching = Task {
            for await event in events {
                if case .exited(let id, let exit) = event { mailbox.tell(.event(.exited(id, exit))) }
            }
        }
        let looking = followLeaders()
        tell(.started(records, bootID: bootID))
        for await letter in mailbox.elements {
            mailbox.taken()
            handle(letter)
        }
        orders.finish()
        watching.cancel()
        looking?.cancel()
        _ = await writing.result
        await end()
    }

    nonisolated func stop() { mailbox.close() }

    private func end() async {
        timers.values.forEach { $0.cancel() }
        probes.values.forEach { $0.cancel() }
        unlink()
        desk.closeAll()
        companions.values.joined().forEach { $0.cancel() }
        for door in doors.values { await door.stop() }
    }

    private func handle(_ letter: Letter) {
        switch letter {
        case .event(.exited(let id, let exit)) where launching.contains(id): overtaken[id] = exit
        case .event(let event):
            if case .storeFailed = event { storeFailures += 1 }
            perform(core.handle(event, at: parts.clock.now))
            follow(event)
        case .link(let event, let number):
            guard number == linkNumber else { return }
            perform(core.handle(Self.event(for: event), at: parts.clock.now))
        }
    }

    private func follow(_ event: AgentEvent) {
        switch event {
        case .launched(let id, let result):
            if case .launched = result { keepLogs(of: id) }
            launchAnswered(id)
        case .destroyed(let id, _):
            // One that was opened while its container was being destroyed.
            if let door = doors.removeValue(forKey: id) { Task { await door.stop() } }
        case .containersRecovered(let recovery):
            for id in recovery.adopted { keepLogs(of: id) }
            work { parts in
                do throws(Failure) { return .sandboxesFound(try await parts.host.sandboxes()) } catch {
                    parts.logger.warning("old sandboxes cannot be looked for", metadata: ["cause": "\(error)"])
                    return .sandboxesFound([])
                }
            }
        default: break
        }
    }

    /// An end is told after the beginning, whichever was heard of first.
    private func launchAnswered(_ id: ContainerID) {
        launching.remove(id)
        if let exit = overtaken.removeValue(forKey: id) {
            perform(core.handle(.exited(id, exit), at: parts.clock.now))
        }
    }

    private static func event(for event: AgentLinkEvent) -> AgentEvent {
        switch event {
        case .opened: .linked
        case .failed(let failure): .linkFailed(failure)
        case .message(let message): .master(message)
        case .lost(let failure): .linkLost(failure)
        }
    }

    // MARK: - Effects

    private func perform(_ effects: [AgentEffect]) {
        for effect in effects { perform(effect) }
    }

    private func perform(_ effect: AgentEffect) {
        switch effect {
        case .persist(let records, let ticket): write(records, ticket, replacesAll: false)
        case .compact(let records, let ticket): write(records, ticket, replacesAll: true)
        case .setTimer(let timer, let instant): set(timer, at: instant)
        case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .recoverContainers(let known): recover(known)
        case .link(let registration): open(registration)
        case .unlink: unlink()
        case .send(let message): link?.outgoing.yield(message)
        case .publish(let stream, let event): desk.publish(event, on: stream)
        case .closeStream(let stream): desk.close(stream)
        case .answer(let call, let answer): desk.finish(call, .answer(answer))
        case .note(let note):
            parts.logger.record(note)
            AgentTrail(parts: parts).record(note)
        case .stop(let why):
            parts.logger.notice("the agent stops", metadata: ["why": "\(Untrusted.shown(why))"])
            stop()
        default: performOutside(effect)
        }
    }

    private func performOutside(_ effect: AgentEffect) {
        switch effect {
        case .prepareSandbox(let id, let order):
            work { parts in
                .sandboxPrepared(
                    id,
                    await parts.failure { () async throws(Failure) in
                        try await parts.host.prepareSandbox(order)
                    })
            }
        case .fetch(let id, let fetches, let path):
            let launch = core.state.containers[id]?.launch
            let (user, bytesMax) = (launch?.user, launch?.limits.disk)
            let task = work(through: transfers) { parts in
                .fetched(
                    id,
                    await parts.failure { () async throws(Failure) in
                        // Killed while it waited for its turn.
                        if !Task.isCancelled {
                            try await parts.host.fetch(fetches, into: path, user: user, bytesMax: bytesMax)
                        }
                    })
            }
            companions[id, default: []].append(task)
        case .launch(let launch):
            launching.insert(launch.id)
            let run = core.state.containers[launch.id]
            let owner = core.framework(of: launch.id)
            work(through: launches) { parts in .launched(launch.id, await parts.launch(launch, run, owner: owner)) }
        case .signal(let id, let number): signal(id, number)
        case .destroy(let id): destroy(id)
        case .probe(let id, let order): probe(id, order)
        case .cancelProbe(let id): probes.removeValue(forKey: id)?.cancel()
        case .openExecutorDoor(let id, let key, let port): openDoor(id, key, port)
        case .update(let id, let limits):
            work { parts in
                .limitsUpdated(
                    id,
                    await parts.failure { () async throws(Failure) in
                        try await parts.containerizer.update(id, limits: limits)
                    })
            }
        case .openSession(let call, let container, let request): openSession(call, in: container, request)
        case .signalSession(let call, let number): desk.sessions.signal(call, number)
        default: performOnDisk(effect)
        }
    }

    private func performOnDisk(_ effect: AgentEffect) {
        switch effect {
        case .measureDisk:
            work { parts in
                do throws(Failure) { return .diskMeasured(usage: try await parts.host.diskUsage()) } catch {
                    parts.logger.warning("the disk cannot be measured", metadata: ["cause": "\(error)"])
                    return .diskMeasured(usage: nil)
                }
            }
        case .collect(let path):
            work(through: transfers) { parts in
                .collected(
                    path: path,
                    await parts.failure { () async throws(Failure) in
                        try await parts.host.collect(path)
                    })
            }
        case .pruneImages(let keeping):
            work { parts in
                .imagesPruned(
                    await parts.failure { () async throws(Failure) in
                        _ = try await parts.containerizer.pruneImages(excluding: keeping)
                    })
            }
        case .changeVolumes(let id, let volumes):
            work { parts in
                .volumesChanged(
                    id,
                    await parts.failure { () async throws(Failure) in
                        try await parts.host.changeVolumes(volumes)
                    })
            }
        default: preconditionFailure("an effect nobody carries out: \(effect)")
        }
    }

    /// Carries out one effect beside the others; its result is an event.
    @discardableResult
    func work(
        through gate: Gate? = nil, _ body: @escaping @Sendable (AgentParts) async -> AgentEvent
    ) -> Task<Void, Never> {
        let (parts, mailbox) = (parts, mailbox)
        return Task {
            await gate?.enter()
            let event = await body(parts)
            await gate?.leave()
            mailbox.tell(.event(event))
        }
    }

    private func write(_ records: [AgentRecord], _ ticket: Agent.Ticket, replacesAll: Bool) {
        orders.add(
            RecordWriter.Order(records: records, replacesAll: replacesAll, ticket: ticket, epoch: storeFailures))
    }

    private func set(_ timer: TimerID, at instant: Instant) {
        let (clock, mailbox) = (parts.clock, mailbox)
        timers.removeValue(forKey: timer)?.cancel()
        timers[timer] = Task {
            do { try await clock.sleep(until: instant) } catch { return }
            mailbox.tell(.event(.timer(timer)))
        }
    }
}
