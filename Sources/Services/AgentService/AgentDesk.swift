import AgentCore
import ClusterAPI
import ClusterModel
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
        /// How the executor's framework reads reservations.
        var form = ReservationForm.flat
    }
    private struct State {
        var calls: [Agent.CallID: CheckedContinuation<Reply, Never>] = [:]
        var streams: [Agent.StreamID: OpenStream] = [:]
        var last: UInt64 = 0
        var isClosed = false
    }
    private let state = Mutex(State())
    let sessions = SessionTable()
    let audits = AuditQueue()

    // MARK: - Calls

    /// Calls that wait for the core's answer.
    var openCalls: Int { state.withLock { $0.calls.count } }

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
        let open = state.withLock { state in
            if case .subscribed(_, let framework, _, _) = event {
                let isStacked = framework.capabilities.contains(.reservationRefinement)
                state.streams[id]?.form = isStacked ? .stacked : .flat
            }
            return state.streams[id]
        }
        if let open { open.stream.send(event.record(open.form, open.format)) }
    }

    func close(_ id: Agent.StreamID) {
        state.withLock { $0.streams.removeValue(forKey: id) }?.stream.finish()
    }

    // MARK: - The end

    func closeAll() {
        let (calls, streams) = state.withLock { state in
            state.isClosed = true
            defer { state.calls = [:] }
            return (Array(state.calls.values), state.streams.values.map(\.stream))
        }
        for call in calls { call.resume(returning: .refused("the agent stops")) }
        for stream in streams { stream.finish() }
        sessions.closeAll()
    }
}
