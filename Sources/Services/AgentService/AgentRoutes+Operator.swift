import AgentCore
import ClusterAPI
import Determinism
import Diagnostics
import HTTPServing
import NIOHTTP1

/// POST /api/v1: what operators ask an agent.
extension AgentRoutes {
    func operate(_ request: Request) async -> Response {
        do {
            try await demandReady()
            let form = try CallForm(request.headers)
            if form.isStreamed { return try await attachInput(request, form) }
            let call: AgentCall
            do throws(Failure) { call = try AgentCall(request.body, format: form.body) } catch {
                return error.code == "api.call-unknown"
                    ? .text(.notImplemented, error.description) : .refusal(error)
            }
            let permission = try await permission(for: request)
            if case .container(let asked, _) = call {
                try await admit(asked, request, permission)
            } else if permission.door != nil {
                return .text(.forbidden, "an executor may only ask for containers inside its own")
            }
            switch call {
            case .container(.launchSession(let order), _): return await session(order, form)
            case .container(.attachOutput(let path), _): return await attachOutput(path, form)
            case .container(.attachInput, _):
                return .text(.unsupportedMediaType, "Expecting 'Content-Type' of application/recordio for this call")
            default:
                try form.checkAnswersPlain()
                return try await perform(call, form.answer, permission)
            }
        } catch let refusal as Negotiation.Refusal {
            return refusal.response
        } catch let failure as Failure {
            return .refusal(failure)
        } catch {
            return .text(.badRequest, "\(error)")
        }
    }

    /// - Throws: 503 until the agent has taken over what runs, whatever is asked. Before that it knows neither
    ///   containers nor their executors, and one of the protocol's own that is told so ends with all its tasks; whoever
    ///   looks would take what is not known yet for what is not there.
    func demandReady() async throws(Negotiation.Refusal) {
        guard await driver.snapshot().isReady else {
            throw Negotiation.Refusal(.text(.serviceUnavailable, "the agent is recovering"))
        }
    }

    /// - Throws: the refusal of the rules, and of a log that cannot be written: nobody enters unaccounted for.
    func admit(
        _ call: ContainerCall, _ request: Request, _ permission: AgentAuthorization
    ) async throws {
        let trail = AgentTrail(parts: driver.parts)
        let caller = permission.door.map { "executor \($0.executor)" } ?? request.principal?.value
        do throws(Negotiation.Refusal) { try permission.demand(call) } catch {
            await trail.refused(call, caller, "the agent's rules do not allow it")
            throw error
        }
        try await trail.entering(call, caller)
    }

    private func perform(
        _ call: AgentCall, _ format: WireFormat, _ permission: AgentAuthorization
    ) async throws -> Response {
        switch call {
        case .query(let query):
            guard let response = await measured(query, permission.agent) else { return Self.notAdmitted }
            return Self.content(permission.visible(response), format)
        case .process(let call): return try await process(call, format, permission)
        case .container(let call, let form): return await container(call, form, format)
        case .pruneImages(let except):
            try permission.demand(.pruneImages)
            let kept = except.map(\.name)
            return await ordered(format, .any) { .pruneImages($0, keeping: kept) }
        case .provider:
            return .text(.notImplemented, "this agent has no resource providers")
        }
    }

    private func container(
        _ call: ContainerCall, _ form: ContainerCallForm, _ format: WireFormat
    ) async -> Response {
        switch call {
        case .launch(let order): await ordered(format, form) { .launchContainer($0, order) }
        case .wait(let path): await ordered(format, form, waits: true) { .waitContainer($0, path) }
        case .kill(let path, let signal): await ordered(format, form) { .killContainer($0, path, signal: signal) }
        // By the protocol only whoever waits or kills is told that there is none: this failed.
        case .remove(let path):
            await ordered(format, form, unknown: .internalServerError) { .removeContainer($0, path) }
        case .launchSession, .attachInput, .attachOutput:
            .text(.unsupportedMediaType, "this call is a stream")
        }
    }

