import ClusterModel
import Diagnostics
import Testing

@testable import MasterCore

@Suite("Rules of task groups")
struct TaskGroupRulesTests {
    static func member(_ id: String, of executor: ExecutorSpec) throws -> TaskSpec {
        var task = try TaskRulesTests.task(id)
        task.runner = .executor(executor)
        task.groupCommand = CommandSpec(.shell("true"))
        return task
    }

    static let slips: [Slip] = [
        Slip("nothing wrong", nil) { _ in },
        Slip("the other's id", "task_id") { $0.id = try TaskID("other") },
        Slip("no command", "command") { $0.groupCommand = nil },
        Slip("a container of type DOCKER", "container.type") {
            $0.container = ContainerSpec(kind: .docker, image: ContainerImage(.docker(name: "x")))
        },
        Slip("a network of its own", "container.network_infos") {
            $0.container = ContainerSpec(networks: [NetworkInfo(name: "n")])
        },
        Slip("limits in a shared control group", "limits") { $0.limits = ["mem": .infinite] },
        Slip("a control group others do not have", "container.linux_info.share_cgroups") {
            $0.container = ContainerSpec(linux: LinuxOptions(sharesControlGroup: false))
        },
        Slip("saying what holds anyway", nil) {
            $0.container = ContainerSpec(linux: LinuxOptions(sharesControlGroup: true))
        },
        Slip("the parent's sandbox", nil) {
            $0.container = ContainerSpec(
                volumes: [VolumeMount(containerPath: "d", mode: .readWrite, source: .sandbox(.parent, path: "d"))])
        },
        Slip("another executor", "executor") {
            var other = try TaskRulesTests.executor(.standard)
            other.id = try ExecutorID("other")
            $0.runner = .executor(other)
        },
        Slip("another agent", "agent_id") { $0.agent = try AgentID("b") },
        Slip("a bad probe", "check.tcp.port") { $0.check = CheckSpec(.tcp(port: 0)) },
    ]

    @Test("a refusal names the field at fault", arguments: slips)
    func fields(_ slip: Slip) throws {
        let executor = try TaskRulesTests.executor(.standard)
        var task = try Self.member("t", of: executor)
        let other = try Self.member("other", of: executor)
        try slip.change(&task)
        let failure = TaskRulesTests.failure { try TaskRulesTests.rules().check([other, task], under: executor) }
        #expect(failure?.field == slip.field, "\(failure.map { "\($0)" } ?? "accepted")")
    }

    @Test("limits go with a control group of one's own")
    func ownControlGroups() throws {
        let executor = try TaskRulesTests.executor(.standard)
        let tasks = try ["a", "b"].map { id in
            var task = try Self.member(id, of: executor)
            task.container = ContainerSpec(linux: LinuxOptions(sharesControlGroup: false))
            task.limits = ["mem": .atMost(Scalar(128))]
            return task
        }
        try TaskRulesTests.rules().check(tasks, under: executor)
    }

    @Test("a group has tasks, and the default executor no image")
    func groups() throws {
        var executor = try TaskRulesTests.executor(.standard)
        let none = TaskRulesTests.failure { try TaskRulesTests.rules().check([], under: executor) }
        #expect(none?.field == "task_group.tasks" && none?.code == "task-group.invalid")
        executor.container = ContainerSpec(image: ContainerImage(.docker(name: "x")))
        let task = try Self.member("t", of: executor)
        let image = TaskRulesTests.failure { try TaskRulesTests.rules().check([task], under: executor) }
        #expect(image?.field == "executor.container.mesos.image")
    }
}
