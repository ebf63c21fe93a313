public import ClusterAPI
import ClusterModel
public import Diagnostics

/// One subscription of a framework: its events, and the calls that belong to it.
///
/// It lives as long as the master leads and the network holds; then `events` throws, every call is refused, and the
/// framework subscribes again with its id. SchedulerKit does that by itself.
public struct SchedulerConnection: Sendable {
    /// The first is `subscribed` with the framework's id. Read by one reader.
    public let events: RecordStream<SchedulerEvent>
    public let master: ServerAddress
    /// What the master calls the subscription.
    public let streamID: String
    private let transport: Transport
    private let form: ReservationForm

    fileprivate init(
        events: RecordStream<SchedulerEvent>, master: ServerAddress, streamID: String, transport: Transport,
        form: ReservationForm
    ) {
        self.events = events
        self.master = master
        self.streamID = streamID
        self.transport = transport
        self.form = form
    }

    /// Makes any call but `subscribe`. Returns when the master has taken it, not when it is done: that comes as events.
    /// Calls made one after another arrive in that order; calls made at once may not.
    ///
    /// - Throws: as the client does; `client.not-leading` when this subscription is over because another master leads.
    public func call(_ call: SchedulerCall) async throws(Failure) {
        let format = transport.settings.format
        let body = WireCodec.encode(call.value(form), as: SchedulerCall.messageName, format)
        var order = Order(.master, schedulerPath, body, format, time: transport.settings.limits.requestTime)
        order.headers.append((streamHeader, streamID))
        let answer = try await transport.send(order, to: master)
        switch answer.status {
        case 200..<300: return
        case 307, 308:
            throw Failure(
                "client.not-leading", doing: "have the master at \(master) do this", cause: "it does not lead any more",
                remedy: "subscribe again", retry: .later)
        default: throw ClientFailures.refused(.master, master, answer.status, text(answer.body))
        }
    }

    /// Ends the events and with them the subscription; the framework's tasks live on for its failover timeout.
    public func disconnect() { events.cancel() }
}

private let schedulerPath = "/api/v1/scheduler"
private let streamHeader = "Mesos-Stream-Id"

extension ClusterClient {
    /// Subscribes a framework: a new one without an id, one that comes back with it.
    public func subscribe(_ subscription: Subscription) async throws(Failure) -> SchedulerConnection {
        let format = settings.format
        let form = ReservationForm(for: subscription.framework.capabilities)
        let call = SchedulerCall(framework: subscription.framework.id, .subscribe(subscription))
        let body = WireCodec.encode(call.value(form), as: SchedulerCall.messageName, format)
        let answer = try await open(
            Order(.master, schedulerPath, body, format, time: settings.limits.requestTime))
        guard let streamID = answer.head.headers.first(name: streamHeader) else {
            throw ClientFailures.unreadable(.master, answer.server, "it names no stream (\(streamHeader))")
        }
        let decoder = SchedulerEventDecoder(
            format: format, framework: subscription.framework.id, limits: settings.limits)
        return SchedulerConnection(
            events: transport.stream(answer, from: .master, decoder), master: answer.server, streamID: streamID,
            transport: transport, form: form)
    }
}

private struct SchedulerEventDecoder: RecordDecoder {
    let format: WireFormat
    let limits: ClientLimits
    var framework: FrameworkID?
    var silence: Duration?
    let mayEnd = false

    init(format: WireFormat, framework: FrameworkID?, limits: ClientLimits) {
        self.format = format
        self.framework = framework
        self.limits = limits
        silence = limits.silenceTime
    }

    /// Events of a kind this client does not know are passed over.
    mutating func element(of record: [UInt8]) throws(Failure) -> SchedulerEvent? {
        let event: SchedulerEvent
        do throws(Failure) {
            let bounds = WireBounds(bytes: limits.recordBytesMax, depth: 64, values: 1 << 26)
            event = try SchedulerEvent(record, of: framework, format: format, bounds: bounds)
        } catch {
            guard error.code == "api.event-unknown" else { throw unreadable(error) }
            return nil
        }
        if case .subscribed(let id, let heartbeat, _) = event {
            framework = id
            if heartbeat > .zero { silence = heartbeat * limits.heartbeatsMissedMax }
        }
        return event
    }
}
