import ClusterAPI
import ClusterModel
import Diagnostics
import LinuxKernel
import Testing

extension Trait where Self == TimeLimitTrait {
    /// A test that has not ended by then never will. Far above what any needs: one of a minute natively takes five in
    /// the VM on a slow machine, and how long the whole may take is for Tests/run to say.
    static var endsWhenStuck: Self { .timeLimit(.minutes(15)) }
}

/// A cluster for one test, gone at its end; when the test fails, what the cluster said is shown.
func withCluster(
    _ options: [String] = [], parts: [LocalCluster.Part] = [.local], images: [String] = ["busybox"],
    programs: String? = nil, inOwnNetwork: Bool = false, _ body: (LocalCluster) async throws -> Void
) async throws {
    let cluster = try await LocalCluster(
        options, parts: parts, images: images, programs: programs, inOwnNetwork: inOwnNetwork)
    do {
        try await body(cluster)
    } catch {
        let text = try await cluster.text()
        Issue.record("\(error)\nthe cluster said:\n\(text.suffix(8_000))")
    }
    try await cluster.end()
}

extension LocalCluster {
    /// The path of a command task's sandbox, as the files API knows it.
    nonisolated func sandbox(of task: String, _ framework: TestFramework) async throws -> String {
        guard let id = await framework.id else { throw Failure("test.apart", doing: "find a sandbox") }
        let runs = "\(scratch)/cluster/agent/slaves/latest/frameworks/\(id)/executors/\(task)/runs"
        return "\(runs)/\(HostFacts.linkTarget(runs + "/latest") ?? "")"
    }

    /// What a command task wrote, read as a client of the agent reads it.
    nonisolated func output(of task: String, _ framework: TestFramework, _ file: String = "stdout") async throws
        -> String
    {
        let path = try await sandbox(of: task, framework) + "/" + file
        return String(decoding: try await agent().readFile(path).bytes, as: UTF8.self)
    }

    /// A file of the work directory, read directly.
    nonisolated func file(_ path: String) throws -> String { try TextFile.read(path) }

    nonisolated func status(_ path: String) throws -> FileStatus {
        try OwnedDescriptor.open(RawPath(path)).status()
    }
}
