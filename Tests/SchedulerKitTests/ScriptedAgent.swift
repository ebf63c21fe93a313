import AsyncHTTPClient
import Determinism
import NIOCore
import SchedulerKit

/// An agent on the real link to a real master, with tasks that only exist on paper: each runs, and then ends when
/// `ends` says so. Updates wait for their acknowledgement, and are said again on every new link, and when their
/// framework is there again, as a real agent does.
actor ScriptedAgent {
    private struct PaperTask {
        var framework: FrameworkInfo
        var spec: TaskSpec
        var state: TaskState
        var pending: StatusUpdate?
        var upcoming: [TaskState]
    }
    private let http = HTTPClient(eventLoopGroupProvider: .singleton)
    private let master: String
    private let resources: [Resource]
    private let ends: @Sendable (TaskSpec) -> Bool
    private var id: AgentID?
    private var link: String?
    private var tasks: [TaskReference: PaperTask] = [:]
    private var lastUpdate: UInt64 = 0
    private var loop: Task<Void, Never>?

    init(master: String, _ resources: String, ends: @escaping @Sendable (TaskSpec) -> Bool = { _ in true }) throws {
        self.master = master
        self.resources = try Resource.parse(resources)
        self.ends = ends
    }

    /// Registers, and again whenever the link is lost.
    func start() {
        loop = Task {
            while !Task.isCancelled {
                do { try await live() } catch { await Task.yield() }
            }
        }
    }

    func stop() async throws {
        loop?.cancel()
        await loop?.value
        try await http.shutdown()
    }

    var states: [TaskState] { tasks.values.map(\.state) }

    /// Ends what runs. What does not reach the master is said on the next link.
    func finish() async {
        for reference in tasks.keys {
            tasks[reference]?.upcoming = [.finished]
            do { try await advance(reference) } catch { continue }
        }
    }

    private func live() async throws {
        let registration = AgentRegistration(
            id: id, address: NetworkAddress(hostname: "localhost", address: "127.0.0.1", port: 1),
            resources: resources, totals: resources, version: "1.0.0", bootID: "boot",
            frameworks: Array(
                Dictionary(tasks.values.map { ($0.framework.id, $0.framework) }) { one, _ in one }.values),
            tasks: tasks.map { reference, task in
                TaskReport(
                    framework: reference.framework, spec: task.spec, state: task.state, pending: task.pending)
            })
        link = nil
        let response = try await post(.register(registration))
        guard response.status == .ok else { throw ScriptedMaster.gone }
        link = response.headers.first(name: AgentLink.header)
        var reader = RecordReader(bytesMax: 1 << 20)
        for try await chunk in response.body {
            for record in try reader.read(Array(chunk.readableBytesView)) { try await take(MasterMessage(record)) }
        }
    }

    private func post(_ message: AgentMessage) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: master + AgentLink.path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/recordio")
        request.headers.add(name: "Message-Content-Type", value: "application/json")
        if let link { request.headers.add(name: AgentLink.header, value: link) }
        request.body = .bytes(ByteBuffer(bytes: message.record))
        return try await http.execute(request, deadline: .distantFuture)
    }

    private func say(_ message: AgentMessage) async throws {
        let response = try await post(message)
        guard response.status == .accepted else { throw ScriptedMaster.gone }
    }

    private func sayAgain(_ isMeant: (FrameworkID) -> Bool) async throws {
        for task in tasks.values where isMeant(task.framework.id) {
            if let update = task.pending { try await say(.status(update, latest: task.state)) }
        }
    }

    private func take(_ message: MasterMessage) async throws {
        switch message {
        case .registered(let id, _, _):
            self.id = id
            try await sayAgain { _ in true }
        case .updateFramework(let framework): try await sayAgain { $0 == framework.id }
        case .runTask(let spec, let framework, _):
            let reference = TaskReference(framework: framework.id, task: spec.id)
            tasks[reference] = PaperTask(
                framework: framework, spec: spec, state: .staging,
                upcoming: ends(spec) ? [.running, .finished] : [.running])
            try await advance(reference)
        case .kill(let reference, _):
            tasks[reference]?.upcoming = [.killed]
            try await advance(reference)
        case .acknowledge(let update, let reference):
            guard tasks[reference]?.pending?.id == update else { return }
            tasks[reference]?.pending = nil
            if tasks[reference]?.state.isTerminal == true {
                tasks[reference] = nil
            } else {
                try await advance(reference)
            }
        case .ping: try await say(.pong)
        default: break
        }
    }

    private func advance(_ reference: TaskReference) async throws {
        guard var task = tasks[reference], task.pending == nil, !task.upcoming.isEmpty else { return }
        lastUpdate += 1
        task.state = task.upcoming.removeFirst()
        let update = StatusUpdate(
            framework: reference.framework, task: reference.task, state: task.state, source: .executor, agent: id,
            at: .epoch + .seconds(Int64(lastUpdate)), id: UpdateID(high: 1, low: lastUpdate))
        task.pending = update
        tasks[reference] = task
        try await say(.status(update, latest: task.state))
    }
}
