import AgentCore
import ClusterModel
import Containers
import Diagnostics
import Testing

@Suite("Options of Docker's command line in a task")
struct DockerParameterTests {
    typealias Judge = @Sendable (ContainerLaunch) -> Bool

    static func launch(
        _ policy: LaunchPolicy, _ options: [(String, String)]
    ) -> (launch: ContainerLaunch?, refusal: String?) {
        TaskLaunchTests.launch(policy) { spec in
            TaskLaunchTests.docker { docker in
                docker.parameters = options.map { DockerOptions.Parameter($0.0, $0.1) }
            }(&spec)
        }
    }

    /// What stays within the task, and what comes of it.
    static let narrow: [(key: String, value: String, judge: Judge)] = [
        ("env", "X=y=z", { $0.environment.contains("X=y=z") }),
        ("label", "team", { $0.labels["team"]?.isEmpty == true }),
        ("user", "1000", { $0.user == "1000" }), ("workdir", "/srv", { $0.workingDirectory == "/srv" }),
        ("entrypoint", "/bin/x", { $0.program == .execute(path: "/bin/x", arguments: ["/bin/x", "1"]) }),
        ("stop-signal", "SIGRTMIN+3", { $0.stopSignal == 37 }), ("stop-signal", "PWR", { $0.stopSignal == 30 }),
        ("interactive", "true", { $0.interactive }), ("init", "true", { $0.isolation.hasInit }),
        ("rm", "true", { _ in true }),
        (
            "ulimit", "memlock=-1:unlimited",
            { $0.isolation.resourceLimits == [NamedLimit(name: "memlock", soft: nil, hard: nil)] }
        ),
        (
            "ulimit", "NOFILE=64",
            { $0.isolation.resourceLimits == [NamedLimit(name: "nofile", soft: 64, hard: 64)] }
        ),
        ("pids-limit", "9", { $0.limits.pids == 9 && $0.limits.pidsAsked }),
        ("cpuset-cpus", "0-2,4", { $0.limits.cpuset == "0-2,4" }), ("cpuset", "1", { $0.limits.cpuset == "1" }),
        (
            "device-read-bps", "/dev/sda:10m",
            { $0.limits.io == [IOLimit(kind: .readBytes, device: "/dev/sda", perSecond: 10 << 20)] }
        ),
        ("io-write-bps", "512kb", { $0.limits.io == [IOLimit(kind: .writeBytes, device: nil, perSecond: 512 << 10)] }),
        ("device-read-iops", "7", { $0.limits.io == [IOLimit(kind: .readOperations, device: nil, perSecond: 7)] }),
        ("io-write-iops", "7", { $0.limits.io == [IOLimit(kind: .writeOperations, device: nil, perSecond: 7)] }),
        ("io-weight", "10", { $0.limits.ioWeight == 10 }),
        (
            "tmpfs", "/run:size=1m,mode=755,exec,ro,nosuid",
            {
                $0.temporaryFilesystems == [
                    TemporaryFilesystem(target: "/run", bytesMax: 1 << 20, mode: 0o755, readOnly: true, execute: true)
                ]
            }
        ),
        ("read-only", "true", { $0.isolation.readOnlyRoot }), ("read-only", "false", { !$0.isolation.readOnlyRoot }),
        ("shm-size", "1g", { $0.isolation.sharedMemoryBytes == 1 << 30 }),
        ("hostname", "web", { $0.isolation.hostname == "web" }),
        ("domainname", "x.y", { $0.isolation.domainname == "x.y" }),
        ("add-host", "db:[fd00::1]", { $0.isolation.extraHosts == ["fd00::1 db"] }),
        ("dns", "10.0.0.3", { $0.isolation.nameServers == ["10.0.0.3"] }),
        ("cap-drop", "ALL", { $0.droppedCapabilities == ["ALL"] }),
        ("cap-add", "CHOWN", { $0.addedCapabilities == ["CHOWN"] }),
        ("sysctl", "net/ipv4/ip_forward=0", { $0.isolation.sysctls == ["net.ipv4.ip_forward": "0"] }),
        ("emulate", "mknod,sysinfo", { $0.isolation.emulated == [.mknod, .sysinfo] }),
        ("oom-score-adj", "500", { $0.isolation.oomScore == 500 }),
        ("security-opt", "no-new-privileges:true", { $0.isolation.noNewPrivileges }),
        ("security-opt", "seccomp=strict", { $0.isolation.seccomp == .strict }),
        ("security-opt", "proc=subset", { $0.isolation.procView == .processes }),
        ("security-opt", "apparmor=docker-default", { $0.isolation.appArmor == .standard }),
        ("ipc", "private", { _ in true }), ("privileged", "false", { $0.addedCapabilities.isEmpty }),
    ]

