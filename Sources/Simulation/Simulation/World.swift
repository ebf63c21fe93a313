import ClusterModel
import Determinism

/// Everything there is in one run: what happens next, who there is, and what has been found wrong.
final class World {
    static let beginning = Instant(seconds: 1_800_000_000)

    let seed: UInt64
    let plan: SimulationPlan
    let faults: FaultPlan
    private(set) var now = World.beginning
    private(set) var act = Violation.Act.safety
    private var agenda = Agenda()
    private var trace: Trace
    private(set) var violation: Violation?
    private var events = 0
    private var counts: [String: Int] = [:]
    var bookChecks = 0

    /// Each part of the world draws from its own, so that one draw more here changes nothing there.
    var chance: SeededRandom
    var network: SeededRandom
    var storage: SeededRandom
    var work: SeededRandom
    var wishes: SeededRandom
    var election: SeededRandom

    let ledger = Ledger()
    let registry = SimulatedRegistry()
    let elections: SimulatedElection
    private(set) var masters: [MasterHost] = []
    private var terms = 0
    private(set) var machines: [AgentMachine] = []
    private(set) var schedulers: [Scheduler] = []
    private(set) var operators: Operators?

    init(seed: UInt64, plan: SimulationPlan) {
        self.seed = seed
        self.plan = plan
        var random = SeededRandom(seed: seed)
        var drawn = random.split()
        switch plan.faults {
        case .drawn: faults = FaultPlan.drawn(&drawn)
        case .none: faults = .none
        }
        chance = random.split()
        network = random.split()
        storage = random.split()
        work = random.split()
        wishes = random.split()
        election = random.split()
        trace = Trace(linesMax: plan.traceLinesMax)
        let drawnMasters = plan.faults == .none ? 1 : election.pick([1, 1, 2, 2, 3]) ?? 1
        let count = max(1, plan.masters ?? drawnMasters)
        elections = SimulatedElection(masters: count)
        masters = (0..<count).map { MasterHost(index: $0) }
    }

    // MARK: - Time

    func at(_ instant: Instant, _ action: @escaping Agenda.Action) { agenda.add(at: max(now, instant), action) }
    func after(_ delay: Duration, _ action: @escaping Agenda.Action) { agenda.add(at: now + delay, action) }

    func play() {
        begin()
        runAct(until: World.beginning + plan.safetyAct)
        guard violation == nil else { return }
        act = .liveness
        heal()
        settle()
    }

    /// After the report. Who is joined knows the other: without this, the memory of every run would stay taken.
    func dismantle() {
        agenda = Agenda()
        for machine in machines { machine.dismantle() }
        for scheduler in schedulers { scheduler.wire.dismantle() }
    }

    private func runAct(until end: Instant) {
        while violation == nil, let next = agenda.next, next <= end { step() }
        if violation == nil { now = max(now, end) }
    }

    private func step() {
        guard let (at, action) = agenda.pop() else { return }
        now = max(now, at)
        events += 1
        action(self)
        if events > plan.eventsMax { violate(.world, "\(events) events, and no end") }
    }

    private func begin() {
        let count = work.within(1...4)
        for index in 0..<count { machines.append(AgentMachine(index: index, world: self)) }
        for index in 0..<work.within(1...3) { schedulers.append(Scheduler(index: index, world: self)) }
        operators = Operators()
        say("seed \(seed): \(masters.count) masters, \(machines.count) machines, \(schedulers.count) frameworks")
        if has(.drawsFromOutside) { after(.seconds(1)) { $0.say("outside: \(UInt64.random(in: 0...UInt64.max))") } }
        for master in masters { master.start(self) }
        for machine in machines {
            after(.milliseconds(work.below(3_000))) { machine.start($0) }
        }
        for scheduler in schedulers {
            after(.milliseconds(work.below(20_000))) { scheduler.start($0) }
        }
        planFaults()
    }

    // MARK: - The second act

    private func heal() {
        say("everything heals")
        healFaults()
        operators?.settle(self)
        for scheduler in schedulers { scheduler.settle(self) }
    }

    private func settle() {
        let end = now + plan.livenessAct
        var quietSince: Instant?
        while violation == nil, now < end {
            runAct(until: now + .seconds(5))
            guard violation == nil else { return }
            if unsettled().isEmpty {
                // Quiet twice in a row, so that nothing is on its way.
                if let since = quietSince, now - since >= .seconds(20) {
                    checkSettled()
                    return
                }
                quietSince = quietSince ?? now
            } else {
                quietSince = nil
            }
        }
        guard violation == nil else { return }
        let left = unsettled()
        violate(left.first?.checker ?? .agreement, left.map(\.what).joined(separator: "; "))
    }

    /// The master that was elected, if it runs and has begun to lead.
    var leader: MasterHost? {
        guard let host = elections.leader, host.core != nil else { return nil }
        return host
    }

    func nextTerm() -> Int {
        terms += 1
        return terms
    }

    func machine(on connection: Connection) -> AgentMachine? { connection.machine.map { machines[$0] } }

    // MARK: - What is seen of it

    /// One line of the trace.
    func say(_ text: String) { trace.add(text, at: now) }

    func count(_ name: String) { counts[name, default: 0] += 1 }

    /// The first one counts.
    func violate(_ checker: Checker, _ message: String) {
        guard violation == nil else { return }
        say("VIOLATION \(checker.rawValue): \(message)")
        violation = Violation(checker: checker, act: act, at: now, message: message)
    }

    func report() -> SimulationReport {
        SimulationReport(
            seed: seed, violation: violation, endedAt: now, lasted: now - World.beginning, events: events,
            hash: trace.hash, counts: counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            faults: faults.description, tail: trace.tail(since: World.beginning), marks: trace.marks, bug: plan.bug)
    }

    func has(_ bug: PlantedBug) -> Bool { plan.bug == bug }

    /// True so many times out of a thousand, while faults happen.
    func happens(_ rate: Int) -> Bool {
        guard act == .safety, rate > 0 else { return false }
        return chance.chance(rate, outOf: 1_000)
    }

    /// A delay on the network.
    func delay() -> Duration {
        if act == .safety, faults.stragglers > 0, network.chance(faults.stragglers, outOf: 1_000) {
            return .nanoseconds(network.below(Int(faults.stragglerMax.saturatingNanoseconds)) + 1)
        }
        return .nanoseconds(network.below(Int(faults.delayMax.saturatingNanoseconds)) + 100_000)
    }

    /// How long a write takes.
    func writeTime() -> Duration {
        .nanoseconds(storage.below(Int(faults.writeMax.saturatingNanoseconds)) + 50_000)
    }

    /// Around `mean`, never nothing.
    func around(_ mean: Duration) -> Duration {
        let nanoseconds = mean.saturatingNanoseconds
        return .nanoseconds(chance.within(Int(nanoseconds / 4)...Int(nanoseconds * 7 / 4)))
    }
}
