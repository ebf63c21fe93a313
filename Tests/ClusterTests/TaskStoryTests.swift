import ClusterAPI
import ClusterModel
import Containers
import Testing

/// What people do with a cluster, on the real kernel, through the real master and agent.
@Suite("Tasks on a local cluster", .serialized, .endsWhenStuck)
struct TaskStoryTests {
    @Test("commands on an image and without one end as they end, and their output can be read")
    func commands() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                [
                    try TaskSpec("good", "echo out; echo err >&2; id -u", on: offer),
                    try TaskSpec("bad", "exit 3", on: offer),
                    try TaskSpec(
                        "plain", "echo $MESOS_TASK_ID; pwd; ls -A /home /root; touch /usr/x", on: offer, image: nil),
                    try TaskSpec("missing", "true", on: offer, image: "nowhere/none:1"),
                    try TaskSpec("shot", "kill -9 $$", on: offer),
                ]
            }
            let good = try await framework.wait(for: "good")
            #expect(good.state == .finished)
            #expect(await framework.states("good") == [.starting, .running, .finished])
            let bad = try await framework.wait(for: "bad")
            #expect(bad.state == .failed && bad.message?.contains("exit code 3") == true)
            #expect(try await framework.wait(for: "shot").message?.contains("signal 9") == true)
            let missing = try await framework.wait(for: "missing")
            #expect(missing.state == .failed && missing.reason == .containerLaunchFailed)
            #expect(missing.message?.contains("nowhere/none:1") == true)
            #expect(try await framework.wait(for: "plain").state == .failed)
            let output = try await cluster.output(of: "good", framework)
            #expect(output == "out\n0\n")
            #expect(try await cluster.output(of: "good", framework, "stderr") == "err\n")
            let plain = try await cluster.output(of: "plain", framework)
            #expect(
                plain == "plain\n/mnt/mesos/sandbox\n/home:\n\n/root:\n", "host tools show nothing of the host's homes")
            try await framework.teardown()
        }
    }

    @Test("task run ends as in a pipeline when nobody reads it, and says when its output cannot be written")
    func unreadOutput() async throws {
        try await withCluster { cluster in
            let run = Built.program("bulkhead-cluster", "BULKHEAD_CLUSTER") + " task run busybox"
            let piped = try await cluster.runTool(
                "/bin/sh", ["-c", "{ { \(run) yes; echo $? >&3; } | head -n 1 >/dev/null; } 3>&1"])
            #expect(piped.text == "141\n")
            let lost = "cannot write to standard output: write returned ENOSPC (28); make room there, or send it"
            for (own, status) in [(0, 125), (7, 7)] {
                let full = try await cluster.runTool(
                    "/bin/sh", ["-c", "\(run) sh -c 'echo hello; exit \(own)' 2>&1 >/dev/full; echo $?"])
                #expect(full.text.hasSuffix("bulkhead: \(lost) elsewhere\n\(status)\n"), "\(full.text)")
            }
        }
    }

    @Test("task run says once, on standard error, which limits its tasks' host does not hold")
    func unheldLimits() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in [try TaskSpec("limited", "true", on: offer)] }
            try await framework.wait(for: "limited")
            let told = await framework.updates("limited").first { $0.state == .running }?.message
            try await framework.teardown()
            let run = Built.program("bulkhead-cluster", "BULKHEAD_CLUSTER") + " task run --cpus 0.1 --memory 32m"
            let said = try await cluster.runTool(
                "/bin/sh", ["-c", "\(run) --instances 2 busybox true 2>&1 >/dev/null"])
            let lines = said.text.split(separator: "\n").filter { $0.contains("without limits this host cannot hold") }
            #expect(said.status == 0 && lines.count == (told == nil ? 0 : 1), "\(said.text), but \(told ?? "nothing")")
        }
    }

    @Test("containers of a pod share a volume and their network, and end together")
    func pod() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            let id = try #require(await framework.id)
            let shared = VolumeMount(
                containerPath: "/shared", mode: .readWrite, source: .sandbox(.parent, path: "shared"))
            func member(_ name: String, _ line: String, _ offer: Offer) throws -> TaskSpec {
                try TaskSpec(name, line, on: offer) { task in
                    task.container?.volumes = [shared]
                    guard case .command(let command) = task.runner else { return }
                    task.groupCommand = command
                }
            }
            try await framework.accept { offer in
                let executor = ExecutorSpec(
                    id: try ExecutorID("pod"), framework: id, kind: .standard,
                    resources: try offer.part("cpus:0.01;mem:16"))
                let server =
                    "echo from the server > /shared/file; mkdir /tmp/w; echo page > /tmp/w/index.html; "
                    + "exec httpd -f -p 8080 -h /tmp/w"
                let client =
                    "until [ -f /shared/file ] && wget -qO- http://127.0.0.1:8080/; do usleep 20000; done; "
                    + "cat /shared/file; exit 7"
                return [
                    OfferOperation(
                        .launchGroup(
                            executor, [try member("server", server, offer), try member("client", client, offer)]))
                ]
            }
            let client = try await framework.wait(for: "client")
            #expect(client.state == .failed && client.message?.contains("exit code 7") == true)
            let server = try await framework.wait(for: "server")
            #expect(server.state == .killed && server.message?.contains("'client'") == true)
            try await eventually("the pod's own container has ended") {
                await framework.lostExecutors.map(\.text) == ["pod"]
            }
            let path =
                "\(cluster.scratch)/cluster/agent/slaves/latest/frameworks/\(id)/executors/pod/runs/latest/tasks/client"
            #expect(try cluster.file(path + "/stdout") == "page\nfrom the server\n")
            try await framework.teardown()
        }
    }

    @Test("health checks by command, HTTP and TCP tell well from unwell, and the unwell are killed")
    func health() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            func quick(_ probe: Probe) -> HealthCheck {
                HealthCheck(
                    probe, delay: .zero, interval: .milliseconds(200), timeout: .seconds(60), failuresMax: 2,
                    gracePeriod: .zero)
            }
            let web = "echo ok > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"
            try await framework.launch { offer in
                [
                    try TaskSpec("web", web, on: offer) {
                        // Not from the first moment on: it has to start first.
                        $0.healthCheck = quick(.http(HTTPProbe(port: 8_080, path: "/index.html")))
                        $0.healthCheck?.gracePeriod = .seconds(120)
                    },
                    try TaskSpec("port", "exec nc -ll -p 9000 -e cat", on: offer) {
                        $0.healthCheck = quick(.tcp(port: 9_000))
                        $0.healthCheck?.gracePeriod = .seconds(120)
                    },
                    try TaskSpec("unwell", "sleep 1000", on: offer) {
                        $0.healthCheck = quick(.command(CommandSpec(.shell("test -f /tmp/well"))))
                    },
                    try TaskSpec("wrong", web, on: offer) {
                        $0.healthCheck = quick(.http(HTTPProbe(port: 8_080, path: "/none")))
                    },
                    try TaskSpec("checked", "sleep 1000", on: offer) {
                        $0.check = CheckSpec(
                            .command(CommandSpec(.shell("exit 5"))), delay: .zero, interval: .milliseconds(200))
                    },
                ]
            }
            for name in ["web", "port"] { try await framework.wait(for: name, "is well") { $0.isHealthy == true } }
            for name in ["unwell", "wrong"] {
                let end = try await framework.wait(for: name)
                #expect(end.state == .killed && end.isHealthy == false, "\(name): \(end.message ?? "")")
                #expect(end.reason == .taskHealthCheckStatusUpdated)
            }
            try await framework.wait(for: "checked", "is checked") { $0.checkStatus == .command(exitCode: 5) }
            #expect(await framework.updates("web").allSatisfy { !$0.state.isTerminal })
            try await framework.teardown()
        }
    }

    @Test("a kill is polite, then final; a task has no more time than it may take")
    func kills() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                [
                    try TaskSpec("polite", "trap 'exit 0' TERM; while :; do usleep 50000; done", on: offer),
                    try TaskSpec("stubborn", "trap '' TERM; echo deaf; while :; do usleep 50000; done", on: offer) {
                        $0.killGracePeriod = .milliseconds(300)
                    },
                    try TaskSpec("long", "sleep 1000", on: offer) { $0.maxCompletionTime = .milliseconds(500) },
                ]
            }
            for name in ["polite", "stubborn"] { try await framework.wait(for: name, "runs") { $0.state == .running } }
            try await eventually("the stubborn one does not heed SIGTERM") {
                try await cluster.output(of: "stubborn", framework) == "deaf\n"
            }
            for name in ["polite", "stubborn"] {
                try await framework.call(.kill(.init(task: try TaskID(name)), gracePeriod: nil))
                #expect(try await framework.wait(for: name).state == .killed)
            }
            #expect(await framework.updates("stubborn").last?.message?.contains("signal 9") == true)
            let long = try await framework.wait(for: "long")
            #expect(long.state == .failed && long.reason == .maxCompletionTimeReached)
            try await framework.teardown()
        }
    }

    @Test("a hundred tasks at once on one agent all run and all end")
    func hundred() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                try (0..<100).map {
                    try TaskSpec("t\($0)", "exit \($0 % 7)", on: offer, cpus: "0.001", mem: "1")
                }
            }
            for number in 0..<100 {
                let end = try await framework.wait(for: "t\(number)")
                let isRight =
                    number % 7 == 0
                    ? end.state == .finished : end.message?.contains("exit code \(number % 7)") == true
                #expect(isRight, "t\(number): \(end.state) \(end.message ?? "")")
            }
            // An agent tells again what is not acknowledged in time.
            #expect(Set(await framework.updates.compactMap(\.id)).count == 300)
            try await framework.teardown()
        }
    }

    @Test("a task that writes a gigabyte keeps its disk bounded, and the end of its log can be read")
    func log() async throws {
        try await withCluster(["--log-size", "8m"]) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                [try TaskSpec("loud", "dd if=/dev/zero bs=64k count=16384 2> /dev/null; echo the end", on: offer)]
            }
            #expect(try await framework.wait(for: "loud").state == .finished)
            let path = try await cluster.sandbox(of: "loud", framework) + "/stdout"
            let file = try cluster.status(path)
            #expect(file.size == (1 << 30) + 8)
            #expect(file.blocks * 512 <= 10 << 20, "\(file.blocks * 512) bytes on disk")
            let piece = try await cluster.agent().readFile(path, offset: UInt64(file.size - 9))
            #expect(String(decoding: piece.bytes, as: UTF8.self) == "\0the end\n")
            try await framework.teardown()
        }
    }
}
