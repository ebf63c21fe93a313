import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import Waiting

@testable import AgentService

/// Network namespaces made here, with real sockets in them: what is said inside cannot be heard outside.
@Suite("Inside a container's network", .serialized, .timeLimit(.minutes(5)))
struct NetworkTests {
    private static let container = ContainerID(number: 1)

    private static func server(_ network: TestNetwork, _ port: UInt16) async throws -> HTTPServer {
        let socket = try await network.listen(port)
        return try await HTTPServer.start(
            on: [.descriptor(socket)],
            router: Router(routes: [
                Route("/ok") { _ in .text(.ok, "well") },
                Route("/ill") { _ in .text(.internalServerError, "not well") },
                Route("/never") { _ in
                    do { try await Task.sleep(for: .seconds(600)) } catch { return .text(.ok, "") }
                    return .ok
                },
            ]), logger: Logger(label: "task"))
    }

    @Test("probes see what answers inside, what answers badly, and what does not answer")
    func probes() async throws {
        let network = try await TestNetwork.made()
        let containerizer = ScriptedContainerizer()
        containerizer.network.withLock { $0 = network }
        let server = try await Self.server(network, 8_080)
        let prober = Prober(containerizer: containerizer, grace: .seconds(60))
        let cases: [(Probe, ProbeResult?)] = [
            (.tcp(port: 8_080, family: nil), .connected), (.tcp(port: 8_081, family: nil), nil),
            (.http(HTTPProbe(port: 8_080, path: "/ok")), .answered(status: 200)),
            (.http(HTTPProbe(port: 8_080, path: "ill")), .answered(status: 500)),
            (.http(HTTPProbe(port: 8_080, path: "/none")), .answered(status: 404)),
            (.http(HTTPProbe(port: 8_081, path: "/ok")), nil),
            (.tcp(port: 8_080, family: .version6), nil),
        ]
        for (probe, expected) in cases {
            let result = await prober.probe(
                ProbeOrder(container: Self.container, kind: .check, probe: probe, timeout: .seconds(120)))
            if let expected {
                #expect(result == expected, "\(probe)")
            } else if case .failed = result {
                continue
            } else {
                Issue.record("\(probe) answered \(result)")
            }
        }
        let slow = ProbeOrder(
            container: Self.container, kind: .check, probe: .http(HTTPProbe(port: 8_080, path: "/never")),
            timeout: .milliseconds(50))
        #expect(await prober.probe(slow) == .timedOut)
        // The same port outside is somebody else's, or nobody's.
        let outside = try await TestNetwork.made()
        containerizer.network.withLock { $0 = outside }
        let other = ProbeOrder(
            container: Self.container, kind: .check, probe: .tcp(port: 8_080, family: nil), timeout: .seconds(120))
        guard case .failed = await prober.probe(other) else { throw Failure("test.leak", doing: "stay inside") }
        await server.stop()
    }

