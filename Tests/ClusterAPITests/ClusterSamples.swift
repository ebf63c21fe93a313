import ClusterAPI
import ClusterModel
import Determinism

/// One value of everything, with every member set, and one with as little as can be.
struct ClusterSamples {
    let framework: FrameworkID
    let agent: AgentID
    let task: TaskID
    let executor: ExecutorID
    let role: RoleName
    let offer: OfferID
    let operation: OperationID
    let container: ContainerPath
    let volume: VolumeID
    let key = UpdateID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)
    let at = Instant(nanoseconds: 1_790_000_000_123_456_789)

    init() throws {
        framework = try FrameworkID("m-0001")
        agent = try AgentID("m-S0")
        task = try TaskID("web:1")
        executor = try ExecutorID("pod")
        role = try RoleName("eng/web")
        offer = try OfferID("m-O7")
        operation = try OperationID("op")
        container = try ContainerPath(ContainerName("c0")).appending(ContainerName("side"))
        volume = try VolumeID("data")
    }

    var labels: [Label] { [Label("tier", "front"), Label("bare")] }
    var address: NetworkAddress { NetworkAddress(hostname: "host-1", address: "10.0.0.1", port: 5_051) }
    var unavailability: Unavailability { Unavailability(start: at, duration: .seconds(600)) }

    var resources: [Resource] {
        [
            Resource("cpus", .scalar(Scalar(thousandths: 1_500)), allocatedTo: role),
            Resource("ports", .ranges(Ranges([31_000...31_005, 32_000...32_000])), allocatedTo: role),
            diskResource,
        ]
    }

    var diskResource: Resource {
        Resource(
            "disk", .scalar(Scalar(64)),
            reservations: [Reservation(.requested, for: role, principal: "ops", labels: [Label("k", "v")])],
            disk: Disk(
                source: Disk.Source(.path, root: "/d"), persistence: Disk.Persistence(id: volume, principal: "ops"),
                volume: Disk.Volume(containerPath: "data")), isShared: true, allocatedTo: role)
    }

    var command: CommandSpec {
        CommandSpec(
            .execute(path: "/bin/web", arguments: ["web", "--port", "80"]),
            environment: [
                CommandSpec.EnvironmentVariable("A", .text("ä\n\"1\"")),
                CommandSpec.EnvironmentVariable("B", .secret(name: "s", key: "k")),
                CommandSpec.EnvironmentVariable("C", .secretBytes([0, 1, 255])),
            ], fetches: [CommandSpec.Fetch("https://h/f.tgz", isExecutable: true, isCached: true, outputFile: "f")],
            user: "web")
    }

    var networks: [NetworkInfo] {
        [
            NetworkInfo(
                addresses: [
                    NetworkInfo.Address(family: .version4, text: "10.1.0.2"),
                    NetworkInfo.Address(family: .version6, text: nil),
                ], name: "bridge", groups: ["g"], labels: labels,
                portMappings: [PortMapping(host: 31_000, container: 80, transport: "tcp")])
        ]
    }

    var volumes: [VolumeMount] {
        let image = ContainerImage(.docker(name: "data:1"), isCached: false)
        let storage = StorageVolume(
            plugin: "nfs", volume: "v1", fileSystem: "ext4", mountFlags: ["noatime"], accessMode: "SINGLE_NODE_WRITER",
            context: ["a": "b"])
        let block = StorageVolume(plugin: "nfs", volume: "v2", isBlock: true, accessMode: "MULTI_NODE_READER_ONLY")
        let sources: [VolumeMount.Source?] = [
            nil, .hostPath("/srv"), .hostPath("/srv", propagation: .bothWays), .image(image),
            .driver(name: "v", driver: "rexray", options: ["size": "1"]), .sandbox(.parent, path: "shared"),
            .secret(.reference(name: "s", key: nil)), .secret(.bytes([1, 2, 3])), .storage(storage), .storage(block),
        ]
        return sources.enumerated().map { index, source in
            VolumeMount(
                containerPath: "/v\(index)", mode: index % 2 == 0 ? .readWrite : .readOnly, source: source)
        }
    }

    var nativeContainer: ContainerSpec {
        ContainerSpec(
            kind: .mesos,
            image: ContainerImage(.docker(name: "web:2", config: .reference(name: "pull", key: "k")), isCached: false),
            hostname: "web", volumes: volumes, networks: networks,
            linux: LinuxOptions(
                boundingCapabilities: ["NET_RAW", "CHOWN"], effectiveCapabilities: [], sharesProcessNamespace: true,
                seccomp: .profile("strict"), ipcMode: .shareParent, sharedMemoryMegabytes: 64,
                sharesControlGroup: false),
            processLimits: [ProcessLimit(.openFiles, soft: 1_024, hard: .max), ProcessLimit(.core)],
            terminal: Terminal(size: Terminal.Size(rows: 24, columns: 80)))
    }

    var dockerContainer: ContainerSpec {
        ContainerSpec(
            kind: .docker, image: ContainerImage(.docker(name: "redis:7"), isCached: false), hostname: "r",
            docker: DockerOptions(
                network: .bridge, portMappings: [PortMapping(host: 31_001, container: 6_379, transport: "udp")],
                isPrivileged: true, parameters: [DockerOptions.Parameter("cap-add", "NET_ADMIN")],
                volumeDriver: "local"),
            linux: LinuxOptions(seccomp: .unconfined))
    }

    var discovery: DiscoveryInfo {
        DiscoveryInfo(
            visibility: .cluster, name: "web", environment: "prod", location: "eu", version: "2",
            ports: [
                DiscoveryInfo.Port(
                    number: 80, name: "http", transport: "tcp", visibility: .external, labels: [Label("p")]),
                DiscoveryInfo.Port(number: 81),
            ], labels: labels)
    }

    var healthCheck: HealthCheck {
        HealthCheck(
            .http(HTTPProbe(port: 80, path: "/ok", scheme: "https", statuses: [200, 204], family: .version6)),
            delay: .milliseconds(1_500), interval: .seconds(2), timeout: .seconds(3), failuresMax: 7,
            gracePeriod: .seconds(60))
    }

    var executorSpec: ExecutorSpec {
        ExecutorSpec(
            id: executor, framework: framework, kind: .custom, name: "runner", command: command, resources: resources,
            data: [7, 8], shutdownGracePeriod: .seconds(9), labels: labels, container: nativeContainer,
            discovery: discovery)
    }

    var podExecutor: ExecutorSpec { ExecutorSpec(id: executor, framework: framework, kind: .standard) }

    /// A task by itself, one under an executor, one of a group, and one that says no more than it must.
    var tasks: [TaskSpec] {
        [
            TaskSpec(
                id: task, name: "web", agent: agent, resources: resources,
                limits: ["cpus": .infinite, "mem": .atMost(Scalar(64))], runner: .command(command),
                killGracePeriod: .seconds(4), maxCompletionTime: .seconds(3_600), data: [1, 2], labels: labels,
                container: nativeContainer, healthCheck: healthCheck,
                check: CheckSpec(.tcp(port: 80), delay: .zero, interval: .seconds(1), timeout: .seconds(1)),
                discovery: discovery),
            TaskSpec(
                id: task, name: "own", agent: agent, resources: resources, runner: .executor(executorSpec),
                container: dockerContainer, check: CheckSpec(.command(command))),
            TaskSpec(
                id: task, name: "group", agent: agent, resources: resources, runner: .executor(podExecutor),
                groupCommand: command, healthCheck: HealthCheck(.tcp(port: 1, family: .version4))),
            TaskSpec(id: task, name: "", agent: agent, resources: [], runner: .command(CommandSpec(.shell("true")))),
        ]
    }

    var checkStatuses: [CheckStatus] {
        [
            .command(exitCode: 3), .command(exitCode: nil), .http(statusCode: 503), .http(statusCode: nil),
            .tcp(succeeded: true), .tcp(succeeded: nil),
        ]
    }

    var status: StatusUpdate {
        StatusUpdate(
            framework: framework, task: task, state: .failed, source: .executor, reason: .containerLimitationMemory,
            message: "it needed more than 64 MB; give it more", data: [0, 255], agent: agent, executor: executor,
            at: at, id: key, isHealthy: false, labels: labels, unreachableSince: at, limitation: resources,
            checkStatus: .http(statusCode: 200),
            containerStatus: ContainerStatusInfo(container: container, networks: networks, executorPID: 4_711))
    }

    var leastStatus: StatusUpdate {
        StatusUpdate(framework: framework, task: task, state: .running, source: .agent, at: at)
    }

    var frameworkInfo: FrameworkInfo {
        FrameworkInfo(
            id: framework, name: "web", user: "web", roles: [role],
            capabilities: Set(FrameworkInfo.Capability.allCases),
            failoverTimeout: .seconds(3_600), checkpoint: true, hostname: "h", principal: "p", webAddress: "http://h/",
            labels: labels,
            minimumOffers: [role: MinimumOffer(anyOf: [["cpus": Scalar(1)], ["mem": Scalar(32)]])])
    }

    var agentInfo: AgentInfo {
        AgentInfo(
            id: agent, address: address, resources: resources,
            attributes: [
                Attribute("rack", .text("r1")), Attribute("level", .scalar(Scalar(thousandths: 2_500))),
                Attribute("ids", .ranges(Ranges([1...4]))), Attribute("tags", .set(ItemSet(["a", "b"]))),
            ], domain: FaultDomain(region: "eu", zone: "z1"))
    }

    var changes: [ResourceOperation] {
        let disk = diskResource
        return [
            .reserve([disk], source: [disk]), .reserve([disk]), .unreserve([disk]), .create(volumes: [disk]),
            .destroy(volumes: [disk]), .grow(volume: disk, by: disk), .shrink(volume: disk, by: Scalar(3)),
            .createDisk(source: disk, as: .mount, profile: "fast"), .createDisk(source: disk, as: .block, profile: nil),
            .destroyDisk(source: disk),
        ]
    }

    var operationStatus: OperationStatus {
        OperationStatus(
            operation: operation, state: .finished, message: "done", converted: resources, id: key, agent: agent,
            provider: nil)
    }

    var drain: DrainInfo {
        DrainInfo(
            state: .draining, configuration: DrainConfiguration(maxGracePeriod: .seconds(600), marksGone: true),
            startedAt: at)
    }

    var schedule: MaintenanceSchedule {
        MaintenanceSchedule([
            MaintenanceWindow(
                machines: [MachineID(hostname: "host-1", address: "10.0.0.1"), MachineID(hostname: "host-2")],
                unavailability: unavailability),
            MaintenanceWindow(machines: [MachineID(address: "10.0.0.3")], unavailability: Unavailability(start: at)),
        ])
    }
}
