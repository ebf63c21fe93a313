import ClusterAPI
public import ClusterModel

/// What is counted of one framework while it is known, by the protocol's names below `master/frameworks/NAME/ID/`.
///
/// One row of numbers, changed where it is: each event costs one addition. A framework of which nothing was heard yet
/// has no row.
public struct FrameworkCounters: Sendable {
    // Each in the protocol's words; the cases' own order is that of the row.
    enum Call: Int, CaseIterable {
        case subscribe, teardown, accept, decline, acceptInverseOffers, declineInverseOffers, revive, kill, shutdown
        case acknowledge, acknowledgeOperationStatus, reconcile, reconcileOperations, message, request, suppress
        case updateFramework
    }
    /// Heartbeats are not the core's.
    enum Event: Int, CaseIterable {
        case subscribed, offers, inverseOffers, rescind, rescindInverseOffer, update, updateOperationStatus, message
        case failure, error
    }
    enum Operation: Int, CaseIterable {
        case launch, launchGroup, reserve, unreserve, create, destroy, growVolume, shrinkVolume, createDisk
        case destroyDisk
    }
    /// How many were taken back is how many events said so.
    enum Offers: Int, CaseIterable {
        case sent, accepted, declined
    }

    private static let eventsAt = Call.allCases.count
    private static let operationsAt = eventsAt + Event.allCases.count
    private static let offersAt = operationsAt + Operation.allCases.count
    private static let tasksAt = offersAt + Offers.allCases.count
    private static let width = tasksAt + TaskState.allCases.count

    private var row: [Int] = []

    public init() {}

    private subscript(place: Int) -> Int { row.isEmpty ? 0 : row[place] }

    private mutating func add(_ number: Int, at place: Int) {
        if row.isEmpty { row = [Int](repeating: 0, count: Self.width) }
        row[place] += number
    }

    // MARK: Counting

    mutating func countCall(_ action: SchedulerCall.Action) { add(1, at: Call(action).rawValue) }

    mutating func countEvent(_ event: SchedulerEvent) {
        guard let kind = Event(event) else { return }
        add(1, at: Self.eventsAt + kind.rawValue)
        if case .offers(let offers) = event { countOffers(.sent, offers.count) }
    }

    mutating func countOperation(_ kind: Operation, _ number: Int = 1) {
        if number > 0 { add(number, at: Self.operationsAt + kind.rawValue) }
    }

    mutating func countOffers(_ kind: Offers, _ number: Int) { add(number, at: Self.offersAt + kind.rawValue) }

    /// A task is in the table. One that was over when it was first heard of has ended in another master's time.
    mutating func enter(_ state: TaskState) {
        if !state.isLast { add(1, at: Self.tasksAt + state.place) }
    }

    /// It is in the table no more. That it has ended stays counted.
    mutating func leave(_ state: TaskState) {
        if !state.isLast { add(-1, at: Self.tasksAt + state.place) }
    }

    mutating func end(_ state: TaskState) { add(1, at: Self.tasksAt + state.place) }

    mutating func move(from old: TaskState, to state: TaskState) {
        leave(old)
        add(1, at: Self.tasksAt + state.place)
    }

    // MARK: Showing

    /// Tasks that are in the state, or that have come to it if it is a last one.
    public func tasks(in state: TaskState) -> Int { self[Self.tasksAt + state.place] }

    private static let groups: [(name: String, start: Int, kinds: [String])] = [
        ("calls", 0, names(of: Call.self)), ("events", eventsAt, names(of: Event.self)),
        ("operations", operationsAt, names(of: Operation.self)),
    ]

    /// `acceptInverseOffers` as the protocol has it, in lower case.
    private static func names<Kind: CaseIterable>(of kinds: Kind.Type) -> [String] {
        kinds.allCases.map { kind in
            "\(kind)".reduce(into: "") { name, letter in
                if letter.isUppercase { name += "_" }
                name += letter.lowercased()
            }
        }
    }

