public import ClusterAPI
public import ClusterModel
public import Diagnostics

/// A client of the agent's executor API, for programs that run tasks of a framework.
public struct ExecutorClient: Sendable {
    public let framework: FrameworkID
    public let executor: ExecutorID
    private let agent: ServerAddress
    private let transport: Transport

    private static let path = "/api/v1/executor"

    /// `agent`: what MESOS_AGENT_ENDPOINT says. `token`: MESOS_EXECUTOR_AUTHENTICATION_TOKEN, when there is one.
    ///
    /// - Throws: `client.credentials-invalid`, `client.tls-invalid`.
    public init(
        agent: ServerAddress, framework: FrameworkID, executor: ExecutorID, token: String? = nil,
        settings: ClientSettings? = nil
    ) throws(Failure) {
        var settings = settings ?? ClientSettings(masters: [])
        if let token { settings.credentials = .bearer(token: token) }
        self.agent = agent
        self.framework = framework
        self.executor = executor
        transport = try Transport(settings)
    }

    /// Subscribes, with what has not been acknowledged: first the executor's tasks, then its updates in their order.
    /// A second subscription ends the first.
    public func subscribe(
        tasks: [TaskSpec] = [], updates: [StatusUpdate] = []
    ) async throws(Failure) -> RecordStream<ExecutorEvent> {
        switch try await transport.open(order(.subscribe(tasks: tasks, updates: updates)), to: agent) {
        case .open(let open):
            let decoder = ExecutorEventDecoder(
                format: transport.settings.format, bytesMax: transport.settings.limits.recordBytesMax)
            return transport.stream(open, from: .agent, decoder)
        case .answered(let answer): throw ClientFailures.refused(.agent, agent, answer.status, text(answer.body))
        }
    }

    /// Sends an update, a message or a heartbeat.
    public func call(_ action: ExecutorCall.Action) async throws(Failure) {
        let answer = try await transport.send(order(action), to: agent)
        guard (200..<300).contains(answer.status) else {
            throw ClientFailures.refused(.agent, agent, answer.status, text(answer.body))
        }
    }

    private func order(_ action: ExecutorCall.Action) -> Order {
        let format = transport.settings.format
        let call = ExecutorCall(framework: framework, executor: executor, action)
        let body = WireCodec.encode(call.value, as: ExecutorCall.messageName, format)
        return Order(.agent, Self.path, body, format, time: transport.settings.limits.requestTime)
    }
}

private struct ExecutorEventDecoder: RecordDecoder {
    let format: WireFormat
    let bytesMax: Int
    /// The agent is on this machine, and not all send heartbeats.
    let silence: Duration? = nil
    let mayEnd = false

    init(format: WireFormat, bytesMax: Int) {
        self.format = format
        self.bytesMax = bytesMax
    }

    mutating func element(of record: [UInt8]) throws(Failure) -> ExecutorEvent? {
        do throws(Failure) {
            return try ExecutorEvent(
                record, format: format, bounds: WireBounds(bytes: bytesMax, depth: 64, values: 1 << 24))
        } catch {
            guard error.code == "api.event-unknown" else { throw unreadable(error) }
            return nil
        }
    }
}
