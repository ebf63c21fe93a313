public import ClusterModel

/// The documents of the master's old endpoints, from what the API's views say.
public struct MasterDocuments: Sendable {
    public var master: MasterView
    public var version: VersionInfo
    public var flags: [Flag]
    /// What people call the cluster.
    public var cluster: String?
    public var state: StateView
    /// Agents that have not been heard of, beside those in `state`.
    public var unreachableAgents: Int

    public init(
        master: MasterView, version: VersionInfo, flags: [Flag] = [], cluster: String? = nil, state: StateView,
        unreachableAgents: Int = 0
    ) {
        self.master = master
        self.version = version
        self.flags = flags
        self.cluster = cluster
        self.state = state
        self.unreachableAgents = unreachableAgents
    }

    /// `/state`.
    public var stateDocument: JSONDocument {
        var stretches: [DocumentStretch<JSONSink>] = [.begin, .piece { writeHead(to: &$0) }]
        stretches.append(.every("slaves", state.agents.agents) { $0.legacyAgent($1, isFull: true) })
        stretches.append(.every("recovered_slaves", state.agents.recovered) { $0.legacyRecovered($1) })
        stretches += frameworks("frameworks", state.frameworks.frameworks)
        stretches += frameworks("completed_frameworks", state.frameworks.completed)
        stretches.append(
            .piece { sink in
                sink.every("orphan_tasks", [Int]()) { _, _ in }
                sink.every("unregistered_frameworks", [Int]()) { _, _ in }
            })
        return JSONDocument(stretches: stretches + [.end])
    }

    private func writeHead(to sink: inout some WireSink) {
        let agents = state.agents.agents
        sink.legacyVersion(version)
        sink.legacyTime("start_time", master.startedAt)
        sink.legacyTime("elected_time", master.electedAt)
        sink.member("id", master.info.id)
        sink.member("pid", master.info.pid)
        sink.member("hostname", master.info.address.hostname)
        sink.texts("capabilities", MasterInfo.capabilities)
        sink.member("activated_slaves", agents.count { $0.isActive })
        sink.member("deactivated_slaves", agents.count { !$0.isActive })
        sink.member("unreachable_slaves", unreachableAgents)
        sink.member("leader", master.info.pid)
        sink.object("leader_info") { sink in
            sink.member("hostname", master.info.address.hostname)
            sink.member("id", master.info.id)
            sink.member("pid", master.info.pid)
            sink.member("port", master.info.address.port)
        }
        sink.member("cluster", cluster)
        sink.legacyFlags(flags)
    }

    private func frameworks(
        _ name: StaticString, _ views: [FrameworkView]
    ) -> [DocumentStretch<JSONSink>] {
        var stretches: [DocumentStretch<JSONSink>] = [
            .piece { sink in
                sink.name(name)
                sink.beginArray()
            }
        ]
        let tasks = state.tasks
        let executors = Dictionary(grouping: state.executors, by: \.spec.framework)
        for view in views {
            stretches += [
                .begin, .piece { $0.legacyFramework(view) },
                .every("tasks", tasks.tasks.of(view.info.id)) { $0.legacyTask($1) },
                .every("unreachable_tasks", tasks.unreachable.of(view.info.id)) { $0.legacyTask($1) },
                .every("completed_tasks", tasks.completed.of(view.info.id)) { $0.legacyTask($1) },
                .every("executors", executors[view.info.id] ?? []) { $0.legacyExecutor($1) }, .end,
            ]
        }
        return stretches + [.piece { $0.endArray() }]
    }

    /// `/slaves`, all or one.
    public func agents(only id: AgentID? = nil) -> JSONDocument {
        let agents = state.agents.agents.filter { id == nil || $0.info.id == id }
        let recovered = state.agents.recovered.filter { id == nil || $0.id == id }
        return JSONDocument(stretches: [
            .begin, .every("slaves", agents) { $0.legacyAgent($1, isFull: true) },
            .every("recovered_slaves", recovered) { $0.legacyRecovered($1) }, .end,
        ])
    }

    /// `/frameworks`, all or one.
    public func frameworks(only id: FrameworkID? = nil) -> JSONDocument {
        let isMeant = { (view: FrameworkView) in id == nil || view.info.id == id }
        return JSONDocument(
            stretches: [.begin]
                + frameworks("frameworks", state.frameworks.frameworks.filter(isMeant))
                + frameworks("completed_frameworks", state.frameworks.completed.filter(isMeant))
                + [.piece { $0.every("unregistered_frameworks", [Int]()) { _, _ in } }, .end])
    }

    /// `/version` is `version` by itself.
    public static func version(_ version: VersionInfo) -> JSONDocument {
        JSONDocument(stretches: [.piece { sink in sink.object { $0.legacyVersion(version) } }])
    }

    /// `/flags`.
    public static func flags(_ flags: [Flag]) -> JSONDocument {
        JSONDocument(stretches: [.piece { sink in sink.object { $0.legacyFlags(flags) } }])
    }
}