    /// All of them, whether anything was counted or not. `unreachable`: tasks on agents that are not heard of.
    func figures(_ prefix: String, unreachable: Int) -> [Metric] {
        var result: [Metric] = []
        func show(_ name: String, _ count: Int) { result.append(Metric(prefix + name, Double(count))) }
        for group in Self.groups {
            var total = 0
            for (offset, kind) in group.kinds.enumerated() {
                let count = self[group.start + offset]
                total += count
                show("\(group.name)/\(kind)", count)
            }
            show(group.name, total)
        }
        for kind in Offers.allCases { show("offers/\(kind)", self[Self.offersAt + kind.rawValue]) }
        show("offers/rescinded", self[Self.eventsAt + Event.rescind.rawValue])
        for state in TaskState.allCases {
            let count = state == .unreachable ? unreachable : tasks(in: state)
            show("tasks/\(state.isLast ? "terminal" : "active")/\(state.rawValue.lowercased())", count)
        }
        return result
    }
}

extension FrameworkCounters.Call {
    init(_ action: SchedulerCall.Action) {
        self =
            switch action {
            case .subscribe: .subscribe
            case .updateFramework: .updateFramework
            case .teardown: .teardown
            case .accept: .accept
            case .decline: .decline
            case .acceptInverseOffers: .acceptInverseOffers
            case .declineInverseOffers: .declineInverseOffers
            case .revive: .revive
            case .suppress: .suppress
            case .kill: .kill
            case .shutdown: .shutdown
            case .acknowledge: .acknowledge
            case .acknowledgeOperation: .acknowledgeOperationStatus
            case .reconcile: .reconcile
            case .reconcileOperations: .reconcileOperations
            case .message: .message
            case .request: .request
            }
    }
}

extension FrameworkCounters.Event {
    init?(_ event: SchedulerEvent) {
        switch event {
        case .subscribed: self = .subscribed
        case .offers: self = .offers
        case .inverseOffers: self = .inverseOffers
        case .rescind: self = .rescind
        case .rescindInverseOffer: self = .rescindInverseOffer
        case .update, .unfitTask: self = .update
        case .updateOperation, .unfitOperation: self = .updateOperationStatus
        case .message: self = .message
        case .agentLost, .executorLost: self = .failure
        case .error: self = .error
        case .heartbeat: return nil
        }
    }
}

extension FrameworkCounters.Operation {
    init(_ change: ResourceOperation) {
        self =
            switch change {
            case .reserve: .reserve
            case .unreserve: .unreserve
            case .create: .create
            case .destroy: .destroy
            case .grow: .growVolume
            case .shrink: .shrinkVolume
            case .createDisk: .createDisk
            case .destroyDisk: .destroyDisk
            }
    }
}

extension TaskState {
    /// Those that the protocol counts as ends. After an operator's word on its agent a task has none, but it is over.
    fileprivate var isLast: Bool { isTerminal || self == .goneByOperator }

    fileprivate var place: Int {
        switch self {
        case .staging: 0
        case .starting: 1
        case .running: 2
        case .killing: 3
        case .finished: 4
        case .failed: 5
        case .killed: 6
        case .error: 7
        case .lost: 8
        case .dropped: 9
        case .unreachable: 10
        case .gone: 11
        case .goneByOperator: 12
        case .unknown: 13
        }
    }
}

// MARK: - Names

extension FrameworkRecord {
    /// A longer name is cut in figures: which framework is meant, its id says.
    private static let nameBytesMax = 255
    /// What the protocol's master writes as numbers, beside what is no ASCII.
    private static let reserved = Set("$&+,/:;=?@ \"<>#%{}|\\^~[]`".utf8)

    /// Its name where it is part of another one.
    static func encoded(_ name: String) -> String {
        var text = ""
        for byte in name.utf8.prefix(nameBytesMax) {
            if (0x20...0x7f).contains(byte), !reserved.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }

    /// Everything that is counted of it, by its name and id.
    var figures: [Metric] {
        let prefix = "master/frameworks/\(Self.encoded(info.name))/\(id)/"
        var result = counters.figures(prefix, unreachable: has(.partitionAware) ? unreachableTasks.count : 0)
        result.append(Metric(prefix + "subscribed", isConnected ? 1 : 0))
        for role in info.roles {
            result.append(Metric(prefix + "roles/\(role)/suppressed", suppressedRoles.contains(role) ? 1 : 0))
        }
        return result
    }
}
