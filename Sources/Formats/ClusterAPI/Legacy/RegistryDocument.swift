public import ClusterModel
public import Determinism

/// What a master keeps for its successor, as `/registrar(1)/registry` shows it.
public struct RegistryView: Sendable {
    /// An agent that has not been heard of, or was given up.
    public struct Former: Hashable, Sendable {
        public var id: AgentID
        public var since: Instant
        public var drain: DrainInfo?
        public var isDeactivated: Bool

        public init(id: AgentID, since: Instant, drain: DrainInfo? = nil, isDeactivated: Bool = false) {
            self.id = id
            self.since = since
            self.drain = drain
            self.isDeactivated = isDeactivated
        }
    }
    public var master: MasterInfo
    public var agents: [AgentView] = []
    /// Admitted before this master led, and not heard of since.
    public var recovered: [AgentInfo] = []
    public var unreachable: [Former] = []
    public var gone: [Former] = []
    public var down: [MachineID] = []
    public var schedule = MaintenanceSchedule()
    public var quotas: [QuotaConfig] = []
    public var weights: [RoleWeight] = []

    public init(master: MasterInfo) { self.master = master }

    public var document: JSONDocument {
        let view = self
        return JSONDocument(stretches: [
            .begin,
            .piece { sink in sink.object("master") { $0.member("info", WireValue.master(view.master)) } },
            .begin("slaves"),
            .every("slaves", agents) { sink, agent in
                sink.object("info") { $0.agentInfo(agent.info, .stacked) }
                sink.member("drain_info", agent.drain.map(WireValue.drainInfo))
                if agent.isDeactivated { sink.member("deactivated", true) }
            }, .end,
            .begin("recovered"),
            .every("slaves", recovered) { sink, info in sink.object("info") { $0.agentInfo(info, .stacked) } }, .end,
            .begin("unreachable"), .every("slaves", unreachable) { $0.former($1) }, .end,
            .begin("gone"), .every("slaves", gone) { $0.former($1) }, .end,
            .begin("machines"),
            .every("machines", down) { sink, machine in
                sink.object("info") { sink in
                    sink.member("id", WireValue.machine(machine))
                    sink.member("mode", "DOWN")
                }
            }, .end,
            .piece { sink in
                sink.every("schedules", view.schedule.windows.isEmpty ? [] : [view.schedule]) {
                    $0.value(.maintenanceSchedule($1))
                }
                sink.every("quota_configs", view.quotas) { $0.value(.quotaConfig($1)) }
                sink.every("weights", view.weights) { sink, weight in
                    sink.object { $0.member("info", WireValue.weight(weight)) }
                }
                sink.every("minimum_capabilities", MasterInfo.capabilities) { sink, name in
                    sink.object { $0.member("capability", name) }
                }
            }, .end,
        ])
    }
}

extension WireSink {
    fileprivate mutating func former(_ former: RegistryView.Former) {
        object("id") { $0.member("value", former.id.text) }
        member("timestamp", WireValue.instant(former.since))
        member("drain_info", former.drain.map(WireValue.drainInfo))
        if former.isDeactivated { member("deactivated", true) }
    }
}
