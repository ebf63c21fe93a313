import ClusterAPI
import ClusterModel
import Containers
import Determinism

/// Health checks and checks under way.
struct ProbeTable: Sendable {
    enum Kind: Hashable, Sendable {
        case health(TaskReference)
        case check(TaskReference)

        var ordered: ProbeOrder.Kind {
            switch self {
            case .health: .health
            case .check: .check
            }
        }
    }
    /// Of one task's health check.
    struct Health: Hashable, Sendable {
        var launchedAt: Instant
        var failures: UInt32 = 0
        var hasSucceeded: Bool
    }
    private var following: UInt64 = 1
    private var kinds: [Agent.ProbeID: Kind] = [:]
    private var probes: [Kind: Agent.ProbeID] = [:]
    var health: [TaskReference: Health] = [:]

    mutating func start(_ kind: Kind) -> Agent.ProbeID {
        let id = Agent.ProbeID(following)
        following += 1
        kinds[id] = kind
        probes[kind] = id
        return id
    }

    mutating func finish(_ id: Agent.ProbeID) -> Kind? {
        guard let kind = kinds.removeValue(forKey: id) else { return nil }
        probes.removeValue(forKey: kind)
        return kind
    }

    mutating func cancel(_ kind: Kind) -> Agent.ProbeID? {
        guard let id = probes.removeValue(forKey: kind) else { return nil }
        kinds.removeValue(forKey: id)
        return id
    }
}

/// Asking tasks how they are. The results decide, not the schedule: health kills, a check only tells.
extension Agent {
    mutating func startProbing(_ task: TaskRun, since launch: Instant) {
        if let health = task.spec.healthCheck {
            probing.health[task.key] = ProbeTable.Health(launchedAt: launch, hasSucceeded: task.isHealthy == true)
            arm(.health(task.key), at: max(now, launch + health.delay))
        }
        if let check = task.spec.check { arm(.check(task.key), at: max(now, launch + check.delay)) }
    }

    mutating func stopProbing(_ task: TaskReference) {
        disarm(.health(task))
        disarm(.check(task))
        probing.health[task] = nil
        for kind in [ProbeTable.Kind.health(task), .check(task)] {
            if let probe = probing.cancel(kind) { send(.cancelProbe(probe)) }
        }
    }

    mutating func probeHealth(of key: TaskReference) {
        guard let task = state.tasks[key], let check = task.spec.healthCheck else { return }
        probe(.health(key), task, check.probe, check.timeout)
    }

    mutating func probeCheck(of key: TaskReference) {
        guard let task = state.tasks[key], let check = task.spec.check else { return }
        probe(.check(key), task, check.probe, check.timeout)
    }

    private mutating func probe(_ kind: ProbeTable.Kind, _ task: TaskRun, _ probe: Probe, _ timeout: Duration) {
        guard let container = task.ownContainer, task.ending == nil else { return }
        let id = probing.start(kind)
        let order = ProbeOrder(
            container: container, kind: kind.ordered, probe: probe, timeout: timeout > .zero ? timeout : nil)
        send(.probe(id, order))
    }

    mutating func probed(_ id: ProbeID, _ result: ProbeResult) {
        switch probing.finish(id) {
        case nil: break
        case .health(let key): healthProbed(key, result)
        case .check(let key): checkProbed(key, result)
        }
    }

    private mutating func healthProbed(_ key: TaskReference, _ result: ProbeResult) {
        guard let task = state.tasks[key], task.ending == nil, !task.state.isTerminal,
            let check = task.spec.healthCheck, var health = probing.health[key]
        else { return }
        defer { if probing.health[key] != nil { arm(.health(key), after: check.interval) } }
        guard let fault = check.probe.fault(in: result) else {
            health.failures = 0
            health.hasSucceeded = true
            probing.health[key] = health
            if task.isHealthy != true { reportHealth(key, true, "healthy: \(result.words)") }
            return
        }
        // A service that is still starting is not unwell.
        if !health.hasSucceeded, now < health.launchedAt + check.gracePeriod { return }
        health.failures += 1
        probing.health[key] = health
        reportHealth(key, false, "unhealthy, \(health.failures) time(s) in a row: \(fault)")
        if health.failures >= max(1, check.failuresMax) { kill(key, .unhealthy(fault)) }
    }

    private mutating func reportHealth(_ key: TaskReference, _ isHealthy: Bool, _ message: String) {
        report(
            key, .running, source: .executor, reason: .taskHealthCheckStatusUpdated, message: message,
            isHealthy: isHealthy)
    }

    private mutating func checkProbed(_ key: TaskReference, _ result: ProbeResult) {
        guard let task = state.tasks[key], task.ending == nil, !task.state.isTerminal, let check = task.spec.check
        else { return }
        arm(.check(key), after: check.interval)
        let status = check.probe.status(of: result)
        guard status != task.checkStatus else { return }
        report(
            key, .running, source: .executor, reason: .taskCheckStatusUpdated, message: "checked: \(result.words)",
            checkStatus: status)
    }
}

extension Probe {
    /// The status of a check that has not been answered.
    var unanswered: CheckStatus {
        switch self {
        case .command: .command(exitCode: nil)
        case .http: .http(statusCode: nil)
        case .tcp: .tcp(succeeded: nil)
        }
    }

    func status(of result: ProbeResult) -> CheckStatus {
        switch (self, result) {
        case (.command, .exited(let code)): .command(exitCode: code)
        case (.http, .answered(let status)): .http(statusCode: UInt32(status))
        case (.tcp, .connected): .tcp(succeeded: true)
        case (.tcp, _): .tcp(succeeded: false)
        default: unanswered
        }
    }

    /// What is wrong with the answer; nil: it is good.
    func fault(in result: ProbeResult) -> String? {
        switch (self, result) {
        case (.command, .exited(0)), (.tcp, .connected): return nil
        case (.http(let probe), .answered(let status)):
            let isGood = probe.statuses.isEmpty ? (200..<400).contains(status) : probe.statuses.contains(status)
            return isGood ? nil : result.words
        default: return result.words
        }
    }
}

extension ProbeResult {
    var words: String {
        switch self {
        case .exited(let code): "the command ended with exit code \(code)"
        case .answered(let status): "HTTP status \(status)"
        case .connected: "connected"
        case .failed(let why): why
        case .timedOut: "no answer in time"
        }
    }
}
