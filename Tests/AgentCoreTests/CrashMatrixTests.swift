import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

/// The agent dies before and after each batch it stores, through whole lives of tasks, and is started again. Whatever
/// the moment: no task is lost, none is started twice, every end is the true one and is told once.
@Suite("Crash matrix")
struct CrashMatrixTests {
    /// What happens to a cluster; `after`: on the agent that was started again, what is left to happen.
    struct Story: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [@Sendable (inout Scenario) throws -> Void]
        var tasks: [String]
        /// What each may end as.
        var ends: Set<TaskState>
        var testDescription: String { name }
    }

    static let stories = [
        Story(
            name: "a task finishes",
            steps: [{ $0.run(.command("t")) }, { try $0.endAll(["t"], code: 0) }], tasks: ["t"], ends: [.finished]),
        Story(
            name: "a task fails",
            steps: [{ $0.run(.command("t")) }, { try $0.endAll(["t"], code: 9) }], tasks: ["t"], ends: [.failed]),
        Story(
            name: "a task is killed", steps: [{ $0.run(.command("t")) }, { $0.kill("t") }], tasks: ["t"],
            ends: [.killed]),
        Story(
            name: "a group finishes",
            steps: [
                { $0.master(.runGroup([.member("a"), .member("b")], under: .pod, of: .sample)) },
                { try $0.endAll(["a"], code: 0) }, { try $0.endAll(["b"], code: 0) },
            ],
            tasks: ["a", "b"], ends: [.finished]),
        Story(
            name: "one of a group fails",
            steps: [
                { $0.master(.runGroup([.member("a"), .member("b")], under: .pod, of: .sample)) },
                { try $0.endAll(["a"], code: 1) },
            ],
            tasks: ["a", "b"], ends: [.failed, .killed]),
        Story(
            name: "the agent is emptied",
            steps: [{ $0.run(.command("t")) }, { $0.run(.command("u")) }, { $0.master(.drain(DrainConfiguration())) }],
            tasks: ["t", "u"], ends: [.killed]),
    ]

    /// How many batches the story stores when nothing goes wrong.
    static func batches(of story: Story) throws -> Int {
        var scenario = Scenario()
        for step in story.steps { try step(&scenario) }
        return Int(scenario.lastTicket?.number ?? 0)
    }

    @Test("nothing is lost, started twice or told wrongly, whenever the agent dies", arguments: stories, [false, true])
    func survives(_ story: Story, _ isStored: Bool) throws {
        let batches = try Self.batches(of: story)
        #expect(batches > 5)
        for batch in 1...batches {
            var scenario = Scenario { $0.crash = (batch, isStored) }
            if scenario.hasCrashed { scenario.restart(seed: 99) }
            for step in story.steps {
                try step(&scenario)
                if scenario.hasCrashed {
                    scenario.restart(seed: 99)
                    // The master believes in what it sent, and says again what has not been done.
                    scenario.master(.reconcile(story.tasks.map { scenario.reference($0) }))
                    try step(&scenario)
                }
            }
            scenario.advance(by: .seconds(30))
            #expect(scenario.crashes == 1, "batch \(batch) was never stored")
            check(scenario, story, "batch \(batch), \(isStored ? "after" : "before") it was stored")
        }
    }

    private func check(_ scenario: Scenario, _ story: Story, _ moment: String) {
        for task in story.tasks {
            let ends = scenario.updates(task).filter { $0.state.isTerminal }
            // A task whose arrival was not stored never was here: saying so once, and then running it, is the truth.
            let real = ends.filter { $0.reason != .reconciliation }
            #expect(real.count == 1, "\(moment): \(task) ended \(real.map(\.state))")
            #expect(real.allSatisfy { story.ends.contains($0.state) }, "\(moment): \(task) ended \(real)")
        }
        #expect(scenario.machine.starts.values.allSatisfy { $0 == 1 }, "\(moment): a container was started twice")
        #expect(scenario.machine.containers.isEmpty, "\(moment): something still runs")
        #expect(scenario.agent.state.tasks.isEmpty && scenario.agent.state.streams.isEmpty, "\(moment)")
        #expect(scenario.agent.state.containers.isEmpty && scenario.agent.state.executors.isEmpty, "\(moment)")
        let stored = AgentState(scenario.journal.flatMap { $0 })
        #expect(stored == scenario.agent.state, "\(moment): the journal says something else")
    }
}

extension Scenario {
    /// The tasks' containers end by themselves, if they run.
    mutating func endAll(_ tasks: [String], code: Int32) throws {
        for task in tasks {
            for id in machine.order where machine.containers[id]?.launch.labels["bulkhead.task"] == task {
                end(id, code: code)
            }
        }
    }
}
