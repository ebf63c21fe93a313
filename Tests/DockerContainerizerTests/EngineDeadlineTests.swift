import Containerizing
import Diagnostics
import OCIFormat
import Testing

@testable import DockerContainerizer

@Suite("A Docker Engine that hangs", .timeLimit(.minutes(5)))
struct EngineDeadlineTests {
    @Test("a call that it does not answer fails in words, and may be made again")
    func unanswered() async throws {
        let scripted = try await ScriptedEngine { _, _ in await ScriptedEngine.silence() }
        let engine = Engine(path: scripted.socket, secondsMax: 0.2)
        let failure = await #expect(throws: Failure.self) {
            try await engine.call("GET", "/info", doing: "ask the Docker Engine what it can do")
        }
        #expect(failure?.code == "docker.no-answer" && failure?.retry == .later)
        let said = failure?.description ?? ""
        #expect(said.hasPrefix("cannot ask the Docker Engine what it can do: "))
        #expect(said.contains("the Docker Engine at \(scripted.socket) did not answer within 1 s"))
        try await scripted.end()
    }

    @Test("a stream that does not begin is as a call that is not answered")
    func unopened() async throws {
        let scripted = try await ScriptedEngine { _, _ in await ScriptedEngine.silence() }
        let engine = Engine(path: scripted.socket, secondsMax: 0.2)
        let failure = await #expect(throws: Failure.self) {
            try await engine.open("POST", "/containers/E/attach", upgrading: true, doing: "attach to the container")
        }
        #expect(failure?.code == "docker.no-answer")
        try await scripted.end()
    }

    @Test("what ends with the container may take as long as that")
    func endless() async throws {
        let hasEnded = Promise<Bool>()
        let scripted = try await ScriptedEngine { call, _ in
            guard call.hasSuffix("/wait") else { return await ScriptedEngine.silence() }
            _ = await hasEnded.wait()
            return ScriptedEngine.json("{}")
        }
        let engine = Engine(path: scripted.socket, secondsMax: 0.2)
        let waiting = Task {
            try await engine.call("POST", "/containers/E/wait", within: .endless, doing: "wait for it").status
        }
        try await eventually("the engine to be asked") { scripted.count("POST containers/E/wait") == 1 }
        // As long as any deadline.
        await #expect(throws: Failure.self) { try await engine.call("GET", "/info", doing: "ask") }
        hasEnded.keep(true)
        #expect(try await waiting.value == 200)
        try await scripted.end()
    }

    @Test("a call that nobody wants any more is no fault of the engine")
    func givenUp() async throws {
        let scripted = try await ScriptedEngine { _, _ in await ScriptedEngine.silence() }
        let engine = Engine(path: scripted.socket)
        let asking = Task { () -> Failure? in
            do throws(Failure) {
                _ = try await engine.call("GET", "/info", doing: "ask")
                return nil
            } catch { return error }
        }
        try await eventually("the engine to be asked") { scripted.count("GET info") == 1 }
        asking.cancel()
        #expect(await asking.value?.code == "docker.connection")
        try await scripted.end()
    }

    @Test("an answer that is shorter than it said is none")
    func short() async throws {
        let scripted = try await ScriptedEngine { _, _ in ScriptedEngine.cutOff() }
        let failure = await #expect(throws: Failure.self) {
            try await Engine(path: scripted.socket).call("POST", "/containers/create", doing: "create the container")
        }
        #expect(failure?.code == "docker.connection")
        try await scripted.end()
    }
}
