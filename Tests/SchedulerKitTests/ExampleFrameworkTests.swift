import ArgumentParser
import SchedulerKit
import Testing

@testable import example_framework

@Suite("The example framework", .timeLimit(.minutes(5)))
struct ExampleFrameworkTests {
    private func example(_ arguments: String...) throws -> ExampleFramework {
        try #require(try ExampleFramework.parseAsRoot(arguments) as? ExampleFramework)
    }

    @Test("it runs as many tasks as it was told, as fast as there is room, and leaves")
    func finishes() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:0.25;mem:512"), try .init("b", "cpus:0.1;mem:40")])
        let example = try example("--count", "7", "--image", "busybox:1", "true")
        try await example.run(on: Scheduler(FrameworkSettings(name: "example"), master: master, logger: quiet))
        #expect(master.launched.count == 7)
        #expect(Set(master.launched.map(\.id)).count == 7)
        for task in master.launched {
            #expect(task.container?.image?.name == "busybox:1")
            #expect(task.runner == .command(CommandSpec(.shell("true"))))
            #expect(Resources(task.resources).amount(of: "cpus") == Scalar(thousandths: 100))
        }
        #expect(master.calls.last?.action == .teardown)
    }

    @Test("a task that fails ends it with a failure")
    func fails() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:1;mem:512")]) { _ in [.running, .failed] }
        let example = try example("--count", "2")
        await #expect(throws: ExitCode.failure) {
            try await example.run(on: Scheduler(FrameworkSettings(name: "example"), master: master, logger: quiet))
        }
        #expect(master.calls.last?.action == .teardown)
    }
}
