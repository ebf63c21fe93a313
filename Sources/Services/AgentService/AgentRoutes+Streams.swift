import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import HTTPServing

/// Calls that are streams: sessions in a container, and a container's input and output.
extension AgentRoutes {
    // MARK: - Sessions

    /// Runs a process in a container and streams what it says; closing the connection ends it.
    func session(_ order: ContainerLaunchRequest, _ form: CallForm) async -> Response {
        let (desk, mailbox) = (driver.desk, driver.mailbox)
        let call = desk.number()
        let output = stream(form, bytesMax: driver.parts.limits.sessionBytesMax) {
            mailbox.tell(.event(.callClosed(call)))
            desk.sessions.close(call)
        }
        desk.sessions.expect(call, SessionTable.Listener(id: call, stream: output, format: form.answer))
        let reply = await desk.call(call) { mailbox.request(.event(.openSession(call, order))) }
        if case .answer(.done) = reply { return .events(output, headers: form.streamHeaders) }
        desk.sessions.close(call)
        switch reply {
        case .answer(.unknown(let failure)): return .text(.notFound, failure.description)
        case .answer(.refused(let failure)): return .text(.badRequest, failure.description)
        case .answer(.alreadyLaunched): return .text(.conflict, "a container of this name is there already")
        case .answer: return .text(.badRequest, "the session was not opened")
        case .refused(let why): return .text(.serviceUnavailable, why)
        }
    }

    private func stream(_ form: CallForm, bytesMax: Int, onClose: @escaping @Sendable () -> Void) -> EventStream {
        var rules = EventStreamRules()
        rules.bytesMax = bytesMax
        rules.heartbeatInterval = driver.parts.limits.sessionHeartbeat
        rules.heartbeat = ProcessIO.heartbeat(interval: rules.heartbeatInterval).record(form.answer)
        return EventStream(rules) { _ in onClose() }
    }

    // MARK: - Output

    /// What a container or a session says from now on, until it ends; a container that is asked for so, from its
    /// beginning. Any number may listen.
    func attachOutput(_ path: ContainerPath, _ form: CallForm) async -> Response {
        let agent = await driver.snapshot()
        if let call = agent.session(at: path) { return listen(call, path, form) }
        guard let id = agent.container(at: path) else { return Self.noContainer(path, agent) }
        let session: any ContainerSession
        do throws(Failure) {
            guard let attached = try await driver.parts.containerizer.attach(id, from: form.outputStart)
            else { return Self.noContainer(path, agent) }
            session = attached
        } catch {
            return .refusal(error)
        }
        let output = stream(form, bytesMax: driver.parts.limits.attachedBytesMax) { Task { await session.close() } }
        let (format, logger) = (form.answer, driver.parts.logger)
        Task {
            do throws(Failure) {
                while let piece = try await session.read() {
                    guard await output.sendWaiting(piece.record(format)) else { break }
                }
            } catch {
                logger.warning(
                    "a container's output cannot be followed", metadata: ["container": "\(id)", "cause": "\(error)"])
            }
            await session.close()
            output.finish()
        }
        return .events(output, headers: form.streamHeaders)
    }

    private func listen(_ call: Agent.CallID, _ path: ContainerPath, _ form: CallForm) -> Response {
        let sessions = driver.desk.sessions
        let id = driver.desk.number()
        let output = stream(form, bytesMax: driver.parts.limits.attachedBytesMax) { sessions.leave(call, id) }
        guard sessions.listen(call, SessionTable.Listener(id: id, stream: output, format: form.answer)) else {
            return .text(.serviceUnavailable, "\(path) has ended, or too many listen to it")
        }
        return .events(output, headers: form.streamHeaders)
    }

    /// By the protocol what is not inside a container that a framework has here, or not any more, is no wrong name but
    /// a failure: its own command line takes that for the end of a session that was shorter than the way to it.
    private static func noContainer(_ path: ContainerPath, _ agent: Agent) -> Response {
        let root = path.isNested ? agent.state.container(at: ContainerPath(path.root)) : nil
        let isInside = root.map { $0.purpose != .ordered } ?? false
        return .text(isInside ? .internalServerError : .notFound, AgentWords.noContainer(path))
    }

    // MARK: - Input

    private struct Writer: Sendable {
        var session: any ContainerSession
        /// The session is a connection of our own, to be closed.
        var isOwn: Bool
        var key: SessionTable.Input
    }

