import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("What a task asks for, and what the runtime is asked for")
struct TaskLaunchTests {
    /// The launch of a task, or why it was refused.
    static func launch(
        _ policy: LaunchPolicy = LaunchPolicy(), _ change: (inout TaskSpec) -> Void
    ) -> (launch: ContainerLaunch?, refusal: String?) {
        var scenario = Scenario(.sample.with { $0.policy = policy })
        scenario.run(.command("t", change: change))
        return (scenario.launches.first, scenario.last("t")?.state == .failed ? scenario.last("t")?.message : nil)
    }

    typealias Change = @Sendable (inout TaskSpec) -> Void

    static func container(_ change: @Sendable @escaping (inout ContainerSpec) -> Void) -> Change {
        { spec in
            var container = spec.container ?? ContainerSpec()
            change(&container)
            spec.container = container
        }
    }

    static func docker(_ change: @Sendable @escaping (inout DockerOptions) -> Void) -> Change {
        container { container in
            container.kind = .docker
            var options = DockerOptions()
            change(&options)
            container.docker = options
        }
    }

    /// A read-only volume at /x.
    static func volume(_ source: VolumeMount.Source, mode: Disk.Volume.Mode = .readOnly) -> Change {
        container { $0.volumes = [VolumeMount(containerPath: "/x", mode: mode, source: source)] }
    }

    static func parameter(_ key: String, _ value: String) -> Change {
        docker { $0.parameters = [DockerOptions.Parameter(key, value)] }
    }

    @Test("sandbox, logs, environment and limits are there")
    func basics() throws {
        let launch = try #require(Self.launch { $0.resources[0].allocatedTo = .anyone }.launch)
        let sandbox = "/var/lib/bulkhead/slaves/A/frameworks/F/executors/t/runs/\(launch.id)"
        let own = VolumeRequest(source: sandbox, target: "/mnt/mesos/sandbox", countsAsOwn: true, confinedTo: sandbox)
        #expect(launch.volumes.first == own)
        #expect(launch.output?.path == sandbox + "/stdout" && launch.error?.path == sandbox + "/stderr")
        #expect(launch.output?.bytesMax == 256 << 20)
        #expect(launch.environment.contains("MESOS_SANDBOX=/mnt/mesos/sandbox"))
        #expect(launch.environment.contains("MESOS_ALLOCATION_ROLE=*"))
        #expect(launch.limits.cpus == 1 && launch.limits.cpuWeight == 100 && launch.limits.memory == 64 << 20)
        #expect(launch.root == .image("busybox") && launch.program == .shell("run"))
        #expect(launch.isolation.network == .none && launch.isolation.seccomp == .standard)
    }

    @Test(
        "the program is the command's, or the image's with the command's arguments",
        arguments: [
            (CommandSpec.Program.shell("a b"), ContainerLaunch.Program.shell("a b")),
            (.execute(path: "/bin/x", arguments: ["x", "1"]), .execute(path: "/bin/x", arguments: ["x", "1"])),
            (.execute(path: nil, arguments: ["1"]), .execute(path: nil, arguments: ["1"])),
            (.execute(path: nil, arguments: []), .execute(path: nil, arguments: [])),
        ])
    func programs(_ program: CommandSpec.Program, _ expected: ContainerLaunch.Program) {
        #expect(Self.launch { $0.runner = .command(CommandSpec(program)) }.launch?.program == expected)
    }

    @Test("the command's variables are over the agent's, each name once")
    func environment() throws {
        let command = CommandSpec(
            .shell("x"),
            environment: [
                CommandSpec.EnvironmentVariable("A", .text("1")), CommandSpec.EnvironmentVariable("A", .text("2")),
                CommandSpec.EnvironmentVariable("MESOS_SANDBOX", .text("/elsewhere")),
            ])
        let lines = try #require(Self.launch { $0.runner = .command(command) }.launch?.environment)
        #expect(lines.filter { $0.hasPrefix("A=") } == ["A=2"])
        #expect(lines.filter { $0.hasPrefix("MESOS_SANDBOX=") } == ["MESOS_SANDBOX=/elsewhere"])
    }

    @Test("limits above the request, and none at all")
    func limits() {
        let atMost = Self.launch { $0.limits = ["cpus": .atMost(Scalar(2)), "mem": .infinite] }.launch?.limits
        #expect(atMost?.cpus == 2 && atMost?.cpuWeight == 100 && atMost?.memory == nil)
        #expect(Self.launch { $0.limits = ["cpus": .infinite] }.launch?.limits.cpus == nil)
        let least = Self.launch { $0.resources = [Resource("cpus", .scalar(Scalar(thousandths: 1)))] }.launch?.limits
        #expect(least?.cpus == 0.01 && least?.cpuWeight == 1)
    }