    @Test("that narrow or stay within the task are carried out", arguments: narrow.indices)
    func carriedOut(_ index: Int) throws {
        let (key, value, judge) = Self.narrow[index]
        let result = TaskLaunchTests.launch { spec in
            TaskLaunchTests.parameter(key, value)(&spec)
            spec.runner = .command(CommandSpec(.execute(path: nil, arguments: ["1"])))
        }
        let launch = try #require(result.launch, "\(key)=\(value): \(result.refusal ?? "")")
        #expect(judge(launch), "\(key)=\(value)")
    }

    /// What opens a wall, the flag that allows it, and what comes of it then.
    static let widening: [(key: String, value: String, flag: String, judge: Judge)] = [
        ("cap-add", "NET_ADMIN", "--allow-capability", { $0.addedCapabilities == ["NET_ADMIN"] }),
        ("privileged", "true", "--allow-privileged", { $0.isolation.seccomp == .unconfined }),
        ("security-opt", "no-new-privileges=false", "--allow-privileged", { !$0.isolation.noNewPrivileges }),
        ("security-opt", "systempaths=unconfined", "--allow-privileged", { $0.isolation.maskedPaths.isEmpty }),
        ("security-opt", "seccomp=unconfined", "--allow-unconfined", { $0.isolation.seccomp == .unconfined }),
        ("security-opt", "apparmor=unconfined", "--allow-unconfined", { $0.isolation.appArmor == .unconfined }),
        ("security-opt", "apparmor=mine", "--apparmor-profile mine", { $0.isolation.appArmor == .named("mine") }),
        (
            "security-opt", "seccomp=mine", "--seccomp-profile mine=",
            { $0.isolation.seccomp == .profile(name: "mine", json: "{}") }
        ),
        ("oom-score-adj", "-5", "--allow-privileged", { $0.isolation.oomScore == -5 }),
        (
            "volume", "/srv:/x:ro,noexec", "--host-path /srv",
            {
                let volume = VolumeRequest(
                    source: "/srv", target: "/x", readOnly: true, noExecute: true, confinedTo: "/srv")
                return $0.volumes.contains(volume)
            }
        ),
        ("device", "/dev/fuse:rw", "--allow-device /dev/fuse:rw", { $0.devices?.map(\.name) == ["/dev/fuse"] }),
    ]

    static let lax = LaunchPolicy(
        hostPaths: [.init("/srv")], allowsPrivileged: true, allowsUnconfined: true,
        grantableCapabilities: .all, seccompProfiles: [.init(name: "mine", json: "{}")],
        devices: [.init("/dev/fuse")], appArmorProfiles: ["mine"])

    @Test(
        "that open a wall are refused with the flag that would allow them, and carried out with it",
        arguments: widening.indices)
    func opening(_ index: Int) throws {
        let (key, value, flag, judge) = Self.widening[index]
        let refused = Self.launch(LaunchPolicy(), [(key, value)])
        #expect(refused.launch == nil && refused.refusal?.contains(flag) == true, "\(refused.refusal ?? "launched")")
        let allowed = Self.launch(Self.lax, [(key, value)])
        #expect(judge(try #require(allowed.launch, "\(allowed.refusal ?? "")")), "\(key)=\(value)")
    }

