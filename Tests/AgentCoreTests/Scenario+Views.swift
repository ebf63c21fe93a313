import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

extension Scenario {
    /// Updates of the task the master has seen, each once.
    func updates(_ task: String) -> [StatusUpdate] {
        var seen: [StatusUpdate] = []
        for case .status(let update, _) in sent where update.task.text == task {
            if !seen.contains(where: { $0.id == update.id }) { seen.append(update) }
        }
        return seen
    }

    func states(_ task: String) -> [TaskState] { updates(task).map(\.state) }
    func last(_ task: String) -> StatusUpdate? { updates(task).last }

    /// How often anything was sent about the task.
    func sendings(_ task: String) -> Int {
        sent.count { if case .status(let update, _) = $0 { update.task.text == task } else { false } }
    }

    /// Bytes of the largest record the journal has.
    var largestRecord: Int {
        get throws { try journal.flatMap { $0 }.map { try AgentRecord.encode([$0]).count }.max() ?? 0 }
    }

    var launches: [ContainerLaunch] {
        effects.compactMap { if case .launch(let launch) = $0 { launch } else { nil } }
    }

    /// The container that was last launched for the task.
    func container(_ task: String) throws -> ContainerID {
        try #require(launches.last { $0.labels["bulkhead.task"] == task }?.id)
    }

    func container(ofExecutor name: String) throws -> ContainerID {
        try #require(launches.last { $0.labels["bulkhead.executor"] == name }?.id)
    }

    var signals: [Int32] {
        effects.compactMap { if case .signal(_, let signal) = $0 { signal } else { nil } }
    }

    var published: [ExecutorEvent] {
        effects.compactMap { if case .publish(_, let event) = $0 { event } else { nil } }
    }

    var probes: [(Agent.ProbeID, ProbeOrder)] {
        effects.compactMap { if case .probe(let id, let order) = $0 { (id, order) } else { nil } }
    }

    /// The one that has been ordered and not been answered.
    var openProbe: Agent.ProbeID? { probes.last { !answeredProbes.contains($0.0) }?.0 }

    var answers: [(Agent.CallID, CallAnswer)] {
        effects.compactMap { if case .answer(let call, let answer) = $0 { (call, answer) } else { nil } }
    }

    var notes: [Note] { effects.compactMap { if case .note(let note) = $0 { note } else { nil } } }

    var destroyed: [ContainerID] {
        effects.compactMap { if case .destroy(let id) = $0 { id } else { nil } }
    }

    mutating func run(_ spec: TaskSpec, _ framework: FrameworkInfo = .sample) {
        master(.runTask(spec, of: framework))
    }

    mutating func kill(_ task: String, grace: Duration? = nil) {
        master(.kill(reference(task), gracePeriod: grace))
    }

    func reference(_ task: String) -> TaskReference {
        TaskReference(framework: FrameworkInfo.sample.id, task: id(TaskID.self, task))
    }
}

/// An identifier of a literal.
func id<Kind>(_ type: Identifier<Kind>.Type, _ text: String) -> Identifier<Kind> {
    do {
        return try Identifier<Kind>(text)
    } catch {
        preconditionFailure("\(error)")
    }
}

extension AgentConfiguration {
    static let sample = AgentConfiguration(
        address: NetworkAddress(hostname: "host", address: "10.0.0.7", port: 5051),
        resources: [.cpus(8), .memory(8_192)], version: "1.12.0", workDirectory: "/var/lib/bulkhead")

    func with(_ change: (inout AgentConfiguration) -> Void) -> AgentConfiguration {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Resource {
    static func cpus(_ amount: Int) -> Resource { Resource("cpus", .scalar(Scalar(amount))) }
    static func memory(_ amount: Int) -> Resource { Resource("mem", .scalar(Scalar(amount))) }
}

extension FrameworkInfo {
    static let sample = FrameworkInfo(
        id: AgentCoreTests.id(FrameworkID.self, "F"), name: "sample",
        capabilities: [.multiRole, .reservationRefinement, .taskKillingState, .partitionAware])
}

extension TaskSpec {
    static func command(
        _ name: String, _ line: String = "run", change: (inout TaskSpec) -> Void = { _ in }
    ) -> TaskSpec {
        var spec = TaskSpec(
            id: AgentCoreTests.id(TaskID.self, name), name: name, agent: Scenario.agentID,
            resources: [.cpus(1), .memory(64)], runner: .command(CommandSpec(.shell(line))))
        spec.container = ContainerSpec(image: ContainerImage(.docker(name: "busybox")))
        change(&spec)
        return spec
    }

    static func member(_ name: String, change: (inout TaskSpec) -> Void = { _ in }) -> TaskSpec {
        command(name) { spec in
            spec.runner = .executor(.pod)
            spec.groupCommand = CommandSpec(.shell("run"))
            change(&spec)
        }
    }

    static func under(
        _ executor: ExecutorSpec, _ name: String, change: (inout TaskSpec) -> Void = { _ in }
    ) -> TaskSpec {
        command(name) { spec in
            spec.runner = .executor(executor)
            spec.container = nil
            change(&spec)
        }
    }
}

extension ExecutorSpec {
    static let pod = ExecutorSpec(
        id: AgentCoreTests.id(ExecutorID.self, "pod"), framework: FrameworkInfo.sample.id, kind: .standard)
    static let custom = ExecutorSpec(
        id: AgentCoreTests.id(ExecutorID.self, "E"), framework: FrameworkInfo.sample.id, kind: .custom,
        command: CommandSpec(.shell("executor")), resources: [.cpus(1)])
}

extension Scenario {
    mutating func forgetEffects() { effects = [] }

    /// Of the batch given to the journal last.
    var lastTicket: Agent.Ticket? {
        effects.reversed().lazy.compactMap { effect in
            switch effect {
            case .persist(_, let ticket), .compact(_, let ticket): ticket
            default: nil
            }
        }.first
    }
}

extension Scenario: CustomTestStringConvertible {
    var testDescription: String { "scenario at \(now)" }
}
