import Allocation
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// What a framework makes of offers.
extension MasterCore {
    /// Offers that are taken together: of one agent, in one role.
    struct AcceptedOffers {
        var framework: FrameworkInfo
        var agent: AgentID
        var role: RoleName
        /// What is not used yet, allocated to `role`.
        var remaining: Resources
        var principal: String?
        /// Tasks and groups of them that were sent to the agent.
        var launched = 0
        var launchedGroups = 0
    }

    mutating func accept(
        _ ids: [OfferID], _ operations: [OfferOperation], _ filter: OfferFilter, of framework: FrameworkID,
        by principal: String?, at now: Instant
    ) {
        guard let info = frameworks[framework]?.info else { return }
        let fault = faultOfOffers(ids, of: framework)
        var taken: [OfferRecord] = []
        for id in ids where offers[id]?.offer.framework == framework {
            if let record = takeOffer(id) { taken.append(record) }
        }
        guard fault == nil, let first = taken.first?.offer else {
            let why = fault ?? "no offers are named"
            for record in taken {
                giveBack(record.resources, of: framework, on: record.offer.agent)
            }
            refuseAll(operations, of: framework, because: why, at: now)
            return
        }
        counters.offersAccepted += UInt64(taken.count)
        let offered = taken.reduce(into: Resources.none) { $0 += $1.resources }
        var accepted = AcceptedOffers(
            framework: info, agent: first.agent, role: first.role, remaining: offered, principal: principal)
        for operation in operations { carryOut(operation, with: &accepted, at: now) }
        frameworks.change(framework) { record in
            record.counters.countOffers(.accepted, taken.count)
            record.counters.countOperation(.launch, accepted.launched)
            record.counters.countOperation(.launchGroup, accepted.launchedGroups)
        }
        // What operations made was asked for and not refused: it is offered again, with the rest beside it.
        let made = accepted.remaining - offered
        giveBack(made, of: framework, on: first.agent)
        returnUnused(accepted.remaining - made, of: framework, on: first.agent, filter, at: now)
    }

    private func faultOfOffers(_ ids: [OfferID], of framework: FrameworkID) -> String? {
        var met: Set<OfferID> = []
        var first: Offer?
        for id in ids {
            guard let offer = offers[id]?.offer, offer.framework == framework else {
                return "offer \(id) is no longer valid"
            }
            if !met.insert(id).inserted { return "offer \(id) is named twice" }
            if let first, first.agent != offer.agent { return "the offers are of different agents" }
            if let first, first.role != offer.role { return "the offers are for different roles" }
            first = first ?? offer
        }
        return nil
    }

    /// Nothing of it can be done: the offers are not there.
    private mutating func refuseAll(
        _ operations: [OfferOperation], of framework: FrameworkID, because why: String, at now: Instant
    ) {
        note("offers.invalid", "A framework accepts what it was not offered", ["framework": framework.text, "why": why])
        let notLaunched = "Task launched with invalid offers: \(why)"
        let notDone = "Operation attempted with invalid offers: \(why)"
        for operation in operations {
            for task in operation.tasks {
                report(
                    .dropped, TaskReference(framework: framework, task: task.id), because: .invalidOffers, notLaunched,
                    agent: task.agent, at: now)
            }
            for task in operation.unfitTasks {
                let lost = UnfitTask(id: task.id, agent: task.agent, .invalidOffers, because: notLaunched)
                report(.dropped, lost, of: framework, at: now)
            }
            switch operation.action {
            case .launch, .launchGroup: break
            case .change: refuse(operation, of: framework, on: nil, notDone)
            case .unfit(let unfit): refuse(UnfitOperation(id: unfit.id, because: notDone), of: framework, on: nil)
            }
        }
    }

    private mutating func carryOut(_ operation: OfferOperation, with accepted: inout AcceptedOffers, at now: Instant) {
        switch operation.action {
        case .launch(let tasks):
            for task in tasks { launch(task, with: &accepted, at: now) }
        case .launchGroup(let executor, let tasks): launchGroup(tasks, executor, with: &accepted, at: now)
        case .change(let change): apply(change, operation, with: &accepted, at: now)
        case .unfit(let unfit): refuse(unfit, of: accepted.framework.id, on: accepted.agent)
        }
        for task in operation.unfitTasks { report(.error, task, of: accepted.framework.id, at: now) }
    }

    // MARK: Launching

