import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import HTTPServing
import Synchronization

/// Who waits for what: operators' calls and executors' streams, by the core's numbers. Used from the driver and from
/// every request, so it locks.
final class AgentDesk: Sendable {
    enum Reply: Sendable {
        case answer(CallAnswer)
        case refused(String)
    }
    private struct OpenStream {
        let stream: EventStream
        let format: WireFormat
    }
    private struct State {
        var calls: [Agent.CallID: CheckedContinuation<Reply, Never>] = [:]
        var streams: [Agent.StreamID: OpenStream] = [:]
        var sessions: [Agent.CallID: any ContainerSession] = [:]
        /// Where the output of a session goes, before and while it runs.
        var outputs: [Agent.CallID: EventStream] = [:]
        var last: UInt64 = 0
        var isClosed = false
    }
    private let state = Mutex(State())

    // MARK: - Calls

    func number() -> Agent.CallID {
        state.withLock { state in
            state.last += 1
            return Agent.CallID(state.last)
        }
    }

    /// Waits for the core's answer; `send` hands the call on and says whether it was taken.
    func call(_ call: Agent.CallID, _ send: () -> Bool) async -> Reply {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isClosed { state.calls[call] = continuation }
                return !state.isClosed
            }
            guard isOpen else { return continuation.resume(returning: .refused("the agent stops")) }
            if !send() { finish(call, .refused("the agent has too much to do; try again later")) }
        }
    }

    func finish(_ call: Agent.CallID, _ reply: Reply) {
        state.withLock { $0.calls.removeValue(forKey: call) }?.resume(returning: reply)
    }

    // MARK: - Streams of executors

    func open(_ format: WireFormat, rules: EventStreamRules, onClose: @escaping @Sendable (Agent.StreamID) -> Void)
        -> (Agent.StreamID, EventStream)
    {
        state.withLock { state in
            state.last += 1
            let id = Agent.StreamID(state.last)
            let stream = EventStream(rules) { [weak self] _ in
                self?.forget(id)
                onClose(id)
            }
            state.streams[id] = OpenStream(stream: stream, format: format)
            return (id, stream)
        }
    }

    private func forget(_ id: Agent.StreamID) { state.withLock { _ = $0.streams.removeValue(forKey: id) } }

    func publish(_ event: ExecutorEvent, on id: Agent.StreamID) {
        guard let open = state.withLock({ $0.streams[id] }) else { return }
        open.stream.send(event.record(.flat, open.format))
    }

    func close(_ id: Agent.StreamID) {
        state.withLock { $0.streams.removeValue(forKey: id) }?.stream.finish()
    }

    // MARK: - Sessions

    /// The stream a session's output will be written to.
    func expectSession(_ call: Agent.CallID, _ output: EventStream) {
        state.withLock { $0.outputs[call] = output }
    }

    func session(_ call: Agent.CallID) -> (any ContainerSession)? { state.withLock { $0.sessions[call] } }

    func openSession(
        _ call: Agent.CallID, in container: ContainerID, _ request: ExecRequest, _ parts: AgentParts,
        tell: @Sendable @escaping (AgentEvent) -> Void
    ) {
        Task {
            do throws(Failure) {
                let session = try await parts.containerizer.exec(container, request)
                state.withLock { $0.sessions[call] = session }
                finish(call, .answer(.done))
                try await relay(session, for: call)
                let code = try await session.wait()
                closeSession(call)
                tell(.sessionEnded(call, code: code))
            } catch {
                finish(call, .answer(.refused(error)))
                closeSession(call)
                tell(.sessionEnded(call, code: nil))
            }
        }
    }

    private func relay(_ session: any ContainerSession, for call: Agent.CallID) async throws(Failure) {
        while let piece = try await session.read() {
            guard let output = state.withLock({ $0.outputs[call] }) else { continue }
            output.send(AgentDesk.record(piece))
        }
    }

    static func record(_ piece: SessionOutput) -> [UInt8] {
        let (type, bytes) =
            switch piece {
            case .output(let bytes): ("STDOUT", bytes)
            case .error(let bytes): ("STDERR", bytes)
            }
        let value = WireValue.object([
            "type": "DATA", "data": .object(["type": .string(type), "data": .string(Base64.text(bytes))]),
        ])
        return RecordFraming.record(value.bytes)
    }

    func signalSession(_ call: Agent.CallID, _ number: Int32) {
        guard let session = session(call) else { return }
        Task {
            // One that has ended needs no signal.
            do throws(Failure) { _ = try await session.signal(number) } catch { return }
        }
    }

    /// Ends the process of a session and its output. Twice is fine.
    func closeSession(_ call: Agent.CallID) {
        let (session, output) = state.withLock { state in
            (state.sessions.removeValue(forKey: call), state.outputs.removeValue(forKey: call))
        }
        output?.finish()
        if let session { Task { await session.close() } }
    }

    // MARK: - The end

    func closeAll() {
        let (calls, streams, sessions) = state.withLock { state in
            state.isClosed = true
            defer { state.calls = [:] }
            return (Array(state.calls.values), state.streams.values.map(\.stream), Array(state.sessions.keys))
        }
        for call in calls { call.resume(returning: .refused("the agent stops")) }
        for stream in streams { stream.finish() }
        for session in sessions { closeSession(session) }
    }
}