    @Test("a limit this host cannot hold refuses the task, or is allowed and said")
    func unenforceable() {
        let policy = LaunchPolicy(unenforceable: ["memory", "swap"])
        #expect(Self.launch(policy) { _ in }.refusal?.contains("memory, swap") == true)
        let lax = LaunchPolicy(unenforceable: ["memory", "swap"], allowsUnenforced: true)
        #expect(Self.launch(lax) { _ in }.launch?.isolation.allowedUnenforced == ["memory", "swap"])
    }

    @Test(
        "without an image, policy decides",
        arguments: [
            (LaunchPolicy.WithoutImage.hostTools, ContainerLaunch.Root.hostTools),
            (.image("base"), .image("base")), (.refuse, nil),
        ] as [(LaunchPolicy.WithoutImage, ContainerLaunch.Root?)])
    func noImage(_ rule: LaunchPolicy.WithoutImage, _ root: ContainerLaunch.Root?) {
        let result = Self.launch(LaunchPolicy(withoutImage: rule)) { $0.container = nil }
        #expect(result.launch?.root == root)
        #expect((result.refusal == nil) == (root != nil))
        #expect(result.launch?.workingDirectory == nil)
        #expect(result.launch?.fallbackDirectory == root.map { _ in "/mnt/mesos/sandbox" })
    }

