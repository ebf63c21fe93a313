import Authorization
import ClusterAPI
import ClusterModel
import Testing

@testable import MasterCore

@Suite("Users that tasks run as")
struct RunUserTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var users: [String]
        var change: @Sendable (inout TaskSpec) -> Void
        var testDescription: String { name }

        init(_ name: String, _ users: [String], _ change: @escaping @Sendable (inout TaskSpec) -> Void) {
            self.name = name
            self.users = users
            self.change = change
        }
    }

    static func command(_ user: String? = nil) -> CommandSpec { CommandSpec(.shell("x"), user: user) }

    static func executor(_ kind: ExecutorSpec.Kind, _ command: CommandSpec? = nil) -> TaskRunner {
        .executor(ExecutorSpec(id: id("E"), framework: id("f"), kind: kind, command: command))
    }

    static func container(_ options: DockerOptions.Parameter...) -> ContainerSpec {
        ContainerSpec(kind: .docker, docker: DockerOptions(parameters: options))
    }

    static let cases: [Case] = [
        Case("the command's", ["nobody"]) { $0.runner = .command(command("nobody")) },
        Case("none", ["ops", "root"]) { $0.runner = .command(command()) },
        Case("with a group", ["nobody:wheel", "nobody"]) { $0.runner = .command(command("nobody:wheel")) },
        Case("root by its number", ["0:5", "0", "root"]) { $0.runner = .command(command("0:5")) },
        Case("an option over the command", ["nobody", "root"]) { task in
            task.runner = .command(command("nobody"))
            task.container = container(DockerOptions.Parameter("user", "root"))
        },
        Case("an option alone", ["nobody"]) { task in
            task.runner = .command(command())
            task.container = container(DockerOptions.Parameter("u", "nobody"))
        },
        Case("a pod with a user of its executor", ["root", "nobody"]) { task in
            task.runner = executor(.standard, command("root"))
            task.groupCommand = command("nobody")
        },
        Case("a pod whose task names nobody", ["ops", "root"]) { task in
            task.runner = executor(.standard)
            task.groupCommand = command()
        },
        Case("an executor", ["daemon"]) { $0.runner = executor(.custom, command("daemon")) },
        Case("checks", ["nobody", "root", "daemon"]) { task in
            task.runner = .command(command("nobody"))
            task.healthCheck = HealthCheck(.command(command("root")))
            task.check = CheckSpec(.command(command("daemon")))
        },
        Case("checks that run as the task does", ["nobody"]) { task in
            task.runner = .command(command("nobody"))
            task.check = CheckSpec(.command(command()))
        },
    ]

    @Test("every user that something of a task may run as is asked about", arguments: cases)
    func users(_ each: Case) {
        var task = TaskSpec(
            id: id("T"), name: "T", agent: id("a"), resources: resources("cpus:1"), runner: .command(Self.command()))
        each.change(&task)
        let framework = FrameworkInfo(id: id("f"), name: "f", user: "ops")
        #expect(RunUsers(of: task, framework).all == each.users)
    }

    /// Tasks run as this user only; all else is allowed.
    static func only(_ user: String) -> RuleAuthorizer {
        RuleAuthorizer([
            AuthorizationRule(
                principals: [.anyone], actions: [.one(.runTask)], objects: [.exactly(user)], isAllowed: true),
            AuthorizationRule(
                principals: [.anyone], actions: [.one(.runTask)], objects: [.every], isAllowed: false),
            AuthorizationRule(principals: [.anyone], actions: [.every], objects: [.every], isAllowed: true),
        ])
    }

    /// What becomes of a task of a framework whose user is `framework`, where tasks may run as `user` only.
    static func outcome(only user: String, framework: String, command: String?) -> [StatusReason?] {
        var scene = Scene { $0.authorizer = only(user) }
        let agent = scene.agent()
        var info = Scene.info()
        info.user = framework
        guard let subscribed = scene.subscribe(info) else {
            Issue.record("turned away")
            return []
        }
        scene.settle()
        var task = scene.task("T", on: agent.id)
        task.runner = .command(Self.command(command))
        scene.launch([task], subscribed)
        return scene.updates(subscribed).map(\.reason)
    }

    @Test("a framework's user gives no leave to run as the image's or root, and root's does as before")
    func unnamed() {
        #expect(Self.outcome(only: "nobody", framework: "nobody", command: nil) == [.taskUnauthorized])
        #expect(Self.outcome(only: "root", framework: "root", command: nil).isEmpty)
        #expect(Self.outcome(only: "nobody", framework: "root", command: "nobody").isEmpty)
        #expect(Self.outcome(only: "nobody", framework: "nobody", command: "root") == [.taskUnauthorized])
    }
}
