import AsyncHTTPClient
import ClusterAPI
import ClusterModel
import Diagnostics
import LinuxKernel
import NIOCore
import Testing

/// Secrets of tasks on a real cluster: the task has them, and nobody else ever does.
@Suite("Secrets of a cluster's tasks", .serialized, .endsWhenStuck)
struct SecretStoryTests {
    /// Nothing else in the world says these; the tasks write them backwards.
    private static let byValue = "canary-by-value-83b1"
    private static let byName = "canary-by-name-55f0"

    @Test("by value and by name, as variables and files, through crashes; nothing on disk and no answer holds one")
    func story() async throws {
        let secrets = try Self.directory()
        try await withCluster(["--secrets-dir", secrets]) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { [try Self.task("holder", on: $0)] }
            try await framework.wait(for: "holder", "runs") { $0.state == .running }
            try await Self.expectSecrets(of: "holder", framework, cluster)
            try await Self.expectNowhere(cluster)
            try await cluster.crash()
            try await cluster.start()
            try await Self.expectNowhere(cluster)
            // What the task has it keeps.
            try await Self.expectSecrets(of: "holder", framework, cluster)
            try await framework.call(.kill(.init(task: try TaskID("holder")), gracePeriod: .milliseconds(100)))
            try await framework.wait(for: "holder")
            try await Self.expectNowhere(cluster)
            try await framework.teardown()
        }
        try TreeRemoval.remove(secrets)
    }

    @Test("a secret that cannot be had fails the task with its name, and with nothing of what it is")
    func refusals() async throws {
        let secrets = try Self.directory()
        try await withCluster(["--secrets-dir", secrets]) { cluster in
            let framework = try await TestFramework(cluster)
            func variable(_ value: CommandSpec.EnvironmentVariable.Value) -> TaskRunner {
                .command(CommandSpec(.shell("true"), environment: [.init("S", value)]))
            }
            try await framework.launch { offer in
                [
                    try TaskSpec("missing", "true", on: offer) {
                        $0.runner = variable(.secret(name: "none", key: nil))
                    },
                    try TaskSpec("open", "true", on: offer) { $0.runner = variable(.secret(name: "open", key: nil)) },
                    try TaskSpec("outside", "true", on: offer) {
                        $0.runner = variable(.secret(name: "../secrets", key: nil))
                    },
                    try TaskSpec("binary", "true", on: offer) {
                        $0.runner = variable(.secretBytes([0xff] + Array(Self.byValue.utf8)))
                    },
                ]
            }
            for (name, word) in [
                ("missing", "none"), ("open", "mode 644"), ("outside", "a secret's name is"), ("binary", "not text"),
            ] {
                let end = try await framework.wait(for: name)
                #expect(end.state == .failed && end.message?.contains(word) == true, "\(name): \(end.message ?? "")")
                #expect(end.message?.contains("canary") == false)
            }
            let broken =
                #"{"type": "LAUNCH_CONTAINER", "launch_container": {"container_id": {"value": "c"}, "command": "#
                + #"{"value": "true", "environment": {"variables": [{"name": "S", "type": "SECRET", "secret": "#
                + #"{"type": "VALUE", "value": {"data": "\#(Self.byValue)!"}}}]}}}}"#
            let said = try await Self.answer(cluster.agentPort, "/api/v1", broken)
            #expect(!said.contains("canary"), "\(said)")
            try await Self.expectNowhere(cluster)
            try await framework.teardown()
        }
        try TreeRemoval.remove(secrets)
    }

    @Test("'task run --secret' gives a task what the agent's operator keeps")
    func commandLine() async throws {
        let secrets = try Self.directory()
        try await withCluster(["--secrets-dir", secrets]) { cluster in
            let (status, text) = try await cluster.run([
                "task", "run", "--secret", "named:env=NAMED", "--secret", "named", "--secret", "parts/one:file=/k",
                "busybox", "sh", "-c", "echo $NAMED | rev; rev /run/secrets/named; rev /k; stat -c %a /k",
            ])
            let backwards = String(Self.byName.reversed())
            #expect(status == 0)
            let said = text.split(whereSeparator: \.isNewline).joined()
            #expect(said == "\(backwards)\(backwards)\(backwards)400", "\(text)")
            let (refused, _) = try await cluster.run(["task", "run", "--secret", "../named", "busybox", "true"])
            #expect(refused != 0)
        }
        try TreeRemoval.remove(secrets)
    }

    // MARK: What the tests have in common

    private static func directory() throws -> String {
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        let path = "\(base)/secrets-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(path + "/parts", mode: 0o700)
        for (name, mode) in [("named", UInt32(0o600)), ("parts/one", 0o600), ("open", 0o644)] {
            let file = try OwnedDescriptor.open(RawPath("\(path)/\(name)"), [.writeOnly, .create], mode: mode)
            try file.write(byName)
            try file.changeMode(mode)
        }
        return path
    }

    private static func task(_ name: String, on offer: Offer) throws -> TaskSpec {
        let line =
            "{ echo $VALUE | rev; echo $NAMED | rev; rev /run/value; echo; rev /run/named; } > $MESOS_SANDBOX/seen; "
            + "mv $MESOS_SANDBOX/seen $MESOS_SANDBOX/done; exec sleep 1000"
        return try TaskSpec(name, line, on: offer) {
            $0.runner = .command(
                CommandSpec(
                    .shell(line),
                    environment: [
                        .init("VALUE", .secretBytes(Array(byValue.utf8))),
                        .init("NAMED", .secret(name: "named", key: nil)),
                    ]))
            $0.container?.volumes = [
                VolumeMount(
                    containerPath: "/run/value", mode: .readOnly, source: .secret(.bytes(Array(byValue.utf8)))),
                VolumeMount(
                    containerPath: "/run/named", mode: .readOnly,
                    source: .secret(.reference(name: "parts", key: "one"))),
            ]
        }
    }

    private static func expectSecrets(
        of task: String, _ framework: TestFramework, _ cluster: LocalCluster
    ) async throws {
        let path = try await cluster.sandbox(of: task, framework) + "/done"
        try await eventually("the task has written what it has") { HostFacts.exists(path) }
        let (value, name) = (String(byValue.reversed()), String(byName.reversed()))
        #expect(try cluster.file(path) == "\(value)\n\(name)\n\(value)\n\(name)")
    }

    /// Everything below the cluster's directories, everything it has said and everything it answers.
    private static func expectNowhere(_ cluster: LocalCluster) async throws {
        let words = [byValue, byName].flatMap { [$0, Base64.text(Array($0.utf8))] }.map { Array($0.utf8.dropLast(4)) }
        var read = 0
        for place in ["cluster", "state", "store/audit", "store/agents", "store/containers"] {
            let path = "\(cluster.scratch)/\(place)"
            guard HostFacts.exists(path) else { continue }
            try search(path, for: words, &read)
        }
        #expect(read > 3, "there was nothing to look into")
        var said = [try await cluster.text()]
        for path in ["/state", "/tasks", "/frameworks", "/slaves", "/flags"] {
            said.append(try await answer(cluster.masterPort, path, nil))
        }
        for path in ["/state", "/containers", "/flags", "/metrics/snapshot"] {
            said.append(try await answer(cluster.agentPort, path, nil))
        }
        for (port, calls) in [
            (cluster.masterPort, ["GET_STATE", "GET_TASKS", "GET_EXECUTORS", "GET_FRAMEWORKS"]),
            (cluster.agentPort, ["GET_STATE", "GET_TASKS", "GET_EXECUTORS", "GET_CONTAINERS"]),
        ] {
            for call in calls { said.append(try await answer(port, "/api/v1", "{\"type\": \"\(call)\"}")) }
        }
        said.append(try await cluster.run(["task", "ls", "--all", "--output", "json"]).text)
        for text in said {
            let bytes = Array(text.utf8)
            #expect(words.allSatisfy { !bytes.contains($0) }, "\(text.prefix(2_000))")
        }
    }

    private static func search(_ path: String, for words: [[UInt8]], _ read: inout Int) throws {
        let folder = try OwnedDescriptor.open(RawPath(path), [.directory])
        for entry in try folder.entries() {
            let place = "\(path)/\(entry.name)"
            do {
                switch try folder.status(of: entry.name).kind {
                case .directory: try search(place, for: words, &read)
                case .regular:
                    let bytes = try folder.open(entry.name, [.noFollow]).readAll(limit: 64 << 20)
                    read += 1
                    #expect(words.allSatisfy { !bytes.contains($0) }, "\(place)")
                default: break
                }
            } catch let error as KernelError {
                // It has gone meanwhile.
                guard error.errno == Errno.noEntry else { throw error }
            }
        }
    }

    private static func answer(_ port: Int, _ path: String, _ body: String?) async throws -> String {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        if let body {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.headers.add(name: "Accept", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        return String(buffer: try await response.body.collect(upTo: 32 << 20))
    }
}
