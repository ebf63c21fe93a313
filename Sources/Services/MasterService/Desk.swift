import ClusterAPI
import ClusterModel
import FoundationEssentials
import HTTPServing
import MasterCore
import Synchronization

/// What an HTTP call gets from the master.
enum CallReply: Sendable {
    case answer(CallAnswer)
    case stream(EventStream, id: String)
    /// The mailbox is full, or this master has stopped leading.
    case refused(String)
}

/// How the records of a stream are written.
enum StreamForm: Sendable, Hashable {
    case scheduler(WireFormat)
    case observer(WireFormat)

    var isObserver: Bool { if case .observer = self { true } else { false } }
}

/// Who waits for what: calls, event streams and agents' links, by the core's numbers and by the texts that stand for
/// them on the wire. Used from the driver and from every request, so it locks.
final class Desk: Sendable {
    struct OpenStream: Sendable {
        let stream: EventStream
        let form: StreamForm
    }
    struct OpenLink: Sendable {
        let id: LinkID
        let principal: Principal?
        let stream: EventStream
    }
    private struct PendingCall {
        let continuation: CheckedContinuation<CallReply, Never>
        let form: StreamForm?
    }
    private struct State {
        var calls: [CallID: PendingCall] = [:]
        var streams: [StreamID: OpenStream] = [:]
        /// Which of them are watchers'.
        var observers: Set<StreamID> = []
        var streamTexts: [String: StreamID] = [:]
        var textsOfStreams: [StreamID: String] = [:]
        var links: [String: OpenLink] = [:]
        var textsOfLinks: [LinkID: String] = [:]
        var lastCall: UInt64 = 0
        var lastLink: UInt64 = 0
        var isClosed = false
    }
    private let state = Mutex(State())

    var counts: (calls: Int, streams: Int, links: Int) {
        state.withLock { ($0.calls.count, $0.streams.count, $0.links.count) }
    }

    // MARK: - Calls

    /// Numbers a call and has it wait; `send` hands it on, and says whether it was taken.
    func call(_ form: StreamForm?, _ send: (CallID) -> Bool) async -> CallReply {
        await withCheckedContinuation { continuation in
            let call = state.withLock { state -> CallID? in
                guard !state.isClosed else { return nil }
                state.lastCall += 1
                let call = CallID(state.lastCall)
                state.calls[call] = PendingCall(continuation: continuation, form: form)
                return call
            }
            guard let call else {
                return continuation.resume(returning: .refused("this master does not lead any more"))
            }
            if !send(call) { finish(call, .refused("the master has too much to do; try again later")) }
        }
    }

    func finish(_ call: CallID, _ reply: CallReply) {
        state.withLock { $0.calls.removeValue(forKey: call) }?.continuation.resume(returning: reply)
    }

    // MARK: - Streams

    /// Opens the stream that answers `call`. Nil when nobody waits for it any more.
    func open(
        _ id: StreamID, for call: CallID, make: (StreamForm) -> EventStream
    ) -> OpenStream? {
        let text = Desk.randomText()
        let opened = state.withLock { state -> (PendingCall, OpenStream)? in
            guard let pending = state.calls.removeValue(forKey: call), let form = pending.form else { return nil }
            let open = OpenStream(stream: make(form), form: form)
            state.streams[id] = open
            if form.isObserver { state.observers.insert(id) }
            state.streamTexts[text] = id
            state.textsOfStreams[id] = text
            return (pending, open)
        }
        guard let (pending, open) = opened else { return nil }
        pending.continuation.resume(returning: .stream(open.stream, id: text))
        return open
    }

    func stream(_ id: StreamID) -> OpenStream? { state.withLock { $0.streams[id] } }

    /// What a Mesos-Stream-Id stands for.
    func stream(named text: String) -> StreamID { state.withLock { $0.streamTexts[text] } ?? .foreign }

    var observers: [(StreamID, OpenStream)] {
        state.withLock { state in state.observers.compactMap { id in state.streams[id].map { (id, $0) } } }
    }

    @discardableResult
    func close(_ id: StreamID) -> OpenStream? {
        state.withLock { state in
            if let text = state.textsOfStreams.removeValue(forKey: id) { state.streamTexts[text] = nil }
            state.observers.remove(id)
            return state.streams.removeValue(forKey: id)
        }
    }

    // MARK: - Links

    /// Numbers a link and gives it a name nobody can guess: whoever knows it speaks for the agent.
    func openLink(_ principal: Principal?, make: (LinkID) -> EventStream) -> (link: OpenLink, text: String)? {
        let text = Desk.randomText()
        return state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastLink += 1
            let id = LinkID(state.lastLink)
            let link = OpenLink(id: id, principal: principal, stream: make(id))
            state.links[text] = link
            state.textsOfLinks[id] = text
            return (link, text)
        }
    }

    func link(named text: String) -> OpenLink? { state.withLock { $0.links[text] } }

    func link(_ id: LinkID) -> OpenLink? {
        state.withLock { state in state.textsOfLinks[id].flatMap { state.links[$0] } }
    }

    @discardableResult
    func close(_ id: LinkID) -> OpenLink? {
        state.withLock { state in
            state.textsOfLinks.removeValue(forKey: id).flatMap { state.links.removeValue(forKey: $0) }
        }
    }

    // MARK: - The end

    /// Answers everybody who waits and ends every stream and link.
    func closeAll() {
        let (calls, streams) = state.withLock { state -> ([PendingCall], [EventStream]) in
            state.isClosed = true
            let streams = state.streams.values.map(\.stream) + state.links.values.map(\.stream)
            let calls = Array(state.calls.values)
            state.calls = [:]
            state.streams = [:]
            state.observers = []
            state.streamTexts = [:]
            state.textsOfStreams = [:]
            state.links = [:]
            state.textsOfLinks = [:]
            return (calls, streams)
        }
        for call in calls { call.continuation.resume(returning: .refused("this master does not lead any more")) }
        for stream in streams { stream.finish() }
    }

    /// A random UUID (RFC 9562, version 4) that nobody can guess. Foundation's own opens /dev/urandom for each.
    static func randomText() -> String {
        var generator = SystemRandomNumberGenerator()
        let (high, low) = (generator.next() as UInt64, generator.next() as UInt64)
        var bytes = unsafeBitCast((high, low), to: uuid_t.self)
        bytes.6 = bytes.6 & 0x0f | 0x40
        bytes.8 = bytes.8 & 0x3f | 0x80
        return UUID(uuid: bytes).uuidString.lowercased()
    }
}
