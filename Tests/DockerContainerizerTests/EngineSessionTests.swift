import Containerizing
import Containers
import HTTPServing
import Synchronization
import Testing

@testable import DockerContainerizer

/// A container that runs until it is told to end, adopted from a scripted engine.
private final class AdoptedContainer: Sendable {
    let engine: ScriptedEngine
    let docker: DockerContainerizer
    let id: ContainerID
    private let talk: Talk

    /// The engine's side of its connections.
    private final class Talk: Sendable {
        let output = Mutex<[EventStream]>([])
        /// Connections for input that were asked for, and those of them that the agent has closed.
        let inputs = Mutex(0)
        let inputsClosed = Mutex(0)
        let mayTakeInput = Promise<Bool>()
        let end = Promise<Bool>()

        func answer(_ call: String, _ request: Request) async -> Response {
            switch call {
            case "GET containers/json":
                return ScriptedEngine.json("[{\"Id\": \"E\", \"Labels\": {\"org.bulkhead.container\": \"c1\"}}]")
            case "GET containers/E/json":
                return ScriptedEngine.json("{\"State\": {\"Status\": \"running\", \"Pid\": 1, \"ExitCode\": 0}}")
            case "POST containers/E/wait":
                _ = await end.wait()
                return ScriptedEngine.json("{}")
            case "POST containers/E/attach" where request.target["stdin"] == "1":
                inputs.withLock { $0 += 1 }
                _ = await mayTakeInput.wait()
                let stream = EventStream(EventStreamRules()) { [self] _ in inputsClosed.withLock { $0 += 1 } }
                return .events(stream, headers: [:])
            case "POST containers/E/attach":
                let stream = EventStream(EventStreamRules())
                output.withLock { $0.append(stream) }
                return .events(stream, headers: [:])
            default: return ScriptedEngine.json("{}")
            }
        }
    }

    init() async throws {
        let talk = Talk()
        let engine = try await ScriptedEngine { call, request in await talk.answer(call, request) }
        let docker = DockerContainerizer(
            socket: engine.socket, installation: "i", store: nil, scratch: engine.directory + "/scratch")
        let id = try ContainerID("c1")
        (self.talk, self.engine, self.docker, self.id) = (talk, engine, docker, id)
        var launch = ContainerLaunch(id: id, root: .image("box"), program: .shell("cat"))
        launch.interactive = true
        // With a terminal the connection has no frames.
        launch.terminal = TerminalRequest()
        #expect(try await docker.recover([launch]).adopted == [id])
    }

    func session() async throws -> any ContainerSession { try #require(try await docker.attach(id)) }

    func say(_ text: String) { for stream in talk.output.withLock({ $0 }) { stream.send(Array(text.utf8)) } }
    func takeInput() { talk.mayTakeInput.keep(true) }
    var inputs: Int { talk.inputs.withLock { $0 } }
    var inputsClosed: Int { talk.inputsClosed.withLock { $0 } }

    func end() async throws {
        talk.mayTakeInput.keep(true)
        talk.end.keep(true)
        #expect(try await docker.wait(id)?.code == 0)
        try await engine.end()
    }
}

@Suite("Sessions with a Docker Engine's container", .timeLimit(.minutes(5)))
struct EngineSessionTests {
    @Test("closing a session ends the waiting of whoever reads from it, and its connection")
    func closing() async throws {
        let container = try await AdoptedContainer()
        let session = try await container.session()
        let (pieces, heard) = AsyncStream.makeStream(of: SessionOutput.self)
        let reading = Task {
            while let piece = try await session.read() { heard.yield(piece) }
        }
        container.say("hello")
        // It reads, and there is nothing more to come.
        for await _ in pieces { break }
        await session.close()
        try await reading.value
        #expect(try await session.read() == nil)
        await session.close()
        #expect(try await container.docker.status(container.id)?.state == .running)
        try await container.end()
    }

    @Test("a client that leaves while its input is being connected does not end that of those who come after")
    func leaving() async throws {
        let container = try await AdoptedContainer()
        let (first, second) = (try await container.session(), try await container.session())
        let writing = Task { try await first.write(Array("lost\n".utf8)) }
        try await eventually("the engine to be asked for the input") { container.inputs == 1 }
        writing.cancel()
        container.takeInput()
        _ = try await writing.value
        await first.close()
        #expect(try await second.write(Array("kept\n".utf8)))
        #expect(container.inputs == 1 && container.inputsClosed == 0)
        try await container.end()
    }

    @Test("those who write at once share one connection")
    func together() async throws {
        let container = try await AdoptedContainer()
        let session = try await container.session()
        let writing = (0..<5).map { number in Task { try await session.write(Array("\(number)\n".utf8)) } }
        try await eventually("the engine to be asked for the input") { container.inputs > 0 }
        container.takeInput()
        for task in writing { #expect(try await task.value) }
        #expect(container.inputs == 1 && container.inputsClosed == 0)
        try await container.end()
    }
}
