public import ClusterAPI
public import Diagnostics
import Synchronization

/// A client of a cluster: its master's operator and scheduler APIs and its agents' APIs, typed.
///
/// Calls go to the master that led when it was last asked; when that one is gone, or says that another leads, the
/// others are asked. All methods may be called at once, from anywhere. Letting go of the client and its streams closes
/// the connections.
///
/// Failures say what to do. Their codes: `client.unreachable` when nothing was sent; `client.answer-lost` and
/// `client.timed-out` when the call may have taken effect; `client.unauthorized`, `.forbidden`, `.not-found`,
/// `.conflict`, `.unavailable`, `.not-implemented`, `.server-failed` and `.refused` with the server's own words;
/// `client.answer-unreadable`, `.answer-too-large`; `client.redirect-refused`, `.redirected-too-often`.
public final class ClusterClient: Sendable {
    public let settings: ClientSettings
    let transport: Transport
    private let leader = Mutex<ServerAddress?>(nil)

    /// - Throws: `Failure` `client.no-master` without a master, `client.tls-invalid`, `client.credentials-invalid`.
    public init(_ settings: ClientSettings) throws(Failure) {
        guard !settings.masters.isEmpty else {
            throw Failure(
                "client.no-master", doing: "reach the cluster", cause: "no master was named",
                remedy: "name one such as http://127.0.0.1:5050")
        }
        self.settings = settings
        transport = try Transport(settings)
    }

    /// The master that answered last, or the first that was named.
    public var master: ServerAddress { leader.withLock { $0 } ?? settings.masters[0] }

    // MARK: - Operator API

    /// Makes any call of the operator API but `subscribe`. Nil: the master says no more than that it did it, or, for
    /// an operation on resources, that it will.
    public func call(_ call: OperatorCall) async throws(Failure) -> OperatorResponse? {
        let format = settings.format
        let order = Order(.master, "/api/v1", call.bytes(format), format, time: settings.limits.requestTime)
        let answer = try await send(order)
        guard !answer.body.isEmpty else { return nil }
        return try reading(.master, answer.server) { () throws(Failure) in
            try OperatorResponse(answer.body, format: answer.format(format))
        }
    }

    /// Changes the cluster. Not repeated by itself: after `client.answer-lost` and `client.timed-out` look first.
    public func change(_ change: OperatorChange) async throws(Failure) {
        _ = try await call(.change(change))
    }

    /// Everything that happens in the cluster, beginning with a snapshot.
    public func operatorEvents() async throws(Failure) -> RecordStream<OperatorEvent> {
        let format = settings.format
        let call = OperatorCall.subscribe
        let order = Order(.master, "/api/v1", call.bytes(format), format, time: settings.limits.requestTime)
        let answer = try await open(order)
        let decoder = OperatorEventDecoder(
            format: format, bytesMax: settings.limits.recordBytesMax, missedMax: settings.limits.heartbeatsMissedMax,
            silence: settings.limits.silenceTime)
        return transport.stream(answer, from: .master, decoder)
    }

    // MARK: - Whoever leads

    func send(_ order: Order) async throws(Failure) -> Answer {
        try await atLeader(order.peer) { [transport] server throws(Failure) in
            let answer = try await transport.send(order, to: server)
            return Transport.Opening.answered(answer)
        }.answer
    }

    func open(_ order: Order) async throws(Failure) -> OpenAnswer {
        let reached = try await atLeader(order.peer) { [transport] server throws(Failure) in
            try await transport.open(order, to: server)
        }
        guard let open = reached.open else {
            throw ClientFailures.unreadable(
                .master, reached.answer.server, "it answered \(reached.answer.status) where a stream should begin")
        }
        return open
    }

    private struct Reached {
        var answer: Answer
        var open: OpenAnswer?
    }

