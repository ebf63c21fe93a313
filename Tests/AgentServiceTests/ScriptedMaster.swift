import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing
import Logging
import NIOHTTP1
import Synchronization

/// A master that says what a test tells it to, over real HTTP.
final class ScriptedMaster: Sendable {
    /// Everything agents said, in order.
    let said: AsyncStream<AgentMessage>
    let server: HTTPServer
    private let desk: Desk

    private final class Desk: Sendable {
        let saying: AsyncStream<AgentMessage>.Continuation
        let streams = Mutex<[EventStream]>([])
        init(_ saying: AsyncStream<AgentMessage>.Continuation) { self.saying = saying }

        func serve(_ request: Request) async throws -> Response {
            guard let body = request.stream else { return .text(.badRequest, "no body") }
            for try await record in RecordSequence(body, bytesMax: 1 << 20) {
                let message = try AgentMessage(record)
                guard case .register = message else {
                    saying.yield(message)
                    continue
                }
                let stream = EventStream(EventStreamRules())
                streams.withLock { $0.append(stream) }
                saying.yield(message)
                return .events(stream, headers: [AgentLink.header: "link-1"])
            }
            guard request.headers.first(name: AgentLink.header) == "link-1" else {
                return .text(.badRequest, "unknown link")
            }
            return .accepted
        }
    }

    init() async throws {
        let (said, saying) = AsyncStream.makeStream(of: AgentMessage.self)
        self.said = said
        let desk = Desk(saying)
        self.desk = desk
        let route = Route(AgentLink.path, [.POST], body: .streamed) { request in
            do { return try await desk.serve(request) } catch { return .text(.badRequest, "\(error)") }
        }
        server = try await HTTPServer.start(
            on: [.network(host: "127.0.0.1", port: 0)], router: Router(routes: [route]),
            logger: Logger(label: "scripted-master"))
    }

    var address: String { get throws { "http://127.0.0.1:\(server.port ?? 0)" } }

    /// Over the latest link.
    func say(_ message: MasterMessage) { desk.streams.withLock { _ = $0.last?.send(message.record) } }

    func cutLink() { desk.streams.withLock { $0.last?.finish() } }
}
