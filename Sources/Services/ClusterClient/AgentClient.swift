public import ClusterAPI
public import ClusterModel
public import Diagnostics
import NIOHTTP1

extension ClusterClient {
    /// A client of the agent that answers at `address`.
    public func agent(at address: ServerAddress) -> AgentClient { AgentClient(address: address, transport: transport) }

    /// A client of one of the master's agents. It is reached as the master is: with TLS or without.
    ///
    /// - Throws: `client.not-found` when the master knows no such agent.
    public func agent(_ id: AgentID) async throws(Failure) -> AgentClient {
        let view = try await agents()
        guard let agent = view.agents.first(where: { $0.info.id == id }) else {
            let isAway = view.recovered.contains { $0.id == id }
            throw Failure(
                "client.not-found", doing: "reach agent", on: id.text,
                cause: isAway
                    ? "the master has not heard of it since it began to lead" : "the master knows no agent of this id",
                remedy: "see 'bulkhead agent ls'", retry: isAway ? .later : .never)
        }
        return self.agent(at: ServerAddress(agent.info.address, isEncrypted: master.isEncrypted))
    }
}

/// A client of one agent's operator API. Its failures are those of `ClusterClient`.
public struct AgentClient: Sendable {
    public let address: ServerAddress
    let transport: Transport

    private static let path = "/api/v1"

    /// Makes any call that is answered at once; streams have methods of their own. Nil: the agent says no more than
    /// that it did it. Waiting for a container takes as long as the container.
    public func call(_ call: AgentCall) async throws(Failure) -> AgentResponse? {
        try await answered(call).response
    }

    /// Whether it was launched just now; false: it had been before.
    public func launch(_ request: ContainerLaunchRequest) async throws(Failure) -> Bool {
        try await answered(.container(.launch(request), form: .any)).status != 202
    }

    /// How the container ended. Returns when it has, at once when it had.
    public func wait(for container: ContainerPath) async throws(Failure) -> ContainerTermination {
        let form: ContainerCallForm = container.isNested ? .nested : .any
        guard case .ended(let termination, _)? = try await call(.container(.wait(container), form: form)) else {
            throw ClientFailures.unreadable(.agent, address, "it did not say how the container ended")
        }
        return termination
    }

    /// Everything the agent runs.
    public func state() async throws(Failure) -> AgentStateView {
        guard case .state(let view)? = try await call(.query(.state)) else {
            throw ClientFailures.unreadable(.agent, address, "it did not show its state")
        }
        return view
    }

    public func containers(showNested: Bool = false, showStandalone: Bool = false) async throws(Failure)
        -> [ContainerView]
    {
        let query = AgentQuery.containers(showNested: showNested, showStandalone: showStandalone)
        guard case .containers(let views)? = try await call(.query(query)) else {
            throw ClientFailures.unreadable(.agent, address, "it did not show its containers")
        }
        return views
    }

    /// Version, flags, metrics, logging and files of the agent.
    public func process(_ call: ProcessCall) async throws(Failure) -> ProcessResponse {
        guard case .process(let response)? = try await self.call(.process(call)) else {
            throw ClientFailures.unreadable(.agent, address, "it did not answer what was asked")
        }
        return response
    }

    func answered(
        _ call: AgentCall
    ) async throws(Failure) -> (status: UInt, headers: HTTPHeaders, response: AgentResponse?) {
        let format = transport.settings.format
        var time: Duration? = transport.settings.limits.requestTime
        if case .container(.wait, _) = call { time = nil }
        let order = Order(.agent, Self.path, call.bytes(format), format, time: time)
        let answer = try await send(order, tries: call.changesNothing ? Self.triesMax : 1)
        guard (200..<300).contains(answer.status) else {
            throw ClientFailures.refused(.agent, address, answer.status, text(answer.body))
        }
        guard !answer.body.isEmpty else { return (answer.status, answer.headers, nil) }
        let response = try reading(.agent, address) { () throws(Failure) in
            try AgentResponse(answer.body, format: answer.format(format))
        }
        return (answer.status, answer.headers, response)
    }

    /// What changes nothing may be asked again over another connection: the agent may just have closed the one we had.
    private static let triesMax = 3

    private func send(_ order: Order, tries: Int) async throws(Failure) -> Answer {
        for _ in 1..<max(tries, 1) {
            do throws(Failure) { return try await transport.send(order, to: address) } catch {
                guard error.code == "client.answer-lost" else { throw error }
            }
        }
        return try await transport.send(order, to: address)
    }

