import ClusterModel
import Determinism
public import Diagnostics

extension AgentResponse {
    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no response; `api.response-unknown` for a type that is not known.
    public init(
        _ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = OperatorResponse.bounds
    ) throws(Failure) {
        try self.init(WireCodec.decode(body, as: AgentResponse.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let response = try WireObject(value)
        let type = try response.required("type", response.string("type"))
        if let process = try response.processResponse(type) {
            self = .process(process)
        } else {
            self = try response.agentResponse(type)
        }
    }
}

extension WireObject {
    fileprivate func agentResponse(_ type: String) throws(Failure) -> AgentResponse {
        switch type {
        case "GET_STATE":
            let state = try part("get_state")
            return .state(
                AgentStateView(
                    tasks: try state.object("get_tasks")?.agentTasks() ?? AgentTasksView(),
                    executors: try state.object("get_executors")?.agentExecutors() ?? AgentExecutorsView(),
                    frameworks: try state.object("get_frameworks")?.agentFrameworks() ?? AgentFrameworksView()))
        case "GET_AGENT": return .agent(try part("get_agent").ownAgent())
        case "GET_FRAMEWORKS": return .frameworks(try part("get_frameworks").agentFrameworks())
        case "GET_EXECUTORS": return .executors(try part("get_executors").agentExecutors())
        case "GET_TASKS": return .tasks(try part("get_tasks").agentTasks())
        case "GET_OPERATIONS":
            return .operations(
                try part("get_operations").list("operations") { object throws(Failure) in try object.operationView() })
        case "GET_RESOURCE_PROVIDERS": return .providers
        case "GET_CONTAINERS":
            return .containers(
                try part("get_containers").list("containers") { object throws(Failure) in try object.containerView() })
        case "WAIT_NESTED_CONTAINER": return .ended(try part("wait_nested_container").termination(), form: .nested)
        case "WAIT_CONTAINER": return .ended(try part("wait_container").termination(), form: .any)
        default: throw WireObject.unknownResponse(type)
        }
    }

    private func agentTasks() throws(Failure) -> AgentTasksView {
        AgentTasksView(
            pending: try taskViews("pending_tasks"), queued: try taskViews("queued_tasks"),
            launched: try taskViews("launched_tasks"), terminated: try taskViews("terminated_tasks"),
            completed: try taskViews("completed_tasks"))
    }

    private func agentExecutors() throws(Failure) -> AgentExecutorsView {
        AgentExecutorsView(
            executors: try list("executors") { object throws(Failure) in
                try object.part("executor_info").executorSpec()
            },
            completed: try list("completed_executors") { object throws(Failure) in
                try object.part("executor_info").executorSpec()
            })
    }

    private func agentFrameworks() throws(Failure) -> AgentFrameworksView {
        AgentFrameworksView(
            frameworks: try list("frameworks") { object throws(Failure) in
                try object.part("framework_info").frameworkInfo()
            },
            completed: try list("completed_frameworks") { object throws(Failure) in
                try object.part("framework_info").frameworkInfo()
            })
    }

    private func ownAgent() throws(Failure) -> OwnAgentView {
        OwnAgentView(
            info: try part("agent_info").agentInfo(), drain: try object("drain_config")?.drainConfiguration(),
            drainStartedAt: try instant("estimated_drain_start_time"))
    }

    private func containerView() throws(Failure) -> ContainerView {
        ContainerView(
            container: try required("container_id", containerPath("container_id")),
            framework: try identifier("framework_id"), executor: try identifier("executor_id"),
            executorName: try string("executor_name"), status: try object("container_status")?.containerStatus(),
            statistics: try object("resource_statistics")?.statistics())
    }

    private func termination() throws(Failure) -> ContainerTermination {
        ContainerTermination(
            status: try integer("exit_status"), state: try choice("state", of: TaskState.self),
            reason: try choice("reason", of: StatusReason.self),
            limitation: try object("limitation")?.resources("resources") ?? [], message: try string("message"))
    }
}

// MARK: - Statistics

extension WireObject {
    func statistics() throws(Failure) -> ResourceStatistics {
        ResourceStatistics(
            at: try required("timestamp", seconds("timestamp")), processes: try integer("processes"),
            threads: try integer("threads"), userTime: try elapsed("cpus_user_time_secs"),
            systemTime: try elapsed("cpus_system_time_secs"), cpuLimit: try double("cpus_limit"),
            cpuRequest: try double("cpus_soft_limit"), cpuPeriods: try integer("cpus_nr_periods"),
            cpuPeriodsThrottled: try integer("cpus_nr_throttled"),
            cpuThrottledTime: try elapsed("cpus_throttled_time_secs"), memory: try memory(),
            diskLimit: try integer("disk_limit_bytes"), diskUsed: try integer("disk_used_bytes"),
            devices: try object("blkio_statistics")?.list("throttling") { object throws(Failure) in
                try object.blockDevice()
            } ?? [], network: try network(), pressure: try object("bulkhead_pressure")?.pressure())
    }

    /// A time that was used, as a number of seconds.
    private func elapsed(_ name: String) throws(Failure) -> Duration? {
        try seconds(name).map { $0 - .epoch }
    }

    private func memory() throws(Failure) -> ResourceStatistics.Memory {
        ResourceStatistics.Memory(
            total: try integer("mem_total_bytes"), totalWithSwap: try integer("mem_total_memsw_bytes"),
            limit: try integer("mem_limit_bytes"), softLimit: try integer("mem_soft_limit_bytes"),
            resident: try integer("mem_rss_bytes"), cache: try integer("mem_cache_bytes"),
            mappedFiles: try integer("mem_mapped_file_bytes"), swap: try integer("mem_swap_bytes"),
            unevictable: try integer("mem_unevictable_bytes"))
    }

    private func network() throws(Failure) -> ResourceStatistics.Network? {
        guard let received = try traffic("net_rx"), let sent = try traffic("net_tx") else { return nil }
        return ResourceStatistics.Network(received: received, sent: sent)
    }

    private func traffic(_ prefix: String) throws(Failure) -> ResourceStatistics.Traffic? {
        guard let packets = try integer("\(prefix)_packets", as: UInt64.self),
            let bytes = try integer("\(prefix)_bytes", as: UInt64.self)
        else { return nil }
        return ResourceStatistics.Traffic(
            packets: packets, bytes: bytes, errors: try integer("\(prefix)_errors") ?? 0,
            dropped: try integer("\(prefix)_dropped") ?? 0)
    }

    private func blockDevice() throws(Failure) -> ResourceStatistics.Device {
        let device = try part("device")
        return ResourceStatistics.Device(
            major: try device.required("major_number", device.integer("major_number")),
            minor: try device.required("minor_number", device.integer("minor_number")),
            readBytes: try count("io_service_bytes", of: "READ"),
            writtenBytes: try count("io_service_bytes", of: "WRITE"),
            reads: try count("io_serviced", of: "READ"), writes: try count("io_serviced", of: "WRITE"))
    }

    private func count(_ name: String, of operation: String) throws(Failure) -> UInt64 {
        for count in try objects(name) where try count.string("op") == operation {
            return try count.integer("value") ?? 0
        }
        return 0
    }

    private func pressure() throws(Failure) -> ResourceStatistics.Pressure {
        ResourceStatistics.Pressure(
            cpu: try object("cpu")?.stalls(), memory: try object("memory")?.stalls(), io: try object("io")?.stalls())
    }

    private func stalls() throws(Failure) -> ResourceStatistics.Stalls {
        ResourceStatistics.Stalls(some: try object("some")?.stall(), full: try object("full")?.stall())
    }

    private func stall() throws(Failure) -> ResourceStatistics.Stall {
        ResourceStatistics.Stall(
            average10: try required("avg10", double("avg10")), average60: try required("avg60", double("avg60")),
            average300: try required("avg300", double("avg300")),
            total: try required("total_secs", elapsed("total_secs")))
    }
}
