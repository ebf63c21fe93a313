import AgentCore
import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing

/// Whose network namespace a server listens in: who calls there is known by that.
struct ExecutorDoor: Sendable {
    var executor: ExecutorKey
    var container: ContainerPath
}

/// What the agent serves: the executor API, the operator API, and the old documents.
struct AgentRoutes: Sendable {
    let driver: AgentDriver
    /// Nil: everybody's, on the agent's own port.
    var door: ExecutorDoor?

    /// For everybody on the agent's own port.
    var router: Router {
        Router(
            delegate: "slave(1)",
            routes: [
                Route(
                    "/api/v1/executor", [.POST], realm: .agentExecutor, body: .collected(bytesMax: nil),
                    handler: executor),
                Route(
                    "/api/v1", [.POST], realm: .agentReadWrite, body: .recordsOrCollected(bytesMax: nil),
                    handler: operate),
            ] + documentRoutes)
    }

    /// For an executor inside its own network namespace: the executor API, and what it may do to containers in its own.
    /// Nobody asks for credentials: nothing but that container can reach the socket.
    var doorRouter: Router {
        Router(
            delegate: "slave(1)",
            routes: [
                Route("/api/v1/executor", [.POST], body: .collected(bytesMax: nil), handler: executor),
                Route("/api/v1", [.POST], body: .recordsOrCollected(bytesMax: nil), handler: operate),
                Route("/health") { _ in .ok },
            ])
    }

    // MARK: - Executors

    private func executor(_ request: Request) async -> Response {
        do throws(Negotiation.Refusal) {
            let type = try Negotiation.contentType(request.headers)
            guard let format = WireFormat(mediaType: type.rawValue) else { return .text(.unsupportedMediaType, "") }
            let call: ExecutorCall
            do throws(Failure) { call = try ExecutorCall(request.body, format: format) } catch {
                return error.code == "api.call-unknown"
                    ? .text(.notImplemented, error.description) : .refusal(error)
            }
            // The protocol's own library of executors sends them with ids that are nobody's.
            if case .heartbeat = call.action { return .accepted }
            let agent = await driver.snapshot()
            let refusal = agent.refusal(of: call)
            // It knows of nobody yet, and an executor that is told so gives up.
            if let refusal, !agent.isReady { return Self.refused(refusal) }
            if let door, door.executor != ExecutorKey(call.framework, call.executor) {
                return .text(.forbidden, "this container is that of executor \(door.executor)")
            }
            if let principal = request.principal {
                let own = ExecutorTokens.door(of: principal, in: agent)
                guard own?.executor == ExecutorKey(call.framework, call.executor) else {
                    return .text(.forbidden, "the token is not that of executor \(call.executor) and its container")
                }
            }
            guard case .subscribe = call.action else {
                if let refusal { return Self.refused(refusal) }
                guard driver.mailbox.request(.event(.executorCalled(call))) else { return Self.busy }
                return .accepted
            }
            let accepted = try Negotiation.accepted(request.headers)
            guard let answer = WireFormat(mediaType: accepted.rawValue) else { return .text(.notAcceptable, "") }
            if let refusal { return Self.refused(refusal) }
            return subscribe(call, answer)
        } catch {
            return error.response
        }
    }

    private func subscribe(_ call: ExecutorCall, _ format: WireFormat) -> Response {
        var rules = EventStreamRules()
        rules.heartbeatInterval = driver.parts.limits.executorHeartbeat
        rules.heartbeat = ExecutorEvent.heartbeat.record(.flat, format)
        let mailbox = driver.mailbox
        let (id, stream) = driver.desk.open(format, rules: rules) { mailbox.tell(.event(.executorStreamClosed($0))) }
        guard mailbox.request(.event(.executorSubscribed(id, call))) else {
            driver.desk.close(id)
            return Self.busy
        }
        return .events(stream, headers: ["Content-Type": format.rawValue])
    }

    private static func refused(_ failure: Failure) -> Response {
        switch failure.code {
        case "agent.not-ready": .text(.serviceUnavailable, failure.description)
        case "executor.not-subscribed": .text(.forbidden, failure.description)
        default: .text(.badRequest, failure.description)
        }
    }

    static let busy = Response.text(.serviceUnavailable, "the agent has too much to do; try again later")
}
