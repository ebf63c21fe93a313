public import ClusterAPI
public import ClusterModel
public import Diagnostics

/// What operators ask most, each with the answer's own type.
extension ClusterClient {
    public func state() async throws(Failure) -> StateView {
        try await asking(.query(.state)) { if case .state(let view) = $0 { view } else { nil } }
    }

    public func agents() async throws(Failure) -> AgentsView {
        try await asking(.query(.agents)) { if case .agents(let view) = $0 { view } else { nil } }
    }

    public func frameworks() async throws(Failure) -> FrameworksView {
        try await asking(.query(.frameworks)) { if case .frameworks(let view) = $0 { view } else { nil } }
    }

    public func tasks() async throws(Failure) -> TasksView {
        try await asking(.query(.tasks)) { if case .tasks(let view) = $0 { view } else { nil } }
    }

    public func executors() async throws(Failure) -> [ExecutorView] {
        try await asking(.query(.executors)) { if case .executors(let view) = $0 { view } else { nil } }
    }

    public func operations() async throws(Failure) -> [OperationView] {
        try await asking(.query(.operations)) { if case .operations(let view) = $0 { view } else { nil } }
    }

    public func roles() async throws(Failure) -> [RoleView] {
        try await asking(.query(.roles)) { if case .roles(let view) = $0 { view } else { nil } }
    }

    public func weights() async throws(Failure) -> [RoleWeight] {
        try await asking(.query(.weights)) { if case .weights(let view) = $0 { view } else { nil } }
    }

    public func quota() async throws(Failure) -> QuotaStatus {
        try await asking(.query(.quota)) { if case .quota(let view) = $0 { view } else { nil } }
    }

    public func maintenanceStatus() async throws(Failure) -> MaintenanceStatus {
        try await asking(.query(.maintenanceStatus)) { if case .maintenanceStatus(let view) = $0 { view } else { nil } }
    }

    public func maintenanceSchedule() async throws(Failure) -> MaintenanceSchedule {
        try await asking(.query(.maintenanceSchedule)) {
            if case .maintenanceSchedule(let view) = $0 { view } else { nil }
        }
    }

    public func leadingMaster() async throws(Failure) -> MasterView {
        try await asking(.query(.master)) { if case .master(let view) = $0 { view } else { nil } }
    }

    /// Version, flags, metrics, logging and files of the master's process.
    public func process(_ call: ProcessCall) async throws(Failure) -> ProcessResponse {
        try await asking(.process(call)) { if case .process(let response) = $0 { response } else { nil } }
    }

    private func asking<Value>(
        _ call: OperatorCall, _ pick: (OperatorResponse) -> Value?
    ) async throws(Failure) -> Value {
        guard let response = try await self.call(call) else {
            throw ClientFailures.unreadable(.master, master, "it said nothing to \(call.typeName)")
        }
        guard let value = pick(response) else {
            throw ClientFailures.unreadable(
                .master, master, "it answered \(call.typeName) with \(response.typeName)")
        }
        return value
    }
}