    private mutating func launch(_ task: TaskSpec, with accepted: inout AcceptedOffers, at now: Instant) {
        let framework = accepted.framework
        let key = TaskReference(framework: framework.id, task: task.id)
        var spec = allocated(task, to: accepted.role)
        let executor = newExecutor(of: spec, framework.id, on: accepted.agent)
        if let refusal = refusedUser(of: [task], framework, by: accepted.principal) {
            report(.error, key, because: .taskUnauthorized, refusal, agent: task.agent, at: now)
            return
        }
        do throws(Failure) {
            try validate(spec, with: accepted)
            try use([spec], executor, of: &accepted)
            if let executor { addExecutor(executor, on: accepted.agent) }
        } catch {
            report(.error, key, because: .taskInvalid, error.description, agent: task.agent, at: now)
            return
        }
        // The agent and later readers see the executor with its allocation as well.
        var startsExecutor: Bool?
        if case .executor(let used) = spec.runner {
            spec.runner = .executor(allocated(used, to: accepted.role))
            startsExecutor = executor != nil
        }
        stage(spec, accepted, at: now)
        accepted.launched += 1
        send(.runTask(spec, of: framework, startsExecutor: startsExecutor), to: accepted.agent)
    }

    private mutating func launchGroup(
        _ tasks: [TaskSpec], _ executor: ExecutorSpec, with accepted: inout AcceptedOffers, at now: Instant
    ) {
        let framework = accepted.framework
        let executor = allocated(executor, to: accepted.role)
        let specs = tasks.map { task in
            var spec = allocated(task, to: accepted.role)
            spec.runner = .executor(executor)
            return spec
        }
        let refuse = { (core: inout MasterCore, reason: StatusReason, why: String) in
            for task in tasks {
                let key = TaskReference(framework: framework.id, task: task.id)
                core.report(.error, key, because: reason, why, agent: task.agent, executor: executor.id, at: now)
            }
        }
        if let refusal = refusedUser(of: specs, framework, by: accepted.principal) {
            refuse(&self, .taskGroupUnauthorized, refusal)
            return
        }
        let isRunning = agents[accepted.agent]?.executors[framework.id]?[executor.id] != nil
        do throws(Failure) {
            try validate(specs, under: executor, with: accepted)
            try use(specs, isRunning ? nil : executor, of: &accepted)
            if !isRunning { addExecutor(executor, on: accepted.agent) }
        } catch {
            refuse(&self, .taskGroupInvalid, error.description)
            return
        }
        for spec in specs { stage(spec, accepted, at: now) }
        accepted.launchedGroups += 1
        send(.runGroup(specs, under: executor, of: framework, startsExecutor: !isRunning), to: accepted.agent)
    }

    /// The executor a task brings along when it does not run there yet.
    private func newExecutor(of task: TaskSpec, _ framework: FrameworkID, on agent: AgentID) -> ExecutorSpec? {
        guard case .executor(let executor) = task.runner,
            agents[agent]?.executors[framework]?[executor.id] == nil
        else { return nil }
        return allocated(executor, to: task.resources.first?.allocatedTo ?? .anyone)
    }

    private mutating func addExecutor(_ executor: ExecutorSpec, on agent: AgentID) {
        agents[agent]?.executors[executor.framework, default: [:]][executor.id] = executor
        count(executor.framework, on: agent, by: 1)
    }

    /// Takes what the tasks and a new executor need out of what was offered. Shared volumes stay: others may use them.
    private func use(
        _ tasks: [TaskSpec], _ executor: ExecutorSpec?, of accepted: inout AcceptedOffers
    ) throws(Failure) {
        var needed = tasks.reduce(into: Resources.none) { $0 += Resources($1.resources) }
        if let executor { needed += Resources(executor.resources) }
        let shared = needed.shared
        let whole = needed.nonShared
        let sharedIsThere = !shared.hasAny { !accepted.remaining.contains($0) }
        guard accepted.remaining.contains(whole), sharedIsThere else {
            let left = accepted.remaining.isEmpty ? "nothing" : "\(accepted.remaining)"
            throw Failure(
                "task.exceeds-offer", doing: "run task", on: tasks.map(\.id.text).joined(separator: ", "),
                cause: "it uses \(needed) and \(left) is left of the offers",
                remedy: "ask for no more than is offered", field: "resources")
        }
        accepted.remaining -= whole
    }

    private mutating func stage(_ spec: TaskSpec, _ accepted: AcceptedOffers, at now: Instant) {
        let record = TaskRecord(
            framework: accepted.framework.id, spec: spec, agent: accepted.agent, role: accepted.role, state: .staging,
            resources: Resources(spec.resources))
        addTask(record)
        announce { core in .taskAdded(core.taskView(record)) }
        note(
            "task.accepted", "A task is sent to its agent",
            ["task": spec.id.text, "framework": accepted.framework.id.text, "agent": accepted.agent.text])
    }

    /// What names no role is meant to be of the one that was offered.
    private func allocated(_ task: TaskSpec, to role: RoleName) -> TaskSpec {
        var spec = task
        for index in spec.resources.indices where spec.resources[index].allocatedTo == nil {
            spec.resources[index].allocatedTo = role
        }
        return spec
    }

    private func allocated(_ executor: ExecutorSpec, to role: RoleName) -> ExecutorSpec {
        var spec = executor
        for index in spec.resources.indices where spec.resources[index].allocatedTo == nil {
            spec.resources[index].allocatedTo = role
        }
        return spec
    }
}
