import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Task groups")
struct PodTests {
    static func running(_ names: [String], change: (inout Scenario) -> Void = { _ in }) -> Scenario {
        var scenario = Scenario(change: change)
        scenario.master(.runGroup(names.map { .member($0) }, under: .pod, of: .sample))
        return scenario
    }

    @Test("one container holds the group, and each task runs in its own inside it")
    func launch() throws {
        let scenario = Self.running(["a", "b"])
        let pod = try scenario.container(ofExecutor: "pod")
        #expect(scenario.launches.first?.id == pod && scenario.launches.first?.program == .hold)
        for name in ["a", "b"] {
            let launch = try #require(scenario.launches.last { $0.labels["bulkhead.task"] == name })
            #expect(launch.parent == pod && launch.isolation.network == .container(pod))
            #expect(scenario.states(name) == [.starting, .running])
            #expect(scenario.last(name)?.containerStatus?.container?.names.count == 2)
            #expect(scenario.last(name)?.executor?.text == "pod")
        }
    }

    @Test("the tasks wait for the container that holds them")
    func order() {
        var scenario = Scenario { $0.held = [.launches] }
        scenario.master(.runGroup([.member("a")], under: .pod, of: .sample))
        #expect(scenario.launches.count == 1)
        scenario.release(.launches)
        #expect(scenario.states("a") == [.starting, .running])
    }

    @Test("when all have finished, the pod ends and the master hears of it")
    func finish() throws {
        var scenario = Self.running(["a", "b"])
        scenario.end(try scenario.container("a"), code: 0)
        #expect(scenario.agent.state.executors.count == 1)
        scenario.end(try scenario.container("b"), code: 0)
        #expect(scenario.states("a").last == .finished && scenario.states("b").last == .finished)
        #expect(scenario.agent.state.executors.isEmpty && scenario.agent.state.containers.isEmpty)
        #expect(scenario.machine.containers.isEmpty)
        #expect(scenario.sent.contains { if case .executorLost = $0 { true } else { false } })
    }

    @Test("one that fails takes its group along, and each says because of whom")
    func failure() throws {
        var scenario = Self.running(["a", "b"])
        scenario.end(try scenario.container("a"), code: 1)
        #expect(scenario.states("a").last == .failed)
        #expect(scenario.states("b").last == .killed)
        #expect(scenario.last("b")?.message?.contains("task 'a' of its group") == true)
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("one that is killed takes its group along; another group of the executor runs on")
    func groups() throws {
        var scenario = Self.running(["a", "b"])
        scenario.master(.runGroup([.member("c")], under: .pod, of: .sample))
        scenario.kill("a")
        #expect(scenario.states("b").last == .killed)
        #expect(scenario.states("c").last == .running)
        #expect(scenario.launches.count == 4)
        #expect(scenario.agent.state.executors.count == 1)
    }

    @Test("a pod that cannot be launched fails every task of the group")
    func podFails() {
        let failure = Failure("launch.namespace", doing: "make the namespaces", cause: "EPERM (1)")
        let scenario = Self.running(["a", "b"]) { $0.machine.launchFailure = failure }
        for name in ["a", "b"] {
            #expect(scenario.states(name).last == .failed)
            #expect(scenario.last(name)?.message?.contains("EPERM") == true)
        }
        #expect(scenario.agent.state.containers.isEmpty && scenario.agent.state.executors.isEmpty)
    }

    @Test("the end of the container that holds it ends the group")
    func podDies() throws {
        var scenario = Self.running(["a"])
        scenario.end(try scenario.container(ofExecutor: "pod"), code: 1)
        #expect(scenario.last("a")?.state == .failed)
        #expect(scenario.last("a")?.reason == .executorTerminated)
        #expect(scenario.machine.containers.isEmpty && scenario.agent.state.containers.isEmpty)
    }

    @Test("a task of the group that cannot be launched as asked refuses the whole group")
    func refused() {
        var scenario = Scenario()
        let bad = TaskSpec.member("bad") { $0.container?.linux = LinuxOptions(seccomp: .unconfined) }
        scenario.master(.runGroup([.member("good"), bad], under: .pod, of: .sample))
        #expect(scenario.states("good") == [.failed] && scenario.states("bad") == [.failed])
        #expect(scenario.launches.isEmpty && scenario.agent.state.containers.isEmpty)
    }

    @Test("SHUTDOWN of the executor ends its tasks, then the pod")
    func shutdown() {
        var scenario = Self.running(["a"])
        scenario.master(.shutdownExecutor(ExecutorSpec.pod.id, framework: FrameworkInfo.sample.id))
        #expect(scenario.last("a")?.state == .killed)
        #expect(scenario.agent.state.containers.isEmpty)
    }
}
