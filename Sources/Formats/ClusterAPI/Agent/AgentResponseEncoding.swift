import ClusterModel
import Determinism

extension AgentResponse {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.agent.Response"

    public var value: WireValue {
        let stretches: [DocumentStretch<TreeSink>] = stretches()
        return stretches.value
    }

    /// The body.
    public func bytes(_ format: WireFormat = .json) -> [UInt8] {
        guard format == .json else { return WireCodec.encode(value, as: AgentResponse.message, format) }
        var sink = JSONSink()
        stretches().write(to: &sink)
        return sink.takeBytes()
    }

    /// The same JSON as `bytes`, a piece at a time.
    public func pieces(bytes pieceBytes: Int = 1 << 16) -> DocumentPieces {
        DocumentPieces(stretches(), pieceBytes: pieceBytes)
    }

    /// The call's own name.
    public var typeName: String {
        switch self {
        case .process(let response): response.typeName
        case .state: AgentQuery.state.typeName
        case .agent: AgentQuery.agent.typeName
        case .frameworks: AgentQuery.frameworks.typeName
        case .executors: AgentQuery.executors.typeName
        case .tasks: AgentQuery.tasks.typeName
        case .operations: AgentQuery.operations.typeName
        case .providers: AgentQuery.providers.typeName
        case .containers: AgentQuery.containers(showNested: false, showStandalone: false).typeName
        case .ended(_, form: .nested): "WAIT_NESTED_CONTAINER"
        case .ended(_, form: .any): "WAIT_CONTAINER"
        }
    }

    private func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        // `wait_…` is the only content that sorts after `type`.
        if case .ended(let termination, let form) = self {
            return [
                .begin, .piece { $0.member("type", typeName) },
                .begin(form == .nested ? "wait_nested_container" : "wait_container"),
                .piece { $0.termination(termination) }, .end, .end,
            ]
        }
        return [.begin] + content() + [.piece { $0.member("type", typeName) }, .end]
    }

    private func content<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        switch self {
        case .process(let response): return [.piece { $0.processResponse(response) }]
        case .state(let state):
            return [.begin("get_state")] + state.executors.stretches() + state.frameworks.stretches()
                + state.tasks.stretches() + [.end]
        case .agent(let view): return [.begin("get_agent"), .piece { $0.ownAgent(view) }, .end]
        case .frameworks(let frameworks): return frameworks.stretches()
        case .executors(let executors): return executors.stretches()
        case .tasks(let tasks): return tasks.stretches()
        case .operations(let operations):
            return [.begin("get_operations"), .objects("operations", operations) { $0.operationView($1) }, .end]
        case .providers: return [.begin("get_resource_providers"), .end]
        case .containers(let containers):
            return [.begin("get_containers"), .objects("containers", containers) { $0.containerView($1) }, .end]
        case .ended: return []
        }
    }
}

extension AgentFrameworksView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_frameworks"),
            .objects("completed_frameworks", completed) { $0.member("framework_info", WireValue.framework($1)) },
            .objects("frameworks", frameworks) { $0.member("framework_info", WireValue.framework($1)) }, .end,
        ]
    }
}

extension AgentExecutorsView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_executors"),
            .objects("completed_executors", completed) {
                $0.member("executor_info", WireValue.executor($1.withoutSecrets, .stacked))
            },
            .objects("executors", executors) {
                $0.member("executor_info", WireValue.executor($1.withoutSecrets, .stacked))
            }, .end,
        ]
    }
}

extension AgentTasksView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_tasks"), .objects("completed_tasks", completed) { $0.taskView($1) },
            .objects("launched_tasks", launched) { $0.taskView($1) },
            .objects("pending_tasks", pending) { $0.taskView($1) },
            .objects("queued_tasks", queued) { $0.taskView($1) },
            .objects("terminated_tasks", terminated) { $0.taskView($1) }, .end,
        ]
    }
}

extension WireSink {
    fileprivate mutating func ownAgent(_ view: OwnAgentView) {
        object("agent_info") { $0.agentInfo(view.info, .stacked) }
        member("drain_config", view.drain.map(WireValue.drainConfiguration))
        instant("estimated_drain_start_time", view.drainStartedAt)
    }

