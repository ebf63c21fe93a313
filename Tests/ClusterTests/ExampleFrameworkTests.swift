import Diagnostics
import LinuxKernel
import Testing

@Suite("The example framework on a real cluster", .serialized, .endsWhenStuck)
struct ExampleFrameworkTests {
    /// Runs it to its end; gives how it ended and what it said.
    private func run(_ cluster: LocalCluster, _ arguments: [String]) async throws -> (end: ProcessEnd, text: String) {
        let output = try OwnedDescriptor.memoryFile("example")
        let process = try ToolProcess.start(
            Built.program("example-framework", "BULKHEAD_EXAMPLE"),
            ["--master", "127.0.0.1:\(cluster.masterPort)"] + arguments, environment: ["PATH=/usr/bin:/bin"],
            descriptors: [nil, output, output])
        try await eventually("the example ends") { try process.hasEnded() }
        let end = try process.reap()
        return (end, String(decoding: try output.readBytes(1 << 20, at: 0), as: UTF8.self))
    }

    @Test("tasks of an image run to their end and the framework is gone; one that fails is its failure")
    func runs() async throws {
        try await withCluster { cluster in
            let good = try await run(cluster, ["--image", "busybox", "--count", "4", "echo hello"])
            #expect(good.end == .exited(0), "\(good.text)")
            #expect(good.text.split(separator: "\n").count { $0.contains("TASK_FINISHED") } == 4, "\(good.text)")
            let bad = try await run(cluster, ["--image", "busybox", "--count", "1", "exit 3"])
            #expect(bad.end == .exited(1) && bad.text.contains("TASK_FAILED"), "\(bad.text)")
            let frameworks = try await cluster.client().frameworks()
            #expect(frameworks.frameworks.isEmpty && frameworks.completed.count == 2)
        }
    }
}
