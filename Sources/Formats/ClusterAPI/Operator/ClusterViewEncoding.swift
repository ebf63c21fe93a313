import ClusterModel
import Determinism

extension WireSink {
    mutating func instant(_ name: StaticString, _ instant: Instant?) { nanoseconds(name, instant?.nanoseconds) }

    mutating func agentView(_ view: AgentView) {
        member("active", view.isActive)
        object("agent_info") { $0.agentInfo(view.info, .stacked) }
        resources("allocated_resources", view.allocated)
        let capabilities = AgentInfo.Capability.allCases.filter(view.info.capabilities.contains)
        objects("capabilities", capabilities) { $0.member("type", $1) }
        member("deactivated", view.isDeactivated)
        member("drain_info", view.drain.map(WireValue.drainInfo))
        instant("estimated_drain_start_time", view.drain?.startedAt)
        resources("offered_resources", view.offered)
        member("pid", view.pid)
        instant("registered_time", view.registeredAt)
        instant("reregistered_time", view.reregisteredAt)
        resources("total_resources", view.total)
        member("version", view.version)
    }

    mutating func frameworkView(_ view: FrameworkView) {
        member("active", view.isActive)
        resources("allocated_resources", view.allocated)
        member("connected", view.isConnected)
        member("framework_info", WireValue.framework(view.info))
        list("inverse_offers", view.inverseOffers) { WireValue.inverseOffer($0, .stacked) }
        member("offer_constraints", WireValue.constraints(view.constraints))
        resources("offered_resources", view.offered)
        list("offers", view.offers) { WireValue.offer($0, .stacked) }
        member("recovered", view.isRecovered)
        instant("registered_time", view.registeredAt)
        instant("reregistered_time", view.reregisteredAt)
        texts("suppressed_roles", view.suppressedRoles.map(\.text))
        instant("unregistered_time", view.unregisteredAt)
    }

    /// The values of a repeated member; nothing without any.
    mutating func list<Element>(_ name: StaticString, _ elements: [Element], _ content: (Element) -> WireValue) {
        if elements.isEmpty { return }
        self.name(name)
        beginArray()
        for element in elements { value(content(element)) }
        endArray()
    }

    mutating func taskView(_ view: TaskView) {
        identifier("agent_id", view.agent)
        check("check", view.check?.withoutSecrets)
        container("container", view.container?.withoutSecrets)
        discovery("discovery", view.discovery)
        identifier("executor_id", view.executor)
        identifier("framework_id", view.framework)
        healthCheck("health_check", view.healthCheck?.withoutSecrets)
        if let gracePeriod = view.killGracePeriod {
            object("kill_policy") { $0.duration("grace_period", gracePeriod) }
        }
        labels("labels", view.labels)
        limits("limits", view.limits)
        duration("max_completion_time", view.maxCompletionTime)
        member("name", view.name)
        resources("resources", view.resources)
        member("state", view.state)
        member("status_update_state", view.updateState)
        member("status_update_uuid", view.updateID?.bytes)
        objects("statuses", view.statuses) { $0.status($1, .stacked, isPartitionAware: true) }
        identifier("task_id", view.id)
        member("user", view.user)
    }

    mutating func executorView(_ view: ExecutorView) {
        identifier("agent_id", view.agent)
        member("executor_info", WireValue.executor(view.spec.withoutSecrets, .stacked))
    }

    mutating func operationView(_ view: OperationView) {
        identifier("agent_id", view.agent)
        identifier("framework_id", view.order.framework)
        member("info", WireValue.operation(OfferOperation(id: view.order.id, .change(view.order.change)), .stacked))
        member("latest_status", WireValue.operationStatus(view.latest, .stacked))
        list("statuses", view.statuses) { WireValue.operationStatus($0, .stacked) }
        object("uuid") { $0.member("value", view.order.key.bytes) }
    }

    /// Of anything but these four a client does not know whether it is an amount.
    mutating func roleView(_ view: RoleView) {
        list("frameworks", view.frameworks) { .identifier($0) }
        member("name", view.name.text)
        resources("resources", view.allocated.plain.filter { ["cpus", "disk", "gpus", "mem"].contains($0.name) })
        member("weight", view.weight)
    }

    mutating func maintenanceStatus(_ status: MaintenanceStatus) {
        list("down_machines", status.down, WireValue.machine)
        objects("draining_machines", status.draining) { sink, draining in
            sink.member("id", WireValue.machine(draining.machine))
            sink.objects("statuses", draining.answers) { sink, answer in
                sink.identifier("agent_id", answer.agent)
                sink.identifier("framework_id", answer.framework)
                sink.member("status", answer.word)
                sink.instant("timestamp", answer.at)
            }
        }
    }

    mutating func masterView(_ view: MasterView) {
        if let elected = view.electedAt {
            name("elected_time")
            seconds(elected)
        }
        member("master_info", WireValue.master(view.info))
        name("start_time")
        seconds(view.startedAt)
    }

    /// With the older form beside it: each guarantee as resources.
    mutating func quotaStatus(_ status: QuotaStatus) {
        list("configs", status.configs, WireValue.quotaConfig)
        objects("infos", status.configs) { sink, config in
            sink.resources("guarantee", config.quota.guarantees.plain)
            sink.member("role", config.role.text)
        }
    }
}

extension Quantities {
    /// As resources of nobody's and in nobody's hands.
    var plain: [Resource] { amounts.map { Resource($0.name, .scalar($0.scalar)) } }
}
