import Authorization
import ClusterAPI
import Determinism
import Diagnostics
import HTTPServing

/// What a master says of itself as a process: answered whether it leads or not, where clients can ask outside the API.
extension MasterRoutes {
    func addMetrics() {
        let standing = standing
        let figures: [(String, @Sendable (MasterDriver) -> Double)] = [
            ("master/event_queue_http_requests", { Double($0.figures.waiting) }),
            ("master/event_streams", { Double($0.figures.streams) }),
            ("master/agent_links", { Double($0.figures.links) }),
            ("master/requests_refused", { Double($0.figures.refused) }),
        ]
        for (name, figure) in figures { metrics.add(name) { standing.driver.map(figure) } }
        metrics.add { await standing.driver?.coreFigures() ?? [Metric("master/elected", 0)] }
        if let load = settings.systemLoad { metrics.add { await load()?.metrics ?? [] } }
    }

    // MARK: - Calls

    func process(
        _ call: ProcessCall, _ format: WireFormat, by name: String?
    ) async throws(Negotiation.Refusal) -> Response {
        let response: ProcessResponse
        switch call {
        case .health: response = .health(true)
        case .version: response = .version(settings.version)
        case .flags:
            try demand(.viewFlags, by: name)
            response = .flags(settings.flags)
        case .metrics(let timeout):
            try demand(.viewMetrics, by: name)
            response = .metrics(await metrics.snapshot(timeout: timeout))
        case .loggingLevel: response = .loggingLevel(settings.logging?.level ?? 0)
        case .setLoggingLevel(let level, let duration):
            try demand(.setLogLevel, by: name)
            return setLoggingLevel(level, for: duration)
        case .listFiles(let path):
            try demand(.accessLogs, by: name)
            response = .files(try await files(path))
        case .readFile(let path, let offset, let length):
            try demand(.accessLogs, by: name)
            response = try await content(path, offset: offset, length: length)
        }
        return .content(OperatorResponse.process(response).bytes(format), type: format.mediaType)
    }

    private func setLoggingLevel(_ level: UInt32, for duration: Duration) -> Response {
        guard let logging = settings.logging else {
            return .text(.notImplemented, "this master's log has one level")
        }
        guard level <= LoggingControl.levelMax else {
            return .text(.badRequest, "Invalid level '\(level)': it is 0 to \(LoggingControl.levelMax)")
        }
        guard duration >= .zero else { return .text(.badRequest, "Invalid duration: it is negative") }
        logging.set(level, for: duration)
        return .ok
    }

    private func files(_ path: String) async throws(Negotiation.Refusal) -> [FileView] {
        do throws(Failure) {
            if let entries = try await settings.files?.browse(path) {
                return entries.map { entry in
                    FileView(
                        path: entry.path, links: UInt32(clamping: entry.links), size: entry.size,
                        modifiedAt: .epoch + .seconds(entry.modified), mode: entry.mode, user: entry.user,
                        group: entry.group)
                }
            }
        } catch {
            throw Negotiation.Refusal(.refusal(error))
        }
        throw Negotiation.Refusal(.text(.notFound, "there is no such file"))
    }

    private func content(
        _ path: String, offset: UInt64, length: UInt64?
    ) async throws(Negotiation.Refusal) -> ProcessResponse {
        let most = Int(clamping: min(length ?? .max, UInt64(FileRoutes.readBytesMax)))
        do throws(Failure) {
            if let files = settings.files, let size = try await files.size(path),
                let slice = try await files.read(path, offset: offset, length: most)
            {
                return .fileContent(slice.bytes, size: size)
            }
        } catch {
            throw Negotiation.Refusal(.refusal(error))
        }
        throw Negotiation.Refusal(.text(.notFound, "there is no such file"))
    }

    // MARK: - Paths

    var processRoutes: [Route] {
        let version = settings.version
        let standing = standing
        var routes = [
            Route("/", isExact: true) { _ in .text(.ok, "bulkhead master \(version.version)\n") },
            Route("/health") { _ in .ok },
            Route("/version") { await self.document($0) { .pieces(MasterDocuments.version(version).pieces()) } },
            Route("/redirect") { request in
                if case .leading(let driver) = standing.present {
                    return Standing.redirect(to: driver.master, for: request.target)
                }
                return standing.refusal(of: request.target) ?? MasterRoutes.ended
            },
            demanding(.viewFlags, "/flags") { request in
                await self.document(request) { .pieces(MasterDocuments.flags(self.settings.flags).pieces()) }
            },
            Route("/logging/toggle", [.GET, .POST], realm: .masterReadWrite) { await self.toggleLogging($0) },
        ]
        routes += metrics.routes(realm: .masterReadOnly).map { demanding(.viewMetrics, $0) }
        if let files = settings.files {
            routes += FileRoutes(files).routes(realm: .masterReadOnly).map { demanding(.accessLogs, $0) }
        }
        return routes
    }

    /// JSON for people and old clients.
    func document(_ request: Request, _ make: @escaping @Sendable () -> ReadPool.Document) async -> Response {
        do throws(Negotiation.Refusal) {
            guard let callback = try request.callback() else {
                return await reads.response(type: MediaType.json.rawValue, make)
            }
            return await reads.response(type: Request.callbackType, prefix: "\(callback)(", suffix: ");", make)
        } catch {
            return error.response
        }
    }

    func demanding(_ action: Action, _ path: String, _ handler: @escaping RequestHandler) -> Route {
        demanding(action, Route(path, realm: .masterReadOnly, handler: handler))
    }

    private func demanding(_ action: Action, _ route: Route) -> Route {
        let path = route.components.joined(separator: "/")
        return Route(path, route.methods, realm: route.realm, isExact: route.isExact, body: route.body) { request in
            do throws(Negotiation.Refusal) {
                try demand(action, by: try name(of: request))
            } catch {
                return error.response
            }
            return await route.handler(request)
        }
    }

    /// Without a level it tells the present one.
    private func toggleLogging(_ request: Request) async -> Response {
        do throws(Negotiation.Refusal) {
            try demand(.setLogLevel, by: try name(of: request))
        } catch {
            return error.response
        }
        guard let text = request.target["level"] else { return .text(.ok, "\(settings.logging?.level ?? 0)\n") }
        guard let level = UInt32(text) else { return .text(.badRequest, "Invalid level '\(text)'") }
        guard let duration = request.target["duration"] else {
            return .text(.badRequest, "Expecting 'duration=value' in query.")
        }
        guard let time = ProtocolDuration.read(duration) else {
            return .text(.badRequest, "duration is not one such as 10mins")
        }
        return setLoggingLevel(level, for: time)
    }
}
