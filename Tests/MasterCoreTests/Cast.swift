import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

/// An agent as the test plays it.
struct ActedAgent {
    var link: LinkID
    var registration: AgentRegistration
    /// What the master calls it; from the first message on.
    var name: AgentID?
    var id: AgentID {
        guard let name else { preconditionFailure("the agent is not registered") }
        return name
    }
}

/// A framework as the test plays it.
struct ActedFramework {
    var id: FrameworkID
    var stream: StreamID
    var info: FrameworkInfo
}

extension Scene {
    // MARK: Agents

    static func registration(
        _ hostname: String, _ text: String = "cpus:4;mem:1024", id: AgentID? = nil
    ) -> AgentRegistration {
        AgentRegistration(
            id: id, address: NetworkAddress(hostname: hostname, address: "10.0.0.2", port: 5051),
            resources: resources(text), totals: resources(text), version: "1.0", bootID: "boot-1")
    }

    /// Registers an agent and reads its id off the answer.
    mutating func agent(_ hostname: String = "a1", _ text: String = "cpus:4;mem:1024") -> ActedAgent {
        register(Scene.registration(hostname, text))
    }

    mutating func register(_ registration: AgentRegistration) -> ActedAgent {
        let link = nextLink()
        take(.agent(link, principal: nil, .register(registration)))
        var agent = ActedAgent(link: link, registration: registration)
        agent.name = registeredID(on: link)
        agent.registration.id = agent.name ?? registration.id
        return agent
    }

    func registeredID(on link: LinkID) -> AgentID? {
        for message in messages[link] ?? [] {
            if case .registered(let id, _, _) = message { return id }
        }
        return nil
    }

    mutating func say(_ message: AgentMessage, _ agent: ActedAgent) {
        take(.agent(agent.link, principal: nil, message))
    }

    func told(_ agent: ActedAgent) -> [MasterMessage] { messages[agent.link] ?? [] }

    /// Lets time pass while `agents` answer every ping.
    mutating func pass(_ duration: Duration, alive agents: [ActedAgent]) {
        let step = Duration.seconds(5)
        var left = duration
        while left > .zero {
            pass(min(step, left))
            left -= step
            for agent in agents { say(.pong, agent) }
        }
    }

    // MARK: Frameworks

    static func info(
        _ name: String = "f", roles: [RoleName] = [.anyone], timeout: Duration = .seconds(100), id: FrameworkID? = nil,
        capabilities: Set<FrameworkInfo.Capability> = [.multiRole, .reservationRefinement, .partitionAware]
    ) -> FrameworkInfo {
        FrameworkInfo(
            id: id ?? MasterCoreTests.id("unset"), name: name, roles: roles, capabilities: capabilities,
            failoverTimeout: timeout)
    }

    /// Subscribes; nil when it is turned away.
    mutating func subscribe(
        _ info: FrameworkInfo, isNew: Bool = true, suppressed: [RoleName] = [], by principal: String? = nil
    ) -> ActedFramework? {
        let call = nextCall()
        let subscription = Subscription(
            framework: FrameworkRequest(info, isNew: isNew), suppressedRoles: suppressed)
        take(
            .scheduler(
                call, stream: nil, principal: principal,
                SchedulerCall(framework: isNew ? nil : info.id, .subscribe(subscription))))
        guard let stream = streamOfCall[call] else { return nil }
        for event in events[stream] ?? [] {
            if case .subscribed(let id, _, _) = event {
                var info = info
                info.id = id
                return ActedFramework(id: id, stream: stream, info: info)
            }
        }
        return nil
    }

    mutating func framework(
        _ name: String = "f", roles: [RoleName] = [.anyone], timeout: Duration = .seconds(100)
    ) -> ActedFramework {
        guard let framework = subscribe(Scene.info(name, roles: roles, timeout: timeout)) else {
            preconditionFailure("the framework is turned away: \(notes)")
        }
        return framework
    }

    @discardableResult
    mutating func call(_ action: SchedulerCall.Action, _ framework: ActedFramework) -> CallAnswer? {
        let call = nextCall()
        take(
            .scheduler(
                call, stream: framework.stream, principal: nil, SchedulerCall(framework: framework.id, action)))
        return answers[call]
    }

    func heard(_ framework: ActedFramework) -> [SchedulerEvent] { events[framework.stream] ?? [] }

    /// Offers the framework has and that are neither answered nor rescinded.
    func offers(_ framework: ActedFramework) -> [Offer] {
        heard(framework).flatMap { event -> [Offer] in
            if case .offers(let offers) = event { return offers }
            return []
        }.filter { core.offers[$0.id] != nil }
    }

    func updates(_ framework: ActedFramework, of task: TaskID? = nil) -> [StatusUpdate] {
        heard(framework).compactMap { event in
            guard case .update(let update) = event, task == nil || update.task == task else { return nil }
            return update
        }
    }

    func operationUpdates(_ framework: ActedFramework) -> [OperationStatus] {
        heard(framework).compactMap { event in
            if case .updateOperation(let status) = event { return status }
            return nil
        }
    }

    func rescinded(_ framework: ActedFramework) -> [OfferID] {
        heard(framework).compactMap { event in
            if case .rescind(let offer) = event { return offer }
            return nil
        }
    }

    // MARK: Tasks

    func task(_ name: String, on agent: AgentID, _ text: String = "cpus:1;mem:128") -> TaskSpec {
        TaskSpec(
            id: id(name), name: name, agent: agent, resources: resources(text),
            runner: .command(CommandSpec(.shell("sleep 1000"))))
    }

    /// Launches tasks with the framework's first offer of the agent.
    @discardableResult
    mutating func launch(_ tasks: [TaskSpec], _ framework: ActedFramework, refuse seconds: Double = 0) -> CallAnswer? {
        guard let agent = tasks.first?.agent, let offer = offers(framework).first(where: { $0.agent == agent }) else {
            Issue.record("there is no offer")
            return nil
        }
        return call(
            .accept(
                offers: [offer.id], operations: [OfferOperation(.launch(tasks))],
                filter: OfferFilter(refuseSeconds: seconds)), framework)
    }

    /// An agent's report, with an id so that it waits for an acknowledgement.
    @discardableResult
    mutating func report(
        _ state: TaskState, of task: TaskID, _ framework: ActedFramework, from agent: ActedAgent,
        number: UInt64 = 1, latest: TaskState? = nil
    ) -> UpdateID {
        let update = UpdateID(high: number, low: UInt64(TaskState.allCases.firstIndex(of: state) ?? 0))
        say(
            .status(
                StatusUpdate(
                    framework: framework.id, task: task, state: state, source: .executor, agent: agent.id, at: now,
                    id: update), latest: latest ?? state), agent)
        return update
    }

    func state(of task: TaskID, _ framework: ActedFramework) -> TaskState? {
        core.tasks[TaskReference(framework: framework.id, task: task)]?.state
    }
}
