import HTTPServing
import LinuxKernel
import Logging
import Synchronization
import Testing

/// A Docker Engine that answers what a test says: a call is its method and what follows the version, as in
/// `POST containers/create`.
final class ScriptedEngine: Sendable {
    typealias Script = @Sendable (_ call: String, _ request: Request) async -> Response

    /// All that were made, in their order.
    let calls = Mutex<[String]>([])
    let directory: String
    private let server = Mutex<HTTPServer?>(nil)

    init(_ script: @escaping Script) async throws {
        directory =
            (ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp")
            + "/engine-" + String(KernelRandom.number(), radix: 36)
        try Directories.makeAll(directory, mode: 0o700)
        let handler: RequestHandler = { [self] request in
            let call = "\(request.method.rawValue) \(request.rest.joined(separator: "/"))"
            calls.withLock { $0.append(call) }
            return await script(call, request)
        }
        var limits = ServerLimits()
        limits.stopTime = .milliseconds(10)
        let route = Route("/v1.41", [.GET, .POST, .DELETE], body: .collected(bytesMax: nil), handler: handler)
        let made = try await HTTPServer.start(
            on: [.unixSocket(path: socket)], router: Router(routes: [route]), limits: limits,
            logger: Logger(label: "engine", factory: { _ in SwiftLogNoOpLogHandler() }))
        server.withLock { $0 = made }
    }

    var socket: String { directory + "/engine.sock" }

    func count(_ call: String) -> Int { calls.withLock { calls in calls.filter { $0 == call }.count } }

    func end() async throws {
        await server.withLock { $0 }?.stop()
        try TreeRemoval.remove(directory)
    }

    // MARK: Answers

    static func json(_ text: String, isNew: Bool = false) -> Response {
        var response = Response.content(Array(text.utf8), type: "application/json")
        if isNew { response.status = .created }
        return response
    }

    /// None, until whoever called leaves.
    static func silence() async -> Response {
        do { try await Task.sleep(for: .seconds(86_400)) } catch { return .ok }
        return .ok
    }

    /// Its beginning, and then the end of the connection.
    static func cutOff() -> Response {
        Response(.created, body: .pieces(length: 100) { throw CancellationError() })
    }
}

/// Waits for a condition, two minutes at the most.
func eventually(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let deadline = Deadline(seconds: 120)
    while try await !isSo() {
        try #require(!deadline.hasPassed, "waited 120 s for \(what)")
        try await Task.sleep(for: .milliseconds(10))
    }
}
