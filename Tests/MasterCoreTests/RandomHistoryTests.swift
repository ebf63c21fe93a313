import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

/// Seeded histories of everything agents, frameworks and operators do, with the promises checked after every event.
@Suite("Random histories of a master")
struct RandomHistoryTests {
    @Test("nothing is given twice, nothing is lost, and nobody hears of what is not stored", arguments: 0..<24)
    func promisesHold(seed: UInt64) {
        var history = History(seed: seed)
        for _ in 0..<400 {
            history.step()
            history.check()
        }
        history.finish()
        #expect(history.launches > 0, "nothing was launched in this history")
    }

    @Test("the same history has the same effects", arguments: [7, 21] as [UInt64])
    func deterministic(seed: UInt64) {
        var first = History(seed: seed)
        var second = History(seed: seed)
        for _ in 0..<300 {
            first.step()
            second.step()
        }
        #expect(first.story.count > 300)
        #expect(first.story == second.story)
    }
}

/// A cluster that a seed plays.
struct History {
    var scene: Scene
    var random: SeededRandom
    /// Agents with what runs on them, whether or not the master hears of it.
    var machines: [Machine] = []
    var frameworks: [ActedFramework] = []
    var taskCount = 0
    var masters = 1
    var launches = 0
    /// What masters before this one did.
    private var past: [MasterCore.Effect] = []
    var story: [MasterCore.Effect] { past + scene.effects }
    var read: [LinkID: Int] = [:]

