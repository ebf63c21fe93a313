import NIOCore
import Synchronization

/// Counts what is open, so that too much of it is refused, and finds it again when the server stops.
final class ConnectionTable: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var perPeer: [String: Int] = [:]
        var streams = 0
        var refused: UInt64 = 0
        var accepted: UInt64 = 0
        var isStopping = false
    }
    private let state = Mutex(State())
    private let limits: ServerLimits

    init(limits: ServerLimits) { self.limits = limits }

    /// Why a connection is not taken.
    enum Refusal: String {
        case total = "too many connections"
        case peer = "too many connections of this address"
        case stopping = "the server is stopping"
    }

    func admit(_ channel: any Channel, peer: String?) -> Refusal? {
        state.withLock { state in
            let count = peer.map { state.perPeer[$0, default: 0] } ?? 0
            let refusal: Refusal? =
                state.isStopping
                ? .stopping
                : state.channels.count >= limits.connectionsMax
                    ? .total
                    : count >= limits.connectionsPerPeerMax ? .peer : nil
            guard refusal == nil else {
                state.refused += 1
                return refusal
            }
            state.accepted += 1
            state.channels[ObjectIdentifier(channel)] = channel
            if let peer { state.perPeer[peer] = count + 1 }
            return nil
        }
    }

    func remove(_ channel: any Channel, peer: String?) {
        state.withLock { state in
            guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil, let peer else { return }
            let count = state.perPeer[peer, default: 1] - 1
            state.perPeer[peer] = count == 0 ? nil : count
        }
    }

    func openStream() -> Bool {
        state.withLock { state in
            guard state.streams < limits.streamsMax else { return false }
            state.streams += 1
            return true
        }
    }

    func closeStream() { state.withLock { $0.streams -= 1 } }

    /// Refuses whoever comes from now on; gives those that are there.
    func stop() -> [any Channel] {
        state.withLock { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    var figures: (open: Int, streams: Int, accepted: UInt64, refused: UInt64) {
        state.withLock { ($0.channels.count, $0.streams, $0.accepted, $0.refused) }
    }
}
