import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing
import MasterCore
import NIOHTTP1

/// The master's three APIs over HTTP.
struct MasterRoutes: Sendable {
    let driver: MasterDriver
    let limits: MasterServiceLimits

    var all: [Route] {
        [
            Route(
                "/api/v1/scheduler", [.POST], realm: .masterScheduler, body: .collected(bytesMax: limits.callBytesMax)
            ) { await self.answering($0, self.scheduler) },
            Route("/api/v1", [.POST], realm: .masterReadWrite, body: .collected(bytesMax: limits.callBytesMax)) {
                await self.answering($0, self.operators)
            },
            Route(
                AgentLink.path, [.POST], realm: .masterAgent, body: .collected(bytesMax: limits.agentBodyBytesMax)
            ) { self.agent($0) },
        ]
    }

    func metrics() -> Metrics {
        let metrics = Metrics()
        let driver = driver
        metrics.add("master/event_queue_http_requests") { Double(driver.figures.waiting) }
        metrics.add("master/event_streams") { Double(driver.figures.streams) }
        metrics.add("master/agent_links") { Double(driver.figures.links) }
        metrics.add("master/requests_refused") { Double(driver.figures.refused) }
        metrics.add { await driver.coreFigures() }
        return metrics
    }

    private func answering(
        _ request: Request, _ answer: (Request) async throws(Negotiation.Refusal) -> Response
    ) async -> Response {
        do throws(Negotiation.Refusal) {
            return try await answer(request)
        } catch {
            return error.response
        }
    }

    private func reading<Call>(
        _ request: Request, _ read: ([UInt8], WireFormat) throws(Failure) -> Call
    ) throws(Negotiation.Refusal) -> Call {
        let format = format(try Negotiation.contentType(request.headers))
        do throws(Failure) {
            return try read(request.body, format)
        } catch {
            throw Negotiation.Refusal(
                error.code == "api.call-unknown"
                    ? .text(.notImplemented, error.description) : .refusal(error))
        }
    }

    private func format(_ type: MediaType) -> WireFormat { type == .protobuf ? .protobuf : .json }

    private func scheduler(_ request: Request) async throws(Negotiation.Refusal) -> Response {
        let call = try reading(request) { body, format throws(Failure) in try SchedulerCall(body, format: format) }
        if let principal = request.principal, principal.value == nil {
            return .text(.forbidden, "The authenticated principal has no name")
        }
        var accepted = WireFormat.json
        switch call.action {
        case .subscribe, .reconcileOperations: accepted = format(try Negotiation.accepted(request.headers))
        default: break
        }
        let stream = request.headers.first(name: "Mesos-Stream-Id").map { driver.desk.stream(named: $0) }
        let reply = await driver.call(.scheduler(accepted)) { id in
            .scheduler(id, stream: stream, principal: request.principal?.value, call)
        }
        return response(reply, accepted)
    }

    private func operators(_ request: Request) async throws(Negotiation.Refusal) -> Response {
        let call = try reading(request) { body, format throws(Failure) in try OperatorCall(body, format: format) }
        let accepted = format(try Negotiation.accepted(request.headers))
        if case .query(let query) = call {
            // Worked out on a copy, away from the core's mailbox.
            let core = await driver.snapshot()
            let response = core.response(to: query, by: request.principal?.value)
            return .content(response.bytes(accepted), type: accepted.mediaType)
        }
        let reply = await driver.call(.observer(accepted)) { id in
            .operator(id, principal: request.principal?.value, call)
        }
        return response(reply, accepted)
    }

    private func response(_ reply: CallReply, _ format: WireFormat) -> Response {
        switch reply {
        case .refused(let why): return .text(.serviceUnavailable, why)
        case .stream(let stream, let id):
            return .events(stream, headers: ["Content-Type": format.mediaType, "Mesos-Stream-Id": id])
        case .answer(let answer):
            let status = HTTPResponseStatus(statusCode: answer.status)
            switch answer.content {
            case .none: return Response(status)
            case .text(let text): return .text(status, text)
            case .response(let response): return .content(response.bytes(format), type: format.mediaType)
            }
        }
    }

    /// A link's first request opens it; each later one carries what the agent says next.
    private func agent(_ request: Request) -> Response {
        let messages: [AgentMessage]
        do throws(Failure) {
            var reader = RecordReader(bytesMax: limits.agentBodyBytesMax)
            var read: [AgentMessage] = []
            for record in try reader.read(request.body) { read.append(try AgentMessage(record)) }
            try reader.finish()
            messages = read
        } catch {
            return .refusal(error)
        }
        let name = request.principal?.value
        if let text = request.headers.first(name: AgentLink.header) {
            guard let link = driver.desk.link(named: text), link.principal == request.principal else {
                return .text(.notFound, "there is no such link; register again")
            }
            guard driver.deliver(messages, on: link.id, by: name) else {
                return .text(.serviceUnavailable, "the master has too much to do; send it again")
            }
            return .accepted
        }
        guard case .register? = messages.first else {
            return .text(.badRequest, "A link begins with a registration")
        }
        var rules = EventStreamRules()
        rules.bytesMax = limits.agentQueueBytesMax
        rules.recordsMax = limits.agentQueueRecordsMax
        let driver = driver
        let opened = driver.desk.openLink(request.principal) { id in
            EventStream(rules) { _ in driver.linkClosed(id) }
        }
        guard let (link, text) = opened else { return .text(.serviceUnavailable, "this master does not lead any more") }
        guard driver.deliver(messages, on: link.id, by: name) else {
            driver.desk.close(link.id)
            return .text(.serviceUnavailable, "the master has too much to do; try again later")
        }
        return .events(link.stream, headers: ["Content-Type": "application/json", AgentLink.header: text])
    }
}
