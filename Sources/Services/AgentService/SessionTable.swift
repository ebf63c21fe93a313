import AgentCore
import ClusterAPI
import Containers
import Diagnostics
import HTTPServing
import Synchronization

/// Processes that run as long as somebody's connection, who hears what they say, and who may write to them.
///
/// The first listener of a session is the one who opened it: what that one does not read holds the process up. Others
/// may listen too, and are cut off when they are too slow.
final class SessionTable: Sendable {
    struct Listener: Sendable {
        var id: Agent.CallID
        var stream: EventStream
        var format: WireFormat
    }
    /// Whose input: one writer at a time has it.
    enum Input: Hashable, Sendable {
        case session(Agent.CallID)
        case container(ContainerID)
    }
    private struct Open {
        var session: (any ContainerSession)?
        var listeners: [Listener]
    }
    private struct State {
        var open: [Agent.CallID: Open] = [:]
        var writers: [Input: AsyncStream<Never>.Continuation] = [:]
    }
    /// Of one session, beside its own.
    static let listenersMax = 64
    private let state = Mutex(State())

    /// A session is asked for; `listener` will hear it.
    func expect(_ call: Agent.CallID, _ listener: Listener) {
        state.withLock { $0.open[call] = Open(listeners: [listener]) }
    }

    func session(_ call: Agent.CallID) -> (any ContainerSession)? { state.withLock { $0.open[call]?.session } }

    /// Lets one more hear what is said from now on. False when the session has ended, or too many listen.
    func listen(_ call: Agent.CallID, _ listener: Listener) -> Bool {
        state.withLock { state in
            guard let count = state.open[call]?.listeners.count, count < Self.listenersMax else { return false }
            state.open[call]?.listeners.append(listener)
            return true
        }
    }

    func leave(_ call: Agent.CallID, _ listener: Agent.CallID) {
        state.withLock { $0.open[call]?.listeners.removeAll { $0.id == listener } }
    }

    /// Runs the process and passes on what it says, until it has ended. `began` is called once it runs.
    ///
    /// - Returns: its exit code; nil: how it ended is not known.
    func run(
        _ call: Agent.CallID, in container: ContainerID, _ request: ExecRequest, _ containerizer: any Containerizer,
        began: () -> Void
    ) async throws(Failure) -> Int32? {
        let session = try await containerizer.exec(container, request)
        let isWanted = state.withLock { state in
            guard state.open[call] != nil else { return false }
            state.open[call]?.session = session
            return true
        }
        began()
        // The caller went away before it began.
        guard isWanted else {
            await session.close()
            return try await session.wait()
        }
        while let piece = try await session.read() { await pass(piece, of: call) }
        return try await session.wait()
    }

    private func pass(_ piece: SessionOutput, of call: Agent.CallID) async {
        guard let listeners = state.withLock({ $0.open[call]?.listeners }) else { return }
        for listener in listeners.dropFirst() { listener.stream.send(piece.record(listener.format)) }
        if let first = listeners.first { _ = await first.stream.sendWaiting(piece.record(first.format)) }
    }

    func signal(_ call: Agent.CallID, _ number: Int32) {
        guard let session = session(call) else { return }
        Task {
            // One that has ended needs no signal.
            do throws(Failure) { _ = try await session.signal(number) } catch { return }
        }
    }

    /// Ends the process, its listeners' streams and its writer. Twice is fine.
    func close(_ call: Agent.CallID) {
        let (open, writer) = state.withLock { state in
            (state.open.removeValue(forKey: call), state.writers.removeValue(forKey: .session(call)))
        }
        writer?.finish()
        for listener in open?.listeners ?? [] { listener.stream.finish() }
        if let session = open?.session { Task { await session.close() } }
    }

    func closeAll() {
        let (calls, writers) = state.withLock { state in
            defer { state.writers = [:] }
            return (Array(state.open.keys), Array(state.writers.values))
        }
        for call in calls { close(call) }
        for writer in writers { writer.finish() }
    }

    /// Claims the right to write. The stream ends when nobody can write there any more. Nil: another one writes.
    func claim(_ input: Input) -> AsyncStream<Never>? {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        return state.withLock { state in
            guard state.writers[input] == nil else { return nil }
            state.writers[input] = continuation
            if case .session(let call) = input, state.open[call] == nil { continuation.finish() }
            return stream
        }
    }

    func release(_ input: Input) { state.withLock { _ = $0.writers.removeValue(forKey: input) } }
}

extension SessionOutput {
    func record(_ format: WireFormat) -> [UInt8] {
        switch self {
        case .output(let bytes): ProcessIO.data(.output, bytes).record(format)
        case .error(let bytes): ProcessIO.data(.error, bytes).record(format)
        }
    }
}
