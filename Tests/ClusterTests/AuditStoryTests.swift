import AuditFormat
import ClusterAPI
import ClusterModel
import Diagnostics
import LinuxKernel
import Testing

/// `bulkhead audit cluster` against a cluster that runs: what its tasks asked for, against what their kernels show.
@Suite("Audits of a cluster", .serialized, .endsWhenStuck)
struct AuditStoryTests {
    private static let running = "exec sleep 1000"

    @Test("a task with the default walls is clean, and is named by its task, framework and agent")
    func clean() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { [try TaskSpec("plain", Self.running, on: $0)] }
            try await framework.wait(for: "plain", "runs") { $0.state == .running }
            let (status, text) = try await Self.audit(cluster, ["--all-agents", "--no-hosts", "--format", "json"])
            let report = try AuditReport(json: Array(text.utf8))
            let bad = report.findings.filter { $0.verdict == .finding || $0.verdict == .unknown }
            #expect(status == 0 && bad.isEmpty, "\(bad.map { "\($0.id) \($0.summary)" })")
            let subject = try #require(report.subjects.first { $0.kind == .container })
            #expect(subject.name == "plain" && subject.cluster?.task == "plain")
            let id = await framework.id?.text
            #expect(subject.cluster?.framework == id && subject.cluster?.agent.isEmpty == false)
            #expect(subject.image == "busybox" && subject.maker == "bulkhead")
            #expect(report.findings.contains { $0.id == "BH-CLU-001" && $0.verdict == .pass })
            for rule in ["BH-CLU-002", "BH-CLU-003", "BH-CLU-004"] {
                #expect(
                    report.findings.contains { $0.id.rawValue == rule && $0.verdict == .pass && $0.subject == subject })
            }
            let (_, table) = try await Self.audit(cluster, ["--agent", "S0", "--no-hosts"])
            #expect(table.contains("task plain of framework \(id ?? "?") on agent"), "\(table)")
            try await framework.teardown()
        }
    }

    @Test("what a task was given beyond the default walls is found, of that task and no other")
    func planted() async throws {
        try await withCluster(["--allow-host-network", "--allow-unconfined"]) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                [
                    try TaskSpec("plain", Self.running, on: offer),
                    try TaskSpec("hosted", Self.running, on: offer) {
                        $0.container?.docker = DockerOptions(network: .host)
                        $0.container?.kind = .docker
                    },
                    try TaskSpec("unfiltered", Self.running, on: offer) {
                        $0.container?.linux = LinuxOptions(seccomp: .unconfined)
                    },
                ]
            }
            for name in ["plain", "hosted", "unfiltered"] {
                try await framework.wait(for: name, "runs") { $0.state == .running }
            }
            let (status, text) = try await Self.audit(cluster, ["--all-agents", "--no-hosts", "--format", "json"])
            #expect(status == 1)
            let found = try AuditReport(json: Array(text.utf8)).findings.filter { $0.verdict == .finding }
            func titles(_ task: String) -> [String] {
                found.filter { $0.subject.cluster?.task == task }.map(\.title)
            }
            #expect(titles("plain").isEmpty, "\(titles("plain"))")
            #expect(titles("hosted").contains { $0.contains("network") }, "\(titles("hosted"))")
            #expect(titles("unfiltered").contains { $0.contains("filter") }, "\(titles("unfiltered"))")
            #expect(found.allSatisfy { $0.override != nil }, "all of it was asked for")
            try await framework.teardown()
        }
    }

    @Test("an agent that cannot be reached, and a task nobody has looked at, are no pass")
    func unobserved() async throws {
        try await withCluster(parts: [.master, .agent]) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { [try TaskSpec("plain", Self.running, on: $0)] }
            try await framework.wait(for: "plain", "runs") { $0.state == .running }
            let (before, _) = try await Self.audit(cluster, ["--all-agents", "--no-hosts"])
            #expect(before == 0)
            try await cluster.crash([.agent])
            let (status, text) = try await Self.audit(cluster, ["--all-agents", "--no-hosts"])
            #expect(status == 2 && text.contains("UNKNOWN BH-CLU-001"), "\(status) \(text)")
            try await cluster.start()
            try await framework.teardown()
        }
    }

    @Test("a container that the agent has no record of is a stranger, one whose record was changed is found")
    func tampered() async throws {
        try await withCluster { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { [try TaskSpec("plain", Self.running, on: $0, mem: "32")] }
            try await framework.wait(for: "plain", "runs") { $0.state == .running }
            let folder = "\(cluster.scratch)/state/agents/local/native/containers"
            let id = try #require(
                try OwnedDescriptor.open(RawPath(folder), [.directory]).entries().map(\.name.description).first)
            let path = "\(folder)/\(id)/record.json"
            let record = try TextFile.read(path)
            try Self.write(record.replacing("\"readOnlyRoot\":false", with: "\"readOnlyRoot\":true"), to: path)
            let (status, text) = try await Self.audit(cluster, ["--all-agents", "--no-hosts"])
            #expect(status == 1 && text.contains("BH-CLU-004") && text.contains("read_only_root"), "\(text)")
            try Self.write(record, to: path)
            // The agent still says that it runs; nothing else does.
            let hidden = "\(cluster.scratch)/hidden"
            try OwnedDescriptor.open(RawPath(folder), [.directory]).rename(RawPath(id), to: RawPath(hidden))
            let (lost, words) = try await Self.audit(cluster, ["--all-agents", "--no-hosts"])
            #expect(lost == 2 && words.contains("UNKNOWN BH-CLU-002"), "\(words)")
            try OwnedDescriptor.open(RawPath(folder), [.directory]).rename(RawPath(hidden), to: RawPath(id))
            try await framework.teardown()
        }
    }

    @Test("the agent answers only whom its rules let audit it, and refuses what it does not know")
    func refusals() async throws {
        let rules = "\(ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp")/rules-\(KernelRandom.number()).json"
        try Self.write(
            #"{"rules": [{"principals": ["@anyone"], "actions": ["audit-agent"], "objects": ["*"], "allow": false}, "#
                + #"{"principals": ["@anyone"], "actions": ["*"], "objects": ["*"], "allow": true}]}"#,
            to: rules)
        try await withCluster(["--authorization", rules]) { cluster in
            let (status, text) = try await Self.audit(cluster, ["--all-agents"])
            #expect(status == 2 && text.contains("audit-agent"), "\(text)")
        }
        try OwnedDescriptor.open("/", [.directory]).unlink(RawPath(rules))
        try await withCluster { cluster in
            await #expect(throws: Failure.self) {
                _ = try await cluster.agent().audit(profile: "none", includesHost: false, time: .seconds(30))
            }
            let (unnamed, _) = try await Self.audit(cluster, [])
            #expect(unnamed == 2, "no agent is named")
        }
    }

    private static func audit(
        _ cluster: LocalCluster, _ words: [String]
    ) async throws -> (status: Int32, text: String) {
        try await cluster.run(["audit", "cluster", "--master", "http://127.0.0.1:\(cluster.masterPort)"] + words)
    }

    private static func write(_ text: String, to path: String) throws {
        try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .truncate], mode: 0o600).write(text)
    }
}
