import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Shapes as they have always been")
struct GoldenTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    @Test("the master's operator API")
    func operatorAPI() throws {
        try Golden.expect(
            "operator-calls", samples.operatorCalls.map { Golden.Document(title: $0.typeName, bytes: $0.bytes()) })
        try Golden.expect(
            "operator-responses",
            samples.operatorResponses().map { Golden.Document(title: $0.typeName, bytes: $0.bytes()) })
        try Golden.expect(
            "operator-events",
            samples.operatorEvents().map { Golden.Document(title: "event", bytes: $0.value.bytes) })
    }

    @Test("the agent's operator API")
    func agentAPI() throws {
        try Golden.expect(
            "agent-calls", samples.agentCalls.map { Golden.Document(title: $0.typeName, bytes: $0.bytes()) })
        try Golden.expect(
            "agent-responses", samples.agentResponses.map { Golden.Document(title: $0.typeName, bytes: $0.bytes()) })
        let inputs =
            samples.processIO.map { AttachInput.io($0).value } + [AttachInput.container(samples.container).value]
        try Golden.expect(
            "process-io",
            (samples.processIO.map(\.value) + inputs).map { Golden.Document(title: "record", bytes: $0.bytes) })
    }

    @Test("the schedulers' API")
    func schedulerAPI() throws {
        try Golden.expect(
            "scheduler-calls", samples.schedulerCalls().map { Golden.Document(title: "call", bytes: $0.value.bytes) })
        let forms: [Set<FrameworkInfo.Capability>] = [[.partitionAware], [.partitionAware, .reservationRefinement]]
        try Golden.expect(
            "scheduler-events",
            forms.flatMap { form in
                samples.schedulerEvents.map { Golden.Document(title: "event", bytes: $0.value(for: form).bytes) }
            })
    }

    @Test("the executors' API")
    func executorAPI() throws {
        try Golden.expect(
            "executor-calls", samples.executorCalls.map { Golden.Document(title: "call", bytes: $0.value.bytes) })
        try Golden.expect(
            "executor-events",
            [ReservationForm.stacked, .flat].flatMap { form in
                samples.executorEvents.map { Golden.Document(title: "event", bytes: $0.value(form).bytes) }
            })
    }

    @Test("the old endpoints")
    func legacy() throws {
        let documents = try samples.masterDocuments()
        let agent = samples.agentDocuments
        let roles = [
            RoleView(
                name: samples.role, weight: 2, frameworks: [samples.framework],
                allocated: Resources(samples.resources).quantities)
        ]
        let quota = QuotaStatus([
            QuotaConfig(
                samples.role,
                quota: Quota(guarantees: ["cpus": Scalar(1)], limits: ["cpus": Scalar(thousandths: 2_500)]))
        ])
        let all: [(String, JSONDocument)] = [
            ("/state", documents.stateDocument), ("/state-summary", documents.summaryDocument),
            ("/slaves", documents.agents()), ("/slaves?slave_id=none", documents.agents(only: try AgentID("none"))),
            ("/frameworks", documents.frameworks()),
            ("/frameworks?framework_id=none", documents.frameworks(only: try FrameworkID("none"))),
            ("/tasks", documents.tasks(TaskPage(limit: 2, isAscending: true))),
            ("/roles", MasterDocuments.roles(roles, quota: quota)),
            ("/maintenance/schedule", MasterDocuments.schedule(samples.schedule)),
            (
                "/maintenance/status",
                MasterDocuments.maintenance(MaintenanceStatus(down: [MachineID(hostname: "h")]))
            ),
            ("/quota", MasterDocuments.quota(quota)),
            ("/weights", MasterDocuments.weights([RoleWeight(samples.role, weight: 2)])),
            ("/flags", MasterDocuments.flags(documents.flags)),
            ("/version", MasterDocuments.version(documents.version)),
            ("agent /state", agent.stateDocument), ("/containers", AgentDocuments.containers(samples.containerViews)),
            ("/monitor/statistics", AgentDocuments.statistics(samples.containerViews)),
        ]
        try Golden.expect("legacy", all.map { Golden.Document(title: $0.0, bytes: $0.1.bytes) })
        for (title, document) in all {
            #expect(document.pieces(bytes: 50).flatMap { $0 } == document.bytes, "\(title)")
            #expect(throws: Never.self, "\(title)") { try WireBounds.standard.value(parsing: document.bytes) }
        }
    }
}
