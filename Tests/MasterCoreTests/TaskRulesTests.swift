import ClusterModel
import Diagnostics
import Testing

@testable import MasterCore

/// One change to a good task, and the field the refusal names; nil: it stays good.
struct Slip: Sendable, CustomTestStringConvertible {
    var name: String
    var field: String?
    var change: @Sendable (inout TaskSpec) throws -> Void

    init(_ name: String, _ field: String?, _ change: @escaping @Sendable (inout TaskSpec) throws -> Void) {
        self.name = name
        self.field = field
        self.change = change
    }
    var testDescription: String { name }
}

@Suite("Rules of tasks")
struct TaskRulesTests {
    static func agent(_ attributes: [Attribute] = []) throws -> AgentInfo {
        AgentInfo(
            id: try AgentID("a"), address: NetworkAddress(hostname: "a", port: 5051), resources: [],
            attributes: attributes)
    }

    static func rules(_ attributes: [Attribute] = [], executors: [ExecutorSpec] = []) throws -> TaskRules {
        TaskRules(
            agent: try agent(attributes), role: try RoleName("eng"),
            executors: Dictionary(uniqueKeysWithValues: executors.map { ($0.id, $0) }))
    }

    static func task(_ id: String = "t") throws -> TaskSpec {
        TaskSpec(
            id: try TaskID(id), name: id, agent: try AgentID("a"),
            resources: Array(Resources(try Resource.parse("cpus:1;mem:64")).allocated(to: try RoleName("eng"))),
            runner: .command(CommandSpec(.shell("true"))))
    }

    static func executor(_ kind: ExecutorSpec.Kind = .custom) throws -> ExecutorSpec {
        ExecutorSpec(
            id: try ExecutorID("e"), framework: try FrameworkID("f"), kind: kind,
            command: kind == .custom ? CommandSpec(.shell("./run")) : nil, resources: try Resource.parse("cpus:0.1"))
    }

    static let commands: [Slip] = [
        Slip("nothing wrong", nil) { _ in },
        Slip("another agent", "agent_id") { $0.agent = try AgentID("b") },
        Slip("no resources", "resources") { $0.resources = [] },
        Slip("resources for another role", "resources[0].allocation_info") {
            $0.resources[0].allocatedTo = try RoleName("ops")
        },
        Slip("partly revocable", "resources[0].revocable") {
            var other = $0.resources[0]
            other.isRevocable = true
            $0.resources.append(other)
        },
        Slip("a limit without a request", "limits") { $0.limits = ["mem": .infinite, "gpus": .infinite] },
        Slip("a limit below the request", "limits") { $0.limits = ["mem": .atMost(Scalar(63))] },
        Slip("a limit at the request", nil) { $0.limits = ["mem": .atMost(Scalar(64)), "cpus": .infinite] },
        Slip("a control group of its own", "container.linux_info.share_cgroups") {
            $0.container = ContainerSpec(linux: LinuxOptions(sharesControlGroup: false))
        },
        Slip("an executor and a command", "command") { $0.groupCommand = CommandSpec(.shell("true")) },
        Slip("no line for the shell", "command.value") { $0.runner = .command(CommandSpec(.shell(""))) },
        Slip("no program and no image", "command.value") {
            $0.runner = .command(CommandSpec(.execute(path: nil, arguments: [])))
        },
        Slip("no program, but an image", nil) {
            $0.runner = .command(CommandSpec(.execute(path: nil, arguments: [])))
            $0.container = ContainerSpec(image: ContainerImage(.docker(name: "busybox")))
        },
        Slip("a variable without a name", "command.environment.variables[1].name") {
            $0.runner = .command(CommandSpec(.shell("x"), environment: [.init("A", .text("")), .init("", .text(""))]))
        },
        Slip("a variable with '='", "command.environment.variables[0].name") {
            $0.runner = .command(CommandSpec(.shell("x"), environment: [.init("A=B", .text(""))]))
        },
        Slip("a variable with a zero byte", "command.environment.variables[0].value") {
            $0.runner = .command(CommandSpec(.shell("x"), environment: [.init("A", .text("\0"))]))
        },
        Slip("a file out of the sandbox", "command.uris[0].output_file") {
            $0.runner = .command(CommandSpec(.shell("x"), fetches: [.init("http://h/f", outputFile: "a/../../b")]))
        },
        Slip("nothing to fetch", "command.uris[0].value") {
            $0.runner = .command(CommandSpec(.shell("x"), fetches: [.init("")]))
        },
        Slip("a user with a space", "command.user") { $0.runner = .command(CommandSpec(.shell("x"), user: "a b")) },
        Slip("a negative grace period", "kill_policy.grace_period") { $0.killGracePeriod = .seconds(-1) },
        Slip("a negative time to run", "max_completion_time") { $0.maxCompletionTime = .seconds(-1) },
        Slip("no port", "discovery.ports") {
            $0.discovery = DiscoveryInfo(visibility: .cluster, ports: [.init(number: 65_536)])
        },
        Slip("the default executor by itself", "executor.type") { $0.runner = .executor(try executor(.standard)) },
        Slip("a custom executor", nil) { $0.runner = .executor(try executor()) },
        Slip("a custom executor without a command", "executor.command") {
            var executor = try executor()
            executor.command = nil
            $0.runner = .executor(executor)
        },
        Slip("an executor that shares its control group", "executor.container.linux_info.share_cgroups") {
            var executor = try executor()
            executor.container = ContainerSpec(linux: LinuxOptions(sharesControlGroup: true))
            $0.runner = .executor(executor)
        },
        Slip("one volume twice", "resources") {
            let disk = Disk(
                persistence: .init(id: try VolumeID("v")), volume: .init(containerPath: "data"))
            let owner = Reservation(.requested, for: try RoleName("eng"))
            let volume = Resource(
                "disk", .scalar(Scalar(10)), reservations: [owner], disk: disk, allocatedTo: try RoleName("eng"))
            $0.resources += [volume, volume]
        },
        Slip("a volume above the container", "resources[2].disk.volume.container_path") {
            let disk = Disk(
                persistence: .init(id: try VolumeID("v")), volume: .init(containerPath: "../data"))
            let owner = Reservation(.requested, for: try RoleName("eng"))
            $0.resources.append(
                Resource(
                    "disk", .scalar(Scalar(10)), reservations: [owner], disk: disk, allocatedTo: try RoleName("eng")))
        },
    ]

