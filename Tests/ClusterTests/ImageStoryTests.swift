import ClusterAPI
import ClusterModel
import Diagnostics
import LinuxKernel
import NIOCore
import NIOPosix
import Testing

/// Real images: people's programs on Debian, not run by root.
@Suite("Images on a local cluster", .serialized, .endsWhenStuck)
struct ImageStoryTests {
    @Test("an image's own user runs the task, in the image's directory, and may write to the sandbox")
    func user() async throws {
        try await withCluster(images: ["python"]) { cluster in
            let framework = try await TestFramework(cluster)
            let program = "import os; print(os.getuid(), os.getcwd()); "
                + "open(os.environ['MESOS_SANDBOX'] + '/result', 'w').write('42')"
            try await framework.launch { offer in
                [
                    try TaskSpec("batch", "", on: offer, image: "python", mem: "64") {
                        $0.runner = .command(
                            CommandSpec(.execute(path: "python3", arguments: ["python3", "-c", program])))
                    }
                ]
            }
            let end = try await framework.wait(for: "batch")
            #expect(end.state == .finished, "\(end.message ?? "")")
            #expect(try await cluster.output(of: "batch", framework) == "1000 /home/worker\n")
            #expect(try cluster.file(try await cluster.sandbox(of: "batch", framework) + "/result") == "42")
            try await framework.teardown()
        }
    }

    @Test("a service answers on the host at the port it was offered while its health is checked, until it is killed")
    func service() async throws {
        try await withCluster(["--allow-host-network"], images: ["service"]) { cluster in
            let framework = try await TestFramework(cluster)
            var port: UInt16 = 0
            try await framework.launch { offer in
                let ports = try #require(offer.resources.first { $0.name == "ports" })
                guard case .ranges(let ranges) = ports.value, let first = ranges.ranges.first?.lowerBound else {
                    throw Failure("test.no-port", doing: "take a port of the offer", cause: "\(ports)")
                }
                port = UInt16(first)
                return [
                    try TaskSpec("redis", "", on: offer, image: "service", mem: "64") {
                        $0.runner = .command(
                            CommandSpec(.execute(path: nil, arguments: ["--port", "\(first)", "--bind", "127.0.0.1"])))
                        $0.resources += try offer.part("ports:[\(first)-\(first)]")
                        $0.container?.networks = [NetworkInfo(name: "host")]
                        $0.healthCheck = HealthCheck(
                            .tcp(port: UInt16(first)), delay: .zero, interval: .milliseconds(200),
                            gracePeriod: .seconds(30))
                    }
                ]
            }
            try await framework.wait(for: "redis", "is well") { $0.isHealthy == true }
            #expect(try await Self.ask("PING\r\n", at: port) == "+PONG\r\n")
            try await framework.call(.kill(.init(task: try TaskID("redis")), gracePeriod: nil))
            #expect(try await framework.wait(for: "redis").state == .killed)
            try await framework.teardown()
        }
    }

    /// One line in, one answer out.
    private static func ask(_ line: String, at port: UInt16) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: line))
            for try await answer in inbound { return String(buffer: answer) }
            return ""
        }
    }
}

/// Limits that only a host with controllers holds: these run in the throwaway VM where this one has none.
@Suite("Limits on a local cluster", .serialized, .endsWhenStuck)
struct ClusterLimitControllerTests {
    @Test("a task over its memory limit fails and says so, and its neighbour does not notice")
    func memory() async throws {
        try await withCluster(images: ["busybox"]) { cluster in
            let framework = try await TestFramework(cluster)
            let greedy = "x=$(dd if=/dev/zero bs=1M count=200 2> /dev/null | tr '\\0' a); echo survived"
            try await framework.launch { offer in
                [
                    try TaskSpec("greedy", greedy, on: offer, cpus: "0.5", mem: "32"),
                    try TaskSpec("modest", "until [ -f /tmp/x ]; do sleep 1; done", on: offer, cpus: "0.1", mem: "32"),
                ]
            }
            let end = try await framework.wait(for: "greedy", within: .seconds(180))
            #expect(end.state == .failed && end.reason == .containerLimitationMemory, "\(end)")
            #expect(end.limitation.map(\.name) == ["mem"])
            #expect(end.message?.contains("MiB") == true, "\(end.message ?? "")")
            let running = try #require(await framework.updates("modest").last)
            #expect(running.state == .running && running.message == nil, "\(running.message ?? "")")
            try await framework.teardown()
        }
    }
}