    fileprivate mutating func termination(_ termination: ContainerTermination) {
        member("exit_status", termination.status)
        if !termination.limitation.isEmpty {
            object("limitation") { $0.resources("resources", termination.limitation) }
        }
        member("message", termination.message)
        member("reason", termination.reason)
        member("state", termination.state)
    }

    fileprivate mutating func containerView(_ view: ContainerView) {
        containerPath("container_id", view.container)
        containerStatus("container_status", view.status)
        identifier("executor_id", view.executor)
        member("executor_name", view.executorName)
        identifier("framework_id", view.framework)
        object("resource_statistics", view.statistics) { $0.statistics($1) }
    }
}

// MARK: - Statistics

extension WireSink {
    mutating func statistics(_ statistics: ResourceStatistics) {
        blockDevices(statistics.devices)
        object("bulkhead_pressure", statistics.pressure) { $0.pressure($1) }
        member("cpus_limit", statistics.cpuLimit)
        member("cpus_nr_periods", statistics.cpuPeriods)
        member("cpus_nr_throttled", statistics.cpuPeriodsThrottled)
        member("cpus_soft_limit", statistics.cpuRequest)
        seconds("cpus_system_time_secs", statistics.systemTime)
        seconds("cpus_throttled_time_secs", statistics.cpuThrottledTime)
        seconds("cpus_user_time_secs", statistics.userTime)
        member("disk_limit_bytes", statistics.diskLimit)
        member("disk_used_bytes", statistics.diskUsed)
        memory(statistics.memory)
        if let network = statistics.network {
            member("net_rx_bytes", network.received.bytes)
            member("net_rx_dropped", network.received.dropped)
            member("net_rx_errors", network.received.errors)
            member("net_rx_packets", network.received.packets)
            member("net_tx_bytes", network.sent.bytes)
            member("net_tx_dropped", network.sent.dropped)
            member("net_tx_errors", network.sent.errors)
            member("net_tx_packets", network.sent.packets)
        }
        member("processes", statistics.processes)
        member("threads", statistics.threads)
        name("timestamp")
        seconds(statistics.at)
    }

    private mutating func memory(_ memory: ResourceStatistics.Memory) {
        member("mem_anon_bytes", memory.resident)
        member("mem_cache_bytes", memory.cache)
        member("mem_file_bytes", memory.cache)
        member("mem_limit_bytes", memory.limit)
        member("mem_mapped_file_bytes", memory.mappedFiles)
        member("mem_rss_bytes", memory.resident)
        member("mem_soft_limit_bytes", memory.softLimit)
        member("mem_swap_bytes", memory.swap)
        member("mem_total_bytes", memory.total)
        member("mem_total_memsw_bytes", memory.totalWithSwap)
        member("mem_unevictable_bytes", memory.unevictable)
    }

    private mutating func blockDevices(_ devices: [ResourceStatistics.Device]) {
        if devices.isEmpty { return }
        object("blkio_statistics") { sink in
            sink.objects("throttling", devices) { sink, device in
                sink.object("device") { sink in
                    sink.member("major_number", device.major)
                    sink.member("minor_number", device.minor)
                }
                sink.counts("io_service_bytes", read: device.readBytes, written: device.writtenBytes)
                sink.counts("io_serviced", read: device.reads, written: device.writes)
            }
        }
    }

    private mutating func counts(_ name: StaticString, read: UInt64, written: UInt64) {
        objects(name, [("READ", read), ("WRITE", written)]) { sink, count in
            sink.member("op", count.0)
            sink.member("value", count.1)
        }
    }

    private mutating func pressure(_ pressure: ResourceStatistics.Pressure) {
        object("cpu", pressure.cpu) { $0.stalls($1) }
        object("io", pressure.io) { $0.stalls($1) }
        object("memory", pressure.memory) { $0.stalls($1) }
    }

    private mutating func stalls(_ stalls: ResourceStatistics.Stalls) {
        object("full", stalls.full) { $0.stall($1) }
        object("some", stalls.some) { $0.stall($1) }
    }

    private mutating func stall(_ stall: ResourceStatistics.Stall) {
        member("avg10", stall.average10)
        member("avg300", stall.average300)
        member("avg60", stall.average60)
        seconds("total_secs", stall.total)
    }
}
