import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics

/// A framework that remembers what it was told, over the real wire. It subscribes again by itself when its stream ends.
actor TestFramework {
    private(set) var id: FrameworkID?
    private(set) var updates: [StatusUpdate] = []
    private(set) var offers: [Offer] = []
    private(set) var lostExecutors: [ExecutorID] = []
    private(set) var errors: [String] = []
    private(set) var subscriptions = 0
    /// Updates are acknowledged as they come.
    var acknowledges = true
    private let client: ClusterClient
    private let name: String
    private var connection: SchedulerConnection?
    private var reader: Task<Void, Never>?
    private var isOver = false

    init(_ cluster: LocalCluster, _ name: String = "test", acknowledges: Bool = true) async throws {
        client = try cluster.client()
        self.name = name
        self.acknowledges = acknowledges
        reader = Task { await self.read() }
        try await eventually("the framework is subscribed") { id != nil }
    }

    private func read() async {
        while !isOver, !Task.isCancelled {
            do {
                try await readOnce()
            } catch {
                connection = nil
                do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
            }
        }
    }

    private func readOnce() async throws {
        let placeholder = try FrameworkID("new")
        var info = FrameworkInfo(id: id ?? placeholder, name: name, failoverTimeout: .seconds(3_600))
        info.capabilities.insert(.partitionAware)
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: id == nil))
        let made = try await client.subscribe(subscription)
        connection = made
        offers = []
        for try await event in made.events { try await take(event, made) }
    }

    private func take(_ event: SchedulerEvent, _ connection: SchedulerConnection) async throws {
        switch event {
        case .subscribed(let given, _, _):
            id = given
            subscriptions += 1
        case .offers(let more): offers += more
        case .rescind(let id): offers.removeAll { $0.id == id }
        case .update(let update):
            updates.append(update)
            if acknowledges { try await acknowledge(update, connection) }
        case .executorLost(let executor, _, _): lostExecutors.append(executor)
        case .error(let message): errors.append(message)
        default: break
        }
    }

    private func acknowledge(_ update: StatusUpdate, _ connection: SchedulerConnection) async throws {
        guard let number = update.id, let agent = update.agent else { return }
        try await connection.call(
            SchedulerCall(framework: id, .acknowledge(number, task: update.task, agent: agent)))
    }

    /// Acknowledges from now on, beginning with everything that has come.
    func acknowledgeAll() async throws {
        acknowledges = true
        guard let connection else { return }
        for update in updates { try await acknowledge(update, connection) }
    }

    func call(_ action: SchedulerCall.Action) async throws {
        try await eventually("the framework is subscribed") { connection != nil }
        try await connection?.call(SchedulerCall(framework: id, action))
    }

    /// Ends the framework and all its tasks.
    func teardown() async throws {
        isOver = true
        try await call(.teardown)
        connection?.disconnect()
        reader?.cancel()
    }

    // MARK: Tasks

    /// Accepts the next offer with these tasks; what they do not use comes back at once.
    func launch(_ make: (Offer) throws -> [TaskSpec]) async throws {
        try await accept { [OfferOperation(.launch(try make($0)))] }
    }

    func accept(_ make: (Offer) throws -> [OfferOperation]) async throws {
        try await eventually("there is an offer") { !offers.isEmpty }
        let offer = offers.removeFirst()
        try await call(.accept(offers: [offer.id], operations: try make(offer), filter: .none))
    }

    func updates(_ task: String) -> [StatusUpdate] { updates.filter { $0.task.text == task } }

    /// Updates of a task without those that say again what was said before.
    func states(_ task: String) -> [TaskState] {
        var told: Set<UpdateID> = []
        return updates(task).filter { update in
            guard update.reason != .reconciliation else { return false }
            return update.id.map { told.insert($0).inserted } ?? true
        }.map(\.state)
    }

    @discardableResult
    func wait(
        for task: String, _ what: String = "ends", within limit: Duration = .seconds(300),
        _ isIt: (StatusUpdate) -> Bool = { $0.state.isTerminal }
    ) async throws -> StatusUpdate {
        var found: StatusUpdate?
        do {
            try await eventually("task \(task): \(what)", within: limit) {
                found = updates(task).first(where: isIt)
                return found != nil
            }
        } catch let failure as Failure {
            let seen = updates(task).map { "\($0.state) \($0.message ?? "")" }.joined(separator: "; ")
            throw Failure("test.in-vain", doing: failure.description, cause: "seen: \(seen); errors: \(errors)")
        }
        guard let found else { throw Failure("test.in-vain", doing: "wait for \(task)") }
        return found
    }
}

extension TaskSpec {
    /// A shell command on an image (nil: without one), with little of everything.
    init(
        _ name: String, _ line: String, on offer: Offer, image: String? = "busybox", cpus: String = "0.01",
        mem: String = "16", change: (inout TaskSpec) throws -> Void = { _ in }
    ) throws {
        self.init(
            id: try TaskID(name), name: name, agent: offer.agent,
            resources: try offer.part("cpus:\(cpus);mem:\(mem)"),
            runner: .command(CommandSpec(.shell(line))))
        container = ContainerSpec(image: image.map { ContainerImage(.docker(name: $0)) })
        try change(&self)
    }
}

extension Offer {
    func part(_ text: String) throws -> [Resource] {
        Array(try Resources(parsing: text).allocated(to: role))
    }
}