    struct Machine {
        var agent: ActedAgent
        var isLinked: Bool
        var tasks: [TaskReference: TaskReport] = [:]
        var infos: [FrameworkID: FrameworkInfo] = [:]
        var updates: UInt64 = 0
    }

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        scene = Scene(Self.configure(seed))
    }

    static func configure(_ seed: UInt64) -> (inout MasterConfiguration) -> Void {
        { configuration in
            configuration.seed = seed
            configuration.offerTimeout = .seconds(20)
            configuration.allocator.minimumOffer = MinimumOffer(anyOf: [])
            configuration.limits.completedTasksMax = 5
        }
    }

    mutating func step() {
        scene.storesAtOnce = random.chance(2, outOf: 3)
        if scene.storesAtOnce || random.chance(1, outOf: 3) { scene.storeAll() }
        switch random.below(16) {
        case 0: if machines.count < 6 { addMachine() }
        case 1: if scene.core.frameworks.count < 5 { addFramework() }
        case 2: cutLink()
        case 3: relink()
        case 4: dropFramework()
        case 5: resubscribe()
        case 6...8: accept()
        case 9: decline()
        case 10...12: report()
        case 13:
            scene.pass(.milliseconds(random.within(1...4_000)))
            if random.chance(1, outOf: 8) { operate() }
            if random.chance(1, outOf: 16) { crash() }
        case 14:
            scene.pass(.seconds(random.within(1...30)))
            for machine in machines where machine.isLinked && random.chance(7, outOf: 8) {
                scene.say(.pong, machine.agent)
            }
        default: wish()
        }
        listen()
    }

    // MARK: What happens

    private mutating func addMachine() {
        var registration = Scene.registration("a\(scene.nextLink().number)", "cpus:8;mem:4096;ports:[1-50]")
        registration.bootID = "b"
        let agent = scene.register(registration)
        scene.storeAll()
        var named = agent
        named.name = scene.registeredID(on: agent.link)
        named.registration.id = named.name
        if named.name != nil { machines.append(Machine(agent: named, isLinked: true)) }
    }

    private mutating func addFramework() {
        let aware: Set<FrameworkInfo.Capability> =
            random.chance(1, outOf: 2) ? [.multiRole, .partitionAware] : [.multiRole]
        let roles = [role(random.chance(1, outOf: 2) ? "a" : "b/c")]
        let info = Scene.info(
            "f\(frameworks.count)", roles: roles, timeout: .seconds(random.within(0...60)), capabilities: aware)
        let call = scene.nextCall()
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: true))
        let request = SchedulerCall(framework: nil, .subscribe(subscription))
        scene.take(.scheduler(call, stream: nil, principal: nil, request))
        scene.storeAll()
        join(call, info)
    }

    private mutating func join(_ call: CallID, _ info: FrameworkInfo) {
        guard let stream = scene.streamOfCall[call] else { return }
        for event in scene.events[stream] ?? [] {
            if case .subscribed(let id, _, _) = event {
                var info = info
                info.id = id
                frameworks.removeAll { $0.id == id }
                frameworks.append(ActedFramework(id: id, stream: stream, info: info))
            }
        }
    }

    private mutating func cutLink() {
        guard let index = random.pick(Array(machines.indices)), machines[index].isLinked else { return }
        machines[index].isLinked = false
        scene.take(.linkClosed(machines[index].agent.link))
    }

    private mutating func relink() {
        guard let index = random.pick(Array(machines.indices)), !machines[index].isLinked || random.chance(1, outOf: 4)
        else { return }
        link(index)
    }

    private mutating func link(_ index: Int) {
        let machine = machines[index]
        var registration = machine.agent.registration
        registration.tasks = machine.tasks.keys.sorted().compactMap { machine.tasks[$0] }
        registration.frameworks = machine.infos.keys.sorted().compactMap { machine.infos[$0] }
        let link = scene.nextLink()
        scene.take(.agent(link, principal: nil, .register(registration)))
        machines[index].agent.link = link
        machines[index].isLinked = true
    }

    private mutating func dropFramework() {
        guard let framework = random.pick(frameworks) else { return }
        if random.chance(1, outOf: 4) {
            scene.call(.teardown, framework)
        } else {
            scene.take(.streamClosed(framework.stream))
        }
    }

    private mutating func resubscribe() {
        guard let framework = random.pick(frameworks) else { return }
        subscribe(framework)
    }

    private mutating func subscribe(_ framework: ActedFramework) {
        let call = scene.nextCall()
        let subscription = Subscription(framework: FrameworkRequest(framework.info, isNew: false))
        let request = SchedulerCall(framework: framework.id, .subscribe(subscription))
        scene.take(.scheduler(call, stream: nil, principal: nil, request))
        scene.storeAll()
        join(call, framework.info)
    }

    private mutating func accept() {
        guard let framework = random.pick(frameworks), let offer = random.pick(scene.offers(framework)) else { return }
        let offers = random.chance(1, outOf: 8) ? [offer.id, id("stale")] : [offer.id]
        var tasks: [TaskSpec] = []
        for _ in 0...random.below(3) {
            taskCount += 1
            let cpus = random.within(1...5)
            tasks.append(scene.task("t\(taskCount)", on: offer.agent, "cpus:\(cpus);mem:\(random.within(32...2_000))"))
        }
        var operations = [OfferOperation(.launch(tasks))]
        if random.chance(1, outOf: 4) {
            let reserved = Resource(
                "cpus", .scalar(Scalar(1)), reservations: [Reservation(.requested, for: offer.role)])
            let reserve = OfferOperation(id: id("op\(taskCount)"), .change(.reserve([reserved], source: [])))
            operations.insert(reserve, at: 0)
        }
        let filter = OfferFilter(refuseSeconds: Double(random.within(0...10)))
        scene.call(.accept(offers: offers, operations: operations, filter: filter), framework)
    }

    private mutating func decline() {
        guard let framework = random.pick(frameworks) else { return }
        let offers = scene.offers(framework).map(\.id)
        scene.call(.decline(offers: offers, filter: OfferFilter(refuseSeconds: 3)), framework)
    }

    private mutating func report() {
        guard let index = random.pick(Array(machines.indices)), machines[index].isLinked,
            let key = random.pick(machines[index].tasks.keys.sorted()), var report = machines[index].tasks[key]
        else { return }
        let next: TaskState = random.chance(1, outOf: 2) ? .running : .finished
        if report.state.isTerminal { return }
        machines[index].updates += 1
        let update = StatusUpdate(
            framework: key.framework, task: key.task, state: next, source: .executor,
            agent: machines[index].agent.id, at: scene.now, id: UpdateID(high: 1, low: machines[index].updates))
        report.state = next
        report.pending = update
        machines[index].tasks[key] = report
        scene.say(.status(update, latest: next), machines[index].agent)
        guard random.chance(3, outOf: 4), let id = update.id,
            let framework = frameworks.first(where: { $0.id == key.framework })
        else { return }
        scene.call(.acknowledge(id, task: key.task, agent: machines[index].agent.id), framework)
    }

    private mutating func wish() {
        guard let framework = random.pick(frameworks) else { return }
        switch random.below(5) {
        case 0: scene.call(.revive([]), framework)
        case 1: scene.call(.suppress([]), framework)
        case 2: scene.call(.reconcile([]), framework)
        case 3:
            let task: TaskID = id("t\(random.within(1...max(1, taskCount)))")
            scene.call(.kill(.init(task: task), gracePeriod: nil), framework)
        default: for machine in machines where machine.isLinked { scene.say(.pong, machine.agent) }
        }
    }

    private mutating func operate() {
        guard let agent = random.pick(machines)?.agent.id else { return }
        let change: OperatorChange
        switch random.below(6) {
        case 0: change = .deactivateAgent(agent)
        case 1, 2: change = .reactivateAgent(agent)
        case 3: change = .drainAgent(agent, DrainConfiguration(marksGone: random.chance(1, outOf: 4)))
        case 4: change = random.chance(1, outOf: 4) ? .markAgentGone(agent) : .reactivateAgent(agent)
        default: change = .updateWeights([RoleWeight(role("a"), weight: Double(random.within(1...5)))])
        }
        scene.take(.operator(scene.nextCall(), principal: nil, .change(change)))
    }

    /// The master dies with all it had not stored; another takes its place, and everybody comes to it.
    private mutating func crash() {
        masters += 1
        past += scene.effects
        scene = scene.successor("m\(masters)", after: .seconds(random.within(1...20)), Self.configure(UInt64(masters)))
        read = [:]
        for index in machines.indices {
            machines[index].isLinked = false
            machines[index].agent.link = LinkID(0)
        }
        for index in machines.indices where random.chance(3, outOf: 4) { link(index) }
        for framework in frameworks where random.chance(3, outOf: 4) { subscribe(framework) }
    }

    /// Agents do what they are told.
    private mutating func listen() {
        for index in machines.indices {
            let link = machines[index].agent.link
            if scene.closedLinks.contains(link) { machines[index].isLinked = false }
            let all = scene.messages[link] ?? []
            let new = all.dropFirst(read[link] ?? 0)
            read[link] = all.count
            for message in new { obey(message, index) }
        }
    }

    private mutating func obey(_ message: MasterMessage, _ index: Int) {
        let agent = machines[index].agent
        switch message {
        case .runTask(let spec, let info, _):
            let key = TaskReference(framework: info.id, task: spec.id)
            launches += 1
            machines[index].infos[info.id] = info
            machines[index].tasks[key] = TaskReport(framework: info.id, spec: spec, state: .staging)
        case .acknowledge(let id, let key):
            guard machines[index].tasks[key]?.pending?.id == id else { return }
            machines[index].tasks[key]?.pending = nil
            if machines[index].tasks[key]?.state.isTerminal == true { machines[index].tasks[key] = nil }
        case .shutdownFramework(let id):
            machines[index].infos[id] = nil
            machines[index].tasks = machines[index].tasks.filter { $0.key.framework != id }
        case .reconcile(let keys):
            for key in keys where machines[index].tasks[key] == nil {
                let lost = StatusUpdate(
                    framework: key.framework, task: key.task, state: .dropped, source: .agent, agent: agent.id,
                    at: scene.now)
                scene.say(.status(lost, latest: .dropped), agent)
            }
        case .apply(let order):
            let total = scene.core.agents[agent.id]?.total ?? .none
            machines[index].agent.registration.totals = Array(total)
            let status = OperationStatus(operation: order.id, state: .finished, agent: agent.id)
            scene.say(.operation(status, key: order.key, framework: order.framework), agent)
        default: return
        }
    }
}
