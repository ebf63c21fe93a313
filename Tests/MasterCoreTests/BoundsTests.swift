import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

@Suite("What is too large")
struct BoundsTests {
    private static let large = String(repeating: "\u{7F}", count: 3_000_000)

    @Test("a framework that says too much of itself is turned away, and nothing has changed")
    func framework() {
        var scene = Scene()
        var info = Scene.info()
        info.labels = [Label("k", Self.large)]
        let refused = scene.subscribe(info)
        #expect(refused == nil)
        #expect(scene.registry == .empty && scene.core.frameworks.isEmpty)
        let errors = scene.events.values.joined().filter {
            if case .error(let why) = $0 { why.contains("framework/m1-0000") && why.contains("bytes") } else { false }
        }
        #expect(errors.count == 1)
        #expect(scene.framework().id.text == "m1-0000")
    }

    @Test("a framework cannot come to say too much later, and what it said before stays")
    func update() {
        var scene = Scene()
        let framework = scene.framework()
        var info = framework.info
        info.labels = [Label("k", Self.large)]
        let before = scene.registry
        let update = Subscription(framework: FrameworkRequest(info, isNew: false))
        #expect(scene.call(.updateFramework(update), framework)?.status == 400)
        #expect(scene.registry == before)
        #expect(scene.core.frameworks[framework.id]?.info.labels.isEmpty == true)
    }

    @Test("a framework of which an older master took more subscribes again as it was")
    func olderFramework() {
        var info = Scene.info(id: id("m0-0000"))
        info.labels = [Label("k", String(repeating: "x", count: 2 << 20))]
        let registered = RegisteredFramework(info: info, registered: Instant(seconds: 1))
        var scene = Scene(registry: RegistrySnapshot([.putFramework(registered)]))
        let again = scene.subscribe(info, isNew: false)
        #expect(again?.id == info.id)
    }

    @Test("an agent that says too much of itself, or brings such a framework, is refused, and nothing has changed")
    func agent() {
        var scene = Scene()
        var attributed = Scene.registration("a1")
        attributed.attributes = [Attribute("a", .text(Self.large))]
        var burdened = Scene.registration("a2")
        var info = Scene.info(id: id("m0-0000"))
        info.labels = [Label("k", Self.large)]
        burdened.frameworks = [info]
        for registration in [attributed, burdened] {
            let agent = scene.register(registration)
            #expect(agent.name == nil)
            let isRefused = scene.told(agent).contains {
                if case .refused(let why, let isFinal) = $0 { why.contains("bytes") && !isFinal } else { false }
            }
            #expect(isRefused)
        }
        #expect(scene.registry == .empty && scene.core.agents.isEmpty)
    }

    @Test("maintenance and quota that are too much to keep are refused")
    func operators() {
        var scene = Scene()
        let machine = MachineID(hostname: String(repeating: "h", count: 17 << 20))
        let schedule = MaintenanceSchedule([
            MaintenanceWindow(machines: [machine], unavailability: Unavailability(start: .epoch, duration: nil))
        ])
        #expect(scene.operate(.updateMaintenanceSchedule(schedule))?.status == 400)
        var limits = QuantityLimits()
        limits[Self.large] = Scalar(1)
        let config = QuotaConfig(role("eng"), quota: Quota(limits: limits))
        #expect(scene.operate(.updateQuota([config], isForced: true))?.status == 400)
        #expect(scene.registry == .empty)
    }

    @Test("a message that its agent would not take is refused")
    func message() {
        var (scene, agent, framework) = TaskTests.begin()
        let told = scene.told(agent)
        let data = [UInt8](repeating: 0, count: (1 << 20) + 1)
        let answer = scene.call(.message(data, executor: id("E"), agent: agent.id), framework)
        #expect(answer == .invalid("More than 1048576 bytes in a message"))
        #expect(scene.told(agent) == told)
        let fits = [UInt8](repeating: 0, count: 1 << 20)
        #expect(scene.call(.message(fits, executor: id("E"), agent: agent.id), framework) == .accepted)
    }

    @Test("a task that is too large for its agent is refused by its id, its sibling is launched")
    func task() {
        var (scene, agent, framework) = TaskTests.begin()
        var large = scene.task("large", on: agent.id)
        large.labels = [Label("k", Self.large)]
        let small = scene.task("small", on: agent.id)
        scene.launch([large, small], framework)
        let update = scene.updates(framework, of: large.id).last
        #expect(update?.state == .error && update?.reason == .taskInvalid)
        #expect(update?.message?.contains("more than 1048576 bytes") == true)
        #expect(scene.state(of: large.id, framework) == nil)
        #expect(scene.state(of: small.id, framework) == .staging)
    }

    @Test("a call whose tasks have too many resources together is refused")
    func resources() {
        var (scene, agent, framework) = TaskTests.begin()
        let many = (0..<1_000).map { Resource("r\($0)", .scalar(Scalar(1))) }
        let tasks = (0..<5).map { number in
            var task = scene.task("T\(number)", on: agent.id)
            task.resources = many
            return task
        }
        #expect(scene.launch(tasks, framework)?.status == 400)
        #expect(scene.updates(framework).isEmpty)
    }
}
