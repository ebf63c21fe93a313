import ClusterModel
import CommandOutput
import Determinism
import Diagnostics
import Testing

@testable import bulkhead_cluster

@Suite("Task requests")
struct TaskRequestTests {
    private func request(_ words: String...) throws -> TaskRequest { try request(words) }

    private func request(_ words: [String]) throws -> TaskRequest {
        let line = ArgumentLine(["task", "run"] + words, .cluster)
        let run = try #require(try BulkheadCluster.parseAsRoot(line.arguments) as? TaskRun)
        let task = try run.words()
        return try TaskRequestMaker(
            options: run.options, walls: run.walls, care: run.care, placement: run.placement,
            ours: { $0 == "OURS" ? "1" : nil }
        ).request(image: task.subject, command: task.command, name: run.name, suffix: "x1")
    }

    @Test("flags become a task as Docker's users mean them")
    func flags() throws {
        let task = try request(
            "--cpus", "1.5", "-m", "1g", "-e", "A=b=c", "-e", "OURS", "-e", "NOBODYS", "-v", "/srv:/data:ro", "-u",
            "guest",
            "-w", "/w", "-l", "team=db", "--stop-timeout", "3s", "--timeout", "1h", "registry:5000/team/web:1", "serve",
            "--help")
        #expect(task.id.text == "web.x1" && task.name == "web")
        #expect(task.command.program == .execute(path: nil, arguments: ["serve", "--help"]))
        #expect(task.command.environment.map(\.name) == ["A", "OURS"] && task.command.user == "guest")
        #expect(task.command.environment.first?.value == .text("b=c"))
        #expect(
            task.container.volumes == [VolumeMount(containerPath: "/data", mode: .readOnly, source: .hostPath("/srv"))])
        #expect(task.container.docker?.parameters == [.init("workdir", "/w")])
        #expect(task.container.image?.name == "registry:5000/team/web:1")
        #expect(task.labels == [Label("team", "db")])
        #expect(task.killGracePeriod == .seconds(3) && task.maxCompletionTime == .seconds(3_600))
        #expect(task.placement.description == "1.5 cpus and 1024 MB of memory")
    }

    @Test("short options have their values attached too, as those of run")
    func attached() throws {
        let task = try request("-m1g", "-eA=b=c", "-uguest", "-w/w", "-lteam=db", "-hbox", "image", "-m1", "-eX=y")
        #expect(task.placement.description == "0.5 cpus and 1024 MB of memory" && task.command.user == "guest")
        #expect(task.command.environment.first?.value == .text("b=c") && task.container.hostname == "box")
        #expect(task.labels == [Label("team", "db")])
        #expect(task.command.program == .execute(path: nil, arguments: ["-m1", "-eX=y"]))
    }

    @Test(
        "what follows the image is the task's, a -- too, as with run outside a cluster",
        arguments: [
            ("busybox -- word", ["busybox", "--", "word"]), ("-- busybox -- word", ["busybox", "--", "word"]),
            ("--cpus 1 -- busybox --cpus", ["busybox", "--cpus"]), ("busybox a -- b", ["busybox", "a", "--", "b"]),
        ])
    func passed(_ words: String, _ expected: [String]) throws {
        let task = try request(words.split(separator: " ").map(String.init))
        #expect(task.container.image?.name == expected[0])
        #expect(task.command.program == .execute(path: nil, arguments: Array(expected[1...])))
    }

    @Test("a -- right after the task of exec is left out, and no other", arguments: ["", "-- "])
    func passedToExec(_ first: String) throws {
        let line = ArgumentLine("task exec \(first)web -- ls -- -l".split(separator: " ").map(String.init), .cluster)
        let exec = try #require(try BulkheadCluster.parseAsRoot(line.arguments) as? TaskExec)
        let words = try exec.words()
        #expect(words.subject == "web" && words.command == ["ls", "--", "-l"])
    }

    @Test("walls and devices become what the agent knows")
    func walls() throws {
        let task = try request(
            "--gpus", "2", "--resource", "fpgas=1", "--device", "/dev/fuse:r", "--cpuset-cpus", "0-1", "--pids", "9",
            "--device-read-bps", "/dev/sda:1m", "--io-write-iops", "5", "--ulimit", "nofile=1:2", "--ulimit", "core=0",
            "--sysctl", "net.core.somaxconn=9", "--shm-size", "1g", "--security-opt", "seccomp=strict", "--tmpfs",
            "/run:size=1m", "--add-host", "db:10.0.0.1", "--stop-signal", "INT", "--network", "bridge:web", "i")
        let parameters = task.container.docker?.parameters.map { "\($0.key)=\($0.value)" } ?? []
        #expect(
            Set(parameters) == [
                "device=/dev/fuse:r", "cpuset-cpus=0-1", "pids-limit=9", "device-read-bps=/dev/sda:1m",
                "device-write-iops=5", "ulimit=nofile=1:2", "ulimit=core=0", "sysctl=net.core.somaxconn=9",
                "shm-size=1g", "security-opt=seccomp=strict", "tmpfs=/run:size=1m", "add-host=db:10.0.0.1",
                "stop-signal=INT",
            ])
        #expect(task.container.networks == [NetworkInfo(name: "bridge:web")])
        #expect(task.placement.description == "0.5 cpus and 128 MB of memory and 2 gpus and 1 fpgas")
        #expect(try request("--network", "bridge", "i").container.docker?.network == .bridge)
    }

    @Test(
        "published ports are taken from the offer, and what leads to the task is one of them",
        arguments: [
            (["80"], "31000-31002", "[31000-31000]", "31000:80/tcp"),
            (["31002:80", "53/udp", "54"], "31000-31002", "[31000-31002]", "31002:80/tcp 31000:53/udp 31001:54/tcp"),
            (["53:53", "53:53/udp"], "53-53,80-80", "[53-53]", "53:53/tcp 53:53/udp"),
            (["8000-8001:90-91/udp"], "8000-9000", "[8000-8001]", "8000:90/udp 8001:91/udp"),
            (["1", "2"], "7-7,9-9", "[7-7,9-9]", "7:1/tcp 9:2/tcp"),
        ])
    func ports(_ published: [String], _ offered: String, _ taken: String, _ mapped: String) throws {
        let task = try request(published.flatMap { ["-p", $0] } + ["i"])
        let offer = try offer("cpus:4;mem:999;ports:[\(offered)]")
        let resources = try #require(task.placement.resources(of: offer))
        #expect(Resources(resources).ranges(named: "ports").description == taken)
        let container = try #require(task.spec(on: offer.agent, with: resources).container)
        #expect(container.docker?.network == .bridge)
        #expect(container.docker?.portMappings.map(\.shown).joined(separator: " ") == mapped)
    }

    @Test("ports come from what is kept for the role and from anybody's; a network's name has them beside it")
    func portsOfNetworks() throws {
        let task = try request(["-p", "80", "-p", "81", "--network", "cni:lan", "--role", "eng", "i"])
        let offer = try offer("cpus:4;mem:999;ports(eng):[31005-31005];ports:[31007-31009]")
        let resources = try #require(task.placement.resources(of: offer))
        #expect(resources.suffix(2).map(\.description) == ["ports(eng):[31005-31005]", "ports:[31007-31007]"])
        let container = try #require(task.spec(on: offer.agent, with: resources).container)
        let mappings = [
            PortMapping(host: 31_005, container: 80, transport: "tcp"),
            PortMapping(host: 31_007, container: 81, transport: "tcp"),
        ]
        #expect(container.networks == [NetworkInfo(name: "cni:lan", portMappings: mappings)])
        #expect(container.docker?.portMappings == [] && container.published == mappings)
    }

    @Test(
        "an offer without the port does not do, and it is said which ports it has",
        arguments: [
            (["8080:80"], "[31000-31001]", "port 8080 of the agent (it offers 31000-31001, by its --resources)"),
            (
                ["8080-8081:80-81", "90"], "[8081-8090]",
                "ports 8080-8081 of the agent and 1 more (it offers 8081-8090, by its --resources)"
            ),
            (["1", "2"], "[31000-31000]", "2 ports of the agent (it offers 31000, by its --resources)"),
            (["1"], "[]", "a port of the agent (it offers none, by its --resources)"),
        ])
    func portsNobodyOffers(_ published: [String], _ offered: String, _ lack: String) throws {
        let placement = try request(published.flatMap { ["-p", $0] } + ["i"]).placement
        let offer = try offer("cpus:4;mem:999;ports:\(offered)")
        #expect(placement.resources(of: offer) == nil)
        #expect(placement.lack(in: offer) == "host lacks " + lack)
    }

    @Test("probes become health checks")
    func health() throws {
        #expect(try request("--health-cmd", "true", "i").healthCheck?.probe == .command(CommandSpec(.shell("true"))))
        #expect(
            try request("--health-http", "80/ok", "i").healthCheck?.probe == .http(HTTPProbe(port: 80, path: "/ok")))
        #expect(try request("--health-tcp", "80", "i").healthCheck?.probe == .tcp(port: 80))
    }

    @Test(
        "a value that means nothing is refused with its flag",
        arguments: [
            (["--cpus", "x"], "cpus"), (["--memory", "0"], "memory"), (["-v", "/a"], "volume"),
            (["-w", "x"], "workdir"),
            (["--health-http", "x/y"], "health-http"), (["--network", "weave"], "network"),
            (["--constraint", "=x"], "constraint"), (["--timeout", "0"], "timeout"),
            (["--resource", "gpus=1"], "resource"), (["--resource", "fpgas"], "resource"),
            (["--resource", "ports=1"], "resource"), (["-p", "0"], "publish"), (["-p", "80/sctp"], "publish"),
            (["-p", "127.0.0.1:80:80"], "publish"), (["-p", "80", "--network", "host"], "publish"),
            (["-p", "80", "--network", "none"], "publish"), (["-p", "80:1", "-p", "79-80:1-2"], "publish"),
            (["-p", "1-5000"], "publish"), (["-p", "80-79:1-2"], "publish"), (["-p", "8:1-2"], "publish"),
        ])
    func refusals(_ flags: [String], _ field: String) throws {
        let line = ArgumentLine(["task", "run"] + flags + ["image"], .cluster)
        let run = try #require(try BulkheadCluster.parseAsRoot(line.arguments) as? TaskRun)
        let maker = TaskRequestMaker(
            options: run.options, walls: run.walls, care: run.care, placement: run.placement, ours: { _ in nil })
        let failure = #expect(throws: Failure.self) {
            try maker.request(image: "image", command: [], name: nil, suffix: "x")
        }
        #expect(failure?.field == field)
    }

    private func offer(_ resources: String, _ attributes: [Attribute] = []) throws -> Offer {
        Offer(
            id: try OfferID("o"), framework: try FrameworkID("f"), agent: try AgentID("a"), role: .anyone,
            address: NetworkAddress(hostname: "host", port: 5051), resources: try Resource.parse(resources),
            attributes: attributes)
    }

    @Test("resources kept for the role are taken before anybody's, exactly as many as are needed")
    func placement() throws {
        let placement = Placement(role: try RoleName("eng"), needs: [("cpus", Scalar(3))], constraints: [])
        let taken = try #require(placement.resources(of: try offer("cpus:4;cpus(eng):2;mem:64")))
        #expect(Resources(taken).description == "cpus(eng):2;cpus:1")
        #expect(placement.resources(of: try offer("cpus:2")) == nil)
        #expect(placement.lack(in: try offer("cpus:2")) == "host lacks 3 cpus (it offers 2 cpus)")
    }

    @Test(
        "constraints look at attributes, host and agent",
        arguments: [
            ("rack=r1", true), ("rack!=r1", false), ("rack~r", true), ("gpu", false), ("!gpu", true),
            ("hostname=host", true), ("agent=b", false), ("level=3", true),
        ])
    func constraints(_ text: String, _ holds: Bool) throws {
        let attributes = [Attribute("rack", .text("r1")), Attribute("level", .scalar(Scalar(3)))]
        let constraint = try Constraint.parse(text)
        #expect(constraint.holds(for: try offer("cpus:1", attributes)) == holds && constraint.description == text)
    }

    @Test("the exit status is the task's, and a sentence is said where that does not say why")
    func outcomes() throws {
        func outcome(_ state: TaskState, _ reason: StatusReason?, _ code: String?) throws -> TaskOutcome {
            TaskOutcome(
                StatusUpdate(
                    framework: try FrameworkID("f"), task: try TaskID("t"), state: state, source: .agent,
                    reason: reason,
                    message: "why", at: Instant(seconds: 1),
                    labels: code.map { [Label(TaskOutcome.codeLabel, $0)] } ?? []))
        }
        #expect(try outcome(.finished, nil, nil).status == 0)
        let own = try outcome(.failed, .commandExecutorFailed, "7")
        #expect(own.status == 7 && own.sentence == nil)
        let killed = try outcome(.failed, .containerLimitationMemory, "137")
        #expect(killed.status == 137 && killed.sentence == "the task failed: why")
        #expect(try outcome(.failed, .containerLaunchFailed, nil).status == 125)
        #expect(try outcome(.lost, nil, nil).sentence == "the task is lost (lost): why")
    }

    @Test("what an executor says of an end drives no terminal")
    func hostileOutcome() throws {
        let update = StatusUpdate(
            framework: try FrameworkID("f"), task: try TaskID("t"), state: .failed, source: .executor,
            message: "\u{1b}]0;x\u{7}\u{9b}2J", at: Instant(seconds: 1))
        #expect(TaskOutcome(update).sentence == #"the task failed: \u{1b}]0;x\u{7}\u{9b}2J"#)
    }

    @Test("an end whose own update still waits for an acknowledgement is told by its state, never as a loss")
    func endWithoutItsUpdate() throws {
        func update(_ state: TaskState) throws -> StatusUpdate {
            StatusUpdate(
                framework: try FrameworkID("f"), task: try TaskID("t"), state: state, source: .agent,
                message: "in state \(state.word)", at: Instant(seconds: 1))
        }
        let waiting = try #require(TaskEnd.end(in: [try update(.running), try update(.killing)], of: .killed))
        let outcome = TaskOutcome(waiting)
        #expect(outcome.status == 137 && outcome.sentence == "the task was killed: in state killing")
        let told = try #require(TaskEnd.end(in: [try update(.finished), try update(.killing)], of: .finished))
        #expect(told.message == "in state finished" && TaskOutcome(told).status == 0)
        #expect(TaskEnd.end(in: [], of: .killed) == nil)
    }
}
