import AuditFormat
import AuditTrail
import ClusterAPI
import ClusterModel
import Diagnostics
import LinuxKernel
import Testing

/// The chained log of an agent's machine: what was launched, entered and refused, and what was overridden.
@Suite("The log of what an agent did", .serialized, .endsWhenStuck)
struct TrailStoryTests {
    @Test("launches, sessions, attachments, refusals and overrides are all in it, each with whose they are")
    func story() async throws {
        try await withCluster(["--allow-host-network"]) { cluster in
            let framework = try await TestFramework(cluster)
            try await framework.launch { offer in
                [
                    try TaskSpec("plain", "exec sleep 1000", on: offer),
                    try TaskSpec("hosted", "exec sleep 1000", on: offer) {
                        $0.container?.kind = .docker
                        $0.container?.docker = DockerOptions(network: .host)
                    },
                    try TaskSpec("greedy", "true", on: offer) {
                        $0.container?.kind = .docker
                        $0.container?.docker = DockerOptions(isPrivileged: true)
                    },
                ]
            }
            for name in ["plain", "hosted"] { try await framework.wait(for: name, "runs") { $0.state == .running } }
            try await framework.wait(for: "greedy")
            let (status, _) = try await cluster.run(["task", "exec", "plain", "true"])
            #expect(status == 0)
            let agent = try cluster.agent()
            let containers = try await agent.containers()
            let path = try #require(containers.first?.container)
            _ = try await agent.attachOutput(of: path)

            let directory = "\(cluster.scratch)/store/audit"
            try await eventually("the refusal is accounted for") {
                try Self.entries(directory).contains { $0.event == "refusal" }
            }
            let entries = try Self.entries(directory)
            let id = await framework.id?.text
            func launch(of task: String) throws -> AuditLogEntry {
                try #require(entries.first { $0.event == "launch" && $0.details["task"]?.text == task })
            }
            #expect(try launch(of: "plain").details["framework"]?.text == id)
            // Where the host can hold no limits, the cluster of the tests is allowed to go without.
            let plain = try launch(of: "plain").details["overrides"]?.text?.split(separator: ", ") ?? []
            #expect(plain.allSatisfy { $0.hasPrefix("--allow-unenforced ") }, "\(plain)")
            #expect(try launch(of: "hosted").details["overrides"]?.text?.contains("--network host") == true)
            let refusal = try #require(entries.first { $0.event == "refusal" })
            #expect(refusal.details["task"]?.text == "greedy" && refusal.details["code"]?.text == "launch.privileged")
            let session = try #require(entries.first { $0.event == "session" })
            #expect(session.details["caller"]?.text == "anonymous")
            let exec = try #require(entries.first { $0.event == "exec" })
            #expect(exec.details["task"]?.text == "plain" && exec.details["program"]?.text == "true")
            #expect(entries.contains { $0.event == "attach-output" && $0.details["container"]?.text == "\(path)" })
            let verification = try AuditLog(directory: directory).verify()
            #expect(verification.fault == nil && verification.entries == entries.count)
            try await framework.teardown()
        }
    }

    private static func entries(_ directory: String) throws -> [AuditLogEntry] {
        try TextFile.read(directory + "/log", limit: 1 << 22).utf8.split(separator: UInt8(ascii: "\n")).map {
            try #require(AuditLogEntry(line: Array($0)))
        }
    }
}
