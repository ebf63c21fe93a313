import AgentCore
import Authorization
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import HTTPServing

/// What clients and consoles read with GET.
extension AgentRoutes {
    var documentRoutes: [Route] {
        let (driver, settings) = (driver, driver.parts.settings)
        let version = VersionInfo(version: settings.version)
        var routes = [
            Route("/", isExact: true) { _ in .text(.ok, "bulkhead agent \(settings.version)\n") },
            Route("/health") { _ in
                await driver.snapshot().isReady ? .ok : .text(.serviceUnavailable, "the agent is recovering")
            },
            Route("/version") { Self.document(MasterDocuments.version(version), for: $0) },
            demanding(.viewFlags, "/flags") { Self.document(MasterDocuments.flags(settings.flags), for: $0) },
            Route("/logging/toggle", [.GET, .POST], realm: .agentReadWrite) { await self.toggleLogging($0) },
        ]
        for name in ["/state", "/state.json"] { routes.append(reading(name, state)) }
        for name in ["/monitor/statistics", "/monitor/statistics.json"] { routes.append(reading(name, statistics)) }
        routes.append(reading("/containers", containers))
        routes += machineRoutes
        routes.append(auditRoute)
        routes += driver.parts.metrics.routes(realm: .agentReadOnly).map { route in
            demanding(.viewMetrics, route)
        }
        routes += FileRoutes(SandboxSource(host: driver.parts.host)).routes(realm: .agentReadOnly).map { route in
            guarding(route) { permission, request throws(Negotiation.Refusal) in
                try permission.demandSandbox(request.target["path"] ?? "")
            }
        }
        routes.append(
            guarding(Route("/files/follow", realm: .agentReadOnly) { await self.follow($0) }) {
                permission, request throws(Negotiation.Refusal) in
                try permission.demandSandbox(request.target["path"] ?? "")
            })
        return routes
    }

    func permission(for request: Request) async throws(Negotiation.Refusal) -> AgentAuthorization {
        try AgentAuthorization(driver.parts.settings.authorizer, await driver.snapshot(), request, door: door)
    }

    // MARK: - Guards

    private typealias Check = @Sendable (AgentAuthorization, Request) throws(Negotiation.Refusal) -> Void

    private func guarding(_ route: Route, _ check: @escaping Check) -> Route {
        let path = route.components.joined(separator: "/")
        return Route(
            path, route.methods, realm: route.realm, isExact: route.isExact, body: route.body, gate: route.gate
        ) { request in
            do throws(Negotiation.Refusal) {
                try check(try await permission(for: request), request)
            } catch {
                return error.response
            }
            return await route.handler(request)
        }
    }

    private func demanding(_ action: Action, _ route: Route) -> Route {
        guarding(route) { permission, _ throws(Negotiation.Refusal) in try permission.demand(action) }
    }

    func demanding(_ action: Action, _ path: String, _ handler: @escaping RequestHandler) -> Route {
        demanding(action, Route(path, realm: .agentReadOnly, handler: handler))
    }

    private func reading(
        _ path: String,
        _ document: @escaping @Sendable (Request, AgentAuthorization) async throws(Negotiation.Refusal) -> JSONDocument
    ) -> Route {
        Route(path, realm: .agentReadOnly) { request in
            do throws(Negotiation.Refusal) {
                return Self.document(try await document(request, try await permission(for: request)), for: request)
            } catch {
                return error.response
            }
        }
    }

    static func document(_ document: JSONDocument, for request: Request) -> Response {
        do throws(Negotiation.Refusal) {
            guard let callback = try request.callback() else {
                return .content(document.bytes, type: MediaType.json.rawValue)
            }
            let bytes = Array("\(callback)(".utf8) + document.bytes + Array(");".utf8)
            return .content(bytes, type: Request.callbackType)
        } catch {
            return error.response
        }
    }

    // MARK: - Documents

    private func state(
        _ request: Request, _ permission: AgentAuthorization
    ) async throws(Negotiation.Refusal) -> JSONDocument {
        try await demandReady()
        let settings = driver.parts.settings
        let documents = permission.agent.documents(
            version: VersionInfo(version: settings.version), masterHostname: await driver.masterHostname,
            flags: settings.flags)
        guard let documents else { throw Negotiation.Refusal(Self.notAdmitted) }
        return permission.visible(documents).stateDocument
    }

