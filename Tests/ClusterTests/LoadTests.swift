import Diagnostics
import LinuxKernel
import Testing

/// A small version of what "make bench" does with ten thousand agents.
@Suite("Load", .serialized, .endsWhenStuck)
struct LoadTests {
    @Test("agents, frameworks and consumers that do not read: nobody is lost, everything is answered")
    func load() async throws {
        try await withCluster(parts: [.master]) { cluster in
            let output = try OwnedDescriptor.memoryFile("load")
            let arguments = [
                "-master", "127.0.0.1:\(cluster.masterPort)", "-pid", "\(await cluster.processID(.master) ?? 0)",
                "-agents", "200", "-frameworks", "50", "-active", "5", "-slow", "20", "-seconds", "1",
                "-finished", "10",
            ]
            let load = try ToolProcess.start(
                Built.clients + "/load/clusterload", arguments, environment: [], descriptors: [nil, output, output])
            try await eventually("the load has ended") { try load.hasEnded() }
            let end = try load.reap()
            let text = String(decoding: try output.readBytes(1 << 20, at: 0), as: UTF8.self)
            guard case .exited(0) = end else { throw Failure("test.load", doing: "play a cluster", cause: text) }
            for expected in [
                #""agents":200"#, #""agents_lost":0"#, #""frameworks_lost":0"#, #""refused_calls":0"#,
            ] { #expect(text.contains(expected), "\(text)") }
            #expect(!text.contains(#""tasks_finished":0,"#), "\(text)")
        }
    }
}
