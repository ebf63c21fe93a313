import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// How long it takes to write out the state of a large cluster: `state-benchmark [agents] [tasks] [--tree]`.
/// `--tree` writes protobuf as it was once written, too: 14 times slower.
struct LargeCluster {
    let state: StateView

    init(agents agentCount: Int, tasks taskCount: Int) throws(Failure) {
        let framework = try FrameworkID("8f2c1d3e-0a4b-4c5d-9e6f-7a8b9c0d1e2f-0001")
        let role = try RoleName("eng/web")
        let at = Instant(nanoseconds: 1_790_000_000_123_456_789)
        var agents: [AgentView] = []
        for number in 0..<agentCount {
            let resources = [
                Resource("cpus", .scalar(Scalar(64))), Resource("mem", .scalar(Scalar(262_144))),
                Resource("disk", .scalar(Scalar(1_000_000))),
                Resource("ports", .ranges(Ranges([31_000...32_000]))),
            ]
            let info = AgentInfo(
                id: try AgentID("8f2c1d3e-0a4b-4c5d-9e6f-7a8b9c0d1e2f-S\(number)"),
                address: NetworkAddress(hostname: "host-\(number)", address: "10.0.0.1", port: 5_051),
                resources: resources, attributes: [Attribute("rack", .text("r\(number % 64)"))])
            agents.append(
                AgentView(
                    info: info, version: "1.12.0", registeredAt: at, total: resources, allocated: resources))
        }
        var tasks: [TaskView] = []
        tasks.reserveCapacity(taskCount)
        let container = ContainerSpec(image: ContainerImage(.docker(name: "registry.example/web:2")))
        for number in 0..<taskCount {
            let agent = agents[number % agentCount].info.id
            let id = try TaskID("web.\(number).6f1c7a1e-8c1f-4d0e-b1a7-2f0f3a9f4f11")
            let spec = TaskSpec(
                id: id, name: "web", agent: agent,
                resources: [
                    Resource("cpus", .scalar(Scalar(thousandths: 500)), allocatedTo: role),
                    Resource("mem", .scalar(Scalar(512)), allocatedTo: role),
                ], runner: .command(CommandSpec(.shell("exec web"))), labels: [Label("tier", "front")],
                container: container)
            let statuses = [TaskState.starting, .running].map { state in
                StatusUpdate(
                    framework: framework, task: id, state: state, source: .executor, agent: agent, at: at,
                    id: UpdateID(high: UInt64(number), low: 7), isHealthy: true)
            }
            tasks.append(
                TaskView(spec, framework: framework, state: .running, statuses: statuses, user: "web"))
        }
        state = StateView(
            tasks: TasksView(tasks: tasks),
            frameworks: FrameworksView(frameworks: [
                FrameworkView(info: FrameworkInfo(id: framework, name: "web", roles: [role]), registeredAt: at)
            ]), agents: AgentsView(agents: agents))
    }
}

func measure(_ what: String, _ work: () throws -> Int) rethrows {
    let clock = ContinuousClock()
    var best = Duration.seconds(3_600)
    var bytes = 0
    for _ in 0..<3 {
        let start = clock.now
        bytes = try work()
        best = min(best, clock.now - start)
    }
    let seconds = Double(best.saturatingNanoseconds) / 1e9
    let milliseconds = (seconds * 1e4).rounded() / 10
    print("\(what): \(milliseconds) ms, \(bytes >> 20) MiB, \(Int(Double(bytes) / seconds) >> 20) MiB/s")
}

let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let agents = max(1, counts.first ?? 20_000)
let tasks = max(1, counts.dropFirst().first ?? 400_000)
print("\(agents) agents, \(tasks) tasks")
let cluster = try LargeCluster(agents: agents, tasks: tasks)
measure("GET_TASKS as JSON") { OperatorResponse.tasks(cluster.state.tasks).bytes().count }
measure("GET_STATE as JSON, in pieces") {
    OperatorResponse.state(cluster.state).pieces().reduce(0) { $0 + $1.count }
}
measure("GET_STATE as protobuf, in pieces") {
    OperatorResponse.state(cluster.state).pieces(.protobuf).reduce(0) { $0 + $1.count }
}
if CommandLine.arguments.contains("--tree") {
    measure("GET_STATE as protobuf, by way of a tree") {
        WireCodec.encode(OperatorResponse.state(cluster.state).value, as: OperatorResponse.message, .protobuf).count
    }
}
