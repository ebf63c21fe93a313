import Containers
import Diagnostics
import Synchronization

/// A process in words: says back what is written to it, and ends with its input or by a signal.
final class ScriptedSession: ContainerSession {
    private struct State {
        var waiting: [SessionOutput] = []
        var reader: CheckedContinuation<SessionOutput?, Never>?
        var waiters: [CheckedContinuation<Int32?, Never>] = []
        var code: Int32?
        var sizes: [(UInt16, UInt16)] = []
        var written: [UInt8] = []
        var isClosed = false
        var pieces = 0
    }
    private let state = Mutex(State())
    let request: ExecRequest?
    /// It goes on when it is killed, as a process does whose disk never answers; only `end` ends it.
    private let isStubborn: Bool

    init(_ request: ExecRequest? = nil, isStubborn: Bool = false) {
        self.request = request
        self.isStubborn = isStubborn
    }

    var written: String { String(decoding: state.withLock { $0.written }, as: UTF8.self) }
    var sizes: [[UInt16]] { state.withLock { $0.sizes.map { [$0.0, $0.1] } } }
    var code: Int32? { state.withLock { $0.code } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    /// How much of what was said has been fetched.
    var piecesRead: Int { state.withLock { $0.pieces } }

    func say(_ output: SessionOutput) {
        let reader = state.withLock { state -> CheckedContinuation<SessionOutput?, Never>? in
            guard let reader = state.reader else {
                state.waiting.append(output)
                return nil
            }
            state.reader = nil
            state.pieces += 1
            return reader
        }
        reader?.resume(returning: output)
    }

    func end(_ code: Int32) {
        let (reader, waiters) = state.withLock { state in
            if state.code == nil { state.code = code }
            defer { (state.reader, state.waiters) = (nil, []) }
            return (state.reader, state.waiters)
        }
        reader?.resume(returning: nil)
        for waiter in waiters { waiter.resume(returning: code) }
    }

    func read() async throws(Failure) -> SessionOutput? {
        await withCheckedContinuation { continuation in
            let now = state.withLock { state -> SessionOutput?? in
                if !state.waiting.isEmpty {
                    state.pieces += 1
                    return .some(state.waiting.removeFirst())
                }
                if state.code != nil || state.isClosed { return .some(nil) }
                state.reader = continuation
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    func write(_ bytes: [UInt8]) async throws(Failure) -> Bool {
        let isOpen = state.withLock { state in
            state.written += bytes
            return state.code == nil
        }
        if isOpen { say(.output(bytes)) }
        return isOpen
    }

    func closeInput() async { end(0) }
    func resize(rows: UInt16, columns: UInt16) async throws(Failure) {
        state.withLock { $0.sizes.append((rows, columns)) }
    }
    func signal(_ number: Int32) async throws(Failure) -> Bool {
        end(128 + number)
        return true
    }

    func wait() async throws(Failure) -> Int32? {
        await withCheckedContinuation { continuation in
            let code = state.withLock { state -> Int32? in
                if state.code == nil { state.waiters.append(continuation) }
                return state.code
            }
            if let code { continuation.resume(returning: code) }
        }
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        if !isStubborn { end(137) }
    }
}
