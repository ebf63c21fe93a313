import ClusterAPI
import ClusterModel
import Determinism
import MasterCore

/// What a scheduler does with offers, and what comes to its mind.
extension Scheduler {
    /// Tasks that are not over, at most.
    private static let tasksMax = 25

    func offered(_ offer: Offer, _ world: World) {
        offers[offer.id] = offer
        let session = session
        let pause = random.chance(1, outOf: 20) ? 90_000 : random.pick([1, 50, 1_500]) ?? 1
        world.after(.milliseconds(pause)) { world in
            guard self.session === session, let offer = self.offers.removeValue(forKey: offer.id) else { return }
            if self.isSettling { self.giveBack(offer, world) } else { self.use(offer, world) }
        }
    }

    private func use(_ offer: Offer, _ world: World) {
        let live = tasks.values.count { !$0.isOver }
        guard live < Scheduler.tasksMax, random.chance(3, outOf: 4) else {
            let refusal = OfferFilter(refuseFor: .seconds(random.pick([0, 1, 5, 30]) ?? 5))
            call(.decline(offers: [offer.id], filter: refusal), world)
            return
        }
        var pool = OfferPool(offer)
        var operations: [OfferOperation] = []
        if random.chance(1, outOf: 4) { operations += reservations(&pool) }
        for _ in 0..<random.within(1...3) {
            if let operation = launch(&pool, world) { operations.append(operation) }
        }
        if random.chance(1, outOf: 8), let operation = release(&pool) { operations.append(operation) }
        let refusal = OfferFilter(refuseFor: .seconds(random.pick([0, 2, 5]) ?? 5))
        call(.accept(offers: [offer.id], operations: operations, filter: refusal), world)
    }

    // MARK: - Tasks

    private func launch(_ pool: inout OfferPool, _ world: World) -> OfferOperation? {
        switch random.below(10) {
        case 0..<6: return single(&pool, world)
        case 6..<8: return group(&pool, world)
        default: return underExecutor(&pool, world)
        }
    }

    private func newName(_ kind: String) -> String {
        lastName += 1
        return "\(kind)\(index)-\(lastName)"
    }

    /// A task's resources out of the offer, and its spec; nil: there is not enough left.
    private func spec(_ pool: inout OfferPool, _ runner: TaskRunner, wantsVolume: Bool) -> TaskSpec? {
        let cpus = Int64(random.within(1...20)) * 100
        let mem = Int64(random.within(1...8)) * 64_000
        var copy = pool
        guard let first = copy.take("cpus", cpus), let second = copy.take("mem", mem) else { return nil }
        var resources = [first, second]
        if random.chance(1, outOf: 3), let port = copy.takePort() { resources.append(port) }
        if wantsVolume, let volume = copy.takeVolume() { resources.append(volume) }
        pool = copy
        guard let id = Name.task(newName("t")) else { return nil }
        var spec = TaskSpec(id: id, name: id.text, agent: pool.offer.agent, resources: resources, runner: runner)
        if random.chance(1, outOf: 6) { spec.killGracePeriod = .seconds(random.within(0...20)) }
        if random.chance(1, outOf: 15) { spec.maxCompletionTime = .seconds(random.within(1...60)) }
        return spec
    }

    private func single(_ pool: inout OfferPool, _ world: World) -> OfferOperation? {
        let program = TaskProgram.drawn(&random)
        guard var spec = spec(&pool, .command(CommandSpec(.shell(program.text))), wantsVolume: true) else { return nil }
        if random.chance(1, outOf: 10) {
            spec.healthCheck = HealthCheck(.tcp(port: 80), delay: .seconds(1), interval: .seconds(5), failuresMax: 3)
        }
        remember(spec, on: pool, world)
        return OfferOperation(.launch([spec]))
    }