    @Test("connections that nobody takes wait without a thread, and are gone when nobody waits for them any more")
    func hung() async throws {
        let network = try await TestNetwork.made()
        let listener = OwnedDescriptor(owning: try await network.listen(8_080, backlog: 1))
        // The kernel takes two for a listener with room for one that never accepts, and answers no other.
        let first = OwnedDescriptor(owning: try await network.connect("127.0.0.1", 8_080, seconds: 120))
        let second = OwnedDescriptor(owning: try await network.connect("127.0.0.1", 8_080, seconds: 120))
        try await eventually("the listener to be full") { try network.sockets(.established) == 4 }
        let pool = ThreadPool(threadsMax: 1, waitingMax: 64)
        let waiting = (0..<4).map { _ in
            Task { OwnedDescriptor(owning: try await network.connect("127.0.0.1", 8_080, seconds: 3_600, on: pool)) }
        }
        // There is one thread: did they wait on it, there would be one.
        try await eventually("all of them to be begun") { try network.sockets(.unanswered) == 4 }
        let containerizer = ScriptedContainerizer()
        containerizer.network.withLock { $0 = network }
        let order = ProbeOrder(
            container: Self.container, kind: .health, probe: .tcp(port: 8_080), timeout: .milliseconds(50))
        #expect(await Prober(containerizer: containerizer, grace: .seconds(60)).probe(order) != .connected)
        for task in waiting { task.cancel() }
        for task in waiting { await #expect(throws: Failure.self) { try await task.value } }
        try await eventually("their sockets to be gone") { try network.sockets(.unanswered) == 0 }
        withExtendedLifetime((listener, first, second)) {}
    }

    /// One request over a connection made inside the network.
    private static func ask(
        _ network: TestNetwork, _ path: String, _ body: String
    ) async throws -> (status: Int, text: String) {
        let socket = try await network.connect("127.0.0.1", 5_051, seconds: 120)
        let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: String.self)
        let connecting = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Everything(promise))
                }
            }
            .withConnectedSocket(socket)
        let channel: any Channel
        do { channel = try await connecting.get() } catch {
            promise.fail(error)
            throw error
        }
        let late = channel.eventLoop.scheduleTask(in: .seconds(120)) { channel.close(promise: nil) }
        defer { late.cancel() }
        let text =
            "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await channel.writeAndFlush(ByteBuffer(string: text))
        let answer = try await promise.futureResult.get()
        let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return (status, answer)
    }

    @Test("an executor reaches the agent at 127.0.0.1:5051, as itself only, and only what is inside its container")
    func door() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        let network = try await TestNetwork.made()
        bench.containerizer.network.withLock { $0 = network }
        _ = try await bench.admit(&said)
        try bench.run("t1") { task in
            var executor = ExecutorSpec(id: try ExecutorID("E"), framework: try FrameworkID("F"), kind: .custom)
            executor.command = CommandSpec(.shell("serve"))
            executor.resources = [Resource("cpus", .scalar(Scalar(1))), Resource("mem", .scalar(Scalar(32)))]
            task.runner = .executor(executor)
        }
        try await eventually("the executor to be launched") { bench.containerizer.running.count == 1 }
        try await eventually("the agent to answer inside") {
            do { return try await Self.ask(network, "/health", "").status == 405 } catch { return false }
        }
        let own = try #require(bench.containerizer.running.first).id.text
        func executor(_ name: String) -> String {
            #"{"type":"MESSAGE","framework_id":{"value":"F"},"executor_id":{"value":"\#(name)"},"#
                + #""message":{"data":"aGk="}}"#
        }
        let heartbeat = #"{"type":"HEARTBEAT","framework_id":{"value":"unused"},"executor_id":{"value":"unused"}}"#
        func container(_ type: String, _ path: String) -> String {
            #"{"type":"\#(type)","\#(type.lowercased())":{"container_id":\#(path)}}"#
        }
        let cases: [(String, String, Int)] = [
            ("/slave(1)/api/v1/executor", executor("E"), 403), ("/api/v1/executor", executor("other"), 403),
            ("/slave(1)/api/v1/executor", heartbeat, 202),
            ("/api/v1", #"{"type":"GET_STATE"}"#, 403), ("/api/v1", #"{"type":"GET_FLAGS"}"#, 403),
            ("/api/v1", container("WAIT_NESTED_CONTAINER", #"{"value":"x","parent":{"value":"\#(own)"}}"#), 404),
            ("/api/v1", container("WAIT_CONTAINER", #"{"value":"\#(own)"}"#), 403),
            ("/api/v1", container("KILL_CONTAINER", #"{"value":"another"}"#), 403),
            ("/state", "", 404), ("/files/read", "", 404),
        ]
        for (path, body, status) in cases {
            let answer = try await Self.ask(network, path, body)
            #expect(answer.status == status, "\(path) \(body): \(answer.text)")
        }
        let stranger = try await Self.ask(network, "/api/v1/executor", executor("other"))
        #expect(stranger.text.contains("F/E"))
        await bench.stop()
    }
}

/// Keeps what comes until the other side closes.
private final class Everything: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<String>
    private var text = ""

    init(_ promise: EventLoopPromise<String>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(text) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }
}
