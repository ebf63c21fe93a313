import Authorization
import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing
import MasterCore
import NIOHTTP1

/// Everything a master serves. Paths, methods and who may call are here; what is decided is the core's.
struct MasterRoutes: Sendable {
    let standing: Standing
    let settings: MasterSettings
    let authorizer: any Authorizer
    let reads: ReadPool
    let metrics = Metrics()
    var limits: MasterServiceLimits { settings.limits }

    func router() -> Router {
        addMetrics()
        var router = Router(delegate: "master", routes: calls + processRoutes + machineRoutes + legacyRoutes)
        let table = router.table
        router.add(
            Route("/help", isExact: true) { _ in
                .text(.ok, table.map { "\($0.methods.map(\.rawValue).joined(separator: " ")) \($0.path)\n" }.joined())
            })
        return router
    }

    /// A route that only a master that leads answers; others say who does before they look at anything else.
    func leading(
        _ path: String, _ methods: [HTTPMethod], _ realm: Realm, body: Route.BodyRule = .ignored,
        _ answer: @escaping @Sendable (Request, MasterDriver) async throws(Negotiation.Refusal) -> Response
    ) -> Route {
        let standing = standing
        return Route(path, methods, realm: realm, body: body, gate: { standing.refusal(of: $0) }) { request in
            guard let driver = standing.driver else {
                return standing.refusal(of: request.target) ?? MasterRoutes.ended
            }
            do throws(Negotiation.Refusal) {
                return try await answer(request, driver)
            } catch {
                return error.response
            }
        }
    }

    static let ended = Response.text(.serviceUnavailable, "this master does not lead any more")

    /// Who calls, by name; nil when nobody asked. A principal without a name is nobody that rules could be about.
    func name(of request: Request) throws(Negotiation.Refusal) -> String? {
        guard let principal = request.principal else { return nil }
        guard let name = principal.value else {
            throw Negotiation.Refusal(
                .text(.forbidden, "The authenticated principal has claims but no name; this master needs a name"))
        }
        return name
    }

    /// - Throws: 403.
    func demand(_ action: Action, by name: String?) throws(Negotiation.Refusal) {
        guard authorizer.decide(Subject(principal: name), to: action, on: nil).isAllowed else {
            throw Negotiation.Refusal(
                .text(.forbidden, "Not authorized: '\(name ?? "anonymous")' may not \(action.rawValue)"))
        }
    }

    // MARK: - The APIs

    private var calls: [Route] {
        let body = Route.BodyRule.collected(bytesMax: limits.callBytesMax)
        let agentBody = Route.BodyRule.collected(bytesMax: limits.agentBodyBytesMax)
        return [
            leading("/api/v1/scheduler", [.POST], .masterScheduler, body: body, scheduler),
            leading("/api/v1", [.POST], .masterReadWrite, body: body, operators),
            leading(AgentLink.path, [.POST], .masterAgent, body: agentBody, agent),
        ]
    }

    private func format(of request: Request) throws(Negotiation.Refusal) -> WireFormat {
        format(try Negotiation.contentType(request.headers))
    }

    private static func refusal(_ failure: Failure) -> Response {
        failure.code == "api.call-unknown" ? .text(.notImplemented, failure.description) : .refusal(failure)
    }

    private func format(_ type: MediaType) -> WireFormat { type == .protobuf ? .protobuf : .json }

    private func scheduler(
        _ request: Request, _ driver: MasterDriver
    ) async throws(Negotiation.Refusal) -> Response {
        let format = try format(of: request)
        let value: WireValue
        do throws(Failure) {
            value = try WireCodec.decode(request.body, as: SchedulerCall.messageName, format)
        } catch {
            throw Negotiation.Refusal(MasterRoutes.refusal(error))
        }
        let call: SchedulerCall
        do throws(Failure) {
            call = try SchedulerCall(value)
        } catch {
            throw Negotiation.Refusal(try unfitSubscription(request, error) ?? MasterRoutes.refusal(error))
        }
        let name = try name(of: request)
        var accepted = WireFormat.json
        switch call.action {
        case .subscribe, .reconcileOperations: accepted = self.format(try Negotiation.accepted(request.headers))
        default: break
        }
        let stream = request.headers.first(name: "Mesos-Stream-Id").map { driver.desk.stream(named: $0) }
        let reply = await driver.call(.scheduler(accepted)) { id in
            .scheduler(id, stream: stream, principal: name, call)
        }
        return response(reply, accepted)
    }

