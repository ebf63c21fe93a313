import Containers
import Synchronization

/// What one says and another hears, in order, with an end.
final class SimulatedStream: Sendable {
    /// So many bytes wait for a reader before a writer has to.
    static let bytesMax = 64 << 10

    private struct State {
        var pieces: [SessionOutput] = []
        var bytes = 0
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// False when nobody reads any more.
    @discardableResult
    func put(_ piece: SessionOutput) -> Bool {
        let (isOpen, reader) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !state.isClosed else { return (false, nil) }
            state.pieces.append(piece)
            state.bytes += piece.bytes.count
            return (true, state.reader.take())
        }
        reader?.resume()
        return isOpen
    }

    func close() {
        let reader = state.withLock { state in
            state.isClosed = true
            return state.reader.take()
        }
        reader?.resume()
    }

    var hasRoom: Bool { state.withLock { $0.bytes < SimulatedStream.bytesMax || $0.isClosed } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Nil at the end, after everything that was said. One reader at a time.
    func next() async -> SessionOutput? {
        while true {
            let (piece, isOver) = state.withLock { state -> (SessionOutput?, Bool) in
                guard !state.pieces.isEmpty else { return (nil, state.isClosed) }
                let piece = state.pieces.removeFirst()
                state.bytes -= piece.bytes.count
                return (piece, false)
            }
            if let piece { return piece }
            if isOver { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.pieces.isEmpty || state.isClosed { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}

extension SessionOutput {
    var bytes: [UInt8] {
        switch self {
        case .output(let bytes), .error(let bytes): bytes
        }
    }
}