    private func group(_ pool: inout OfferPool, _ world: World) -> OfferOperation? {
        guard let id, let executorID = Name.executor(newName("pod")),
            let cpus = pool.take("cpus", 100), let mem = pool.take("mem", 32_000)
        else { return nil }
        let executor = ExecutorSpec(id: executorID, framework: id, kind: .standard, resources: [cpus, mem])
        var specs: [TaskSpec] = []
        for _ in 0..<random.within(1...3) {
            guard var spec = spec(&pool, .executor(executor), wantsVolume: false) else { break }
            spec.groupCommand = CommandSpec(.shell(TaskProgram.drawn(&random).text))
            specs.append(spec)
        }
        guard !specs.isEmpty else { return nil }
        for spec in specs { remember(spec, on: pool, group: specs.map(\.id), executor: executorID, world) }
        return OfferOperation(.launchGroup(executor, specs))
    }

    private func underExecutor(_ pool: inout OfferPool, _ world: World) -> OfferOperation? {
        // Now and then one that may run already.
        let name = random.chance(1, outOf: 2) ? "shared\(index)" : newName("exec")
        guard let id, let executorID = Name.executor(name), let cpus = pool.take("cpus", 100),
            let mem = pool.take("mem", 32_000)
        else { return nil }
        let plain = [cpus, mem].map { OfferPool.bare($0) }
        let executor = ExecutorSpec(
            id: executorID, framework: id, kind: .custom, command: CommandSpec(.shell("executor")), resources: plain,
            shutdownGracePeriod: .seconds(2))
        guard var spec = spec(&pool, .executor(executor), wantsVolume: false) else { return nil }
        spec.data = Array(TaskProgram.drawn(&random).text.utf8)
        remember(spec, on: pool, executor: executorID, world)
        executors[executorID, default: []].append(pool.offer.agent)
        return OfferOperation(.launch([spec]))
    }

    private func remember(
        _ spec: TaskSpec, on pool: OfferPool, group: [TaskID] = [], executor: ExecutorID? = nil, _ world: World
    ) {
        guard let id else { return }
        tasks[spec.id] = Known(
            spec: spec, agent: pool.offer.agent, executor: executor, heardAt: world.now, askedAt: .distantPast)
        world.ledger.asked(spec, of: id, group: group)
        world.count("tasks")
    }

    // MARK: - Reservations and volumes

    private func reservations(_ pool: inout OfferPool) -> [OfferOperation] {
        guard let disk = pool.takePlain("disk", 64_000) else { return [] }
        var reserved = disk
        reserved.reservations.append(Reservation(.requested, for: pool.offer.role))
        var operations = [operation(.reserve([OfferPool.bare(reserved)]))]
        guard random.chance(2, outOf: 3), let id = Name.volume(newName("v")) else {
            pool.put(reserved)
            return operations
        }
        var volume = reserved
        volume.disk = Disk(
            persistence: Disk.Persistence(id: id), volume: Disk.Volume(containerPath: "data"))
        operations.append(operation(.create(volumes: [OfferPool.bare(volume)])))
        pool.put(volume)
        return operations
    }

    private func operation(_ change: ResourceOperation) -> OfferOperation {
        OfferOperation(id: random.chance(2, outOf: 3) ? Name.operation(newName("o")) : nil, .change(change))
    }

    /// Takes one volume or reservation back.
    private func release(_ pool: inout OfferPool) -> OfferOperation? {
        if let volume = pool.takeVolume() { return operation(.destroy(volumes: [OfferPool.bare(volume)])) }
        if let reserved = pool.takeReserved() { return operation(.unreserve([OfferPool.bare(reserved)])) }
        return nil
    }

    /// Everything back to what it was.
    private func giveBack(_ offer: Offer, _ world: World) {
        var pool = OfferPool(offer)
        var operations: [OfferOperation] = []
        while let volume = pool.takeVolume() {
            operations.append(operation(.destroy(volumes: [OfferPool.bare(volume)])))
        }
        while let reserved = pool.takeReserved() {
            operations.append(operation(.unreserve([OfferPool.bare(reserved)])))
        }
        let refusal = OfferFilter(refuseFor: .seconds(10))
        if operations.isEmpty {
            call(.decline(offers: [offer.id], filter: refusal), world)
        } else {
            call(.accept(offers: [offer.id], operations: operations, filter: refusal), world)
        }
    }

    // MARK: - What comes to its mind

