import AgentCore
import AsyncHTTPClient
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import HTTPServing
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import AgentService

/// A scripted master and an agent of scripted containers, each a real HTTP server on loopback.
@Suite("An agent over loopback", .serialized, .timeLimit(.minutes(1)))
struct AgentServiceTests {
    private final class Bench: Sendable {
        let master: ScriptedMaster
        let containerizer: ScriptedContainerizer
        let journal: MemoryJournal
        let agent: AgentService

        init(journal: MemoryJournal = MemoryJournal()) async throws {
            master = try await ScriptedMaster()
            containerizer = ScriptedContainerizer()
            self.journal = journal
            var settings = AgentSettings(
                masters: [try master.address], version: "1.12.0", workDirectory: "/var/lib/bulkhead")
            settings.listen = [.network(host: "127.0.0.1", port: 0)]
            settings.hostname = "host"
            settings.resources = "cpus:4;mem:4096;disk:0;ports:[]"
            settings.attributes = "rack:r12"
            settings.timing.registrationBackoff = .milliseconds(1)
            let machine = MachineFacts(
                processors: 2, memory: nil, disk: nil, attributes: [Attribute("bulkhead.cgroup", .text("v2"))])
            agent = try await AgentService.start(
                settings, machine: machine, containerizer: containerizer, host: EmptyHost(), journal: journal,
                logger: Logger(label: "agent"))
        }

        func stop() async {
            await agent.stop()
            await master.server.stop()
        }

        /// The next thing the agent says that is no answer to a ping.
        func next(_ said: inout AsyncStream<AgentMessage>.Iterator) async -> AgentMessage? {
            while let message = await said.next() {
                if message != .pong { return message }
            }
            return nil
        }

        func admit(_ said: inout AsyncStream<AgentMessage>.Iterator) async throws -> AgentRegistration {
            guard case .register(let registration)? = await next(&said) else {
                throw Failure("test.unexpected", doing: "see a registration")
            }
            master.say(.registered(try AgentID("M-S0"), pingInterval: .seconds(15), pingsMissedMax: 5))
            return registration
        }

        func run(_ name: String) throws {
            var task = TaskSpec(
                id: try TaskID(name), name: name, agent: try AgentID("M-S0"),
                resources: [Resource("cpus", .scalar(Scalar(1))), Resource("mem", .scalar(Scalar(64)))],
                runner: .command(CommandSpec(.shell("run"))))
            task.container = ContainerSpec(image: ContainerImage(.docker(name: "busybox")))
            master.say(
                .runTask(task, of: FrameworkInfo(id: try FrameworkID("F"), name: "f", capabilities: [.partitionAware])))
        }

        /// Acknowledges updates until the task is in `state`.
        func acknowledge(
            _ said: inout AsyncStream<AgentMessage>.Iterator, until state: TaskState
        ) async -> [TaskState] {
            var states: [TaskState] = []
            while let message = await next(&said) {
                guard case .status(let update, _) = message, let id = update.id else { continue }
                states.append(update.state)
                master.say(.acknowledge(id, TaskReference(framework: update.framework, task: update.task)))
                if update.state == state { break }
            }
            return states
        }
    }

    @Test("a task runs from the master's word to its last update, and its container is taken away")
    func task() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        let registration = try await bench.admit(&said)
        #expect(registration.tasks.isEmpty)
        #expect(registration.address == NetworkAddress(hostname: "host", port: UInt16(bench.agent.port ?? 0)))
        #expect(registration.attributes.map(\.name) == ["rack", "bulkhead.cgroup"])
        #expect(registration.resources.map(\.name) == ["cpus", "mem"])
        try bench.run("t1")
        #expect(await bench.acknowledge(&said, until: .running).last == .running)
        let launch = try #require(bench.containerizer.running.first)
        #expect(launch.root == .image("busybox"))
        bench.containerizer.end(launch.id, code: 0)
        #expect(await bench.acknowledge(&said, until: .finished) == [.finished])
        #expect(await !bench.journal.records().isEmpty)
        await bench.stop()
    }

    @Test("a link that breaks is made anew and carries what runs")
    func brokenLink() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        bench.master.cutLink()
        let again = try await bench.admit(&said)
        #expect(again.tasks.map(\.spec.id.text) == ["t1"])
        #expect(again.id?.text == "M-S0")
        await bench.stop()
    }

    @Test("an agent that starts again on its journal keeps its id and its task")
    func restart() async throws {
        let first = try await Bench()
        var said = first.master.said.makeAsyncIterator()
        _ = try await first.admit(&said)
        try first.run("t1")
        _ = await first.acknowledge(&said, until: .running)
        await first.stop()

        let second = try await Bench(journal: first.journal)
        var heard = second.master.said.makeAsyncIterator()
        let registration = try await second.admit(&heard)
        #expect(registration.id?.text == "M-S0")
        #expect(registration.tasks.map(\.spec.id.text) == ["t1"])
        #expect(second.containerizer.running.count == 1)
        await second.stop()
    }

    @Test("the agent's own API answers by the protocol's rules")
    func api() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        let json = ["Content-Type": "application/json"] as HTTPHeaders
        let executor = #"{"type":"SUBSCRIBE","framework_id":{"value":"F"},"executor_id":{"value":"E"},"subscribe":{}}"#
        let cases: [(String, HTTPHeaders, String?, UInt, String)] = [
            ("/version", [:], nil, 200, "1.12.0"), ("/slave(1)/health", [:], nil, 200, ""),
            ("/state", [:], nil, 200, "M-S0"), ("/files/read?path=/log&offset=0", [:], nil, 200, "hi"),
            ("/files/read?path=/none", [:], nil, 404, ""), ("/metrics/snapshot", [:], nil, 200, "slave/registered"),
            ("/api/v1", json, #"{"type":"GET_TASKS"}"#, 200, "t1"),
            ("/slave(1)/api/v1", json, #"{"type":"GET_AGENT"}"#, 200, "M-S0"),
            ("/api/v1", json, #"{"type":"GET_HEALTH"}"#, 200, "true"),
            ("/api/v1", [:], #"{"type":"GET_HEALTH"}"#, 400, "Content-Type"),
            ("/api/v1", ["Content-Type": "text/plain"], "{}", 415, ""), ("/api/v1", [:], nil, 405, ""),
            ("/api/v1/executor", json, executor, 400, "no such executor"),
        ]
        for (path, headers, body, status, part) in cases {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(bench.agent.port ?? 0)\(path)")
            request.method = body == nil ? .GET : .POST
            request.headers = headers
            if let body { request.body = .bytes(ByteBuffer(string: body)) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
            #expect(response.status.code == status, "\(path): \(text.prefix(200))")
            #expect(part.isEmpty || text.contains(part), "\(path): \(text.prefix(200))")
        }
        await bench.stop()
    }

    @Test(
        "a redirect leads to the leader, whatever form it has",
        arguments: [
            ("//10.0.0.1:5050/api/v1/agent", "http://m:5050", "http://10.0.0.1:5050"),
            ("//h:5050", "https://m", "https://h:5050"), ("https://h:1/x", "http://m", "https://h:1"),
            ("/relative", "http://m", nil), ("//", "http://m", nil), ("ftp://h/", "http://m", nil),
        ] as [(String, String, String?)])
    func redirect(_ location: String, _ asked: String, _ base: String?) {
        #expect(MasterLink.base(of: location, asked: asked) == base)
    }
}
