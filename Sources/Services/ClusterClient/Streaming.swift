import AsyncHTTPClient
import ClusterAPI
import Diagnostics
import NIOCore
import Synchronization

/// Moves records from the network to whoever reads them, and notices when a stream has died.
extension Transport {
    func stream<Decoder: RecordDecoder>(
        _ answer: OpenAnswer, from peer: Peer, _ decoder: Decoder
    ) -> RecordStream<Decoder.Element> {
        let channel = BoundedChannel<Decoder.Element>(capacity: settings.limits.recordsWaitingMax)
        // Holds on to the transport: its end would close the connection.
        let task = Task { [self] in
            let pump = Pump<Decoder>(
                channel: channel, answer: answer, peer: peer, bytesMax: settings.limits.recordBytesMax)
            let failure = await pump.run(decoder)
            channel.finish(failure)
        }
        return RecordStream(RecordSource(channel: channel, pump: task))
    }
}

private struct Pump<Decoder: RecordDecoder>: Sendable {
    let channel: BoundedChannel<Decoder.Element>
    let answer: OpenAnswer
    let peer: Peer
    let bytesMax: Int

    /// Until the stream ends; gives why, or nil for an end in order.
    func run(_ decoder: Decoder) async -> Failure? {
        let watch = Watch(silence: decoder.silence)
        return await withTaskGroup(of: Failure?.self) { group in
            group.addTask { await read(decoder, watch) }
            group.addTask {
                guard let silence = await watch.silenced() else { return nil }
                return ClientFailures.silent(peer, answer.server, for: silence)
            }
            let first = await group.next() ?? nil
            watch.end()
            group.cancelAll()
            return first
        }
    }

    private func read(_ start: Decoder, _ watch: Watch) async -> Failure? {
        var decoder = start
        var reader = RecordReader(bytesMax: bytesMax)
        do {
            var body = answer.head.body.makeAsyncIterator()
            while true {
                watch.begin(decoder.silence)
                let chunk = try await body.next()
                watch.pause()
                guard let chunk else { break }
                for record in try reader.read(Array(chunk.readableBytesView)) {
                    guard let element = try decoder.element(of: record) else { continue }
                    guard await channel.send(element) else { return nil }
                }
            }
            try reader.finish()
            return decoder.mayEnd ? nil : ClientFailures.closed(peer, answer.server)
        } catch var failure as Failure {
            // Nothing can be found again in this stream; the next one is another.
            failure.retry = .later
            return failure
        } catch {
            return ClientFailures.streamBroken(peer, answer.server, error)
        }
    }
}

/// Knows since when something is waited for, and how long that may take.
private final class Watch: Sendable {
    private struct State {
        /// Nil while it is the reader who is slow.
        var since: ContinuousClock.Instant?
        var silence: Duration?
        var isOver = false
        var sleeper: Task<Void, Never>?
    }
    private let state: Mutex<State>

    init(silence: Duration?) {
        var state = State()
        state.silence = silence
        self.state = Mutex(state)
    }

    /// From now on something is waited for.
    func begin(_ silence: Duration?) {
        let sleeper = state.withLock { state -> Task<Void, Never>? in
            state.since = .now
            guard state.silence != silence else { return nil }
            state.silence = silence
            return state.sleeper
        }
        // It sleeps for as long as the old bound was.
        sleeper?.cancel()
    }

    /// It has come.
    func pause() { state.withLock { $0.since = nil } }

    func end() {
        let sleeper = state.withLock { state -> Task<Void, Never>? in
            state.isOver = true
            return state.sleeper
        }
        sleeper?.cancel()
    }

    /// Returns how long nothing came, when that was too long; nil when the watch has ended.
    func silenced() async -> Duration? {
        while !Task.isCancelled {
            let (isOver, silence, since) = state.withLock { ($0.isOver, $0.silence, $0.since) }
            if isOver { return nil }
            let now = ContinuousClock.now
            let deadline = silence.map { (since ?? now) + $0 }
            if let silence, let deadline, now >= deadline { return silence }
            let sleeper = Task {
                do {
                    try await Task.sleep(until: deadline ?? now + .seconds(86_400), clock: .continuous)
                } catch {
                    return
                }
            }
            let isCurrent = state.withLock { state in
                guard !state.isOver, state.silence == silence else { return false }
                state.sleeper = sleeper
                return true
            }
            if !isCurrent { sleeper.cancel() }
            await withTaskCancellationHandler {
                await sleeper.value
            } onCancel: {
                sleeper.cancel()
            }
        }
        return nil
    }
}