    /// Under the laxest policy.
    static let impossible: [(key: String, value: String, words: String)] = [
        ("pid", "host", "no flag allows it"), ("ipc", "host", "no flag allows it"),
        ("uts", "host", "no flag allows it"),
        ("userns", "host", "no flag allows it"), ("cgroupns", "host", "no flag allows it"),
        ("network", "host", "docker.network"), ("publish", "80:80", "port_mappings"), ("memory", "1g", "resource mem"),
        ("cpus", "4", "resource cpus"), ("cpu-shares", "9", "resource cpus"), ("memory-swap", "1g", "no swap"),
        ("gpus", "all", "resource gpus"), ("storage-opt", "size=1g", "resource disk"), ("tty", "true", "tty_info"),
        ("cgroup-parent", "/", "does not know the option"), ("volumes-from", "x", "does not know the option"),
        ("env", "X", "NAME=value"), ("env", "=1", "NAME=value"), ("label", "bulkhead.task=other", "the agent's own"),
        ("workdir", "srv", "absolute"), ("entrypoint", "", "names its program"),
        ("stop-signal", "SIGNO", "no such signal"),
        ("stop-signal", "65", "no such signal"), ("stop-timeout", "-1", "whole number"),
        ("init", "false", "has an init"),
        ("rm", "false", "always removed"), ("interactive", "perhaps", "neither true nor false"),
        ("ulimit", "nofile", "SOFT:HARD"), ("ulimit", "nofile=9:1", "SOFT:HARD"), ("ulimit", "nofile=1:x", "SOFT:HARD"),
        ("ulimit", "nofile=unlimited:1", "SOFT:HARD"), ("pids-limit", "0", "whole number"),
        ("pids-limit", "-1", "whole number"), ("cpuset-cpus", "4-2", "list of processors"),
        ("cpuset-cpus", "0;1", "list of processors"), ("device-read-bps", "sda:1m", "no device"),
        ("device-read-bps", "/dev/sda:0", "no size"), ("io-write-iops", "0", "no rate"),
        ("io-weight", "101", "1 to 100"),
        ("tmpfs", "run", "absolute path"), ("tmpfs", "/run:size=x", "no size"), ("tmpfs", "/run:suid", "'suid'"),
        ("read-only", "maybe", "neither true nor false"), ("shm-size", "0", "no size"),
        ("shm-size", "99999999999t", "no size"), ("add-host", "db", "NAME:ADDRESS"),
        ("add-host", "d b:1.2.3.4", "NAME:"),
        ("dns", "example.org", "IP address"), ("sysctl", "kernel.sem", "NAME=value"), ("emulate", "reboot", "emulated"),
        ("oom-score-adj", "1001", "whole number"), ("security-opt", "label=type:x", "does not know it"),
        ("security-opt", "seccomp=/etc/profile.json", "no seccomp profile"),
        ("security-opt", "apparmor=yours", "--apparmor-profile yours"), ("volume", "data:/x", "/host/path"),
        ("volume", "/srv:/x:shared", "'shared'"), ("volume", "/srv/../etc:/x:ro", "does not stay"),
        ("volume", "/srv:/x", "may only read"), ("device", "/dev/fuse:", "no device"),
    ]

    @Test("that cannot be had are refused by their name", arguments: impossible.indices)
    func refused(_ index: Int) {
        let (key, value, words) = Self.impossible[index]
        let result = Self.launch(Self.lax, [(key, value)])
        #expect(result.launch == nil, "\(key)=\(value) was launched")
        #expect(result.refusal?.contains(words) == true, "\(key)=\(value): \(result.refusal ?? "")")
    }

    @Test("say which of them is at fault")
    func field() {
        var scenario = Scenario()
        scenario.run(.command("t") { spec in
            TaskLaunchTests.docker { $0.parameters = [.init("rm", "true"), .init("flavour", "x")] }(&spec)
        })
        let note = scenario.notes.last { $0.name == "task.refused" }
        #expect(note?.details.contains { $0.key == "field" && $0.value == "container.docker.parameters[1]" } == true)
    }

    @Test("stop-timeout is how long a task has to end, unless its kill policy says it")
    func stopTimeout() throws {
        for (policy, seconds) in [(nil, 7), (Duration.seconds(2), 2)] as [(Duration?, Int64)] {
            var scenario = Scenario()
            scenario.machine.isStubborn = true
            scenario.run(.command("t") { spec in
                TaskLaunchTests.parameter("stop-timeout", "7")(&spec)
                spec.killGracePeriod = policy
            })
            scenario.kill("t")
            scenario.advance(by: .seconds(seconds) - .milliseconds(1))
            #expect(scenario.signals == [15])
            scenario.advance(by: .milliseconds(2))
            #expect(scenario.signals == [15, 9])
        }
    }

    @Test("limits that the host may not hold go with the rest where policy lets them")
    func unenforced() {
        let options = [("cpuset", "0"), ("io-read-bps", "1m")]
        #expect(Self.launch(LaunchPolicy(), options).launch?.isolation.allowedUnenforced == [])
        let policy = LaunchPolicy(allowsUnenforced: true)
        #expect(Self.launch(policy, options).launch?.isolation.allowedUnenforced == ["cpuset", "io"])
    }
}
