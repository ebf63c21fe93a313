import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import NIOHTTP1
import Testing

@Suite("Streams to and from agents", .timeLimit(.minutes(5)))
struct AgentStreamTests {
    private func agent(_ server: ScriptedServer, format: WireFormat = .json) throws -> AgentClient {
        let address = ServerAddress(host: "127.0.0.1", port: UInt16(server.port))
        return try ClusterClient(settings(server.port, format: format)).agent(at: address)
    }

    private let container = try! ContainerPath(ContainerName("c")).appending(ContainerName("debug"))

    @Test("a process's output is read to its end, heartbeats left out", arguments: WireFormat.allCases)
    func output(_ format: WireFormat) async throws {
        let records =
            ProcessIO.data(.output, Array("hello".utf8)).record(format)
            + ProcessIO.heartbeat(interval: .seconds(30)).record(format)
            + ProcessIO.data(.error, [0, 255]).record(format)
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(
                200, ["Content-Type": "application/recordio", "Message-Content-Type": format.mediaType])
            for chunk in stride(from: 0, to: records.count, by: 3) {
                await reply.chunk(Array(records[chunk..<min(chunk + 3, records.count)]))
            }
            await reply.end()
        }
        var read: [ProcessIO] = []
        for try await io in try await agent(server, format: format).attachOutput(of: container) { read.append(io) }
        #expect(read == [.data(.output, Array("hello".utf8)), .data(.error, [0, 255])])
        let request = server.requests[0]
        #expect(request.headers["Accept"] == ["application/recordio"])
        #expect(request.headers["Message-Accept"] == [format.mediaType])
        #expect(try AgentCall(request.body, format: format) == .container(.attachOutput(container), form: .any))
        try await server.stop()
    }

    @Test("a container that has ended inside another is not found, and any other failure of the agent is one",
        arguments: [("Container c.debug cannot be found", "client.not-found"), ("EIO (5)", "client.server-failed")])
    func missing(_ said: String, _ code: String) async throws {
        let server = try await ScriptedServer.start { _, reply in await reply.answer(500, said) }
        let client = try agent(server)
        let refused = try #require(
            await failure { () throws(Failure) in _ = try await client.attachOutput(of: container) })
        #expect(refused.code.rawValue == code && refused.cause == "it answered 500: \(said)")
        let input = AsyncStream<ProcessIO> { $0.finish() }
        let unwritten = await failure { () throws(Failure) in try await client.attachInput(of: container, input) }
        #expect(unwritten?.code.rawValue == code)
        try await server.stop()
    }

    @Test("letting go of a session closes its connection, which ends the process")
    func session() async throws {
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(200, ["Message-Content-Type": "application/json"])
            await reply.chunk(ProcessIO.data(.output, [1]).record())
            await reply.closed()
        }
        do {
            let session = try await agent(server).launchSession(
                ContainerLaunchRequest(container, command: CommandSpec(.shell("cat"))))
            var output = session.makeAsyncIterator()
            #expect(try await output.next() == .data(.output, [1]))
        }
        await until { server.openConnections == 0 }
        try await server.stop()
    }

    @Test("input is sent as it comes, after the container's name, and the agent's answer ends it")
    func input() async throws {
        let (arrived, arrivals) = AsyncStream.makeStream(of: AttachInput.self)
        let server = try await ScriptedServer.start(streams: true) { request, reply in
            var reader = RecordReader(bytesMax: 1 << 20)
            do {
                for await chunk in reply.body {
                    for record in try reader.read(chunk) { arrivals.yield(try AttachInput(record)) }
                }
                await reply.answer(200)
            } catch {
                await reply.answer(400, "\(error)")
            }
        }
        let (input, keys) = AsyncStream.makeStream(of: ProcessIO.self)
        let (agent, container) = (try agent(server), container)
        let sending = Task { try await agent.attachInput(of: container, input) }
        var records = arrived.makeAsyncIterator()
        #expect(await records.next() == .container(container))
        for io in [ProcessIO.data(.input, Array("ls\n".utf8)), .resize(Terminal.Size(rows: 24, columns: 80))] {
            keys.yield(io)
            #expect(await records.next() == .io(io))
        }
        keys.finish()
        try await sending.valueOrEnd
        #expect(server.requests[0].headers["Message-Content-Type"] == ["application/json"])
        try await server.stop()
    }

    @Test("input for a container that is not there is refused while it is still being typed")
    func refusedInput() async throws {
        let server = try await ScriptedServer.start(streams: true) { _, reply in
            await reply.answer(404, "there is no such container", ["Connection": "close"])
        }
        let (input, keys) = AsyncStream.makeStream(of: ProcessIO.self)
        let (agent, container) = (try agent(server), container)
        let failed = await failure { () throws(Failure) in try await agent.attachInput(of: container, input) }
        #expect(failed?.code == "client.not-found")
        keys.finish()
        try await server.stop()
    }

    @Test("waiting for a container has no time limit of its own, launching says whether it was new")
    func waiting() async throws {
        let server = try await ScriptedServer.start { request, reply in
            guard request.text.contains("WAIT") else { return await reply.answer(202) }
            await pause(.milliseconds(2_500))
            let answer = AgentResponse.ended(ContainerTermination(status: 256), form: .nested)
            await reply.answer(200, String(decoding: answer.bytes(), as: UTF8.self))
        }
        let launch = ContainerLaunchRequest(container, command: CommandSpec(.shell("a")))
        #expect(try await agent(server).launch(launch) == false)
        var settings = try settings(server.port)
        settings.limits.requestTime = .milliseconds(500)
        let hasty = try ClusterClient(settings).agent(
            at: ServerAddress(host: "127.0.0.1", port: UInt16(server.port)))
        #expect(try await hasty.wait(for: container).status == 256)
        try await server.stop()
    }

    @Test("a file is followed while it grows, to its end when it is over")
    func follow() async throws {
        let file = GrowingFile()
        let server = try await ScriptedServer.start { request, reply in
            guard case .process(.readFile("/s/stdout", let offset, let length))? = try? AgentCall(request.body) else {
                return await reply.answer(400)
            }
            let (bytes, size) = file.read(offset, length ?? .max)
            let answer = AgentResponse.process(.fileContent(bytes, size: size))
            await reply.answer(200, String(decoding: answer.bytes(), as: UTF8.self))
        }
        file.append("one\n")
        var pieces = try agent(server).follow("/s/stdout", every: .milliseconds(1), until: { file.isOver })
            .makeAsyncIterator()
        #expect(try await pieces.next() == Array("one\n".utf8))
        let waiting = Task { [pieces] in
            var pieces = pieces
            return (try await pieces.next(), try await pieces.next(), try await pieces.next())
        }
        let asked = server.requests.count
        await until { server.requests.count > asked + 2 }
        file.append("two\n")
        await until { file.isRead }
        file.finish("three\n")
        let (two, three, end) = try await waiting.valueOrEnd
        #expect(two == Array("two\n".utf8) && three == Array("three\n".utf8) && end == nil)
        try await server.stop()
    }

    @Test("an executor subscribes with what is unacknowledged, and its calls carry its token")
    func executor() async throws {
        let (framework, executor) = (try FrameworkID("F"), try ExecutorID("E"))
        let records =
            ExecutorEvent.kill(try TaskID("t"), gracePeriod: .seconds(3)).record(.stacked)
            + ExecutorEvent.shutdown.record(.stacked)
        let server = try await ScriptedServer.start { request, reply in
            guard request.text.contains("SUBSCRIBE") else { return await reply.answer(202) }
            await reply.head(200, ["Content-Type": "application/json"])
            await reply.chunk(records)
            await reply.closed()
        }
        let client = try ExecutorClient(
            agent: ServerAddress(parsing: "127.0.0.1:\(server.port)"), framework: framework, executor: executor,
            token: "abc", settings: ClientSettings(masters: [], logger: quiet))
        var events = try await client.subscribe().makeAsyncIterator()
        #expect(try await events.next() == .kill(TaskID("t"), gracePeriod: .seconds(3)))
        #expect(try await events.next() == .shutdown)
        try await client.call(.message([1, 2]))
        let call = try #require(server.requests.last)
        #expect(call.headers["Authorization"] == ["Bearer abc"] && call.path == "/api/v1/executor")
        #expect(
            try ExecutorCall(call.body) == ExecutorCall(framework: framework, executor: executor, .message([1, 2])))
        try await server.stop()
    }
}
