import ClusterAPI
import ClusterModel
import CommandOutput
import Determinism

/// Views of the master as programs read them. Docs/Reference/cluster-command-line.md lists the keys.
struct TaskDocument: Encodable {
    struct Update: Encodable {
        var state: String
        var at: String
        var source: String
        var reason: String?
        var message: String?
        var healthy: Bool?
        var exitCode: Int32?
    }
    var id: String
    var name: String
    var state: String
    var framework: String
    var frameworkState: String?
    var agent: String
    var executor: String?
    var container: String?
    var role: String?
    var image: String?
    var user: String?
    var labels: [String: String]
    var resources: [String: String]
    var ports: [String]
    var healthy: Bool?
    var exitCode: Int32?
    var message: String?
    var startedAt: String?
    var endedAt: String?
    var updates: [Update]

    init(_ task: TaskView, of owner: FrameworkView?) {
        id = task.id.text
        frameworkState = owner?.word
        name = task.name
        state = task.state.rawValue
        framework = task.framework.text
        agent = task.agent.text
        executor = task.executor?.text
        container = task.containerPath?.description
        role = task.role?.text
        image = task.container?.image?.name
        user = task.user
        labels = task.labels.reduce(into: [:]) { $0[$1.key] = $1.value ?? "" }
        resources = Amounts.document(task.resources)
        ports = task.container?.published.map(\.shown) ?? []
        healthy = task.statuses.last?.isHealthy
        exitCode = task.exitCode
        message = task.statuses.last?.message
        startedAt = task.startedAt.map { Timestamp.text($0.seconds) }
        endedAt = task.state.isTerminal ? task.statuses.last.map { Timestamp.text($0.at.seconds) } : nil
        updates = task.statuses.map { update in
            Update(
                state: update.state.rawValue, at: Timestamp.text(update.at.seconds), source: update.source.rawValue,
                reason: update.reason?.rawValue, message: update.message, healthy: update.isHealthy,
                exitCode: update.exitCode)
        }
    }
}

extension StatusUpdate {
    var exitCode: Int32? { labels.first { $0.key == TaskOutcome.codeLabel }?.value.flatMap { Int32($0) } }
}

extension TaskView {
    var exitCode: Int32? { statuses.last?.exitCode }
    var startedAt: Instant? { statuses.first { $0.state == .running }?.at }
    var containerPath: ContainerPath? {
        statuses.last { $0.containerStatus?.container != nil }?.containerStatus?.container
    }
    var files: TaskFiles { TaskFiles(framework: framework, task: id, executor: executor) }
}

struct AgentDocument: Encodable {
    var id: String
    var hostname: String
    var address: String
    var version: String
    var state: String
    var total: [String: String]
    var allocated: [String: String]
    var offered: [String: String]
    var attributes: [String: String]
    var registeredAt: String
    var reregisteredAt: String?
    var drainState: String?

    init(_ agent: AgentView) {
        id = agent.info.id.text
        hostname = agent.info.address.hostname
        address = "\(agent.info.address.address ?? agent.info.address.hostname):\(agent.info.address.port)"
        version = agent.version
        state = agent.word
        total = Amounts.document(agent.total)
        allocated = Amounts.document(agent.allocated)
        offered = Amounts.document(agent.offered)
        attributes = agent.info.attributes.reduce(into: [:]) { $0[$1.name] = $1.value.shown }
        registeredAt = Timestamp.text(agent.registeredAt.seconds)
        reregisteredAt = agent.reregisteredAt.map { Timestamp.text($0.seconds) }
        drainState = agent.drain?.state.rawValue
    }
}

extension AgentView {
    /// What can be expected of it now.
    var word: String {
        if let drain { return drain.state == .drained ? "drained" : "draining" }
        if isDeactivated { return "deactivated" }
        return isActive ? "active" : "away"
    }
}

struct FrameworkDocument: Encodable {
    var id: String
    var name: String
    var principal: String?
    var roles: [String]
    var state: String
    var allocated: [String: String]
    var offered: [String: String]
    var offers: Int
    var tasks: Int
    var failoverTimeoutSeconds: Double
    var registeredAt: String
    /// Left behind by `task run`, on purpose.
    var detached: Bool?

    init(_ framework: FrameworkView, tasks: Int, isCompleted: Bool) {
        id = framework.info.id.text
        name = framework.info.name
        principal = framework.info.principal
        roles = framework.info.roles.map(\.text)
        state = isCompleted ? "completed" : framework.word
        detached = framework.isDetached && !isCompleted ? true : nil
        allocated = Amounts.document(framework.allocated)
        offered = Amounts.document(framework.offered)
        offers = framework.offers.count
        self.tasks = tasks
        failoverTimeoutSeconds = Double(framework.info.failoverTimeout.saturatingNanoseconds) / 1e9
        registeredAt = Timestamp.text(framework.registeredAt.seconds)
    }
}

extension [FrameworkView] {
    func first(of task: TaskView) -> FrameworkView? { first { $0.info.id == task.framework } }
}

extension FrameworkView {
    var word: String { isConnected ? (isActive ? "connected" : "inactive") : isRecovered ? "recovered" : "away" }
}

/// Resources as people and programs read them.
enum Amounts {
    /// By name, everything of a name together.
    static func document(_ resources: [Resource]) -> [String: String] {
        let all = Resources(resources)
        var result: [String: String] = [:]
        for resource in all {
            switch resource.value {
            case .scalar: result[resource.name] = all.amount(of: resource.name).description
            case .ranges: result[resource.name] = all.ranges(named: resource.name).description
            case .set(let set): result[resource.name] = set.description
            }
        }
        return result
    }

    static func document(_ quantities: Quantities) -> [String: String] {
        var result: [String: String] = [:]
        for amount in quantities.amounts { result[amount.name] = amount.scalar.description }
        return result
    }

    /// `1.5/4`: given of all.
    static func share(_ name: String, of given: [Resource], in total: [Resource]) -> String {
        "\(Resources(given).amount(of: name))/\(Resources(total).amount(of: name))"
    }
}
