import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import Testing

@Suite("Devices that are resources")
struct DeviceTests {
    static let gpus = LaunchPolicy.DeviceResource("gpus", devices: (0..<3).map { "vendor.com/gpu=\($0)" })

    static let configuration = AgentConfiguration.sample.with {
        $0.policy = LaunchPolicy(deviceResources: [gpus])
        $0.resources.append(amount(3))
    }

    static func amount(_ count: Int, of name: String = "gpus") -> Resource {
        Resource(name, .scalar(Scalar(count)))
    }

    static func task(_ name: String, gpus count: Int) -> TaskSpec {
        .command(name) { $0.resources.append(amount(count)) }
    }

    /// What the containers of these tasks were given.
    static func given(_ scenario: Scenario, _ tasks: String...) throws -> [[String]] {
        try tasks.map { task in
            let launch = try #require(scenario.launches.last { $0.labels["bulkhead.task"] == task }, "\(task)")
            return (launch.devices ?? []).map(\.name)
        }
    }

    @Test("are given to one task at a time, and to the next when it has ended")
    func exclusive() throws {
        var scenario = Scenario(Self.configuration)
        scenario.run(Self.task("a", gpus: 1))
        scenario.run(Self.task("b", gpus: 2))
        #expect(
            try Self.given(scenario, "a", "b") == [["vendor.com/gpu=0"], ["vendor.com/gpu=1", "vendor.com/gpu=2"]])
        #expect(scenario.launches.allSatisfy { ($0.devices ?? []).allSatisfy { $0.resource == "gpus" } })
        scenario.run(Self.task("c", gpus: 1))
        let refusal = try #require(scenario.last("c"))
        #expect(refusal.state == .failed && refusal.message?.contains("0 of 3 are free") == true)
        scenario.end(try scenario.container("b"), code: 0)
        scenario.run(Self.task("d", gpus: 1))
        #expect(try Self.given(scenario, "d") == [["vendor.com/gpu=1"]])
    }

    @Test("stay with a task that runs on while the agent is away, and no other")
    func restarts() throws {
        var scenario = Scenario(Self.configuration)
        scenario.run(Self.task("a", gpus: 1))
        scenario.run(Self.task("b", gpus: 1))
        let ended = try scenario.container("a")
        scenario.restart { machine in
            machine.containers[ended]?.exit = ContainerExit(reason: .ended, code: 0, endedAt: 1, message: "ended")
        }
        scenario.run(Self.task("c", gpus: 2))
        #expect(try Self.given(scenario, "c") == [["vendor.com/gpu=0", "vendor.com/gpu=2"]])
        // Nobody has any after a reboot.
        scenario.restart(seed: 3, reboots: true)
        scenario.run(Self.task("d", gpus: 3))
        #expect(try Self.given(scenario, "d")[0].count == 3)
    }

    @Test("stay taken while a container cannot be ended")
    func stuck() throws {
        var scenario = Scenario(Self.configuration)
        scenario.run(Self.task("a", gpus: 3))
        scenario.machine.isStubborn = true
        scenario.machine.refusesToGo = true
        scenario.kill("a")
        scenario.run(Self.task("b", gpus: 1))
        #expect(scenario.last("b")?.message?.contains("0 of 3 are free") == true)
    }

    @Test("of a group's tasks are different ones")
    func groups() throws {
        var scenario = Scenario(Self.configuration)
        let members = ["m", "n"].map { name in
            TaskSpec.member(name) { $0.resources.append(Self.amount(1)) }
        }
        scenario.master(.runGroup(members, under: .pod, of: .sample))
        #expect(try Self.given(scenario, "m", "n") == [["vendor.com/gpu=0"], ["vendor.com/gpu=1"]])
    }

    @Test("of an executor's tasks are its container's from the start, or the task is refused")
    func executors() throws {
        var scenario = Scenario(Self.configuration)
        scenario.run(.under(.custom, "a") { $0.resources.append(Self.amount(1)) })
        let launch = try #require(scenario.launches.last)
        #expect(launch.devices?.map(\.name) == ["vendor.com/gpu=0"])
        scenario.run(.under(.custom, "b") { $0.resources.append(Self.amount(1)) })
        #expect(scenario.last("b")?.message?.contains("runs already, with 1 gpus") == true)
        scenario.run(.under(.custom, "c"))
        #expect(scenario.last("c")?.state != .failed)
    }

    @Test(
        "are refused where they cannot be somebody's alone",
        arguments: [
            ("whole numbers", Resource("tpus", .scalar(Scalar(thousandths: 500)))),
            ("1 of 1 are free", amount(2, of: "tpus")), ("--cdi-resource gpus=", amount(1)),
        ])
    func refused(_ words: String, _ resource: Resource) throws {
        let policy = LaunchPolicy(deviceResources: [.init("tpus", devices: ["vendor.com/tpu=a"])])
        let said = TaskLaunchTests.launch(policy) { $0.resources.append(resource) }.refusal ?? "it was launched"
        #expect(said.contains(words), "\(said)")
    }

    @Test("are not for an operator's containers, nor for the executor of a group")
    func nobody() throws {
        var scenario = Scenario(Self.configuration)
        let request = ContainerLaunchRequest(
            ContainerPath(id(ContainerName.self, "c")), command: CommandSpec(.shell("x")), resources: [Self.amount(1)])
        scenario.feed(.launchContainer(OrderedContainerTests.first, request))
        guard case .refused(let failure)? = scenario.answers.last?.1 else {
            Issue.record("it was launched")
            return
        }
        #expect(failure.code == "launch.devices")
        var pod = ExecutorSpec.pod
        pod.resources.append(Self.amount(1))
        scenario.master(.runGroup([.member("m") { $0.runner = .executor(pod) }], under: pod, of: .sample))
        #expect(scenario.last("m")?.message?.contains("could use devices") == true)
    }

    @Test("asked for by name need the operator's word, and never are those that are a resource")
    func byName() throws {
        let policy = LaunchPolicy(
            deviceResources: [Self.gpus],
            devices: [.init("/dev/fuse", access: "r"), .init("vendor.com/nic"), .init("vendor.com/fpga=a")])
        func asked(_ device: String) -> (launch: ContainerLaunch?, refusal: String?) {
            TaskLaunchTests.launch(policy, TaskLaunchTests.parameter("device", device))
        }
        #expect(
            asked("/dev/fuse:/dev/x:r").launch?.devices == [DeviceOrder("/dev/fuse", path: "/dev/x", access: "r")])
        #expect(asked("vendor.com/nic=eth0").launch?.devices == [DeviceOrder("vendor.com/nic=eth0")])
        #expect(asked("vendor.com/fpga=a").launch != nil)
        for (device, words) in [
            ("/dev/fuse", "--allow-device /dev/fuse:rw"), ("/dev/sda:r", "--allow-device /dev/sda:r"),
            ("vendor.com/fpga=b", "--allow-device vendor.com/fpga=b"),
            ("vendor.com/gpu=0", "ask for the resource gpus"),
            ("/etc/passwd", "it is no device"), ("/dev/../etc/x", "--allow-device"), ("fuse", "it is no device"),
        ] {
            let said = asked(device).refusal ?? "it was launched"
            #expect(said.contains(words), "\(device): \(said)")
        }
    }

    @Test("are offered as many as there are, or fewer, never more")
    func offered() throws {
        let facts = MachineFacts(processors: 1, memory: nil, disk: nil)
        func amount(_ text: String) throws -> Scalar {
            Resources(try facts.resources(given: text, devices: [Self.gpus])).amount(of: "gpus")
        }
        #expect(try amount("") == Scalar(3))
        #expect(try amount("gpus:2") == Scalar(2) && amount("gpus:0") == .zero)
        let failure = #expect(throws: Failure.self) { try amount("gpus:4") }
        #expect(failure?.code == "resource.too-many")
    }
}