    // MARK: - Processes

    /// What the container's process says from now on, or everything the agent still has of it; ends when the process
    /// does.
    ///
    /// - Throws: `client.not-found` when the container has ended.
    public func attachOutput(
        of container: ContainerPath, fromBeginning: Bool = false
    ) async throws(Failure) -> RecordStream<ProcessIO> {
        let headers = fromBeginning ? [(AgentHeader.outputFrom, AgentHeader.beginning)] : []
        return try await output(.attachOutput(container), form: .any, headers)
    }

    /// By the protocol a container that has ended inside another is a failure of the agent like any.
    private func streamRefused(_ container: ContainerPath, _ status: UInt, _ body: [UInt8]) -> Failure {
        let said = text(body)
        let isMissing = said == AgentWords.noContainer(container)
        return ClientFailures.refused(.agent, address, status, said, meaning: isMissing ? 404 : nil)
    }

    /// Runs a process in a container and gives what it says. Letting go of the stream, or cancelling it, ends the
    /// process. What it ended with: `wait(for:)`.
    public func launchSession(_ request: ContainerLaunchRequest) async throws(Failure) -> RecordStream<ProcessIO> {
        let form: ContainerCallForm = request.container.isNested ? .nested : .any
        return try await output(.launchSession(request), form: form)
    }

    private func output(
        _ call: ContainerCall, form: ContainerCallForm, _ headers: [(String, String)] = []
    ) async throws(Failure) -> RecordStream<ProcessIO> {
        let format = transport.settings.format
        let bytes = AgentCall.container(call, form: form).bytes(format)
        var order = Order(.agent, Self.path, bytes, format, time: transport.settings.limits.requestTime)
        order.headers = [
            ("Content-Type", format.mediaType), ("Accept", "application/recordio"),
            ("Message-Accept", format.mediaType),
        ] + headers
        switch try await transport.open(order, to: address) {
        case .open(let open):
            let said = open.head.headers.first(name: "Message-Content-Type").flatMap { WireFormat(mediaType: $0) }
            let decoder = ProcessIODecoder(format: said ?? format, limits: transport.settings.limits)
            return transport.stream(open, from: .agent, decoder)
        case .answered(let answer): throw streamRefused(call.container, answer.status, answer.body)
        }
    }

    /// Sends `input` to the container's process: data, an empty datum at its end, sizes of the terminal. Returns when
    /// the agent has taken all of it. What cannot be delivered makes `input` wait.
    public func attachInput<Input: AsyncSequence & Sendable>(
        of container: ContainerPath, _ input: Input
    ) async throws(Failure) where Input.Element == ProcessIO {
        let format = transport.settings.format
        var order = Order(.agent, Self.path, [], format, time: nil)
        order.headers = [
            ("Content-Type", "application/recordio"), ("Message-Content-Type", format.mediaType),
            ("Accept", format.mediaType),
        ]
        order.body = .stream(AttachRecords(container: container, input: input, format: format), length: .unknown)
        let answer = try await transport.send(order, to: address)
        guard (200..<300).contains(answer.status) else {
            throw streamRefused(container, answer.status, answer.body)
        }
    }
}

private struct ProcessIODecoder: RecordDecoder {
    let format: WireFormat
    let limits: ClientLimits
    /// A process may be silent; only an agent that promised heartbeats may not.
    var silence: Duration?
    let mayEnd = true

    init(format: WireFormat, limits: ClientLimits) {
        self.format = format
        self.limits = limits
    }

    mutating func element(of record: [UInt8]) throws(Failure) -> ProcessIO? {
        let io: ProcessIO
        do throws(Failure) {
            let bounds = WireBounds(bytes: limits.recordBytesMax, depth: 64, values: 1_000)
            io = try ProcessIO(record, format: format, bounds: bounds)
        } catch {
            throw unreadable(error)
        }
        guard case .heartbeat(let interval) = io else { return io }
        if let interval, interval > .zero { silence = interval * limits.heartbeatsMissedMax }
        return nil
    }
}

extension AgentCall {
    /// Asking twice is as asking once.
    fileprivate var changesNothing: Bool {
        switch self {
        case .query, .container(.wait, _): true
        case .process(.setLoggingLevel): false
        case .process: true
        default: false
        }
    }
}
