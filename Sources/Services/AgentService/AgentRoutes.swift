import AgentCore
import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing

/// What the agent serves: the executor API, the operator API, and the old documents.
struct AgentRoutes: Sendable {
    let driver: AgentDriver

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

    /// For an executor inside its own network namespace: nothing but the executor API.
    var executorRouter: Router {
        Router(
            delegate: "slave(1)",
            routes: [
                Route(
                    "/api/v1/executor", [.POST], realm: .agentExecutor, body: .collected(bytesMax: nil),
                    handler: executor)
            ])
    }

    // MARK: - Executors

    private func executor(_ request: Request) async -> Response {
        do {
            let type = try Negotiation.contentType(request.headers)
            guard let format = WireFormat(mediaType: type.rawValue) else { return .text(.unsupportedMediaType, "") }
            let call = try ExecutorCall(request.body, format: format)
            guard case .subscribe = call.action else {
                if let refusal = await driver.snapshot().refusal(of: call) { return Self.refused(refusal) }
                guard driver.mailbox.request(.event(.executorCalled(call))) else { return Self.busy }
                return .accepted
            }
            let accepted = try Negotiation.accepted(request.headers)
            guard let answer = WireFormat(mediaType: accepted.rawValue) else { return .text(.notAcceptable, "") }
            if let refusal = await driver.snapshot().refusal(of: call) { return Self.refused(refusal) }
            return subscribe(call, answer)
        } catch let refusal as Negotiation.Refusal {
            return refusal.response
        } catch let failure as Failure {
            return .refusal(failure)
        } catch {
            return .text(.badRequest, "\(error)")
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