    @Test("volumes: host paths by the allow list, places in the sandbox, empty directories, persistent volumes")
    func volumes() throws {
        let policy = LaunchPolicy(hostPaths: [LaunchPolicy.HostPath("/data"), .init("/rw", isWritable: true)])
        var scenario = Scenario(.sample.with {
            $0.policy = policy
            $0.resources.append(Self.volume)
        })
        scenario.run(.command("t") { spec in
            spec.resources.append(Self.volume)
            spec.container?.volumes = [
                VolumeMount(containerPath: "/a", mode: .readOnly, source: .hostPath("/data/x")),
                VolumeMount(containerPath: "/b", mode: .readWrite, source: .hostPath("/rw")),
                VolumeMount(containerPath: "c", mode: .readWrite, source: .sandbox(.own, path: "shared")),
                VolumeMount(containerPath: "/d", mode: .readWrite),
            ]
        })
        let launch = try #require(scenario.launches.first)
        let sandbox = try #require(launch.volumes.first).source
        #expect(
            launch.volumes.dropFirst().map { "\($0.source) \($0.target) \($0.readOnly)" } == [
                "/data/x /a true", "/rw /b false", "\(sandbox)/shared /mnt/mesos/sandbox/c false",
                "\(sandbox)/.volumes/3 /d false",
                "/var/lib/bulkhead/volumes/roles/eng/db /mnt/mesos/sandbox/store false",
            ])
        // Whatever links a task makes there lead the next one nowhere else.
        #expect(
            launch.volumes.map(\.confinedTo) == [
                sandbox, "/data", "/rw", sandbox, sandbox, "/var/lib/bulkhead/volumes/roles/eng",
            ])
        #expect(launch.output?.confinedTo == sandbox && launch.error?.confinedTo == sandbox)
        let orders = scenario.effects.compactMap { if case .prepareSandbox(_, let order) = $0 { order } else { nil } }
        #expect(orders.first?.directories == [sandbox + "/shared", sandbox + "/.volumes/3"])
        #expect(orders.first?.links.first?.target == launch.id.text)
    }

    static let volume = Resource(
        "disk", .scalar(Scalar(100)), reservations: [Reservation(.configured, for: role)],
        disk: Disk(persistence: Disk.Persistence(id: id(VolumeID.self, "db")),
            volume: Disk.Volume(containerPath: "store")))
    static let role: RoleName = {
        do { return try RoleName("eng") } catch { preconditionFailure("\(error)") }
    }()

    @Test("a group's tasks share a place in their executor's sandbox")
    func parentVolume() throws {
        var scenario = Scenario()
        let member = TaskSpec.member("m") {
            $0.container?.volumes = [
                VolumeMount(containerPath: "/shared", mode: .readWrite, source: .sandbox(.parent, path: "common"))
            ]
        }
        scenario.master(.runGroup([member], under: .pod, of: .sample))
        let launch = try #require(scenario.launches.last)
        let pod = try #require(launch.parent)
        #expect(launch.volumes.last?.source.hasSuffix("/executors/pod/runs/\(pod)/common") == true)
    }

    @Test("what Docker's options mean is carried out")
    func parameters() throws {
        let options: [(String, String)] = [
            ("env", "X=y"), ("label", "team=db"), ("hostname", "web"), ("user", "1000:1000"), ("workdir", "/srv"),
            ("cap-drop", "ALL"), ("cap-add", "CHOWN"), ("ulimit", "nofile=64:128"), ("tmpfs", "/run"),
            ("add-host", "db:10.0.0.2"), ("dns", "10.0.0.3"), ("read-only", "true"), ("shm-size", "16m"),
            ("pids-limit", "99"), ("stop-signal", "SIGINT"), ("security-opt", "no-new-privileges"),
        ]
        let result = Self.launch { spec in
            Self.docker { $0.parameters = options.map { DockerOptions.Parameter($0.0, $0.1) } }(&spec)
        }
        let launch = try #require(result.launch, "\(result.refusal ?? "")")
        #expect(launch.environment.contains("X=y") && launch.labels["team"] == "db")
        #expect(launch.isolation.hostname == "web" && launch.user == "1000:1000")
        #expect(launch.workingDirectory == "/srv" && launch.droppedCapabilities == ["ALL"])
        #expect(launch.addedCapabilities == ["CHOWN"])
        #expect(launch.isolation.resourceLimits == [NamedLimit(name: "nofile", soft: 64, hard: 128)])
        #expect(launch.temporaryFilesystems.map(\.target) == ["/run"])
        #expect(launch.isolation.extraHosts == ["10.0.0.2 db"] && launch.isolation.nameServers == ["10.0.0.3"])
        #expect(launch.isolation.readOnlyRoot && launch.isolation.sharedMemoryBytes == 16 << 20)
        #expect(launch.limits.pids == 99 && launch.stopSignal == 2)
    }

    @Test("rlimits, shared memory, terminal and capabilities of the protocol's own fields")
    func linux() throws {
        let result = Self.launch { spec in
            spec.container?.processLimits = [ProcessLimit(.openFiles, soft: 10, hard: 20), ProcessLimit(.core)]
            spec.container?.linux = LinuxOptions(effectiveCapabilities: ["CHOWN"], sharedMemoryMegabytes: 8)
            spec.container?.terminal = Terminal(size: Terminal.Size(rows: 40, columns: 100))
        }
        let launch = try #require(result.launch, "\(result.refusal ?? "")")
        #expect(
            launch.isolation.resourceLimits == [
                NamedLimit(name: "nofile", soft: 10, hard: 20), NamedLimit(name: "core", soft: nil, hard: nil),
            ])
        #expect(launch.isolation.sharedMemoryBytes == 8 << 20)
        #expect(launch.addedCapabilities == ["CHOWN"] && launch.droppedCapabilities == ["ALL"])
        #expect(launch.terminal == TerminalRequest(rows: 40, columns: 100) && launch.interactive)
    }

    static let refusals: [(String, Change)] = [
        ("'/etc'", volume(.hostPath("/etc"))),
        ("may only read", volume(.hostPath("/ro/y"), mode: .readWrite)),
        ("does not stay", volume(.hostPath("/ro/../etc"))),
        ("does not stay", volume(.hostPath("/ro/../\u{301}x"))),
        ("may only read", volume(.hostPath("/ro/\u{301}x"), mode: .readWrite)),
        ("does not stay", container { $0.volumes = [.init(containerPath: "../x", mode: .readOnly)] }),
        ("does not stay", volume(.sandbox(.own, path: "../y"))),
        ("no parent", volume(.sandbox(.parent, path: "y"))),
        ("cannot be written to", volume(.secret(.reference(name: "s", key: nil)), mode: .readWrite)),
        ("a secret's name is", volume(.secret(.reference(name: "../s", key: nil)))),
        ("a secret's name is", volume(.secret(.reference(name: "s", key: ".")))),
        ("drivers", volume(.driver(name: "v", driver: nil, options: [:]))),
        (
            "two volumes",
            container {
                let volume = VolumeMount(containerPath: "/x", mode: .readOnly)
                $0.volumes = [volume, volume]
            }
        ),
        ("mount_propagation", volume(.hostPath("/ro", propagation: .bothWays))),
        ("host's network", container { $0.networks = [NetworkInfo(name: "host")] }),
        ("not the name of a network", container { $0.networks = [NetworkInfo(name: "cni:../weave")] }),
        ("one network", container { $0.networks = [NetworkInfo(name: "bridge"), NetworkInfo(name: "cni:x")] }),
        (
            "not on a loopback interface",
            container { $0.networks = [NetworkInfo(portMappings: [PortMapping(host: 1, container: 1)])] }
        ),
        (
            "not among its resources",
            container {
                $0.networks = [NetworkInfo(name: "bridge", portMappings: [PortMapping(host: 1, container: 1)])]
            }
        ),
        (
            "no port of the host left",
            container {
                $0.networks = [NetworkInfo(name: "bridge", portMappings: [PortMapping(host: 0, container: 1)])]
            }
        ),
        ("not an address", container { $0.networks = [NetworkInfo(addresses: [.init(text: "x")], name: "bridge")] }),
        ("no name", docker { $0.network = .user }),
        ("host's network", docker { $0.network = .host }),
        ("privileged", docker { $0.isPrivileged = true }),
        ("volume drivers", docker { $0.volumeDriver = "rexray" }),
        ("does not know the option", parameter("memory-swap", "1g")),
        ("share that namespace", parameter("pid", "host")),
        ("without a system call filter", parameter("security-opt", "seccomp=unconfined")),
        ("'/etc'", parameter("volume", "/etc:/x")),
        ("NET_ADMIN", parameter("cap-add", "NET_ADMIN")),
        ("no capability has this name", parameter("cap-add", "FLYING")),
        ("system call filter", container { $0.linux = LinuxOptions(seccomp: .unconfined) }),
        ("no seccomp profile '../x'", container { $0.linux = LinuxOptions(seccomp: .profile("../x")) }),
        ("SYS_ADMIN", container { $0.linux = LinuxOptions(effectiveCapabilities: ["SYS_ADMIN"]) }),
        (
            "beyond bounding",
            container { $0.linux = LinuxOptions(boundingCapabilities: [], effectiveCapabilities: ["CHOWN"]) }
        ),
        ("process namespace", container { $0.linux = LinuxOptions(sharesProcessNamespace: true) }),
        ("no parent", container { $0.linux = LinuxOptions(ipcMode: .shareParent) }),
        ("only one of soft and hard", container { $0.processLimits = [ProcessLimit(.core, soft: 1)] }),
        ("before all other", container { $0.processLimits = [ProcessLimit(.realtimePriority, soft: 1, hard: 99)] }),
        ("before all other", container { $0.processLimits = [ProcessLimit(.nice)] }),
        ("before all others", parameter("ulimit", "rtprio=99")),
        ("before all others", parameter("ulimit", "nice=unlimited")),
        (
            "volumesMax",
            container { spec in
                spec.volumes = (0...1_024).map { VolumeMount(containerPath: "/\($0)", mode: .readWrite) }
            }
        ),
        ("APPC", container { $0.image = ContainerImage(.appc(name: "a")) }),
        ("cannot look for a newer one", container { $0.image = ContainerImage(.docker(name: "a"), isCached: false) }),
        ("GPUs", { $0.resources.append(Resource("gpus", .scalar(Scalar(1)))) }),
        (
            "no secrets of its own",
            {
                $0.healthCheck = HealthCheck(
                    .command(CommandSpec(.shell("x"), environment: [.init("K", .secretBytes([1]))])), delay: .zero)
            }
        ),
        (
            "more than 524288 bytes",
            {
                let bytes = [UInt8](repeating: 1, count: SecretRequest.bytesMax + 1)
                $0.runner = .command(CommandSpec(.shell("x"), environment: [.init("K", .secretBytes(bytes))]))
            }
        ),
        (
            "may have 64",
            {
                let many = (0...SecretRequest.countMax).map {
                    CommandSpec.EnvironmentVariable("K\($0)", .secretBytes([1]))
                }
                $0.runner = .command(CommandSpec(.shell("x"), environment: many))
            }
        ),
    ]

    @Test("what cannot be had is refused, with what is at fault", arguments: refusals.indices)
    func refused(_ index: Int) {
        let (words, change) = Self.refusals[index]
        let result = Self.launch(LaunchPolicy(hostPaths: [LaunchPolicy.HostPath("/ro")]), change)
        #expect(result.launch == nil)
        #expect(result.refusal?.contains(words) == true, "\(result.refusal ?? "it was launched") should say \(words)")
    }

    @Test("policy opens what it names")
    func allowed() throws {
        let policy = LaunchPolicy(
            allowsHostNetwork: true, allowsPrivileged: true, allowsUnconfined: true,
            seccompProfiles: [LaunchPolicy.SeccompProfile(name: "mine", json: "{}")])
        let asked = Self.docker {
            $0.isPrivileged = true
            $0.network = .host
        }
        let privileged = try #require(Self.launch(policy, asked).launch)
        #expect(privileged.isolation.network == .host && privileged.isolation.seccomp == .unconfined)
        #expect(privileged.addedCapabilities == ["ALL"])
        let named = Self.launch(policy, Self.container { $0.linux = LinuxOptions(seccomp: .profile("mine")) }).launch
        #expect(named?.isolation.seccomp == .profile(name: "mine", json: "{}"))
    }
}