extension MasterInfo {
    static let capabilities = ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"]

    /// As old clients name it: `master@10.0.0.1:5050`.
    public var pid: String { "master@\(address.address ?? address.hostname):\(address.port)" }
}

extension DocumentStretch {
    /// A list of objects that is there even when it is empty.
    static func every<Element: Sendable>(
        _ name: StaticString, _ elements: [Element], _ content: @escaping @Sendable (inout Sink, Element) -> Void
    ) -> DocumentStretch {
        DocumentStretch(
            open: { sink in
                sink.name(name)
                sink.beginArray()
            }, count: elements.count,
            element: { sink, index in
                sink.beginObject()
                content(&sink, elements[index])
                sink.endObject()
            }, close: { $0.endArray() })
    }

    /// The same for tasks.
    static func every(
        _ name: StaticString, _ tasks: TaskListing, _ content: @escaping @Sendable (inout Sink, TaskView) -> Void
    ) -> DocumentStretch {
        .array(name, tasks, content)
    }
}

// MARK: - Agents, frameworks, executors

extension WireSink {
    /// `isFull`: with the resources as messages beside their sums.
    mutating func legacyAgent(_ view: AgentView, isFull: Bool) {
        member("id", view.info.id.text)
        member("hostname", view.info.address.hostname)
        member("port", view.info.address.port)
        member("pid", view.pid)
        legacyAttributes(view.info.attributes)
        legacyDomain(view.info.domain)
        legacyTime("registered_time", view.registeredAt)
        legacyTime("reregistered_time", view.reregisteredAt)
        summary("resources", view.total)
        summary("used_resources", view.allocated)
        summary("offered_resources", view.offered)
        reservedSummary("reserved_resources", view.total)
        summary("unreserved_resources", view.total.unreserved)
        member("active", view.isActive)
        member("deactivated", view.isDeactivated)
        member("version", view.version)
        texts(
            "capabilities", AgentInfo.Capability.allCases.filter(view.info.capabilities.contains).map(\.rawValue))
        member("drain_info", view.drain.map(WireValue.drainInfo))
        instant("estimated_drain_start_time", view.drain?.startedAt)
        guard isFull else { return }
        reservedResources("reserved_resources_full", view.total)
        every("unreserved_resources_full", view.total.unreserved) { sink, resource in
            sink.object { $0.resource(resource, .stacked) }
        }
        every("used_resources_full", view.allocated) { sink, resource in
            sink.object { $0.resource(resource, .stacked) }
        }
        every("offered_resources_full", view.offered) { sink, resource in
            sink.object { $0.resource(resource, .stacked) }
        }
    }

    mutating func legacyRecovered(_ info: AgentInfo) {
        member("id", info.id.text)
        member("hostname", info.address.hostname)
        member("port", info.address.port)
        legacyAttributes(info.attributes)
        legacyDomain(info.domain)
        summary("resources", info.resources)
    }

    /// All but its tasks and executors.
    mutating func legacyFramework(_ view: FrameworkView) {
        let info = view.info
        member("id", info.id.text)
        member("name", info.name)
        member("user", info.user)
        member("principal", info.principal)
        member("hostname", info.hostname ?? "")
        member("webui_url", info.webAddress)
        member("checkpoint", info.checkpoint)
        seconds("failover_timeout", info.failoverTimeout)
        texts("capabilities", FrameworkInfo.Capability.allCases.filter(info.capabilities.contains).map(\.rawValue))
        if info.capabilities.contains(.multiRole) {
            every("roles", info.roles) { $0.text($1.text) }
        } else {
            member("role", (info.roles.first ?? .anyone).text)
        }
        legacyLabels(info.labels)
        member("active", view.isActive)
        member("connected", view.isConnected)
        member("recovered", view.isRecovered)
        legacyTime("registered_time", view.registeredAt)
        legacyTime("reregistered_time", view.reregisteredAt)
        legacyTime("unregistered_time", view.unregisteredAt)
        summary("resources", view.allocated + view.offered)
        summary("used_resources", view.allocated)
        summary("offered_resources", view.offered)
        every("offers", view.offers) { sink, offer in
            sink.object { sink in
                sink.object("allocation_info") { $0.member("role", offer.role.text) }
                sink.member("framework_id", offer.framework.text)
                sink.member("id", offer.id.text)
                sink.summary("resources", offer.resources)
                sink.member("slave_id", offer.agent.text)
            }
        }
    }

    mutating func legacyExecutor(_ view: ExecutorView) {
        member("executor_id", view.spec.id.text)
        member("framework_id", view.spec.framework.text)
        member("name", view.spec.name ?? "")
        member("role", view.spec.resources.first?.allocatedTo?.text)
        summary("resources", view.spec.resources)
        member("slave_id", view.agent.text)
        member("type", view.spec.kind)
        legacyLabels(view.spec.labels)
    }
}
