import Containers
import Diagnostics
import Synchronization

/// The streams of an upgraded connection.
final class EngineSession: ContainerSession {
    struct Process: Sendable {
        var write: @Sendable ([UInt8]) async throws(Failure) -> Bool
        var closeInput: @Sendable () async -> Void
        var resize: @Sendable (UInt16, UInt16) async throws(Failure) -> Void
        var signal: @Sendable (Int32) async throws(Failure) -> Bool
        var wait: @Sendable () async throws(Failure) -> Int32?
        var close: @Sendable () async -> Void
    }

    private struct State {
        var stream: EngineStream
        var waiting: [SessionOutput] = []
        var isClosed = false
    }

    private let connection: EngineConnection
    private let process: Process
    private let state: Mutex<State>

    init(_ connection: EngineConnection, hasTerminal: Bool, process: Process) {
        self.connection = connection
        self.process = process
        state = Mutex(State(stream: EngineStream(hasTerminal: hasTerminal)))
    }

    func read() async throws(Failure) -> SessionOutput? {
        while true {
            let (next, isClosed) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isClosed)
            }
            if let next { return next }
            guard !isClosed, let bytes = try await connection.receive() else { return nil }
            let outcome = state.withLock { state -> Failure? in
                do throws(Failure) {
                    state.waiting += try state.stream.pieces(adding: bytes)
                    return nil
                } catch { return error }
            }
            if let outcome { throw outcome }
        }
    }

    func write(_ bytes: [UInt8]) async throws(Failure) -> Bool { try await process.write(bytes) }
    func closeInput() async { await process.closeInput() }
    func resize(rows: UInt16, columns: UInt16) async throws(Failure) { try await process.resize(rows, columns) }
    func signal(_ number: Int32) async throws(Failure) -> Bool { try await process.signal(number) }
    func wait() async throws(Failure) -> Int32? { try await process.wait() }
    func close() async {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        // First the process: its input ends with the connection, and with that it might end by itself.
        await process.close()
        connection.close()
    }
}
