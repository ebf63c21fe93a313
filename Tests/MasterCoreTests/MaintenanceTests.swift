import ClusterAPI
import ClusterModel
import Determinism
import MasterCore
import Testing

@Suite("Maintenance")
struct MaintenanceTests {
    static let machine = MachineID(hostname: "A1", address: "10.0.0.2")
    static let away = Unavailability(start: Instant(seconds: 2_000_000), duration: .seconds(3_600))
    static let schedule = MaintenanceSchedule([MaintenanceWindow(machines: [machine], unavailability: away)])

    @Test("offers of a scheduled machine say when it is away, old ones are taken back")
    func offers() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let other = scene.agent("b1")
        let framework = scene.framework()
        scene.settle()
        #expect(scene.operate(.updateMaintenanceSchedule(Self.schedule)) == .done)
        #expect(scene.rescinded(framework).count == 1)
        scene.settle()
        let offers = scene.offers(framework)
        #expect(offers.first { $0.agent == agent.id }?.unavailability == Self.away)
        #expect(offers.first { $0.agent == other.id }?.unavailability == nil)
        #expect(scene.core.response(to: .maintenanceSchedule) == .maintenanceSchedule(Self.schedule))
        #expect(scene.successor().core.maintenance.schedule == Self.schedule)
    }

    @Test("who has something there is asked for it once, and what it answers is shown")
    func inverseOffers() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        let idle = scene.subscribe(Scene.info("idle", roles: [role("other")]), suppressed: [role("other")])
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        let asked = scene.inverseOffers(framework)
        #expect(asked.map(\.agent) == [agent.id] && asked.first?.unavailability == Self.away)
        #expect(asked.first?.address == agent.registration.address)
        #expect(idle.map { scene.inverseOffers($0).isEmpty } == true)
        scene.pass(.seconds(20), alive: [agent])
        #expect(scene.inverseOffers(framework).count == 1)
        scene.call(.declineInverseOffers([asked[0].id], filter: OfferFilter(refuseFor: .seconds(30))), framework)
        #expect(scene.inverseOffers(framework).isEmpty)
        let answer = MaintenanceStatus.Answer(framework: framework.id, agent: agent.id, word: .declined, at: scene.now)
        let status = MaintenanceStatus(draining: [.init(machine: Self.machine, answers: [answer])])
        #expect(scene.core.response(to: .maintenanceStatus) == .maintenanceStatus(status))
        scene.pass(.seconds(20), alive: [agent])
        #expect(scene.inverseOffers(framework).isEmpty)
        scene.pass(.seconds(20), alive: [agent])
        #expect(scene.inverseOffers(framework).count == 1)
    }

    @Test("who is only offered something there is asked for it as well, with the offer that says when it is away")
    func offeredOnly() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        scene.settle()
        #expect(scene.offers(framework).map(\.unavailability) == [Self.away])
        let asked = scene.inverseOffers(framework)
        #expect(asked.map(\.agent) == [agent.id] && asked.first?.address == agent.registration.address)
        // It has given back what it was asked for: there is nothing to ask for again.
        let filter = OfferFilter(refuseFor: .seconds(600))
        scene.call(.decline(offers: scene.offers(framework).map(\.id), filter: filter), framework)
        scene.call(.acceptInverseOffers([asked[0].id], filter: .none), framework)
        scene.pass(.seconds(20), alive: [agent])
        #expect(scene.inverseOffers(framework).isEmpty)
    }

    /// A framework that has declined for very long to give back what it has of an agent that will be away.
    static func declined() -> (Scene, ActedAgent, ActedFramework) {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.operate(.updateMaintenanceSchedule(schedule))
        let asked = scene.inverseOffers(framework).map(\.id)
        scene.call(.declineInverseOffers(asked, filter: OfferFilter(refuseFor: .seconds(6_000))), framework)
        scene.pass(.seconds(20), alive: [agent])
        #expect(asked.count == 1 && scene.inverseOffers(framework).isEmpty)
        return (scene, agent, framework)
    }

    @Test("who subscribes again is asked again for what it declined to give back, whether it was cut off or not",
        arguments: [true, false])
    func askedAgain(wasCutOff: Bool) {
        var (scene, agent, framework) = Self.declined()
        if wasCutOff { scene.take(.streamClosed(framework.stream)) }
        let again = scene.subscribe(framework.info, isNew: false)
        #expect(again.map { scene.inverseOffers($0).map(\.agent) } == [agent.id])
    }

    @Test("who revives its offers is asked again at once for what it declined to give back")
    func askedAgainRevived() {
        var (scene, agent, framework) = Self.declined()
        // In a role that is not its own nothing is revived.
        scene.call(.revive([role("other")]), framework)
        #expect(scene.inverseOffers(framework).isEmpty)
        scene.call(.revive([.anyone]), framework)
        #expect(scene.inverseOffers(framework).map(\.agent) == [agent.id])
    }

    @Test("who says anew what it is, with UPDATE_FRAMEWORK, is asked again as well")
    func askedAgainUpdated() {
        var (scene, agent, framework) = Self.declined()
        let subscription = Subscription(framework: FrameworkRequest(framework.info, isNew: false))
        #expect(scene.call(.updateFramework(subscription), framework) == .done)
        scene.pass(.seconds(6), alive: [agent])
        #expect(scene.inverseOffers(framework).map(\.agent) == [agent.id])
    }

    @Test("nothing is asked back of an agent that is kept out of offers or is not connected, until that is over")
    func inactive() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.operate(.deactivateAgent(agent.id))
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        scene.pass(.seconds(10), alive: [agent])
        #expect(scene.inverseOffers(framework).isEmpty)
        scene.operate(.reactivateAgent(agent.id))
        scene.pass(.seconds(6), alive: [agent])
        #expect(scene.inverseOffers(framework).map(\.agent) == [agent.id])
        scene.take(.linkClosed(agent.link))
        scene.pass(.seconds(10))
        #expect(scene.inverseOffers(framework).isEmpty)
        let back = scene.register(agent.registration)
        scene.pass(.seconds(6), alive: [back])
        #expect(scene.inverseOffers(framework).map(\.agent) == [agent.id])
    }

    @Test("inverse offers are taken back with the schedule")
    func rescinded() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        let asked = scene.inverseOffers(framework)
        #expect(asked.count == 1)
        scene.operate(.updateMaintenanceSchedule(MaintenanceSchedule()))
        #expect(scene.inverseOffers(framework).isEmpty)
        #expect(
            scene.heard(framework).contains { event in
                if case .rescindInverseOffer(let id) = event { return id == asked[0].id }
                return false
            })
    }

    @Test("a machine that is down ends its agents and admits none until it is up")
    func downAndUp() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        #expect(scene.operate(.startMaintenance([Self.machine]))?.status == 400)
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        #expect(scene.operate(.startMaintenance([Self.machine])) == .done)
        #expect(
            scene.told(agent).contains { message in
                if case .shutdown = message { return true }
                return false
            })
        #expect(scene.core.agents[agent.id] == nil && scene.core.formerAgents.isEmpty)
        #expect(scene.registry.agents.isEmpty && scene.closedLinks.contains(agent.link))
        #expect(
            scene.core.response(to: .maintenanceStatus) == .maintenanceStatus(MaintenanceStatus(down: [Self.machine])))
        let refused = scene.register(Scene.registration("a1"))
        #expect(refused.name == nil && scene.closedLinks.contains(refused.link))
        // It has to stay in the schedule while it is down.
        #expect(scene.operate(.updateMaintenanceSchedule(MaintenanceSchedule()))?.status == 400)
        #expect(scene.operate(.startMaintenance([Self.machine]))?.status == 400)
        #expect(scene.operate(.stopMaintenance([Self.machine])) == .done)
        #expect(scene.core.maintenance.isEmpty && scene.registry.maintenance.isEmpty)
        let next = scene.register(Scene.registration("a1"))
        #expect(next.name != nil && next.name != agent.id)
        #expect(scene.operate(.stopMaintenance([Self.machine]))?.status == 400)
    }

    /// A scene in which the agent of a scheduled machine runs a task, and the machine is taken down.
    static func takenDown(_ info: FrameworkInfo = Scene.info()) -> (Scene, ActedAgent, ActedFramework, TaskSpec) {
        var scene = Scene()
        let agent = scene.agent("a1")
        guard let framework = scene.subscribe(info) else { preconditionFailure("the framework is turned away") }
        scene.settle()
        let task = scene.task("t", on: agent.id)
        scene.launch([task], framework)
        // Never acknowledged.
        scene.report(.running, of: task.id, framework, from: agent)
        scene.operate(.updateMaintenanceSchedule(schedule))
        #expect(scene.operate(.startMaintenance([machine])) == .done)
        return (scene, agent, framework, task)
    }

    @Test("tasks on a machine that is taken down are lost for good, and afterwards nobody knows them",
        arguments: [true, false])
    func tasksAreLost(isAware: Bool) {
        let info = Scene.info(capabilities: isAware ? [.multiRole, .partitionAware] : [.multiRole])
        var (scene, agent, framework, task) = Self.takenDown(info)
        let last = scene.updates(framework).last
        #expect(last?.state == .lost && last?.reason == .agentRemoved && last?.source == .master)
        #expect(last?.id == nil && last?.unreachableSince == nil)
        #expect(scene.heard(framework).contains(.agentLost(agent.id)))
        #expect(scene.core.tasks.isEmpty && scene.core.frameworks[framework.id]?.unreachableTasks.count == 0)
        #expect(scene.core.frameworks[framework.id]?.completedTasks[task.id]?.state == .lost)
        #expect(scene.core.counters.tasksEnded[.lost] == 1)
        let expected: TaskState = isAware ? .unknown : .lost
        for asked in [SchedulerCall.TaskOfAgent(task: task.id, agent: agent.id), .init(task: task.id)] {
            let before = scene.updates(framework).count
            scene.call(.reconcile([asked]), framework)
            #expect(scene.updates(framework).count == before + 1)
            #expect(scene.updates(framework).last?.state == expected)
            #expect(scene.updates(framework).last?.reason == .reconciliation)
        }
    }

    @Test("an agent that comes back to a machine that is down ends with its tasks, one that has been nobody yet waits")
    func backTooEarly() {
        var (scene, agent, framework, task) = Self.takenDown()
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        for (registration, isForGood) in [(registration, true), (Scene.registration("a1"), false)] {
            let back = scene.register(registration)
            guard case .refused(_, let isFinal) = scene.told(back).last else {
                Issue.record("it is told \(scene.told(back))")
                return
            }
            #expect(isFinal == isForGood && scene.closedLinks.contains(back.link))
        }
        #expect(scene.core.agents.isEmpty && scene.core.tasks.isEmpty)
    }

    @Test("of an agent that was cut off all the while the machine was down, its framework hears what runs after all")
    func backUnheard() {
        var (scene, agent, framework, task) = Self.takenDown()
        scene.operate(.stopMaintenance([Self.machine]))
        var registration = agent.registration
        registration.frameworks = [framework.info]
        registration.tasks = [TaskReport(framework: framework.id, spec: task, state: .running)]
        #expect(scene.register(registration).name == agent.id)
        #expect(scene.updates(framework).last?.state == .running)
        #expect(scene.updates(framework).last?.reason == .agentReregistered)
        #expect(scene.state(of: task.id, framework) == .running)
        #expect(scene.core.frameworks[framework.id]?.completedTasks.count == 0)
    }

    @Test("an agent that is being taken down is offered to nobody, and hears so once")
    func goingDown() {
        var scene = Scene()
        let agent = scene.agent("a1")
        let framework = scene.framework()
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        scene.settle()
        #expect(scene.offers(framework).count == 1)
        scene.storesAtOnce = false
        scene.operate(.startMaintenance([Self.machine]))
        // Something else about the agent is on its way already.
        scene.operate(.deactivateAgent(agent.id))
        scene.storeNext()
        scene.pass(.seconds(3))
        #expect(scene.core.agents[agent.id]?.isActive == false && scene.offers(framework).isEmpty)
        #expect(scene.registry.agents[agent.id] != nil && scene.unstored.count == 1)
        scene.storeAll()
        #expect(scene.core.agents.isEmpty && scene.registry.agents.isEmpty)
        let shutdowns = scene.told(agent).filter { if case .shutdown = $0 { true } else { false } }
        #expect(shutdowns.count == 1)
    }

    @Test("an agent that is being admitted when its machine is taken down is not admitted")
    func arriving() {
        var scene = Scene()
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        scene.storesAtOnce = false
        scene.operate(.startMaintenance([Self.machine]))
        let agent = scene.register(Scene.registration("a1"))
        scene.storeAll()
        #expect(scene.registeredID(on: agent.link) == nil && scene.closedLinks.contains(agent.link))
        #expect(scene.core.agents.isEmpty && scene.registry.agents.isEmpty)
    }

    @Test("a new master takes down what the one before had no time to")
    func takenDownLater() {
        var scene = Scene()
        _ = scene.agent("a1")
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        scene.storesAtOnce = false
        scene.operate(.startMaintenance([Self.machine]))
        scene.storeNext()
        #expect(scene.registry.agents.count == 1 && scene.registry.maintenance.down == [Self.machine])
        let next = scene.successor()
        #expect(next.core.agents.isEmpty && next.registry.agents.isEmpty)
    }

    static let bad: [(String, MaintenanceSchedule)] = [
        ("no machines", MaintenanceSchedule([MaintenanceWindow(machines: [], unavailability: away)])),
        (
            "a machine twice",
            MaintenanceSchedule([
                MaintenanceWindow(machines: [machine], unavailability: away),
                MaintenanceWindow(machines: [machine], unavailability: away),
            ])
        ),
        (
            "a machine without a name",
            MaintenanceSchedule([MaintenanceWindow(machines: [MachineID(hostname: "")], unavailability: away)])
        ),
        (
            "a negative duration",
            MaintenanceSchedule([
                MaintenanceWindow(
                    machines: [machine], unavailability: Unavailability(start: .epoch, duration: .seconds(-1)))
            ])
        ),
    ]

    @Test("a schedule that does not fit together is refused", arguments: bad)
    func refused(_ name: String, _ schedule: MaintenanceSchedule) {
        var scene = Scene()
        #expect(scene.operate(.updateMaintenanceSchedule(schedule))?.status == 400)
        #expect(scene.core.maintenance.isEmpty)
    }
}
