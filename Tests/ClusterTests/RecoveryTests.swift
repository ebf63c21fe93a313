import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import LinuxKernel
import Testing

/// kill -9 of the real thing at moments nobody chose, with fifty tasks running.
@Suite("Crashes", .serialized, .endsWhenStuck)
struct RecoveryTests {
    private static let crashes = 5

    @Test("told to end, it gives back what it held for containers to come")
    func givesBack() async throws {
        try await withCluster { cluster in
            #expect(try await cluster.run(["task", "run", "busybox", "true"]).status == 0)
            // The task's own are gone, and those for four to come are there.
            try await eventually("it holds namespaces") { try Self.held(cluster, "ids").count == 4 }
            try await cluster.stop()
            #expect(try Self.held(cluster, "ids") == [] && Self.held(cluster, "pending") == [])
            try await cluster.start()
            #expect(try await cluster.run(["task", "run", "busybox", "true"]).status == 0)
        }
    }

    @Test("an agent with a work directory of its own is refused where another has its containers, and removes none")
    func second() async throws {
        try await withCluster { cluster in
            let sleeping = ["task", "run", "-d", "--name", "stays", "busybox", "sleep", "100000"]
            #expect(try await cluster.run(sleeping).status == 0)
            // Ended from outside when it is not refused; its errors are what is looked at.
            let words = ["local", "--port", "0", "--agent-port", "0", "--work-dir", cluster.scratch + "/other"]
            let program = Built.program("bulkhead-cluster", "BULKHEAD_CLUSTER")
            let other = try await cluster.runTool(
                "/bin/sh", ["-c", "exec timeout 200 \"$@\" 2>&1", "sh", program] + words)
            #expect(other.text.contains("another agent has its containers there"), "\(other)")
            #expect(try await cluster.run(["task", "exec", "stays", "sh", "-c", "exit 4"]).status == 4)
        }
    }

    /// Names below the agent's directory `part`.
    private static func held(_ cluster: LocalCluster, _ part: String) throws -> [String] {
        let agents = cluster.scratch + "/state/agents"
        return try OwnedDescriptor.open(RawPath(agents), [.directory]).entries().flatMap { agent in
            try OwnedDescriptor.open(RawPath("\(agents)/\(agent.name)/native/\(part)"), [.directory]).entries()
                .map(\.name.description)
        }
    }

    @Test(
        "tasks run on through crashes: none is lost, none starts twice, all end as they end",
        arguments: [[LocalCluster.Part.local], [.master, .agent]])
    func fiftyTasks(_ parts: [LocalCluster.Part]) async throws {
        var random = SeededRandom(seed: KernelRandom.number())
        let gate = "\(ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp")/gate-\(random.next())"
        try Directories.makeAll(gate, mode: 0o755)
        try await withCluster(["--host-path", gate], parts: parts) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                try (0..<50).map { number in
                    let line =
                        "echo begun >> $MESOS_SANDBOX/begun; until [ -f /gate/open ]; do usleep 100000; done; "
                        + "exit \(number % 5)"
                    return try TaskSpec("t\(number)", line, on: offer, mem: "2") {
                        $0.container?.volumes = [
                            VolumeMount(containerPath: "/gate", mode: .readOnly, source: .hostPath(gate))
                        ]
                    }
                }
            }
            // The first crash comes while they are being launched, the others when they run: of all, or of one.
            let some = random.within(1...50)
            try await eventually("\(some) tasks run") {
                await Set(framework.updates.filter { $0.state == .running }.map(\.task)).count >= some
            }
            for _ in 1..<Self.crashes {
                try await Task.sleep(for: .milliseconds(random.within(0...1_500)))
                let victims = parts.filter { _ in random.within(0...2) > 0 }
                try await cluster.crash(victims.isEmpty ? parts : victims)
                try await cluster.start()
            }
            let launched = try await Self.sorted(framework, cluster)
            try await cluster.crash()
            let file = try OwnedDescriptor.open(RawPath(gate + "/open"), [.writeOnly, .create], mode: 0o644)
            try file.write("now\n")
            try await cluster.start()
            for number in launched {
                let name = "t\(number)"
                let end = try await framework.wait(for: name)
                let isRight =
                    number % 5 == 0
                    ? end.state == .finished : end.message?.contains("exit code \(number % 5)") == true
                #expect(isRight, "\(name): \(end.state) \(end.message ?? "")")
                let begun = try await cluster.sandbox(of: name, framework) + "/begun"
                #expect(try cluster.file(begun) == "begun\n", "\(name) started more than once")
            }
            try await Self.expectNothingTwice(framework, launched)
            try await framework.teardown()
        }
        try TreeRemoval.remove(gate)
    }

    /// Tasks that the crash overtook on their way to the agent are known to nobody: the master says so when it is
    /// asked, and they have not run. All others run.
    private static func sorted(_ framework: TestFramework, _ cluster: LocalCluster) async throws -> [Int] {
        let tasks = try (0..<50).map { SchedulerCall.TaskOfAgent(task: try TaskID("t\($0)")) }
        try await framework.call(.reconcile(tasks))
        var launched: [Int] = []
        for number in 0..<50 {
            let name = "t\(number)"
            let update = try await framework.wait(for: name, "runs or is not known") {
                $0.state == .running || $0.reason == .reconciliation && $0.state != .staging && $0.state != .starting
            }
            if update.state == .running {
                launched.append(number)
            } else {
                #expect([.unknown, .gone, .lost, .dropped].contains(update.state), "\(name): \(update)")
                let begun = try await cluster.sandbox(of: name, framework) + "/begun"
                #expect(!HostFacts.exists(begun), "\(name) is not known, and has run")
            }
        }
        return launched
    }

    /// Acknowledged updates come once; each task ends once.
    private static func expectNothingTwice(_ framework: TestFramework, _ launched: [Int]) async throws {
        for number in launched {
            let updates = await framework.updates("t\(number)").filter { $0.reason != .reconciliation }
            let ids = updates.compactMap(\.id)
            let ends = Set(updates.filter(\.state.isTerminal).map(\.id))
            #expect(ends.count == 1, "t\(number) ended \(ends.count) times")
            // An acknowledgement that was on its way when everything died may have been lost with it, at each crash.
            #expect(ids.count - Set(ids).count <= crashes, "t\(number): \(updates.map(\.state))")
        }
    }

    @Test("what nobody has acknowledged is told again after a crash, and no more once it is acknowledged")
    func unacknowledged() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster, acknowledges: false)
            try await framework.launch { [try TaskSpec("t", "exit 4", on: $0)] }
            let first = try await framework.wait(for: "t", "is starting") { $0.state == .starting }
            try await cluster.crash()
            try await cluster.start()
            try await eventually("the update comes again") {
                await framework.updates("t").count { $0.id == first.id } > 1
            }
            try await framework.acknowledgeAll()
            #expect(try await framework.wait(for: "t").message?.contains("exit code 4") == true)
            try await eventually("the acknowledgement has reached the agent") {
                try await cluster.agent().state().tasks.completed.contains { $0.id.text == "t" }
            }
            let told = await framework.updates("t").count
            let before = await framework.subscriptions
            try await cluster.crash()
            try await cluster.start()
            try await eventually("the framework is back") { await framework.subscriptions > before }
            try await framework.launch { [try TaskSpec("later", "true", on: $0)] }
            try await framework.wait(for: "later")
            #expect(await framework.updates("t").count == told, "an acknowledged update came again")
            try await framework.teardown()
        }
    }
}
