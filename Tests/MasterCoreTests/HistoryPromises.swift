import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import MasterCore
import Testing

/// What must be so after every event of a history.
extension History {
    mutating func check() {
        let core = scene.core
        for (id, agent) in core.agents {
            var used = Resources.none
            for key in agent.tasks {
                guard let task = core.tasks[key] else {
                    Issue.record("\(id) has task \(key), which is not in the table")
                    continue
                }
                #expect(task.agent == id)
                if !task.hasReturnedResources { used += task.resources.unallocated() }
            }
            for executors in agent.executors.values {
                for executor in executors.values { used += Resources(executor.resources).unallocated() }
            }
            for offer in agent.offers {
                guard let record = core.offers[offer] else {
                    Issue.record("\(id) has offer \(offer), which is not in the table")
                    continue
                }
                #expect(record.offer.agent == id)
                used += record.resources.unallocated()
            }
            #expect(agent.total.contains(used), "\(id) has \(agent.total), and \(used) of it is given")
        }
        for (key, task) in core.tasks {
            #expect(core.agents[task.agent]?.tasks.contains(key) == true, "\(key) is on no agent")
            #expect(core.frameworks[key.framework]?.tasks.contains(key.task) == true, "\(key) is of no framework")
        }
        for (id, offer) in core.offers {
            #expect(core.agents[offer.offer.agent]?.offers.contains(id) == true)
            #expect(core.frameworks[offer.offer.framework]?.offers.contains(id) == true)
            #expect(core.frameworks[offer.offer.framework]?.isConnected == true, "\(id) is with nobody")
            #expect(core.agents[offer.offer.agent]?.isActive == true, "\(id) is of an agent that is away")
        }
        var states: [TaskState: Int] = [:]
        for task in core.tasks.values where !task.state.isTerminal { states[task.state, default: 0] += 1 }
        #expect(states == core.counters.tasksNow.filter { $0.value != 0 })
    }

    /// With everything ended and refused, all there is is offered again.
    mutating func finish() {
        scene.storesAtOnce = true
        scene.storeAll()
        for id in scene.core.frameworks.keys.sorted() {
            scene.take(.operator(scene.nextCall(), principal: nil, .change(.teardown(id))))
        }
        for machine in machines where scene.core.agents[machine.agent.id]?.link == machine.agent.link {
            scene.say(.pong, machine.agent)
        }
        #expect(scene.core.offers.isEmpty && scene.core.tasks.isEmpty)
        guard let last = scene.subscribe(Scene.info("last", roles: [role("a"), role("b/c")])) else {
            Issue.record("turned away")
            return
        }
        scene.settle()
        check()
        var offered: [AgentID: Resources] = [:]
        for offer in scene.offers(last) {
            offered[offer.agent, default: .none] += Resources(offer.resources).unallocated()
        }
        for (id, agent) in scene.core.agents where agent.isActive {
            let all = offered[id] ?? .none
            #expect(all == agent.total, "\(id) has \(agent.total), offered is \(all)")
        }
    }
}
