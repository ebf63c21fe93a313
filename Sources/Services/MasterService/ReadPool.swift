import ClusterAPI
import HTTPServing
import MasterCore
import NIOCore
import NIOPosix
import Synchronization

/// Threads on which answers that cost much are worked out, so that neither the core nor other requests wait for them.
/// How many are worked out, wait, or are still being sent is bounded.
final class ReadPool: Sendable {
    private let pool: NIOThreadPool
    private let limits: MasterServiceLimits
    private struct Counts {
        var all = 0
        var large = 0
    }
    private let counts = Mutex(Counts())

    init(_ limits: MasterServiceLimits) {
        self.limits = limits
        pool = NIOThreadPool(numberOfThreads: max(1, limits.readsMax))
        pool.start()
    }

    func stop() async {
        do { try await pool.shutdownGracefully() } catch { return }
    }

    /// Held by whatever a read has in memory; gives its place back when nobody holds it any more.
    final class Place: Sendable {
        private let giveBack: @Sendable () -> Void
        fileprivate init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }
        deinit { giveBack() }
    }

    /// Nil: too many are under way already.
    private func place() -> Place? {
        take(\.all, upTo: limits.readsWaitingMax)
    }

    private func largePlace() -> Place? {
        take(\.large, upTo: limits.largeAnswersMax)
    }

    private func take(_ count: any WritableKeyPath<Counts, Int> & Sendable, upTo most: Int) -> Place? {
        let isFree = counts.withLock { counts in
            guard counts[keyPath: count] < most else { return false }
            counts[keyPath: count] += 1
            return true
        }
        return isFree ? Place { self.counts.withLock { $0[keyPath: count] -= 1 } } : nil
    }

    /// - Throws: when the pool has been stopped.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await pool.runIfActive(work)
    }
}

extension ReadPool {
    /// Writes the first record of those who begin to watch, and lets their streams go on with it. False when the pool
    /// has been stopped.
    func introduce(
        _ streams: [Desk.OpenStream], to core: MasterCore, by principal: String?, heartbeat: Duration
    ) async -> Bool {
        do {
            try await run {
                let event = OperatorEvent.subscribed(core.stateView(by: principal), heartbeat: heartbeat)
                var written: [WireFormat: ByteBuffer] = [:]
                for open in streams {
                    guard case .observer(let format) = open.form else { continue }
                    let record = written[format] ?? ByteBuffer(bytes: event.record(format))
                    written[format] = record
                    open.stream.release(with: record)
                }
            }
            return true
        } catch {
            return false
        }
    }

    /// What a read comes to.
    enum Document: Sendable {
        case whole([UInt8])
        case pieces(DocumentPieces)
    }

    /// Works out a document and answers with it: as a whole when it is small, else a piece at a time.
    ///
    /// `prefix` and `suffix` go around it.
    func response(
        type: String, prefix: String = "", suffix: String = "", _ make: @escaping @Sendable () -> Document
    ) async -> Response {
        guard let place = place() else { return ReadPool.refusal }
        let wholeBytesMax = limits.wholeAnswerBytesMax
        do {
            let (begin, rest) = try await run { () -> ([UInt8], DocumentPieces?) in
                var begin = Array(prefix.utf8)
                switch make() {
                case .whole(let bytes): begin += bytes
                case .pieces(var pieces):
                    while let piece = pieces.next() {
                        begin += piece
                        if begin.count > wholeBytesMax { return (begin, pieces) }
                    }
                }
                return (begin + Array(suffix.utf8), nil)
            }
            guard let rest else { return .content(begin, type: type) }
            guard let large = largePlace() else { return ReadPool.refusal }
            let remainder = Remainder(begin: begin, pieces: rest, suffix: Array(suffix.utf8), places: [place, large])
            return Response(
                .ok, headers: ["Content-Type": type],
                body: .pieces(length: nil) { try await self.run { remainder.next() } })
        } catch {
            return .text(.serviceUnavailable, "this master stops")
        }
    }

    private static var refusal: Response {
        .text(.serviceUnavailable, "too many reads are under way; try again later")
    }

    private final class Remainder: Sendable {
        private struct State {
            var begin: [UInt8]?
            var pieces: DocumentPieces
            var suffix: [UInt8]?
        }
        private let state: Mutex<State>
        private let places: [Place]

        init(begin: [UInt8], pieces: DocumentPieces, suffix: [UInt8], places: [Place]) {
            state = Mutex(State(begin: begin, pieces: pieces, suffix: suffix.isEmpty ? nil : suffix))
            self.places = places
        }

        func next() -> [UInt8]? {
            state.withLock { state in
                if let begin = state.begin {
                    state.begin = nil
                    return begin
                }
                if let piece = state.pieces.next() { return piece }
                defer { state.suffix = nil }
                return state.suffix
            }
        }
    }
}
