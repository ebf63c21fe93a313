import Containers
import Diagnostics
import HTTPServing
import Synchronization
import Testing

@testable import DockerContainerizer

/// What an engine knows of the one container that is asked of it.
private final class OneContainer: Sendable {
    struct State {
        var isThere = false
        /// It is made so many listings after it was asked for.
        var listingsBefore = 0
        var isWanted = false
        /// Calls that go wrong, and how often still.
        var faults: [String: Int] = [:]
    }
    let state: Mutex<State>

    init(_ state: State) { self.state = Mutex(state) }

    private static let faulty = Response.text(.internalServerError, "broken")

    func answer(_ call: String) -> Response {
        state.withLock { state -> Response in
            let isFaulty = state.faults[call, default: 0] > 0
            if isFaulty { state.faults[call, default: 0] -= 1 }
            switch call {
            case "GET images/box/json": return ScriptedEngine.json("{\"Id\": \"sha256:x\", \"Config\": {}}")
            case "POST containers/create":
                if state.isThere { return .text(.conflict, "{\"message\": \"the name is taken\"}") }
                state.isWanted = true
                state.isThere = state.listingsBefore == 0
                return isFaulty ? ScriptedEngine.cutOff() : ScriptedEngine.json("{\"Id\": \"E\"}", isNew: true)
            case "POST containers/E/start": return isFaulty ? Self.faulty : .ok
            case "DELETE containers/E":
                if isFaulty { return Self.faulty }
                (state.isThere, state.isWanted) = (false, false)
                return .ok
            case "GET containers/json":
                let isListed = state.isThere
                state.listingsBefore -= 1
                if state.isWanted, state.listingsBefore <= 0 { state.isThere = true }
                return ScriptedEngine.json(
                    isListed ? "[{\"Id\": \"E\", \"Labels\": {\"org.bulkhead.container\": \"c1\"}}]" : "[]")
            default: return ScriptedEngine.json("{}")
            }
        }
    }
}

@Suite("What a launch that failed leaves at a Docker Engine", .timeLimit(.minutes(5)))
struct LostLaunchTests {
    /// Launches the container at an engine that begins with `state`, and waits until that has none.
    private static func launchFails(_ state: OneContainer.State) async throws -> Failure {
        let container = OneContainer(state)
        let engine = try await ScriptedEngine { call, _ in container.answer(call) }
        let docker = DockerContainerizer(
            socket: engine.socket, installation: "i", store: nil, scratch: engine.directory + "/scratch")
        var launch = ContainerLaunch(id: try ContainerID("c1"), root: .image("box"), program: .shell("true"))
        launch.limits.pids = nil
        let asked = launch
        let failure = await #expect(throws: Failure.self) { try await docker.launch(asked) }
        try await eventually("the container to be removed") {
            engine.count("DELETE containers/E") > 0 && container.state.withLock { !$0.isThere && !$0.isWanted }
        }
        #expect(try await docker.containers().isEmpty)
        try await engine.end()
        return try #require(failure)
    }

    @Test("a container is removed though the engine went away before it said that there is one")
    func unanswered() async throws {
        let failure = try await Self.launchFails(OneContainer.State(faults: ["POST containers/create": 1]))
        #expect(failure.code == "docker.connection" && failure.retry == .later)
    }

    @Test("one that the engine makes only after it was looked for is removed too")
    func late() async throws {
        let state = OneContainer.State(listingsBefore: 2, faults: ["POST containers/create": 1])
        let failure = try await Self.launchFails(state)
        #expect(failure.code == "docker.connection")
    }

    @Test("one that cannot be removed at once is removed later")
    func unremoved() async throws {
        let state = OneContainer.State(faults: ["POST containers/E/start": 1, "DELETE containers/E": 2])
        let failure = try await Self.launchFails(state)
        #expect(failure.code == "docker.refused" && failure.alsoFailed.count == 1)
    }

    @Test("one of an earlier launch is in the way for a moment only")
    func inTheWay() async throws {
        let failure = try await Self.launchFails(OneContainer.State(isThere: true))
        #expect(failure.code == "docker.name-in-use" && failure.retry == .later)
        #expect(failure.cause == "the name is taken")
    }
}