    static let containers: [Slip] = [
        Slip("type DOCKER without an image", "container.docker.image") { $0.container = ContainerSpec(kind: .docker) },
        Slip("an appc image", "container.mesos.image.type") {
            $0.container = ContainerSpec(image: ContainerImage(.appc(name: "x")))
        },
        Slip("an image without a name", "container.mesos.image.name") {
            $0.container = ContainerSpec(image: ContainerImage(.docker(name: "")))
        },
        Slip("a hostname with '_'", "container.hostname") { $0.container = ContainerSpec(hostname: "a_b") },
        Slip("a hostname too long", "container.hostname") {
            $0.container = ContainerSpec(hostname: String(repeating: "a", count: 65))
        },
        Slip("a relative host path", "container.volumes[0].host_path") {
            $0.container = ContainerSpec(
                volumes: [VolumeMount(containerPath: "/d", mode: .readOnly, source: .hostPath("etc"))])
        },
        Slip("a host path that climbs", "container.volumes[0].host_path") {
            $0.container = ContainerSpec(
                volumes: [VolumeMount(containerPath: "/d", mode: .readOnly, source: .hostPath("/srv/../etc"))])
        },
        Slip("a volume over everything", "container.volumes[0].container_path") {
            $0.container = ContainerSpec(volumes: [VolumeMount(containerPath: "/", mode: .readOnly)])
        },
        Slip("two volumes at one place", "container.volumes[1].container_path") {
            let volume = VolumeMount(containerPath: "/d", mode: .readWrite)
            $0.container = ContainerSpec(volumes: [volume, volume])
        },
        Slip("two volumes at one absolute place, in other words", "container.volumes[2].container_path") {
            $0.container = ContainerSpec(
                volumes: ["/a/b", "/a", "//a/./b/"].map { VolumeMount(containerPath: $0, mode: .readWrite) })
        },
        Slip("two volumes at one place of the sandbox, in other words", "container.volumes[1].container_path") {
            $0.container = ContainerSpec(
                volumes: ["d/e", "./d//e/."].map { VolumeMount(containerPath: $0, mode: .readWrite) })
        },
        Slip("volumes at one path, in the container and in the sandbox", nil) {
            $0.container = ContainerSpec(
                volumes: ["/d", "d", "/d/e", "/de"].map { VolumeMount(containerPath: $0, mode: .readWrite) })
        },
        Slip("a parent's sandbox without a parent", "container.volumes[0].source.sandbox_path.type") {
            $0.container = ContainerSpec(
                volumes: [VolumeMount(containerPath: "d", mode: .readWrite, source: .sandbox(.parent, path: "d"))])
        },
        Slip("a sandbox path that climbs", "container.volumes[0].source.sandbox_path.path") {
            $0.container = ContainerSpec(
                volumes: [VolumeMount(containerPath: "d", mode: .readWrite, source: .sandbox(.own, path: "../d"))])
        },
        Slip("a sandbox path that climbs under an accent", "container.volumes[0].source.sandbox_path.path") {
            $0.container = ContainerSpec(
                volumes: [
                    VolumeMount(containerPath: "d", mode: .readWrite, source: .sandbox(.own, path: "../\u{301}d"))
                ])
        },
        Slip("one network twice", "container.network_infos") {
            $0.container = ContainerSpec(networks: [NetworkInfo(name: "n"), NetworkInfo(name: "n")])
        },
        Slip("a USER network without a name", "container.network_infos") {
            $0.container = ContainerSpec(
                kind: .docker, image: ContainerImage(.docker(name: "x")), docker: DockerOptions(network: .user))
        },
        Slip("ports on the host's network", "container.docker.port_mappings") {
            $0.container = ContainerSpec(
                kind: .docker, image: ContainerImage(.docker(name: "x")),
                docker: DockerOptions(network: .host, portMappings: [PortMapping(host: 1, container: 1)]))
        },
        Slip("one port twice", "container.docker.port_mappings[1].host_port") {
            let mapping = PortMapping(host: 31_000, container: 80)
            $0.container = ContainerSpec(
                kind: .docker, image: ContainerImage(.docker(name: "x")),
                docker: DockerOptions(network: .bridge, portMappings: [mapping, mapping]))
        },
        Slip("a port by two transports", nil) {
            let mappings = ["tcp", "udp"].map { PortMapping(host: 31_000, container: 53, transport: $0) }
            $0.container = ContainerSpec(
                kind: .docker, image: ContainerImage(.docker(name: "x")),
                docker: DockerOptions(network: .bridge, portMappings: mappings))
        },
        Slip("a transport nobody knows", "container.docker.port_mappings[0].protocol") {
            $0.container = ContainerSpec(
                kind: .docker, image: ContainerImage(.docker(name: "x")),
                docker: DockerOptions(portMappings: [PortMapping(host: 1, container: 1, transport: "sctp")]))
        },
        Slip("a capability nobody knows", "container.linux_info.bounding_capabilities") {
            $0.container = ContainerSpec(linux: LinuxOptions(boundingCapabilities: ["NET_RAW", "FLY"]))
        },
        Slip("effective beyond bounding", "container.linux_info.effective_capabilities") {
            $0.container = ContainerSpec(
                linux: LinuxOptions(boundingCapabilities: ["NET_RAW"], effectiveCapabilities: ["CHOWN"]))
        },
        Slip("a description of the other kind", "container.docker") {
            var container = ContainerSpec()
            container.unused = ["docker"]
            $0.container = container
        },
        Slip("arguments beside a line for the shell", "command.arguments") {
            var command = CommandSpec(.shell("x"))
            command.unused = ["arguments"]
            $0.runner = .command(command)
        },
        Slip("shared memory without a namespace", "container.linux_info.shm_size") {
            $0.container = ContainerSpec(linux: LinuxOptions(sharedMemoryMegabytes: 64))
        },
        Slip("shared memory with one", nil) {
            $0.container = ContainerSpec(linux: LinuxOptions(ipcMode: .private, sharedMemoryMegabytes: 64))
        },
        Slip("a profile elsewhere", "container.linux_info.seccomp.profile_name") {
            $0.container = ContainerSpec(linux: LinuxOptions(seccomp: .profile("../x")))
        },
        Slip("soft above hard", "container.rlimit_info.rlimits[0].soft") {
            $0.container = ContainerSpec(processLimits: [ProcessLimit(.core, soft: 2, hard: 1)])
        },
        Slip("soft only", "container.rlimit_info.rlimits[0].hard") {
            $0.container = ContainerSpec(processLimits: [ProcessLimit(.core, soft: 2)])
        },
        Slip("a limit twice", "container.rlimit_info.rlimits[1].type") {
            $0.container = ContainerSpec(processLimits: [ProcessLimit(.core), ProcessLimit(.core)])
        },
    ]

