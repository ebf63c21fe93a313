import Diagnostics
import LinuxKernel
import Testing

/// Programs that others wrote for the protocol, unmodified, each telling its story to a real cluster. Tests/run has
/// put them into one folder; Clients has what we say with them.
@Suite("Third-party clients", .serialized, .endsWhenStuck)
struct ThirdPartyTests {
    static let roots = ["--fetch-root", Built.clients, "--fetch-root", Built.root + "/Tests/ClusterTests/Clients"]

    /// Runs it to its end and expects that to be a good one.
    static func tell(_ program: String, _ arguments: [String], variables: [String] = []) async throws {
        let output = try OwnedDescriptor.memoryFile("story")
        let process = try ToolProcess.start(
            program, arguments, environment: ["PATH=/usr/bin:/bin", "HOME=/nonexistent"] + variables,
            descriptors: [nil, output, output])
        try await eventually("the client's story ends") { try process.hasEnded() }
        let end = try process.reap()
        let text = String(decoding: try output.readBytes(1 << 20, at: 0), as: UTF8.self)
        #expect(text.contains("the story has ended well"), "\(end): \(text.suffix(6_000))")
    }

    private static func python(_ script: String, _ arguments: [String]) async throws {
        let folder = Built.root + "/Tests/ClusterTests/Clients/pymesos"
        try await tell(
            "/usr/bin/python3", ["\(folder)/\(script)"] + arguments,
            variables: ["PYTHONPATH=\(Built.clients)/pymesos/site", "PYTHONDONTWRITEBYTECODE=1"])
    }

    @Test("pymesos: a scheduler and its executor, from the first offer to the teardown")
    func pymesosScheduler() async throws {
        try await withCluster(Self.roots) { cluster in
            let executor = Built.root + "/Tests/ClusterTests/Clients/pymesos/executor.py"
            try await Self.python(
                "scheduler_story.py",
                [
                    "127.0.0.1:\(cluster.masterPort)", "file://\(Built.clients)/pymesos/pymesos.tar.gz",
                    "file://\(executor)",
                ])
        }
    }

    @Test("pymesos: operators of a master and of an agent")
    func pymesosOperator() async throws {
        try await withCluster { cluster in
            try await Self.python(
                "operator_story.py", ["127.0.0.1:\(cluster.masterPort)", "127.0.0.1:\(cluster.agentPort)"])
        }
    }

    @Test("mesos-go: a scheduler and its executor", arguments: ["protobuf", "json"])
    func mesosGo(_ codec: String) async throws {
        try await withCluster(Self.roots) { cluster in
            let story = Built.clients + "/mesos-go/story"
            try await Self.tell(
                story, ["-codec", codec, "-master", "127.0.0.1:\(cluster.masterPort)", "-self", "file://\(story)"])
        }
    }
}