    /// What a framework says of itself and cannot be is told where other reasons against a subscription are: on the
    /// stream, which then ends. A member of a wrong type, or an id that differs from the call's, opens none.
    private func unfitSubscription(_ request: Request, _ failure: Failure) throws(Negotiation.Refusal) -> Response? {
        guard failure.field?.begins(with: "subscribe.") == true, failure.code != "api.member-type",
            !request.headers.contains(name: "Mesos-Stream-Id")
        else { return nil }
        let accepted = self.format(try Negotiation.accepted(request.headers))
        let stream = EventStream(EventStreamRules())
        stream.send(SchedulerEvent.error(failure.description).record(for: [], accepted))
        stream.finish()
        return .events(
            stream, headers: ["Content-Type": accepted.mediaType, "Mesos-Stream-Id": Desk.randomText()])
    }

    private func operators(
        _ request: Request, _ driver: MasterDriver
    ) async throws(Negotiation.Refusal) -> Response {
        let format = try format(of: request)
        let call: OperatorCall
        do throws(Failure) {
            call = try OperatorCall(request.body, format: format)
        } catch {
            throw Negotiation.Refusal(MasterRoutes.refusal(error))
        }
        let accepted = self.format(try Negotiation.accepted(request.headers))
        let name = try name(of: request)
        switch call {
        case .process(let call): return try await process(call, accepted, by: name)
        case .query(let query):
            // Worked out on a copy, away from the core's mailbox.
            let core = await driver.snapshot()
            return await reads.response(type: accepted.mediaType) {
                // What is answered as a whole is one piece.
                .pieces(core.response(to: query, by: name).pieces(accepted, bytes: limits.wholeAnswerBytesMax))
            }
        case .change, .subscribe:
            let reply = await driver.call(.observer(accepted)) { .operator($0, principal: name, call) }
            return response(reply, accepted)
        }
    }

    func response(_ reply: CallReply, _ format: WireFormat) -> Response {
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

    // MARK: - Agents

    /// A link's first request opens it; each later one carries what the agent says next.
    private func agent(_ request: Request, _ driver: MasterDriver) async throws(Negotiation.Refusal) -> Response {
        _ = try Negotiation.contentType(request.headers, among: [.recordio])
        guard try Negotiation.messageContentType(request.headers) == .json else {
            throw Negotiation.Refusal(.text(.unsupportedMediaType, "The link's messages are JSON"))
        }
        let name = try name(of: request)
        let messages = try agentMessages(request.body)
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
        return open(request.principal, driver) { driver.deliver(messages, on: $0, by: name) }
    }

    private func agentMessages(_ body: [UInt8]) throws(Negotiation.Refusal) -> [AgentMessage] {
        do throws(Failure) {
            var reader = RecordReader(bytesMax: limits.agentBodyBytesMax)
            var messages: [AgentMessage] = []
            for record in try reader.read(body) { messages.append(try AgentMessage(record)) }
            try reader.finish()
            return messages
        } catch {
            throw Negotiation.Refusal(.refusal(error))
        }
    }

    private func open(
        _ principal: Principal?, _ driver: MasterDriver, _ register: (LinkID) -> Bool
    ) -> Response {
        var rules = EventStreamRules()
        rules.bytesMax = limits.agentQueueBytesMax
        rules.recordsMax = limits.agentQueueRecordsMax
        rules.headWaits = limits.headWaits
        let opened = driver.desk.openLink(principal) { id in EventStream(rules) { _ in driver.linkClosed(id) } }
        guard let (link, text) = opened else { return MasterRoutes.ended }
        guard register(link.id) else {
            driver.desk.close(link.id)
            return .text(.serviceUnavailable, "the master has too much to do; try again later")
        }
        return .events(
            link.stream,
            headers: [
                "Content-Type": MediaType.recordio.rawValue, "Message-Content-Type": MediaType.json.rawValue,
                AgentLink.header: text,
            ])
    }
}