    static let probes: [Slip] = [
        Slip("a probe without a port", "health_check.http.port") {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 0)))
        },
        Slip("another scheme", "health_check.http.scheme") {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 1, scheme: "ftp")))
        },
        Slip("a relative path", "health_check.http.path") {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 1, path: "x")))
        },
        Slip("a path with another request in it", "health_check.http.path") {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 1, path: "/ HTTP/1.1\r\n\r\nPOST /x")))
        },
        Slip("an impossible answer", "health_check.http.statuses") {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 1, statuses: [200, 600])))
        },
        Slip("an empty command", "health_check.command.value") {
            $0.healthCheck = HealthCheck(.command(CommandSpec(.shell(""))))
        },
        Slip("negative grace", "health_check.grace_period_seconds") {
            $0.healthCheck = HealthCheck(.tcp(port: 1), gracePeriod: .seconds(-1))
        },
        Slip("a negative delay", "health_check.delay_seconds") {
            $0.healthCheck = HealthCheck(.tcp(port: 1), delay: .seconds(-1))
        },
        Slip("a check without a port", "check.tcp.port") { $0.check = CheckSpec(.tcp(port: 0)) },
        Slip("a check's negative interval", "check.interval_seconds") {
            $0.check = CheckSpec(.tcp(port: 1), interval: .seconds(-1))
        },
        Slip("a health check and a check", nil) {
            $0.healthCheck = HealthCheck(.http(HTTPProbe(port: 80, path: "/up", scheme: "https", statuses: [204])))
            $0.check = CheckSpec(.command(CommandSpec(.shell("true"))))
        },
    ]

    @Test("a refusal names the field at fault", arguments: commands + containers + probes)
    func fields(_ slip: Slip) throws {
        var task = try Self.task()
        try slip.change(&task)
        let failure = Self.failure { try Self.rules().check(task) }
        #expect(failure?.field == slip.field, "\(failure.map { "\($0)" } ?? "accepted")")
    }

    static func failure(of work: () throws -> Void) -> Failure? {
        do { try work() } catch {
            if let failure = error as? Failure { return failure }
            Issue.record(error)
        }
        return nil
    }

    @Test("a running executor is used again only by one that is the same")
    func runningExecutor() throws {
        let running = try Self.executor()
        var task = try Self.task()
        task.runner = .executor(running)
        try Self.rules(executors: [running]).check(task)
        var other = running
        other.command = CommandSpec(.shell("./other"))
        task.runner = .executor(other)
        let failure = Self.failure { try Self.rules(executors: [running]).check(task) }
        #expect(failure?.field == "executor.command" && failure?.code == "executor.invalid")
        // Which role its resources were given to says nothing about the executor.
        other = running
        other.resources[0].allocatedTo = try RoleName("eng")
        #expect(TaskRules.difference(running, other) == nil)
    }

    @Test(
        "isolation that a task requires is enforced by the agent, or the task is refused",
        arguments: [
            ("enforced", "required", true), ("unavailable: no cgroup v2", "required", false),
            (nil, "required", false), ("enforced", "wished", false),
        ] as [(String?, String, Bool)])
    func requirements(_ attribute: String?, _ label: String, _ isAccepted: Bool) throws {
        var task = try Self.task()
        task.labels = [Label("bulkhead.isolation.memory", label)]
        let attributes = attribute.map { [Attribute("bulkhead.isolation.memory", .text($0))] } ?? []
        let failure = Self.failure { try Self.rules(attributes).check(task) }
        #expect((failure == nil) == isAccepted)
        if !isAccepted { #expect(failure?.field == "labels") }
    }

    @Test("limits need an agent that knows them")
    func limitsCapability() throws {
        var rules = try Self.rules()
        rules.agent.capabilities.remove(.taskResourceLimits)
        var task = try Self.task()
        task.limits = ["mem": .infinite]
        let failure = Self.failure { try rules.check(task) }
        #expect(failure?.field == "limits")
    }
}