    func act(_ world: World) {
        switch random.below(24) {
        case 0..<3: killSomething(world)
        case 3: call(.reconcile([]), world)
        case 4:
            isSuppressed.toggle()
            call(isSuppressed ? .suppress([]) : .revive([]), world)
        case 5: call(.reconcileOperations([]), world)
        case 6:
            let known = random.pick(Array(tasks.values.filter { $0.executor != nil && !$0.isOver }))
            guard random.chance(1, outOf: 3), let known, let executor = known.executor, let id else { return }
            for (task, other) in tasks where other.executor == executor {
                world.ledger.unwanted(TaskReference(framework: id, task: task))
            }
            call(.shutdown(executor, agent: known.agent), world)
        case 7 where random.chance(1, outOf: 12):
            world.count("teardowns")
            if let id { world.ledger.removed(id) }
            call(.teardown, world)
        default: break
        }
        if isSuppressed, random.chance(1, outOf: 4) {
            isSuppressed = false
            call(.revive([]), world)
        }
    }

    private func killSomething(_ world: World) {
        let live = tasks.filter { !$0.value.isOver && !$0.value.isUnwanted }.map(\.key)
        guard let task = random.pick(live) else { return }
        want(task, world)
    }

    private func want(_ task: TaskID, _ world: World) {
        guard let id, let known = tasks[task] else { return }
        tasks[task]?.isUnwanted = true
        tasks[task]?.askedAt = world.now
        world.ledger.unwanted(TaskReference(framework: id, task: task))
        let grace: Duration? = random.chance(1, outOf: 3) ? .seconds(random.within(0...10)) : nil
        call(.kill(SchedulerCall.TaskOfAgent(task: task, agent: known.agent), gracePeriod: grace), world)
    }

    /// Ends everything that would not end by itself.
    func settleOn(_ world: World) {
        for (task, known) in tasks where !known.isOver && !known.isUnwanted { want(task, world) }
        for (executor, agents) in executors {
            guard tasks.values.allSatisfy({ $0.executor != executor || $0.isOver }) else { continue }
            for agent in agents { call(.shutdown(executor, agent: agent), world) }
        }
        if isSuppressed {
            isSuppressed = false
            call(.revive([]), world)
        }
    }
}

/// What is left of an offer while its tasks are put together.
struct OfferPool {
    let offer: Offer
    private var resources: [Resource]

    init(_ offer: Offer) {
        self.offer = offer
        resources = offer.resources
    }

    mutating func put(_ resource: Resource) { resources.append(resource) }

    /// So many thousandths of one kind.
    mutating func take(_ name: String, _ amount: Int64) -> Resource? { take(name, amount) { _ in true } }

    /// Of nobody's.
    mutating func takePlain(_ name: String, _ amount: Int64) -> Resource? { take(name, amount) { !$0.isReserved } }

    private mutating func take(_ name: String, _ amount: Int64, where isFit: (Resource) -> Bool) -> Resource? {
        let wanted = Scalar(thousandths: amount)
        for index in resources.indices where resources[index].name == name && isFit(resources[index]) {
            guard resources[index].disk == nil, case .scalar(let there) = resources[index].value, there >= wanted
            else { continue }
            var taken = resources[index]
            taken.value = .scalar(wanted)
            resources[index].value = .scalar(there - wanted)
            return taken
        }
        return nil
    }

    mutating func takePort() -> Resource? {
        for index in resources.indices where resources[index].name == "ports" {
            guard case .ranges(let there) = resources[index].value, let first = there.ranges.first else { continue }
            var taken = resources[index]
            let port = Ranges([first.lowerBound...first.lowerBound])
            taken.value = .ranges(port)
            resources[index].value = .ranges(there.subtracting(port))
            return taken
        }
        return nil
    }

    mutating func takeVolume() -> Resource? {
        guard let index = resources.firstIndex(where: \.isPersistentVolume) else { return nil }
        return resources.remove(at: index)
    }

    /// A reservation that a framework made.
    mutating func takeReserved() -> Resource? {
        let index = resources.firstIndex { resource in
            !resource.isPersistentVolume && resource.reservations.last?.origin == .requested && !resource.value.isEmpty
        }
        return index.map { resources.remove(at: $0) }
    }

    /// As the agent itself has it.
    static func bare(_ resource: Resource) -> Resource {
        var bare = resource
        bare.allocatedTo = nil
        return bare
    }
}