    /// Writes the records of the request to a container's or a session's standard input, until either ends. The input
    /// stays open when the client goes away: the next one may write on.
    func attachInput(_ request: Request, _ form: CallForm) async throws -> Response {
        guard let body = request.stream else { return .text(.badRequest, "the request has no body") }
        let sequence = RecordSequence(body, bytesMax: driver.parts.limits.inputRecordBytesMax)
        var records = sequence.makeAsyncIterator()
        guard let first = try await records.next() else { return .text(.badRequest, "the stream has no record") }
        let opening: AttachInput
        do throws(Failure) { opening = try AttachInput(first, format: form.body) } catch {
            guard error.code == "api.call-not-streamed" else { throw error }
            return .text(.unsupportedMediaType, error.description)
        }
        guard case .container(let path) = opening else {
            return .text(.badRequest, "Expecting 'attach_container_input.container_id' in the first record")
        }
        try await admit(.attachInput(path), request, try await permission(for: request))
        let sessions = driver.desk.sessions
        let writer: Writer
        switch try await self.writer(path) {
        case .found(let found): writer = found
        case .refused(let response): return response
        }
        guard let end = sessions.claim(writer.key) else {
            if writer.isOwn { await writer.session.close() }
            var response = Response.text(.conflict, "Multiple input connections are not allowed")
            response.closes = true
            return response
        }
        let rest = records
        let outcome = await until(end, writer) { try await Self.write(rest, form.body, to: writer.session) }
        sessions.release(writer.key)
        if writer.isOwn { await writer.session.close() }
        var response = try outcome.get()
        response.closes = true
        return response
    }

    private enum Found {
        case found(Writer)
        case refused(Response)
    }

    private func writer(_ path: ContainerPath) async throws(Failure) -> Found {
        let agent = await driver.snapshot()
        if let call = agent.session(at: path) {
            guard let session = driver.desk.sessions.session(call) else {
                return .refused(.text(.serviceUnavailable, "\(path) has not started yet; try again"))
            }
            return .found(Writer(session: session, isOwn: false, key: .session(call)))
        }
        guard let id = agent.container(at: path) else { return .refused(Self.noContainer(path, agent)) }
        guard agent.state.containers[id]?.launch.interactive == true else {
            return .refused(
                .text(.badRequest, "\(path) was launched without input: it asks for none with 'tty_info'"))
        }
        guard let session = try await driver.parts.containerizer.attach(id) else {
            return .refused(Self.noContainer(path, agent))
        }
        return .found(Writer(session: session, isOwn: true, key: .container(id)))
    }

    /// Whichever ends first: what `body` does, or the one who is written to.
    private func until(
        _ end: AsyncStream<Never>, _ writer: Writer, _ body: @Sendable @escaping () async throws -> Response
    ) async -> Result<Response, any Error> {
        let containerizer = driver.parts.containerizer
        return await withTaskGroup(of: Result<Response, any Error>?.self) { group in
            group.addTask {
                do { return .success(try await body()) } catch { return .failure(error) }
            }
            group.addTask {
                if case .container(let id) = writer.key {
                    // How it ended is for others to know.
                    do throws(Failure) { _ = try await containerizer.wait(id) } catch { return .failure(error) }
                } else {
                    for await _ in end {}
                }
                return .success(.ok)
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .success(.ok)
        }
    }

    private static func write(
        _ rest: RecordSequence.AsyncIterator, _ format: WireFormat, to session: any ContainerSession
    ) async throws -> Response {
        var records = rest
        while let record = try await records.next() {
            switch try AttachInput(record, format: format) {
            case .container:
                return .text(.badRequest, "Expecting 'attach_container_input.process_io' after the first record")
            case .io(.heartbeat): continue
            case .io(.resize(let size)):
                try await session.resize(rows: UInt16(clamping: size.rows), columns: UInt16(clamping: size.columns))
            case .io(.data(.input, let bytes)) where bytes.isEmpty: await session.closeInput()
            case .io(.data(.input, let bytes)):
                guard try await session.write(bytes) else {
                    return .text(.badRequest, "nobody reads its input any more")
                }
            case .io(.data): return .text(.badRequest, "Expecting 'STDIN' as the type of data")
            }
        }
        return .ok
    }
}
