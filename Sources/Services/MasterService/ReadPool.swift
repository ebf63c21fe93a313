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

    /// Carried out also for a task that is cancelled: a client that has shut down its own side only still reads the
    /// answer, and the pool would refuse what waits for it as if it had been stopped.
    ///
    /// - Throws: when the pool has been stopped.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        let pool = pool
        return try await Task { try await pool.runIfActive(work) }.value
    }
}

extension ReadPool {
    /// Writes the first record of those who begin to watch, and lets their streams go on with it. False when the pool
    /// has been stopped.
    func introduce(
        _ streams: [Desk.OpenStream], to core: MasterCore, by principal: String?, heartbeat: Duration
    ) async -> Bool {
        do {
            let event = try await run { OperatorEvent.subscribed(core.stateView(by: principal), heartbeat: heartbeat) }
            var written: [WireFormat: [ByteBuffer]] = [:]
            for open in streams {
                guard case .observer(let format) = open.form else { continue }
                var record = written[format] ?? []
                if record.isEmpty { record = try await self.record(event, format) }
                written[format] = record
                open.stream.release(with: record)
            }
            return true
        } catch {
            return false
        }
    }

    /// Framed, in blocks that the memory's own sizes have room for.
    private func record(_ event: OperatorEvent, _ format: WireFormat) async throws -> [ByteBuffer] {
        guard let pieces = event.pieces(format) else {
            return try await run { [ByteBuffer(bytes: event.record(format))] }
        }
        let parts = PartQueue(pieces, pool: self, aheadMax: limits.partsAheadMax)
        var blocks: [ByteBuffer] = [ByteBuffer()]
        var length = 0
        while let bytes = try await parts.next() {
            length += bytes.count
            var rest = bytes[...]
            while !rest.isEmpty {
                var block = ByteBuffer()
                swap(&block, &blocks[blocks.count - 1])
                let room = ReadPool.blockBytes - block.readableBytes
                block.writeBytes(rest.prefix(room))
                rest = rest.dropFirst(room)
                blocks[blocks.count - 1] = block
                if !rest.isEmpty { blocks.append(ByteBufferAllocator().buffer(capacity: ReadPool.blockBytes)) }
            }
        }
        var head = ByteBuffer(string: "\(length)\n")
        guard blocks.count == 1 else { return [head] + blocks }
        head.writeImmutableBuffer(blocks[0])
        return [head]
    }

    private static let blockBytes = 1 << 18

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
            let parts = PartQueue(rest, pool: self, aheadMax: limits.partsAheadMax)
            let remainder = Remainder(begin: begin, parts: parts, suffix: Array(suffix.utf8), places: [place, large])
            return Response(
                .ok, headers: ["Content-Type": type], body: .pieces(length: nil) { try await remainder.next() })
        } catch {
            return .text(.serviceUnavailable, "this master stops")
        }
    }

    private static var refusal: Response {
        .text(.serviceUnavailable, "too many reads are under way; try again later")
    }

    /// A document that is written in parts, some at the same time, and handed out in order.
    private actor PartQueue {
        private let pool: ReadPool
        private let aheadMax: Int
        private var pieces: DocumentPieces
        private var ahead: [Task<DocumentPart.Written, any Error>] = []

        init(_ pieces: DocumentPieces, pool: ReadPool, aheadMax: Int) {
            self.pieces = pieces
            self.pool = pool
            self.aheadMax = max(1, aheadMax)
        }

        /// Not empty; nil at the end. Asked for one after another.
        func next() async throws -> [UInt8]? {
            while true {
                while ahead.count < aheadMax, let part = pieces.nextPart() {
                    let pool = pool
                    ahead.append(Task { try await pool.run { part.write() } })
                }
                guard !ahead.isEmpty else { return nil }
                let bytes = pieces.join(try await ahead.removeFirst().value)
                if !bytes.isEmpty { return bytes }
            }
        }
    }

    private actor Remainder {
        private var begin: [UInt8]?
        private let parts: PartQueue
        private var suffix: [UInt8]?
        private let places: [Place]

        init(begin: [UInt8], parts: PartQueue, suffix: [UInt8], places: [Place]) {
            self.begin = begin
            self.parts = parts
            self.suffix = suffix.isEmpty ? nil : suffix
            self.places = places
        }

        func next() async throws -> [UInt8]? {
            if let begin {
                self.begin = nil
                return begin
            }
            if let piece = try await parts.next() { return piece }
            defer { suffix = nil }
            return suffix
        }
    }
}
