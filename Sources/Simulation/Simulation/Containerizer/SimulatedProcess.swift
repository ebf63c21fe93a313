import Containers
import Synchronization

/// A process of a simulated machine: it has streams, takes signals, and ends once.
final class SimulatedProcess: Sendable {
    /// How it ended: a code, or the signal that did it.
    enum End: Equatable, Sendable {
        case code(Int32)
        case signal(Int32)

        /// As shells count.
        var code: Int32 {
            switch self {
            case .code(let code): code
            case .signal(let signal): 128 + signal
            }
        }
    }

    private struct State {
        var input: [UInt8] = []
        var isInputOver = false
        var signals: [Int32] = []
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        var end: End?
        var listeners: [SimulatedStream] = []
        /// The latest of what it has said, for those who follow from the beginning.
        var said: [SessionOutput] = []
        var saidBytes = 0
        var waiters: [CheckedContinuation<End, Never>] = []

        mutating func keep(_ piece: SessionOutput) {
            said.append(piece)
            saidBytes += piece.bytes.count
            while saidBytes > SimulatedProcess.keptMax, let first = said.first {
                saidBytes -= first.bytes.count
                said.removeFirst()
            }
        }
    }
    /// So many bytes of what it has said are kept.
    static let keptMax = 1 << 20
    private let state: Mutex<State>
    /// Its reader holds it up when it is slow: an exec's only listener.
    private let waitsForReader: Bool

    init(isInteractive: Bool, terminal: TerminalRequest?, listener: SimulatedStream? = nil) {
        var state = State()
        state.isInputOver = !isInteractive
        state.rows = UInt16(clamping: terminal?.rows ?? 0)
        state.columns = UInt16(clamping: terminal?.columns ?? 0)
        state.listeners = listener.map { [$0] } ?? []
        waitsForReader = listener != nil
        self.state = Mutex(state)
    }

    // MARK: - From outside

    var end: End? { state.withLock { $0.end } }

    /// False: it has ended.
    func signal(_ number: Int32) -> Bool {
        state.withLock { state in
            guard state.end == nil else { return false }
            state.signals.append(number)
            return true
        }
    }

    /// False: it reads no more.
    func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.end == nil, !state.isInputOver else { return false }
            state.input += bytes
            return true
        }
    }

    /// More may be written without its waiting for long.
    var hasInputRoom: Bool { state.withLock { $0.input.count < SimulatedStream.bytesMax || $0.end != nil } }

    func closeInput() { state.withLock { $0.isInputOver = true } }

    func resize(rows: UInt16, columns: UInt16) {
        state.withLock { state in
            state.rows = rows
            state.columns = columns
        }
    }

    /// Hears what is said from `start` on. False: it has ended.
    func follow(_ listener: SimulatedStream, from start: OutputStart) -> Bool {
        state.withLock { state in
            guard state.end == nil else { return false }
            if case .beginning = start { for piece in state.said { listener.put(piece) } }
            state.listeners.append(listener)
            return true
        }
    }

    func wait() async -> End {
        await withCheckedContinuation { continuation in
            let end = state.withLock { state -> End? in
                if state.end == nil { state.waiters.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    // MARK: - From inside

    var size: (rows: UInt16, columns: UInt16) { state.withLock { ($0.rows, $0.columns) } }

    func nextSignal() -> Int32? { state.withLock { $0.signals.isEmpty ? nil : $0.signals.removeFirst() } }

    /// What it says to whoever listens.
    func say(_ piece: SessionOutput) async {
        let listeners = state.withLock { state in
            state.listeners.removeAll { $0.isClosed }
            state.keep(piece)
            return state.listeners
        }
        for listener in listeners {
            while waitsForReader, !listener.hasRoom, state.withLock({ $0.signals.isEmpty }) {
                await SimulatedTime.pass()
            }
            listener.put(piece)
        }
    }

    enum Input: Equatable { case bytes([UInt8]), nothingYet, over }

    /// Everything that has been written to it, or up to the end of a line.
    func takeInput(line: Bool) -> Input {
        state.withLock { state in
            if line {
                guard let end = state.input.firstIndex(of: UInt8(ascii: "\n")) else {
                    return state.isInputOver ? .over : .nothingYet
                }
                let taken = Array(state.input[..<end])
                state.input.removeFirst(end + 1)
                return .bytes(taken)
            }
            guard !state.input.isEmpty else { return state.isInputOver ? .over : .nothingYet }
            defer { state.input = [] }
            return .bytes(state.input)
        }
    }

    /// It is over; only the first time counts.
    func finish(_ end: End) {
        let (waiters, listeners) = state.withLock { state -> ([CheckedContinuation<End, Never>], [SimulatedStream]) in
            guard state.end == nil else { return ([], []) }
            state.end = end
            defer {
                state.waiters = []
                state.listeners = []
            }
            return (state.waiters, state.listeners)
        }
        for listener in listeners { listener.close() }
        for waiter in waiters { waiter.resume(returning: end) }
    }
}

/// The real clock's, in small steps: simulated processes look whether anything has happened in each of them.
enum SimulatedTime {
    static let step = Duration.milliseconds(1)

    static func pass(_ duration: Duration = step) async {
        do { try await Task.sleep(for: duration) } catch { await Task.yield() }
    }
}
