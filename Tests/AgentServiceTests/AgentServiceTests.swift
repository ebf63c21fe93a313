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
@Suite("An agent over loopback", .serialized, .timeLimit(.minutes(5)))
struct AgentServiceTests {
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
        #expect(await bench.acknowledge(&said, until: .finished).last == .finished)
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

    @Test("a kill ends the fetching at once, and what an old journal forgot is remembered again")
    func killWhileFetching() async throws {
        let host = BusyHost()
        let bench = try await Bench(host: host)
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1") { task in
            var command = CommandSpec(.shell("run"))
            command.fetches = [CommandSpec.Fetch("http://h/f")]
            task.runner = .command(command)
        }
        try await eventually("the fetch to begin") { host.fetching == 1 }
        let task = TaskReference(framework: try FrameworkID("F"), task: try TaskID("t1"))
        bench.master.say(.kill(task, gracePeriod: nil))
        #expect(await bench.acknowledge(&said, until: .killed).last == .killed)
        try await eventually("the fetch to be cancelled") { host.cancelled == 1 }
        #expect(bench.containerizer.running.isEmpty)
        let old = try await host.sandboxes()
        #expect(await bench.agent.snapshot().state.sandboxes.keys.contains(old[0]))
        await bench.stop()
    }

    @Test("what is fetched is held to the task's disk where disk is limited", arguments: [true, false])
    func fetchWithinDisk(_ limitsDisk: Bool) async throws {
        let host = BusyHost()
        let bench = try await Bench(host: host) {
            $0.resources = "cpus:4;mem:4096;disk:1024;ports:[]"
            $0.policy.limitsDisk = limitsDisk
        }
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1") { task in
            var command = CommandSpec(.shell("run"))
            command.fetches = [CommandSpec.Fetch("http://h/f")]
            task.runner = .command(command)
            task.resources.append(Resource("disk", .scalar(Scalar(5))))
        }
        try await eventually("the fetch to begin") { host.fetching == 1 }
        let room: UInt64? = limitsDisk ? 5_242_880 : nil
        #expect(host.room == room)
        let task = TaskReference(framework: try FrameworkID("F"), task: try TaskID("t1"))
        bench.master.say(.kill(task, gracePeriod: nil))
        #expect(await bench.acknowledge(&said, until: .killed).last == .killed)
        await bench.stop()
    }

    @Test("the agent keeps logs within their limits where nobody in the container does", arguments: [true, false])
    func keepsLogs(_ limitsItself: Bool) async throws {
        let host = BusyHost()
        let bench = try await Bench(host: host)
        bench.containerizer.limitsOutput.withLock { $0 = limitsItself }
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        let launch = try #require(bench.containerizer.running.first)
        let paths = [launch.output, launch.error].compactMap { $0?.path }.sorted()
        if !limitsItself { try await eventually("the logs to be kept") { host.kept.sorted() == paths } }
        bench.containerizer.end(launch.id, code: 0)
        _ = await bench.acknowledge(&said, until: .finished)
        #expect(host.kept.sorted() == (limitsItself ? [] : paths))
        await bench.stop()
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
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
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
            ("http://h:1/x", "https://m", nil),
            ("/relative", "http://m", nil), ("//", "http://m", nil), ("ftp://h/", "http://m", nil),
        ] as [(String, String, String?)])
    func redirect(_ location: String, _ asked: String, _ base: String?) {
        #expect(MasterLink.base(of: location, asked: asked) == base)
    }

    @Test("what is handed over is gone, and a body goes out once")
    func handedOver() async {
        let words = HandedOver("twelve")
        #expect(words.take() == "twelve")
        #expect(words.take() == nil)
        var sent: [ByteBuffer] = []
        let body = HandedOver(ByteBuffer(string: "a body"))
        for await piece in body { sent.append(piece) }
        for await piece in body { sent.append(piece) }
        #expect(sent == [ByteBuffer(string: "a body")])
    }
}
