import AuditFormat
import Auditing
import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics

/// Asks agents for their audits, many at once, and puts one report together in which nothing is missing unsaid.
struct ClusterAudit: Sendable {
    /// Agents asked at the same time.
    static let agentsAtOnce = 32
    let client: ClusterClient
    let profile: AuditProfile
    let includesHosts: Bool
    let time: Duration

    struct Collected {
        var subjects: [AuditFormat.Subject] = []
        var findings: [Finding] = []
        var kernels: [String] = []
    }

    /// An agent to be asked; without an address there is nobody to ask.
    struct Target: Sendable {
        var id: AgentID
        var host: String
        var address: NetworkAddress?
        var why = ""

        var subject: AuditFormat.Subject {
            Subject(.agent, id: id.text, name: host, cluster: ClusterPlace(agent: id.text, host: host))
        }
    }

    /// `words`: those that were named; nil: all.
    func collect(_ words: [String]?) async throws(Failure) -> Collected {
        let before = try await client.tasks()
        let targets = try await targets(words, before)
        let answers = await asked(targets)
        // What ended while agents were looking need not be in their reports.
        let after = Set(try await client.tasks().tasks.map { TaskName($0) })
        let running = before.tasks.filter { $0.state == .running && after.contains(TaskName($0)) }
        var collected = Collected()
        for (target, answer) in zip(targets, answers) {
            switch answer {
            case .failure(let failure):
                collected.subjects.append(target.subject)
                collected.findings.append(ClusterRules.silent(target.subject, failure.description))
            case .success(let report):
                collected.add(report, of: target)
                collected.add(missing: running.filter { $0.agent == target.id }, of: target, from: report)
            }
        }
        return collected
    }

    /// A task, by what stays the same of it.
    private struct TaskName: Hashable {
        var framework: FrameworkID
        var task: TaskID
        init(_ view: TaskView) { (framework, task) = (view.framework, view.id) }
    }

    // MARK: Whom to ask

    private func targets(_ words: [String]?, _ tasks: TasksView) async throws(Failure) -> [Target] {
        let view = try await client.agents()
        if let words {
            var targets: [Target] = []
            for word in words {
                let agent = try Naming.agent(word, in: view)
                if !targets.contains(where: { $0.id == agent.info.id }) { targets.append(Self.target(agent)) }
            }
            return targets
        }
        var targets = view.agents.map(Self.target)
        targets += view.recovered.map {
            Target(
                id: $0.id, host: $0.address.hostname, why: "the master has not heard of it since it began to lead")
        }
        // The master lists agents it has lost no more, but still what ran there.
        for task in tasks.unreachable {
            guard !targets.contains(where: { $0.id == task.agent }) else { continue }
            targets.append(
                Target(
                    id: task.agent, host: task.agent.text, why: "the master cannot reach it, and tasks may run there"))
        }
        guard !targets.isEmpty else {
            throw Failure(
                "audit.no-agents", doing: "audit the cluster", cause: "the master has no agents",
                remedy: "see 'bulkhead agent ls'", retry: .later)
        }
        return targets
    }

    private static func target(_ view: AgentView) -> Target {
        Target(id: view.info.id, host: view.info.address.hostname, address: view.info.address)
    }

    // MARK: Asking

    private func asked(_ targets: [Target]) async -> [Result<AuditReport, Failure>] {
        await withTaskGroup(of: (Int, Result<AuditReport, Failure>).self) { group in
            var answers: [Result<AuditReport, Failure>?] = Array(repeating: nil, count: targets.count)
            var next = 0
            func askNext() {
                guard next < targets.count else { return }
                let (index, target) = (next, targets[next])
                next += 1
                group.addTask { (index, await ask(target)) }
            }
            for _ in 0..<Self.agentsAtOnce { askNext() }
            while let (index, answer) = await group.next() {
                answers[index] = answer
                askNext()
            }
            return answers.map { $0 ?? .failure(Failure("audit.unasked", doing: "ask the agent")) }
        }
    }

    private func ask(_ target: Target) async -> Result<AuditReport, Failure> {
        guard let address = target.address else {
            return .failure(Failure("audit.no-answer", doing: "ask the agent", on: target.id.text, cause: target.why))
        }
        do throws(Failure) {
            let agent = client.agent(at: ServerAddress(address, isEncrypted: client.master.isEncrypted))
            let bytes = try await agent.audit(profile: profile.rawValue, includesHost: includesHosts, time: time)
            guard bytes.count <= AuditOrder.bytesMax else {
                throw Failure(
                    "audit.no-answer", doing: "read the agent's report", on: target.id.text, cause: "it is too long",
                    limit: "report \(AuditOrder.bytesMax) bytes")
            }
            let report = try AuditReport(json: bytes)
            guard report.profile == profile else {
                throw Failure(
                    "audit.no-answer", doing: "read the agent's report", on: target.id.text,
                    cause: "it answers for the profile \(report.profile.rawValue)")
            }
            return .success(report)
        } catch {
            return .failure(error)
        }
    }
}

extension ClusterAudit.Collected {
    /// No agent speaks for another: whatever its report says, it is about this one.
    mutating func add(_ report: AuditReport, of target: ClusterAudit.Target) {
        let placed = report.subjects { subject in
            var subject = subject
            var place = subject.cluster ?? ClusterPlace(agent: target.id.text, host: target.host)
            (place.agent, place.host) = (target.id.text, target.host)
            subject.cluster = place
            return subject
        }
        let containers = placed.subjects.count { $0.kind == .container }
        subjects += [target.subject] + placed.subjects
        findings += [ClusterRules.answered(target.subject, containers: containers)] + placed.findings
        if !kernels.contains(report.host.kernel) { kernels.append(report.host.kernel) }
    }

    /// Tasks that the master says run there and that are in nobody's report. What an executor runs without a container
    /// of its own is in the executor's.
    mutating func add(missing tasks: [TaskView], of target: ClusterAudit.Target, from report: AuditReport) {
        let places = report.subjects.compactMap(\.cluster)
        for task in tasks {
            let isSeen = places.contains { place in
                place.framework == task.framework.text
                    && (place.task == task.id.text
                        || (place.task == nil && place.executor != nil && place.executor == task.executor?.text))
            }
            guard !isSeen else { continue }
            let subject = AuditFormat.Subject(
                .container, id: "task \(task.id.text)", name: task.id.text,
                cluster: ClusterPlace(
                    agent: target.id.text, host: target.host, framework: task.framework.text, task: task.id.text))
            subjects.append(subject)
            findings.append(
                ClusterRules.presence(subject, missing: "the master says it runs there, and the report lacks it"))
        }
    }
}
