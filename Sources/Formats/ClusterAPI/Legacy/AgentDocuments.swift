public import ClusterModel
public import Determinism

/// The documents of an agent's old endpoints.
public struct AgentDocuments: Sendable {
    /// An executor with its tasks; a task that is its own container has one of the task's name.
    public struct Executor: Hashable, Sendable {
        public var spec: ExecutorSpec
        public var container: String
        /// Its sandbox on the host.
        public var directory: String
        public var tasks: [TaskView]
        public var queued: [TaskView]
        public var completed: [TaskView]

        public init(
            spec: ExecutorSpec, container: String, directory: String, tasks: [TaskView] = [], queued: [TaskView] = [],
            completed: [TaskView] = []
        ) {
            self.spec = spec
            self.container = container
            self.directory = directory
            self.tasks = tasks
            self.queued = queued
            self.completed = completed
        }
    }

    public struct Framework: Hashable, Sendable {
        public var info: FrameworkInfo
        public var executors: [Executor]
        public var completed: [Executor]

        public init(info: FrameworkInfo, executors: [Executor] = [], completed: [Executor] = []) {
            self.info = info
            self.executors = executors
            self.completed = completed
        }
    }

    public var info: AgentInfo
    public var version: VersionInfo
    public var startedAt: Instant
    /// Nil while there is no link.
    public var masterHostname: String?
    public var flags: [Flag]
    public var frameworks: [Framework]
    public var completed: [Framework]

    public init(
        info: AgentInfo, version: VersionInfo, startedAt: Instant, masterHostname: String? = nil, flags: [Flag] = [],
        frameworks: [Framework] = [], completed: [Framework] = []
    ) {
        self.info = info
        self.version = version
        self.startedAt = startedAt
        self.masterHostname = masterHostname
        self.flags = flags
        self.frameworks = frameworks
        self.completed = completed
    }

    /// `/state`.
    public var stateDocument: JSONDocument {
        JSONDocument(stretches: [
            .begin, .piece { writeHead(to: &$0) }, .every("frameworks", frameworks) { $0.legacyFramework($1) },
            .every("completed_frameworks", completed) { $0.legacyFramework($1) }, .end,
        ])
    }

    private func writeHead(to sink: inout some WireSink) {
        let view = AgentView(info: info, version: version.version, registeredAt: startedAt)
        sink.legacyVersion(version)
        sink.legacyTime("start_time", startedAt)
        sink.member("id", info.id.text)
        sink.member("pid", view.pid)
        sink.member("hostname", info.address.hostname)
        sink.texts("capabilities", AgentInfo.Capability.allCases.filter(info.capabilities.contains).map(\.rawValue))
        sink.summary("resources", info.resources)
        sink.reservedSummary("reserved_resources", info.resources)
        sink.reservedResources("reserved_resources_full", info.resources)
        sink.summary("unreserved_resources", info.resources.unreserved)
        sink.every("unreserved_resources_full", info.resources.unreserved) { sink, resource in
            sink.object { $0.resource(resource, .stacked) }
        }
        sink.legacyAttributes(info.attributes)
        sink.legacyDomain(info.domain)
        sink.member("master_hostname", masterHostname)
        sink.legacyFlags(flags)
    }

    /// `/containers`, all or those of one framework, executor or container.
    public static func containers(
        _ views: [ContainerView], framework: FrameworkID? = nil, executor: ExecutorID? = nil, container: String? = nil
    ) -> JSONDocument {
        let shown = views.filter { view in
            (framework == nil || view.framework == framework) && (executor == nil || view.executor == executor)
                && (container == nil || view.container.leaf.text == container)
        }
        return list(shown) { sink, view in
            sink.member("container_id", view.container.leaf.text)
            sink.containerNames(view)
            sink.object("statistics", view.statistics) { $0.statistics($1) }
            sink.containerStatus("status", view.status)
        }
    }

    /// `/monitor/statistics`: of the containers of executors and tasks, where they were measured.
    public static func statistics(_ views: [ContainerView]) -> JSONDocument {
        list(views.filter { $0.statistics != nil && $0.executor != nil }) { sink, view in
            sink.containerNames(view)
            sink.object("statistics", view.statistics) { $0.statistics($1) }
        }
    }

    private static func list<Element: Sendable>(
        _ elements: [Element], _ content: @escaping @Sendable (inout JSONSink, Element) -> Void
    ) -> JSONDocument {
        JSONDocument(stretches: [
            DocumentStretch(
                open: { $0.beginArray() }, count: elements.count,
                element: { sink, index in
                    sink.beginObject()
                    content(&sink, elements[index])
                    sink.endObject()
                }, close: { $0.endArray() })
        ])
    }
}

extension WireSink {
    fileprivate mutating func containerNames(_ view: ContainerView) {
        member("executor_id", view.executor?.text)
        member("executor_name", view.executorName ?? "")
        member("framework_id", view.framework?.text)
        member("source", view.executor?.text)
    }

    fileprivate mutating func legacyFramework(_ framework: AgentDocuments.Framework) {
        let info = framework.info
        member("id", info.id.text)
        member("name", info.name)
        member("user", info.user)
        member("hostname", info.hostname ?? "")
        member("principal", info.principal)
        member("checkpoint", info.checkpoint)
        seconds("failover_timeout", info.failoverTimeout)
        if info.capabilities.contains(.multiRole) {
            every("roles", info.roles) { $0.text($1.text) }
        } else {
            member("role", (info.roles.first ?? .anyone).text)
        }
        every("executors", framework.executors) { sink, executor in sink.object { $0.legacyExecutor(executor) } }
        every("completed_executors", framework.completed) { sink, executor in
            sink.object { $0.legacyExecutor(executor) }
        }
    }

    private mutating func legacyExecutor(_ executor: AgentDocuments.Executor) {
        member("id", executor.spec.id.text)
        member("name", executor.spec.name ?? "")
        member("source", executor.spec.id.text)
        member("container", executor.container)
        member("directory", executor.directory)
        member("role", executor.spec.resources.first?.allocatedTo?.text)
        member("type", executor.spec.kind)
        legacyLabels(executor.spec.labels)
        let resources = executor.spec.resources + executor.tasks.filter { !$0.state.isTerminal }.flatMap(\.resources)
        summary("resources", resources)
        every("tasks", executor.tasks) { sink, task in sink.object { $0.legacyTask(task) } }
        every("queued_tasks", executor.queued) { sink, task in sink.object { $0.legacyTask(task) } }
        every("completed_tasks", executor.completed) { sink, task in sink.object { $0.legacyTask(task) } }
    }
}
