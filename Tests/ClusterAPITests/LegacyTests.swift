import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

extension ClusterSamples {
    var versionInfo: VersionInfo { VersionInfo(version: "1.12.0", gitCommit: "abc") }

    func masterDocuments() throws -> MasterDocuments {
        MasterDocuments(
            master: MasterView(
                info: MasterInfo(id: "m", address: address, version: "1.12.0"), startedAt: at, electedAt: at),
            version: versionInfo, flags: [Flag("port", "5050"), Flag("quiet")], cluster: "test",
            state: try stateView(), unreachableAgents: 3)
    }

    var agentDocuments: AgentDocuments {
        let executor = AgentDocuments.Executor(
            spec: executorSpec, container: "c0", directory: "/var/lib/x", tasks: [taskViews[0]],
            queued: [taskViews[1]], completed: [taskViews[3]])
        let framework = AgentDocuments.Framework(info: frameworkInfo, executors: [executor], completed: [executor])
        return AgentDocuments(
            info: agentInfo, version: versionInfo, startedAt: at, masterHostname: "master-1", flags: [Flag("a", "b")],
            frameworks: [framework], completed: [framework])
    }
}

@Suite("The old endpoints")
struct LegacyTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    private func object(_ document: JSONDocument) throws -> WireObject {
        try WireObject(WireBounds.standard.value(parsing: document.bytes))
    }

    @Test(
        "/state has every key that consoles look for",
        arguments: [
            "version", "start_time", "elected_time", "id", "pid", "hostname", "capabilities", "activated_slaves",
            "deactivated_slaves", "unreachable_slaves", "leader", "leader_info", "cluster", "flags", "slaves",
            "recovered_slaves", "frameworks", "completed_frameworks", "orphan_tasks", "unregistered_frameworks",
        ])
    func stateKeys(_ key: String) throws {
        let state = try object(try samples.masterDocuments().stateDocument)
        #expect(state.value(key) != nil)
    }

    @Test("/state puts each task under its framework, once")
    func tasksOfFramework() throws {
        let state = try object(try samples.masterDocuments().stateDocument)
        let framework = try #require(try state.objects("frameworks").first)
        #expect(try framework.objects("tasks").count == samples.taskViews.count)
        #expect(try framework.objects("unreachable_tasks").count == 1)
        #expect(try framework.objects("completed_tasks").count == 1)
        #expect(try framework.objects("executors").count == 1)
        let task = try #require(try framework.objects("tasks").first)
        let resources = try #require(try task.object("resources"))
        #expect(try resources.double("cpus") == 1.5)
        #expect(try resources.double("gpus") == 0)
        #expect(try resources.string("ports") == "[31000-31005, 32000-32000]")
        #expect(try task.string("slave_id") == "m-S0")
        #expect(try task.objects("statuses").map { try $0.double("timestamp") }.count == 2)
    }

    @Test("an agent's resources are told by what they are reserved for, and what may be taken back apart")
    func reservations() throws {
        var documents = try samples.masterDocuments()
        var view = samples.bareAgentView
        view.total = [
            Resource("cpus", .scalar(Scalar(4))), samples.diskResource,
            Resource("cpus", .scalar(Scalar(1)), isRevocable: true),
        ]
        documents.state.agents = AgentsView(agents: [view])
        let agent = try #require(try object(documents.agents()).objects("slaves").first)
        #expect(try agent.object("resources")?.double("cpus") == 4)
        #expect(try agent.object("resources")?.double("cpus_revocable") == 1)
        #expect(try agent.object("resources")?.double("disk") == 64)
        #expect(try agent.object("unreserved_resources")?.double("disk") == 0)
        #expect(try agent.object("reserved_resources")?.object("eng/web")?.double("disk") == 64)
        #expect(try agent.object("reserved_resources_full")?.objects("eng/web").count == 1)
    }

    @Test("/tasks turns pages in either order")
    func pages() throws {
        var documents = try samples.masterDocuments()
        let views = try (0..<10).map { number in
            var status = samples.leastStatus
            status.at = Instant(seconds: Int64(number))
            let spec = TaskSpec(
                id: try TaskID("t\(number)"), name: "", agent: samples.agent, resources: [],
                runner: .command(samples.command))
            return TaskView(spec, framework: samples.framework, state: .running, statuses: [status])
        }
        documents.state.tasks = TasksView(tasks: Array(views[..<6]), completed: Array(views[6...]))
        func shown(_ page: TaskPage) throws -> [String?] {
            try object(documents.tasks(page)).objects("tasks").map { try $0.string("id") }
        }
        #expect(try shown(TaskPage(limit: 2)) == ["t9", "t8"])
        #expect(try shown(TaskPage(limit: 2, offset: 3, isAscending: true)) == ["t3", "t4"])
        #expect(try shown(TaskPage(limit: 5, offset: 8, isAscending: true)) == ["t8", "t9"])
        #expect(try shown(TaskPage(offset: 10)).isEmpty)
        #expect(try shown(TaskPage(task: try TaskID("t4"))) == ["t4"])
        #expect(try shown(TaskPage(framework: try FrameworkID("other"))).isEmpty)
    }

    @Test("/state-summary counts tasks by state, for agents and frameworks")
    func summary() throws {
        let summary = try object(try samples.masterDocuments().summaryDocument)
        let agent = try #require(try summary.objects("slaves").first)
        #expect(try agent.integer("TASK_RUNNING", as: Int.self) == 5)
        #expect(try agent.integer("TASK_STAGING", as: Int.self) == 2)
        #expect(try agent.integer("TASK_LOST", as: Int.self) == 0)
        #expect(try agent.strings("framework_ids") == ["m-0001"])
        let framework = try #require(try summary.objects("frameworks").first)
        #expect(try framework.strings("slave_ids") == ["m-S0"])
    }

    @Test("/containers shows those that are asked for")
    func containers() throws {
        let views = samples.containerViews
        func count(_ document: JSONDocument) throws -> Int {
            guard case .array(let elements) = try WireBounds.standard.value(parsing: document.bytes) else { return -1 }
            return elements.count
        }
        #expect(try count(AgentDocuments.containers(views)) == 3)
        #expect(try count(AgentDocuments.containers(views, framework: samples.framework)) == 1)
        #expect(try count(AgentDocuments.containers(views, container: "c0")) == 2)
        #expect(try count(AgentDocuments.containers(views, executor: try ExecutorID("other"))) == 0)
        #expect(try count(AgentDocuments.statistics(views)) == 1)
    }

    private static let cpus = #"[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"eng"}]"#

    @Test("forms ask for the same as the operator's calls")
    func forms() throws {
        let resources = [
            Resource(
                "cpus", .scalar(Scalar(2)), reservations: [Reservation(.configured, for: try RoleName("eng"))])
        ]
        let agent = try AgentID("S")
        let expected: [(String, String, ResourceOperation)] = [
            ("/reserve", "resources", .reserve(resources)), ("/unreserve", "resources", .unreserve(resources)),
            ("/create-volumes", "volumes", .create(volumes: resources)),
            ("/destroy-volumes", "volumes", .destroy(volumes: resources)),
        ]
        for (path, name, operation) in expected {
            let request = LegacyRequest(method: "POST", path: path, form: ["slaveId": "S", name: Self.cpus])
            #expect(try request.change() == .apply(operation, on: agent), "\(path)")
        }
        let teardown = LegacyRequest(method: "POST", path: "/teardown", form: ["frameworkId": "F"])
        #expect(try teardown.change() == .teardown(try FrameworkID("F")))
        let remove = LegacyRequest(method: "DELETE", path: "/quota/eng/web")
        #expect(try remove.change() == .removeQuota(samples.role))
    }

    @Test("bodies of the old endpoints ask for the same as the operator's calls")
    func bodies() throws {
        func change(_ method: String, _ path: String, _ body: [UInt8]) throws -> OperatorChange? {
            try LegacyRequest(method: method, path: path, body: body).change()
        }
        let machines = [MachineID(hostname: "h", address: "10.0.0.1")]
        let list = Array(#"[{"hostname":"h","ip":"10.0.0.1"}]"#.utf8)
        #expect(try change("POST", "/machine/down", list) == .startMaintenance(machines))
        #expect(try change("POST", "/machine/up", list) == .stopMaintenance(machines))
        #expect(
            try change("POST", "/maintenance/schedule", MasterDocuments.schedule(samples.schedule).bytes)
                == .updateMaintenanceSchedule(samples.schedule))
        let weights = [RoleWeight(samples.role, weight: 2)]
        #expect(try change("PUT", "/weights", MasterDocuments.weights(weights).bytes) == .updateWeights(weights))
        let quota = Array((#"{"role":"eng/web","force":true,"guarantee":"# + Self.cpus + "}").utf8)
        #expect(
            try change("POST", "/quota", quota)
                == .setQuota(samples.role, guarantee: ["cpus": Scalar(2)], isForced: true))
        #expect(try change("GET", "/quota", []) == nil)
        #expect(try change("POST", "/slaves", []) == nil)
    }

    @Test(
        "a form that is not right is refused with the field at fault",
        arguments: [
            ("/reserve", [:], "slaveId"), ("/reserve", ["slaveId": "S"], "resources"),
            ("/reserve", ["slaveId": "a/b", "resources": "[]"], "slaveId"),
            ("/reserve", ["slaveId": "S", "resources": "{}"], "resources"),
            ("/create-volumes", ["slaveId": "S", "volumes": #"[{"name":"disk"}]"#], "volumes[0].type"),
            ("/teardown", ["frameworkId": "."], "frameworkId"),
        ] as [(String, [String: String], String)])
    func refusals(_ path: String, _ form: [String: String], _ field: String) {
        let request = LegacyRequest(method: "POST", path: path, form: form)
        let failure = #expect(throws: Failure.self) { try request.change() }
        #expect(failure?.field == field)
    }
}