    private func containers(
        _ request: Request, _ permission: AgentAuthorization
    ) async throws(Negotiation.Refusal) -> JSONDocument {
        AgentDocuments.containers(
            try await views(request, permission),
            framework: try Self.identifier(request, "framework_id", FrameworkID.init),
            executor: try Self.identifier(request, "executor_id", ExecutorID.init),
            container: request.target["container_id"])
    }

    private func statistics(
        _ request: Request, _ permission: AgentAuthorization
    ) async throws(Negotiation.Refusal) -> JSONDocument {
        AgentDocuments.statistics(try await views(request, permission))
    }

    private func views(
        _ request: Request, _ permission: AgentAuthorization
    ) async throws(Negotiation.Refusal) -> [ContainerView] {
        let query = AgentQuery.containers(showNested: true, showStandalone: true)
        guard case .containers(let views)? = await measured(query, permission.agent).map(permission.visible) else {
            throw Negotiation.Refusal(Self.notAdmitted)
        }
        return views
    }

    private static func identifier<Name>(
        _ request: Request, _ name: String, _ read: (String) throws(Failure) -> Name
    ) throws(Negotiation.Refusal) -> Name? {
        guard let text = request.target[name] else { return nil }
        do throws(Failure) { return try read(text) } catch { throw Negotiation.Refusal(.refusal(error)) }
    }

    /// The answer to a call that looks, with what containers use now where it shows that.
    func measured(_ query: AgentQuery, _ agent: Agent) async -> AgentResponse? {
        guard case .containers = query else { return agent.response(to: query) }
        let clock = driver.parts.clock
        let statistics = await Measurements(containerizer: driver.parts.containerizer, logger: driver.parts.logger)
            .statistics(of: agent.runningContainers) { clock.now }
        return agent.response(to: query) { statistics[$0] }
    }

    static let notAdmitted = Response.text(.serviceUnavailable, "the agent has not been admitted by a master yet")

    private func toggleLogging(_ request: Request) async -> Response {
        do throws(Negotiation.Refusal) {
            try await permission(for: request).demand(.setLogLevel)
        } catch {
            return error.response
        }
        guard let level = request.target["level"].flatMap(UInt32.init),
            let duration = request.target["duration"].flatMap(ProtocolDuration.read)
        else {
            return .text(.badRequest, "Expecting 'level=value' and 'duration=value', such as 1 and 5mins, in query.")
        }
        return setLoggingLevel(level, for: duration)
    }

    func setLoggingLevel(_ level: UInt32, for duration: Duration) -> Response {
        guard let logging = driver.parts.settings.logging else {
            return .text(.notImplemented, "this agent's log has one level")
        }
        guard level <= LoggingControl.levelMax else {
            return .text(.badRequest, "Invalid level '\(level)': it is 0 to \(LoggingControl.levelMax)")
        }
        guard duration >= .zero else { return .text(.badRequest, "Invalid duration: it is negative") }
        logging.set(level, for: duration)
        return .ok
    }

    // MARK: - Following a file

    /// `GET /files/follow?path=P[&offset=N]`: what is in the file from `offset` on (none: from its end) and what is
    /// appended later, as plain bytes, until the file is removed or the client goes. The header `Bulkhead-File-Offset`
    /// says where the first byte is in the file; beyond what was asked for when the beginning has been dropped.
    private func follow(_ request: Request) async -> Response {
        guard let path = request.target["path"], !path.isEmpty else {
            return .text(.badRequest, "Expecting 'path=value' in query.")
        }
        var offset: Int64?
        if let text = request.target["offset"] {
            guard let number = Int64(text), number >= -1 else {
                return .text(.badRequest, "offset is a whole number from -1")
            }
            offset = number
        }
        let host = driver.parts.host
        let first: FilePiece
        do throws(Failure) { first = try await host.readFile(path, offset: offset ?? -1, length: 1) } catch {
            return .refusal(error)
        }
        var rules = EventStreamRules()
        rules.bytesMax = driver.parts.limits.attachedBytesMax
        let following = FollowedFile()
        let stream = EventStream(rules) { _ in following.cancel() }
        let start = first.offset
        following.begin {
            defer { stream.finish() }
            do {
                try await host.followFile(path, from: start) { piece in
                    guard await stream.sendWaiting(piece.bytes) else { throw CancellationError() }
                }
            } catch {
                return
            }
        }
        return .events(
            stream,
            headers: [
                "Content-Type": "application/octet-stream", "Bulkhead-File-Offset": "\(start)", "Connection": "close",
            ])
    }
}
