import Containers
import Determinism

/// Holds back what leaves the agent until the records before it are durable.
///
/// One rule for everything: while a batch of records is on its way to the journal, whatever is to leave waits behind
/// it, in order. So nothing that anybody could have seen is ever forgotten, and no effect overtakes another.
struct Outbox: Sendable {
    private(set) var records: [AgentRecord] = []
    private var leaving: [AgentEffect] = []
    private var inner: [AgentEffect] = []
    private var waiting: [(ticket: Agent.Ticket, effect: AgentEffect)] = []
    private var released: [AgentEffect] = []
    private var lastTicket = Agent.Ticket(0)
    private var storedTicket = Agent.Ticket(0)
    /// Records added to the journal since it was last replaced. A snapshot itself does not count, however long it is:
    /// its own answer must never ask for the next one.
    private(set) var appended = 0
    /// The journal has refused a batch and has not taken a whole state since.
    private(set) var isFailing = false
    /// A whole state has been ordered since the latest refusal: batches may follow it.
    private var isRenewing = false
    /// After a refusal, only the answer to this ticket or a later one counts.
    private var trusted = Agent.Ticket(0)

    var isWaiting: Bool { storedTicket < lastTicket }
    var waitingCount: Int { waiting.count }

    /// So many records are in the journal already.
    mutating func begin(appended: Int) { self.appended = appended }

    mutating func add(_ record: AgentRecord) { records.append(record) }

    /// Something that others see: it waits for the records.
    mutating func send(_ effect: AgentEffect) {
        if isFailing {
            // What ends a task needs no memory: it must not wait for a full disk. What removes its remains does: they
            // are all that tells the next start that it ran, should its launch not have been remembered.
            switch effect {
            case .signal:
                inner.append(effect)
                return
            // Sent again when the journal is back: nothing piles up meanwhile.
            case .send(.status), .send(.operation): return
            default: break
            }
        }
        leaving.append(effect)
    }

    /// Timers and notes: nobody but the agent sees them.
    mutating func order(_ effect: AgentEffect) { inner.append(effect) }

    /// What has been given out is durable up to here.
    mutating func stored(_ ticket: Agent.Ticket) {
        guard ticket >= trusted else { return }
        storedTicket = max(storedTicket, ticket)
        isFailing = false
        isRenewing = false
        let count = waiting.firstIndex { storedTicket < $0.ticket } ?? waiting.count
        released += waiting[..<count].map(\.effect)
        waiting.removeFirst(count)
    }

    /// Records up to now may be lost: nothing but a snapshot makes up for them.
    mutating func failed() {
        isFailing = true
        isRenewing = false
        trusted = Agent.Ticket(lastTicket.number + 1)
    }

    /// Takes a launch back that waits for the journal. False: it has been given out.
    mutating func withdrawLaunch(of id: ContainerID) -> Bool {
        func isMeant(_ effect: AgentEffect) -> Bool {
            if case .launch(let launch) = effect { return launch.id == id }
            return false
        }
        let count = leaving.count + waiting.count + released.count
        leaving.removeAll(where: isMeant)
        waiting.removeAll { isMeant($0.effect) }
        released.removeAll(where: isMeant)
        return leaving.count + waiting.count + released.count < count
    }

    /// Takes links back that wait for the journal.
    mutating func withdrawLinks() {
        func isMeant(_ effect: AgentEffect) -> Bool {
            if case .link = effect { return true }
            return false
        }
        leaving.removeAll(where: isMeant)
        waiting.removeAll { isMeant($0.effect) }
        released.removeAll(where: isMeant)
    }

    /// The next batch is the whole state: the journal starts over with it.
    mutating func compact(_ snapshot: [AgentRecord]) {
        records = []
        lastTicket = Agent.Ticket(lastTicket.number + 1)
        trusted = lastTicket
        appended = 0
        isRenewing = true
        inner.append(.compact(snapshot, lastTicket))
    }

    /// Everything to do now, in order. `isWanted`: an effect that waited may have become pointless.
    mutating func flush(isWanted: (AgentEffect) -> Bool) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        if !records.isEmpty {
            lastTicket = Agent.Ticket(lastTicket.number + 1)
            appended += records.count
            // While the journal refuses, the next snapshot carries these records as well, unless it is ordered already.
            if !isFailing || isRenewing { effects.append(.persist(records, lastTicket)) }
            records = []
        }
        effects += released.filter(isWanted)
        released = []
        effects += inner
        inner = []
        if isWaiting {
            waiting += leaving.map { (lastTicket, $0) }
        } else {
            effects += leaving
        }
        leaving = []
        return effects
    }
}
