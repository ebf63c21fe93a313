import AgentCore
public import AuditFormat
import Auditing
import ClusterModel
import Containers
public import Diagnostics

/// Looks at this machine and at what runs on it. The program brings it: services touch no kernel.
public protocol MachineAuditor: Sendable {
    /// The machine's report about everything in `order` that could be found. Ends in bounded time, and holds up
    /// neither the agent nor a thread of Swift's.
    func report(_ order: AuditOrder) async throws(Failure) -> AuditReport
}

/// Audits that operators ask for, one after another: each begins after it was asked for, and holds what ran then.
actor AuditQueue {
    /// Audits that run and wait. One more is refused.
    static let auditsMax = 4
    private var count = 0
    private var last: Task<Void, Never>?

    func run(
        _ audit: @escaping @Sendable () async -> Result<AuditReport, Failure>
    ) async throws(Failure) -> AuditReport {
        guard count < Self.auditsMax else {
            throw Failure(
                "agent.audit-busy", doing: "audit this machine", cause: "\(count) audits run and wait already",
                remedy: "try again in a minute", limit: "audits \(Self.auditsMax)", retry: .later)
        }
        count += 1
        let before = last
        let task = Task {
            await before?.value
            return await audit()
        }
        last = Task { _ = await task.value }
        let result = await task.value
        count -= 1
        return try result.get()
    }
}

/// One audit: what the agent has records of against what its machine's auditor finds.
struct AgentAudit: Sendable {
    let driver: AgentDriver
    let auditor: any MachineAuditor
    let profile: AuditProfile
    let includesHost: Bool

    func report() async throws(Failure) -> AuditReport {
        let before = await driver.snapshot()
        guard let agent = before.state.id else {
            throw Failure(
                "agent.not-ready", doing: "audit this machine", cause: "no master has admitted the agent yet",
                remedy: "try again in a moment", retry: .later)
        }
        let place = ClusterPlace(agent: agent.text, host: driver.parts.settings.hostname)
        let order = AuditOrder(
            profile: profile, includesHost: includesHost, place: place,
            containers: before.auditedContainers.map { Self.ordered($0, at: place) },
            known: before.state.containers.keys.map(\.text))
        let report = try await auditor.report(order)
        return Self.settled(report, order, after: await driver.snapshot())
    }

    static func ordered(_ container: AuditedContainer, at place: ClusterPlace) -> AuditOrder.Container {
        var place = place
        place.framework = container.framework?.text
        place.executor = container.executor?.text
        place.task = container.task?.text
        return AuditOrder.Container(
            id: container.id.text, process: container.process, place: place,
            declared: DeclaredWalls.of(container.launch))
    }

    /// The world went on while the auditor looked: what began meanwhile is no stranger, and what ended needs no looking
    /// at. What the agent still runs and nobody has seen is said to be unknown.
    static func settled(_ seen: AuditReport, _ order: AuditOrder, after agent: Agent) -> AuditReport {
        var report = seen
        let known = Set(agent.state.containers.keys.map(\.text))
        report.findings = seen.findings.map { finding in
            finding.id == ClusterRules.known.id && known.contains(finding.subject.id)
                ? ClusterRules.acquaintance(finding.subject, isKnown: true) : finding
        }
        let running = Set(agent.auditedContainers.map(\.id.text))
        let looked = Set(seen.subjects.map(\.id))
        for container in order.containers where !looked.contains(container.id) && running.contains(container.id) {
            let subject = AuditFormat.Subject(
                .container, id: container.id, name: container.place.task, process: container.process,
                cluster: container.place)
            report.subjects.append(subject)
            report.findings.append(
                ClusterRules.presence(subject, missing: "the agent says it runs; it has neither record nor process"))
        }
        return report
    }
}
