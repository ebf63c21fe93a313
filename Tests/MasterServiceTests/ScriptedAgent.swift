import ClusterAPI
import ClusterModel
import Determinism
import RawHTTP
import Testing

/// An agent that says what a test tells it to, over real HTTP.
final class ScriptedAgent: Sendable {
    let port: Int
    let events: RawConnection
    let head: RawResponse
    let id: AgentID
    private let link: String

    static let streaming = "Content-Type: application/recordio\r\nMessage-Content-Type: application/json\r\n"

    static func registration(
        _ hostname: String = "host", id: AgentID? = nil, tasks: [TaskReport] = [], frameworks: [FrameworkInfo] = []
    ) throws -> AgentRegistration {
        let resources = try Resource.parse("cpus:4;mem:1024;ports:[31000-32000]")
        return AgentRegistration(
            id: id, address: NetworkAddress(hostname: hostname, address: "127.0.0.1", port: 5051), resources: resources,
            totals: resources, version: "1.12.0", bootID: "boot-1", frameworks: frameworks, tasks: tasks)
    }

    init(_ master: ServedMaster, _ registration: AgentRegistration? = nil, _ headers: String = "") async throws {
        port = master.port
        events = try await RawConnection.open(port)
        let record = AgentMessage.register(try registration ?? ScriptedAgent.registration()).record
        try await events.send(
            "POST /api/v1/agent HTTP/1.1\r\nHost: x\r\n\(ScriptedAgent.streaming)\(headers)"
                + "Content-Length: \(record.count)\r\n\r\n")
        try await events.send(record)
        head = try await events.head()
        try #require(head.status == 200, "\(head)")
        link = try #require(head[AgentLink.header])
        let first = try #require(try await ScriptedAgent.message(events))
        guard case .registered(let id, _, _) = first else { throw Unexpected(message: "\(first)") }
        self.id = id
    }

    struct Unexpected: Error { let message: String }

    private static func message(_ events: RawConnection) async throws -> MasterMessage? {
        guard let text = try await events.record() else { return nil }
        return try MasterMessage(Array(text.utf8))
    }

    /// The next message that is no ping, which is answered; nil at the link's end.
    func next() async throws -> MasterMessage? {
        while let message = try await ScriptedAgent.message(events) {
            guard message == .ping else { return message }
            #expect(try await say(.pong) == 202)
        }
        return nil
    }

    /// The status of the answer.
    @discardableResult
    func say(_ messages: AgentMessage...) async throws -> Int {
        let body = messages.flatMap(\.record)
        return try await RawConnection.post(
            port, AgentLink.path, ScriptedAgent.streaming + "\(AgentLink.header): \(link)\r\n",
            body: String(decoding: body, as: UTF8.self)
        ).status
    }

    /// Reports `state` of a task it was told to run.
    func report(
        _ state: TaskState, of task: TaskSpec, _ framework: FrameworkID, number: UInt64
    ) async throws {
        let update = StatusUpdate(
            framework: framework, task: task.id, state: state, source: .executor, message: "as told", agent: id,
            at: .epoch + .seconds(1_700_000_000), id: UpdateID(high: 7, low: number))
        #expect(try await say(.status(update, latest: state)) == 202)
    }

    /// What it is told to run next.
    func run() async throws -> (TaskSpec, FrameworkInfo) {
        while let message = try await next() {
            if case .runTask(let task, let framework, _) = message { return (task, framework) }
        }
        throw Unexpected(message: "the link ended")
    }

    func close() { events.close() }
}
