import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

/// By which an agent is known that died before it could remember its name.
@Suite("Agents' keys")
struct AgentKeyTests {
    static func key(_ number: UInt8) -> AgentKey {
        guard let key = AgentKey(bytes: [UInt8](repeating: number, count: AgentKey.count)) else {
            preconditionFailure("it has the length of a key")
        }
        return key
    }

    static func registration(_ number: UInt8?, id: AgentID? = nil, host: String = "a1") -> AgentRegistration {
        var registration = Scene.registration(host, id: id)
        registration.key = number.map(key)
        return registration
    }

    @Test("an agent that is back without its id and with its key has its id, and its tasks their end")
    func backWithoutName() {
        var scene = Scene()
        let agent = scene.register(Self.registration(1))
        let framework = scene.framework()
        scene.settle()
        scene.launch([scene.task("T", on: agent.id)], framework)
        scene.take(.linkClosed(agent.link))
        let back = scene.register(Self.registration(1))
        #expect(back.name == agent.id)
        #expect(scene.core.agents.count == 1 && scene.registry.agents.count == 1)
        // It is asked for the task that never arrived.
        let task = TaskReference(framework: framework.id, task: id("T"))
        #expect(scene.told(back).contains(.reconcile([task])))
        #expect(scene.register(Self.registration(2)).id != agent.id)
    }

    @Test("the next master knows the key, too, also of an agent that was unreachable")
    func successor() {
        var scene = Scene()
        let agent = scene.register(Self.registration(1))
        scene.pass(.seconds(100))
        #expect(scene.core.formerAgents[agent.id] != nil)
        var next = scene.successor()
        let back = next.register(Self.registration(1))
        #expect(back.name == agent.id)
        #expect(next.core.formerAgents.isEmpty && next.core.agents.count == 1)
    }

    @Test("a second registration, while the first is being written, is the same agent's")
    func twice() {
        var scene = Scene()
        scene.storesAtOnce = false
        let first = scene.register(Self.registration(1))
        let second = scene.register(Self.registration(1))
        scene.storeAll()
        #expect(scene.core.agents.count == 1)
        #expect(scene.registeredID(on: first.link) == nil && scene.closedLinks.contains(first.link))
        #expect(scene.registeredID(on: second.link) == scene.core.agents.keys.first)
    }

    @Test("one that hung up before it heard its id leaves nothing behind, not even its key")
    func hungUp() {
        var scene = Scene()
        scene.storesAtOnce = false
        let first = scene.register(Self.registration(1))
        scene.take(.linkClosed(first.link))
        scene.storeAll()
        #expect(scene.core.agents.isEmpty && scene.registry.agents.isEmpty)
        let second = scene.register(Self.registration(1))
        scene.storeAll()
        #expect(scene.registeredID(on: second.link) != nil && scene.core.agents.count == 1)
    }

    @Test("whoever says it is an agent and has not its key is turned away", arguments: [2, nil] as [UInt8?])
    func stranger(_ other: UInt8?) {
        var scene = Scene()
        let agent = scene.register(Self.registration(1))
        let stranger = scene.register(Self.registration(other, id: agent.id))
        #expect(scene.registeredID(on: stranger.link) == nil)
        #expect(scene.closedLinks.contains(stranger.link) && !scene.closedLinks.contains(agent.link))
        guard case .refused(let why, isFinal: false) = scene.told(stranger).last else {
            Issue.record("it was not refused: \(scene.told(stranger))")
            return
        }
        #expect(why.contains("another key") && why.contains("empty work directory"))
        // Neither is it of use to a master that has only heard of the agent.
        scene.pass(.seconds(100))
        #expect(scene.registeredID(on: scene.register(Self.registration(other, id: agent.id)).link) == nil)
    }

    @Test("the first key that an agent of before there were keys shows is its key from then on")
    func adopted() {
        var scene = Scene()
        let agent = scene.register(Self.registration(nil))
        #expect(scene.registry.agents[agent.id]?.key == nil)
        let upgraded = scene.register(Self.registration(1, id: agent.id))
        #expect(scene.registeredID(on: upgraded.link) == agent.id)
        #expect(scene.registry.agents[agent.id]?.key == Self.key(1))
        #expect(scene.registeredID(on: scene.register(Self.registration(2, id: agent.id)).link) == nil)
        #expect(scene.register(Self.registration(1)).name == agent.id)
    }

    @Test("an agent that was given up is turned away for good by its key alone")
    func gone() {
        var scene = Scene()
        let agent = scene.register(Self.registration(1))
        scene.take(.operator(scene.nextCall(), principal: nil, .change(.markAgentGone(agent.id))))
        let back = scene.register(Self.registration(1))
        guard case .refused(_, isFinal: true) = scene.told(back).last else {
            Issue.record("it was not refused for good: \(scene.told(back))")
            return
        }
    }
}
