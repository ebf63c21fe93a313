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
            let counted = agent.used.values.reduce(into: Resources.none) { $0 += $1.unallocated() }
            #expect(counted == used, "\(id) counts \(counted) as used by its tasks, not \(used)")
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
            let used = core.agents[task.agent]?.used[key.framework] ?? .none
            #expect(task.hasReturnedResources || used.contains(task.resources), "\(key) is not counted as used")
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
        checkCounts(core)
    }

    /// What is counted of each framework, and of operations, is what the tables have.
    private func checkCounts(_ core: MasterCore) {
        let states = [TaskState.staging, .starting, .running, .killing]
        var there: [FrameworkID: [TaskState: Int]] = [:]
        for task in core.tasks.values { there[task.framework, default: [:]][task.state, default: 0] += 1 }
        for (id, framework) in core.frameworks {
            let counted = states.map { framework.counters.tasks(in: $0) }
            #expect(counted == states.map { there[id]?[$0] ?? 0 }, "\(id)")
        }
        let pending = core.counters.operations.reduce(0) { $0 + ($1.key.state == .pending ? $1.value : 0) }
        #expect(pending == core.operations.values.count { $0.status.state == .pending })
    }

    /// Whatever is not in use is offered to whoever asks; with everything ended, that is all there is.
    mutating func finish() {
        scene.storesAtOnce = true
        scene.storeAll()
        let agents = machines.filter { scene.core.agents[$0.agent.id]?.link == $0.agent.link }.map(\.agent)
        for agent in agents { scene.say(.pong, agent) }
        for framework in frameworks where scene.core.frameworks[framework.id]?.stream == framework.stream {
            scene.call(.suppress([]), framework)
            scene.call(.decline(offers: scene.offers(framework).map(\.id), filter: .none), framework)
        }
        guard let last = scene.subscribe(Scene.info("last", roles: [role("a"), role("b/c")])) else {
            Issue.record("turned away")
            return
        }
        checkAllOffered(to: last)
        for id in scene.core.frameworks.keys.sorted() where id != last.id {
            scene.take(.operator(scene.nextCall(), principal: nil, .change(.teardown(id))))
        }
        #expect(scene.core.tasks.isEmpty)
        checkAllOffered(to: last)
    }

    private mutating func checkAllOffered(to last: ActedFramework) {
        scene.settle()
        check()
        var offered: [AgentID: Resources] = [:]
        for offer in scene.offers(last) {
            offered[offer.agent, default: .none] += Resources(offer.resources).unallocated()
        }
        for (id, agent) in scene.core.agents where agent.isActive {
            var unused = agent.total
            for key in agent.tasks {
                if let task = scene.core.tasks[key], !task.hasReturnedResources {
                    unused -= task.resources.unallocated()
                }
            }
            let all = offered[id] ?? .none
            #expect(all == unused, "\(id) has \(unused) that nobody uses, offered is \(all)")
        }
    }
}