    /// Asks the masters one after another until one answers that is no standby. Only what certainly had no effect is
    /// asked a second time.
    private func atLeader(
        _ peer: Peer, _ ask: (ServerAddress) async throws(Failure) -> Transport.Opening
    ) async throws(Failure) -> Reached {
        var candidates = leader.withLock { $0 }.map { [$0] } ?? []
        for master in settings.masters where !candidates.contains(master) { candidates.append(master) }
        var first: Failure?
        for candidate in candidates {
            do throws(Failure) {
                let reached = try await following(candidate, peer, ask)
                leader.withLock { $0 = reached.answer.server }
                return reached
            } catch {
                guard ["client.unreachable", "client.unavailable", "client.redirected-too-often"].contains(error.code)
                else { throw error }
                first = first?.also(error) ?? error
            }
        }
        leader.withLock { $0 = nil }
        throw first ?? ClientFailures.unreadable(peer, settings.masters[0], "it did not answer")
    }

    private func following(
        _ start: ServerAddress, _ peer: Peer, _ ask: (ServerAddress) async throws(Failure) -> Transport.Opening
    ) async throws(Failure) -> Reached {
        var server = start
        for _ in 0...settings.limits.redirectsMax {
            let answer: Answer
            switch try await ask(server) {
            case .open(let open):
                let head = Answer(status: 200, headers: open.head.headers, body: [], server: server)
                return Reached(answer: head, open: open)
            case .answered(let given): answer = given
            }
            switch answer.status {
            case 200..<300: return Reached(answer: answer)
            case 307, 308:
                guard let location = answer.headers.first(name: "Location") else {
                    throw ClientFailures.unreadable(peer, server, "it redirects without saying where to")
                }
                server = try server.redirected(to: location)
            default: throw ClientFailures.refused(peer, server, answer.status, text(answer.body))
            }
        }
        throw Failure(
            "client.redirected-too-often", doing: "find the leading master from", on: start.description,
            cause: "\(settings.limits.redirectsMax) redirects did not lead to it",
            remedy: "try again when the masters agree", limit: "redirects \(settings.limits.redirectsMax)",
            retry: .later)
    }
}

/// A server's reason: one line, without what ends it.
func text(_ body: [UInt8]) -> String {
    var text = String(decoding: body, as: UTF8.self)
    while let last = text.last, last.isWhitespace || last == "." { text.removeLast() }
    return text
}

/// What an answer that makes no sense is called.
func reading<Value>(
    _ peer: Peer, _ server: ServerAddress, _ read: () throws(Failure) -> Value
) throws(Failure) -> Value {
    do throws(Failure) {
        return try read()
    } catch {
        throw ClientFailures.unreadable(peer, server, error.cause ?? error.description)
    }
}

struct OperatorEventDecoder: RecordDecoder {
    let format: WireFormat
    let bytesMax: Int
    let missedMax: Int
    var silence: Duration?
    let mayEnd = false

    init(format: WireFormat, bytesMax: Int, missedMax: Int, silence: Duration) {
        self.format = format
        self.bytesMax = bytesMax
        self.missedMax = missedMax
        self.silence = silence
    }

    /// Events of a kind this client does not know are passed over.
    mutating func element(of record: [UInt8]) throws(Failure) -> OperatorEvent? {
        let event: OperatorEvent
        do throws(Failure) {
            var bounds = OperatorResponse.bounds
            bounds.bytes = bytesMax
            event = try OperatorEvent(record, format: format, bounds: bounds)
        } catch {
            guard error.code == "api.event-unknown" else { throw unreadable(error) }
            return nil
        }
        if case .subscribed(_, let heartbeat) = event, heartbeat > .zero { silence = heartbeat * missedMax }
        return event
    }
}

/// A record that cannot be read ends its stream: what it said cannot be made up for.
func unreadable(_ failure: Failure) -> Failure {
    Failure(
        "client.stream-unreadable", doing: "read an event of the stream", cause: failure.cause ?? failure.description,
        remedy: "use a client and a server of the same version", field: failure.field, retry: .later)
}
