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
        let idle = scene.framework("idle", roles: [role("other")])
        scene.settle()
        scene.launch([scene.task("t", on: agent.id)], framework)
        scene.operate(.updateMaintenanceSchedule(Self.schedule))
        let asked = scene.inverseOffers(framework)
        #expect(asked.map(\.agent) == [agent.id] && asked.first?.unavailability == Self.away)
        #expect(scene.inverseOffers(idle).isEmpty)
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
        #expect(scene.core.agents[agent.id] == nil)
        #expect(scene.updates(framework).last?.state == .unreachable)
        #expect(
            scene.core.response(to: .maintenanceStatus) == .maintenanceStatus(MaintenanceStatus(down: [Self.machine])))
        let refused = scene.register(Scene.registration("a1"))
        #expect(refused.name == nil && scene.closedLinks.contains(refused.link))
        // It has to stay in the schedule while it is down.
        #expect(scene.operate(.updateMaintenanceSchedule(MaintenanceSchedule()))?.status == 400)
        #expect(scene.operate(.startMaintenance([Self.machine]))?.status == 400)
        #expect(scene.operate(.stopMaintenance([Self.machine])) == .done)
        #expect(scene.core.maintenance.isEmpty && scene.registry.maintenance.isEmpty)
        #expect(scene.register(Scene.registration("a1")).name != nil)
        #expect(scene.operate(.stopMaintenance([Self.machine]))?.status == 400)
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
