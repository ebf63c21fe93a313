import ClusterAPI
import LinuxKernel
import Testing

/// BULKHEAD_OLDER names a folder with the programs of an older build, launcher and unpacker beside them. Without it
/// the older build is this one: then everything is shown but the difference between the two.
@Suite("Upgrades", .serialized, .endsWhenStuck)
struct UpgradeTests {
    @Test("a newer build takes over the tasks of an older one that was killed, and tells their true ends")
    func adoption() async throws {
        let older = ProcessEnvironment.value("BULKHEAD_OLDER")
        try await withCluster(parts: [.master, .agent], programs: older) { cluster in
            for (name, line) in [
                ("ended", "echo before; sleep 1; exit 7"), ("ends", "echo before; sleep 15; exit 5"),
                ("told", "trap 'exit 9' TERM; echo before; while :; do sleep 0.2; done"),
            ] {
                let words = ["task", "run", "-d", "--cpus", "0.1", "--memory", "32m", "--name", name]
                #expect(try await cluster.run(words + ["busybox", "sh", "-c", line]).status == 0)
            }
            let before = try await cluster.client().tasks().tasks
            #expect(before.count == 3)
            try await cluster.crash()
            await cluster.upgrade()
            try await cluster.start()
            #expect(try await cluster.run(["task", "wait", "ended"]).text == "7\n")
            #expect(try await cluster.run(["task", "exec", "told", "sh", "-c", "exit 4"]).status == 4)
            #expect(try await cluster.run(["task", "kill", "told", "--grace", "60s"]).status == 0)
            #expect(try await cluster.run(["task", "wait", "told"]).text == "9\n")
            #expect(try await cluster.run(["task", "logs", "ends"]).text == "before\n")
            #expect(try await cluster.run(["task", "wait", "ends"]).text == "5\n")
            let after = try await cluster.client().tasks()
            for task in before {
                let same = (after.tasks + after.completed).first { $0.id == task.id }
                #expect(same?.agent == task.agent, "none was started again elsewhere")
            }
        }
    }
}