    /// Hands a call to the core and gives its answer. One that only waits (`waits`) ends with its caller, who may be
    /// gone long before the container is. What any other call asks for is done all the same, and a caller that has
    /// shut down its own side only is to hear of it.
    private func ordered(
        _ format: WireFormat, _ form: ContainerCallForm, waits: Bool = false,
        unknown: HTTPResponseStatus = .notFound, _ event: (Agent.CallID) -> AgentEvent
    ) async -> Response {
        let call = driver.desk.number()
        let (event, mailbox, desk) = (event(call), driver.mailbox, driver.desk)
        let reply = await withTaskCancellationHandler {
            // Cancelled before it is at the desk, it finds nobody there to tell.
            await desk.call(call) { !(waits && Task.isCancelled) && mailbox.request(.event(event)) }
        } onCancel: {
            if waits { desk.finish(call, .refused("the caller has gone")) }
        }
        // From here, not from the cancellation: the core must hear of it after the call itself.
        if waits, Task.isCancelled { mailbox.tell(.event(.callClosed(call))) }
        switch reply {
        case .refused(let why): return .text(.serviceUnavailable, why)
        case .answer(.done): return .ok
        case .answer(.alreadyLaunched): return .accepted
        case .answer(.ended(let termination)): return Self.content(.ended(termination, form: form), format)
        case .answer(.unknown(let failure)): return .text(unknown, failure.description)
        case .answer(.refused(let failure)): return Self.declined(failure)
        }
    }

    /// As `CallAnswer.refused` says. 503 is what the protocol's own executors ask again after: at any other status they
    /// give up a task that they wait for.
    private static func declined(_ failure: Failure) -> Response {
        switch failure.code {
        case "agent.not-ready", "call.too-many": .text(.serviceUnavailable, failure.description)
        default: .text(failure.retry == .later ? .internalServerError : .badRequest, failure.description)
        }
    }

    // MARK: - The process itself

    private func process(
        _ call: ProcessCall, _ format: WireFormat, _ permission: AgentAuthorization
    ) async throws -> Response {
        let parts = driver.parts
        let response: ProcessResponse
        switch call {
        case .health: response = .health(permission.agent.isReady)
        case .version: response = .version(VersionInfo(version: parts.version))
        case .flags:
            try permission.demand(.viewFlags)
            response = .flags(parts.settings.flags)
        case .metrics(let timeout):
            try permission.demand(.viewMetrics)
            response = .metrics(await parts.metrics.snapshot(timeout: timeout))
        case .loggingLevel: response = .loggingLevel(parts.settings.logging?.level ?? 0)
        case .setLoggingLevel(let level, let duration):
            try permission.demand(.setLogLevel)
            return setLoggingLevel(level, for: duration)
        case .listFiles(let path):
            try permission.demandSandbox(path)
            response = .files(try await parts.host.listFiles(path).map(FileView.init))
        case .readFile(let path, let offset, let length):
            try permission.demandSandbox(path)
            let piece = try await parts.host.readFile(
                path, offset: Int64(clamping: offset), length: length.map { Int64(clamping: $0) })
            response = .fileContent(piece.bytes, size: UInt64(clamping: piece.size))
            if piece.offset > Int64(clamping: offset) {
                // The protocol's answer has no place for it.
                var answer = Self.content(.process(response), format)
                answer.headers.add(name: AgentHeader.fileOffset, value: "\(piece.offset)")
                return answer
            }
        }
        return Self.content(.process(response), format)
    }

    private static func content(_ response: AgentResponse, _ format: WireFormat) -> Response {
        .content(response.bytes(format), type: format.rawValue)
    }
}

extension FileView {
    fileprivate init(_ file: FileFacts) {
        self.init(
            path: file.path, links: UInt32(clamping: file.links), size: UInt64(clamping: file.size),
            modifiedAt: Instant(nanoseconds: file.modified), mode: file.mode, user: "\(file.uid)",
            group: "\(file.gid)")
    }
}

/// Sandboxes as the files API sees them.
struct SandboxSource: FileSource {
    let host: any AgentHost

    func browse(_ path: String) async throws(Failure) -> [FileEntry]? {
        do throws(Failure) {
            return try await host.listFiles(path).map { file in
                FileEntry(
                    path: file.path, links: file.links, size: UInt64(clamping: file.size),
                    modified: Double(file.modified) / 1e9, mode: file.mode, user: "\(file.uid)", group: "\(file.gid)")
            }
        } catch {
            if error.code == "files.not-found" { return nil }
            throw error
        }
    }

    func size(_ path: String) async throws(Failure) -> UInt64? {
        try await piece(path, nil, nil).map { UInt64(clamping: $0.size) }
    }

    func read(_ path: String, offset: UInt64, length: Int) async throws(Failure) -> FileSlice? {
        try await piece(path, Int64(clamping: offset), Int64(length)).map { piece in
            FileSlice(piece.bytes, at: UInt64(clamping: piece.offset))
        }
    }

    func table() async -> [(virtual: String, real: String)] { [] }

    private func piece(_ path: String, _ offset: Int64?, _ length: Int64?) async throws(Failure) -> FilePiece? {
        do throws(Failure) { return try await host.readFile(path, offset: offset, length: length) } catch {
            if error.code == "files.not-found" || error.code == "files.not-a-file" { return nil }
            throw error
        }
    }
}
