import Diagnostics
import LinuxKernel
import Testing

@Suite("Completion scripts", .serialized, .endsWhenStuck)
struct CompletionTests {
    private static let environment = ["PATH=/usr/bin:/bin", "HOME=/nonexistent"]

    private func run(_ program: String, _ words: [String], into output: OwnedDescriptor) async throws -> ProcessEnd {
        let process = try ToolProcess.start(
            program, words, environment: Self.environment, descriptors: [nil, output, output])
        try await eventually("\(program) ends") { try process.hasEnded() }
        return try process.reap()
    }

    @Test(
        "each shell reads the script of each program without a complaint",
        arguments: ["bulkhead"], [["bash", "-n"], ["zsh", "-n"], ["fish", "--no-execute"]])
    func syntax(_ program: String, _ shell: [String]) async throws {
        let script = try OwnedDescriptor.memoryFile("script")
        let variable = program == "bulkhead" ? "BULKHEAD_PROGRAM" : "BULKHEAD_CLUSTER"
        _ = try await run(Built.program(program, variable), ["completion", shell[0]], into: script)
        let text = String(decoding: try script.readBytes(1 << 20, at: 0), as: UTF8.self)
        #expect(text.contains("bulkhead"))
        let said = try OwnedDescriptor.memoryFile("said")
        let path = "/proc/\(HostFacts.linkTarget("/proc/self") ?? "self")/fd/\(script.number)"
        let end = try await run("/usr/bin/\(shell[0])", [shell[1], path], into: said)
        let complaint = String(decoding: try said.readBytes(1 << 16, at: 0), as: UTF8.self)
        #expect(end == .exited(0) && complaint.isEmpty, "\(complaint)")
    }
}
