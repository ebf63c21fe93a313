import Containers
import HTTPServing
import LinuxKernel
import Logging
import Synchronization
import Testing

@testable import DockerContainerizer

/// The engine's side of the conversation about output, as an engine of 20.10 has it: messages in their order, of which
/// the oldest are dropped beyond a bound.
private final class RecordedEngine: Sendable {
    struct Message: Sendable {
        var stream: UInt8
        var moment: String
        var text: String
    }

    let kept = Mutex<[Message]>([])
    /// The queries of all calls for output.
    let asked = Mutex<[String]>([])
    let directory: String
    private let server = Mutex<HTTPServer?>(nil)

    init() async throws {
        directory = try Self.makeDirectory()
        let answer: @Sendable (Request) -> Response = { [self] in self.answer($0) }
        let made = try await HTTPServer.start(
            on: [.unixSocket(path: socket)],
            router: Router(routes: [Route("/v1.41/containers/E/logs", handler: answer)]),
            logger: Logger(label: "engine", factory: { _ in SwiftLogNoOpLogHandler() }))
        server.withLock { $0 = made }
    }

    var socket: String { directory + "/engine.sock" }

    private static func makeDirectory() throws -> String {
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        let directory = "\(base)/engine-" + String(KernelRandom.number(), radix: 36)
        try Directories.makeAll(directory, mode: 0o700)
        return directory
    }

    private func answer(_ request: Request) -> Response {
        asked.withLock { $0.append(request.target.text) }
        let since = request.target["since"]
        let messages = kept.withLock { $0 }.filter { message in
            guard let since else { return true }
            var position = OutputPosition()
            position.moment = message.moment
            return position.since.map { $0 >= since } ?? false
        }
        let frames = messages.map { EngineMessagesTests.frame($0.stream, $0.text, at: $0.moment) }
        return .content(frames.flatMap { $0 }, type: "application/vnd.docker.raw-stream")
    }

    func say(_ stream: UInt8, _ text: String, at number: Int) {
        kept.withLock {
            $0.append(Message(stream: stream, moment: "2026-11-21T13:40:00.00000000\(number)Z", text: text))
        }
    }

    func file(_ name: String) throws -> String { try TextFile.read("\(directory)/\(name)") }

    /// Copies as an agent does that has just been started, until the engine has nothing more.
    func copy() async throws {
        var launch = ContainerLaunch(id: try ContainerID("c1"), root: .image("box"), program: .shell("true"))
        launch.output = OutputFile(path: directory + "/stdout", bytesMax: nil)
        launch.error = OutputFile(path: directory + "/stderr", bytesMax: nil)
        await OutputWriter(
            DockerContainerizer.Detail(engineID: "E", launch: launch), Engine(path: socket),
            OutputPositions(directory: directory + "/positions")
        ).run()
    }

    func end() async throws {
        await server.withLock { $0 }?.stop()
        try TreeRemoval.remove(directory)
    }
}

@Suite("Copying output from a Docker Engine", .timeLimit(.minutes(5)))
struct OutputWriterTests {
    @Test("an agent that comes back goes on where it was, and asks for no more than that")
    func resumes() async throws {
        let engine = try await RecordedEngine()
        engine.say(1, "one\n", at: 1)
        engine.say(2, "oops\n", at: 2)
        try await engine.copy()
        #expect(try engine.file("stdout") == "one\n")
        #expect(try engine.file("stderr") == "oops\n")
        engine.say(1, "two\n", at: 3)
        engine.say(2, "again\n", at: 4)
        // What it had copied first has been dropped: nothing is missing.
        engine.kept.withLock { _ = $0.removeFirst() }
        try await engine.copy()
        try await engine.copy()
        #expect(try engine.file("stdout") == "one\ntwo\n")
        #expect(try engine.file("stderr") == "oops\nagain\n")
        let asked = engine.asked.withLock { $0 }
        #expect(asked.count == 3 && asked.allSatisfy { $0.contains("timestamps=1") && $0.contains("follow=1") })
        #expect(asked[0].contains("since") == false)
        #expect(asked[1].hasSuffix("&since=1795268400.000000002"))
        #expect(asked[2].hasSuffix("&since=1795268400.000000004"))
        try await engine.end()
    }

    @Test("what the engine dropped while the agent was away is told in the file")
    func gap() async throws {
        let engine = try await RecordedEngine()
        engine.say(1, "one\n", at: 1)
        try await engine.copy()
        engine.say(1, "lost\n", at: 2)
        engine.say(1, "three\n", at: 3)
        engine.kept.withLock { $0.removeFirst(2) }
        try await engine.copy()
        try await engine.copy()
        #expect(try engine.file("stdout") == "one\n\(String(decoding: OutputWriter.gap, as: UTF8.self))three\n")
        try await engine.end()
    }

    @Test("files of an agent that kept no positions are gone on with by their length")
    func older() async throws {
        let engine = try await RecordedEngine()
        engine.say(1, "one\n", at: 1)
        engine.say(1, "two\n", at: 2)
        try OwnedDescriptor.open(
            RawPath(engine.directory + "/stdout"), [.writeOnly, .create, .exclusive], mode: 0o644
        ).write("one\nt")
        try await engine.copy()
        #expect(try engine.file("stdout") == "one\ntwo\n")
        try await engine.end()
    }

    @Test("what is known of a container's output is forgotten with it, once or twice")
    func forgotten() async throws {
        let engine = try await RecordedEngine()
        engine.say(1, "one\n", at: 1)
        try await engine.copy()
        let positions = OutputPositions(directory: engine.directory + "/positions")
        let id = try ContainerID("c1")
        #expect(try positions.open(id).output.size == 4)
        try positions.forget(id)
        try positions.forget(id)
        #expect(try positions.open(id).output == OutputPosition())
        try await engine.end()
    }
}
