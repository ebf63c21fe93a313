import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Containers of operators")
struct OrderedContainerTests {
    static let first = Agent.CallID(1)
    static let second = Agent.CallID(2)

    static func path(_ names: String...) -> ContainerPath {
        do {
            var path = ContainerPath(id(ContainerName.self, names[0]))
            for name in names.dropFirst() { path = try path.appending(id(ContainerName.self, name)) }
            return path
        } catch { preconditionFailure("\(error)") }
    }

    static func request(_ path: ContainerPath, resources: [Resource] = []) -> ContainerLaunchRequest {
        ContainerLaunchRequest(path, command: CommandSpec(.shell("x")), resources: resources)
    }

    static func words(_ answer: CallAnswer?) -> String {
        switch answer {
        case nil: "nothing"
        case .done: "done"
        case .alreadyLaunched: "already"
        case .ended(let end): "ended \(end.status ?? -1)"
        case .unknown: "unknown"
        case .refused(let failure): failure.code.rawValue
        }
    }

    static func answers(_ scenario: Scenario) -> [String] {
        scenario.answers.map { "\($0.0.number) \(words($0.1))" }
    }

    /// One with a running task, and the task's container's path.
    static func withTask() throws -> (Scenario, ContainerPath) {
        var scenario = Scenario()
        scenario.run(.command("t"))
        return (scenario, try #require(scenario.agent.state.containers.values.first?.path))
    }

    @Test("whoever removes it at its end is answered when its remains are gone")
    func removalAtTheEnd() throws {
        var scenario = Scenario()
        let path = Self.path("alone")
        scenario.feed(.launchContainer(Self.first, Self.request(path, resources: [.cpus(1)])))
        scenario.held = [.destroys]
        scenario.end(try #require(scenario.machine.order.last), code: 4)
        scenario.feed(.removeContainer(Self.second, path))
        #expect(Self.answers(scenario) == ["1 done"])
        scenario.release(.destroys)
        #expect(Self.answers(scenario) == ["1 done", "2 done"])
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("launch, wait, end, remove: alone")
    func standalone() throws {
        var scenario = Scenario()
        let path = Self.path("alone")
        scenario.feed(.launchContainer(Self.first, Self.request(path)))
        scenario.feed(.launchContainer(Self.first, Self.request(path, resources: [.cpus(1)])))
        scenario.feed(.launchContainer(Self.first, Self.request(path, resources: [.cpus(1)])))
        scenario.feed(.waitContainer(Self.second, path))
        #expect(Self.answers(scenario) == ["1 container.no-resources", "1 done", "1 already"])
        scenario.feed(.removeContainer(Self.first, path))
        scenario.end(try #require(scenario.machine.order.last), code: 4)
        scenario.feed(.waitContainer(Self.second, path))
        scenario.feed(.removeContainer(Self.first, path))
        scenario.feed(.waitContainer(Self.second, path))
        #expect(
            Self.answers(scenario).suffix(5) == [
                "1 container.running", "2 ended 1024", "2 ended 1024", "1 done", "2 unknown",
            ])
        #expect(scenario.agent.state.containers.isEmpty)
    }

    @Test("inside a task's container it has the task's limits, or less")
    func limits() throws {
        var (scenario, parent) = try Self.withTask()
        let outer = try #require(scenario.launches.last).limits
        #expect(outer.memory != nil && outer.cpus != nil)
        scenario.feed(.launchContainer(Self.first, Self.request(try parent.appending(id(ContainerName.self, "a")))))
        #expect(scenario.launches.last?.limits == outer)
        let resources: [Resource] = [.cpus(1_000), .memory(8)]
        let path = try parent.appending(id(ContainerName.self, "b"))
        scenario.feed(.launchContainer(Self.first, Self.request(path, resources: resources)))
        let inner = try #require(scenario.launches.last).limits
        #expect(inner.cpus == outer.cpus && inner.memory == 8 << 20)
        let disk = ContainerLimits(disk: 1 << 20, diskInodes: 100)
        #expect(ContainerLimits().narrowed(to: disk) == disk)
        #expect(ContainerLimits(disk: 1 << 30).narrowed(to: disk).disk == 1 << 20)
        #expect(Self.answers(scenario) == ["1 done", "1 done"])
    }

    @Test("inside a task's container its sandbox stays under the task's disk limit")
    func disk() throws {
        var scenario = Scenario(.sample.with { $0.policy.limitsDisk = true })
        scenario.run(.command("t") { $0.resources = [.cpus(1), .memory(64), Resource("disk", .scalar(Scalar(100)))] })
        let parent = try #require(scenario.agent.state.containers.values.first?.path)
        scenario.feed(.launchContainer(Self.first, Self.request(try parent.appending(id(ContainerName.self, "a")))))
        #expect(scenario.launches.map(\.limits.disk) == [100 << 20, 100 << 20])
        #expect(scenario.launches.map { $0.volumes.first?.countsAsOwn } == [true, nil])
    }

    @Test("inside a task's container: it joins its network, and goes with it")
    func nested() throws {
        var (scenario, parent) = try Self.withTask()
        let path = try parent.appending(id(ContainerName.self, "debug"))
        scenario.feed(.launchContainer(Self.first, Self.request(path)))
        let launch = try #require(scenario.launches.last)
        #expect(launch.parent == scenario.machine.order.first && launch.isolation.network == .container(launch.parent!))
        scenario.feed(.waitContainer(Self.second, path))
        scenario.end(try scenario.container("t"), code: 0)
        #expect(Self.answers(scenario).first == "1 done")
        #expect(Self.answers(scenario).last?.hasPrefix("2 ended") == true)
        #expect(scenario.agent.state.containers.isEmpty && scenario.machine.containers.isEmpty)
    }

    // Each is refused by name, and a volume the agent has is refused as one it has not.
    @Test("what only the master gives out is refused, and nothing is launched")
    func nothingOfOffers() throws {
        let reservations = [Reservation(.requested, for: TaskLaunchTests.role)]
        let disk = Disk(
            source: Disk.Source(.mount, root: "/etc"), persistence: Disk.Persistence(id: id(VolumeID.self, "v")),
            volume: Disk.Volume(containerPath: "h"))
        let asked = [
            Resource("disk", .scalar(Scalar(1)), reservations: reservations, disk: disk), TaskLaunchTests.volume,
        ]
        for resource in asked {
            var scenario = Scenario(.sample.with { $0.resources.append(TaskLaunchTests.volume) })
            scenario.run(.command("t"))
            let parent = try #require(scenario.agent.state.containers.values.first?.path)
            let inside = try parent.appending(id(ContainerName.self, "inside"))
            for path in [Self.path("alone"), inside] {
                scenario.feed(.launchContainer(Self.first, Self.request(path, resources: [.cpus(1), resource])))
            }
            #expect(Self.answers(scenario) == ["1 container.resources", "1 container.resources"])
            #expect(scenario.launches.count == 1 && scenario.agent.state.containers.count == 1)
        }
    }

    @Test("an executor may pass on resources as its task has them")
    func passedOn() throws {
        var (scenario, parent) = try Self.withTask()
        let reservations = [Reservation(.requested, for: TaskLaunchTests.role)]
        var allocated = Resource("cpus", .scalar(Scalar(1)), reservations: reservations)
        allocated.allocatedTo = TaskLaunchTests.role
        let path = try parent.appending(id(ContainerName.self, "inside"))
        scenario.feed(.launchContainer(Self.first, Self.request(path, resources: [allocated])))
        #expect(Self.answers(scenario) == ["1 done"] && scenario.launches.last?.volumes.count == 1)
    }

    @Test("one that is too large for the journal is refused")
    func large() {
        var scenario = Scenario()
        var request = Self.request(Self.path("alone"), resources: [.cpus(1)])
        let text = String(repeating: "x", count: 5 << 20)
        request.command?.environment = [CommandSpec.EnvironmentVariable("X", .text(text))]
        scenario.feed(.launchContainer(Self.first, request))
        #expect(Self.answers(scenario) == ["1 container.too-large"] && scenario.launches.isEmpty)
    }

    @Test("what is inside one container leaves places for what is inside others")
    func share() throws {
        var scenario = Scenario(.sample.with { $0.bounds.orderedContainersPerOwnerMax = 2 })
        scenario.run(.command("t"))
        scenario.run(.command("u"))
        let parents = scenario.agent.state.containers.values.map(\.path)
        for name in ["a", "b", "c"] {
            let path = try parents[0].appending(id(ContainerName.self, name))
            scenario.feed(.launchContainer(Self.first, Self.request(path)))
        }
        let other = try parents[1].appending(id(ContainerName.self, "a"))
        scenario.feed(.launchContainer(Self.second, Self.request(other)))
        #expect(Self.answers(scenario) == ["1 done", "1 done", "1 container.too-many", "2 done"])
    }

    @Test("without a parent that runs there is nothing to be inside of")
    func noParent() {
        var scenario = Scenario()
        scenario.feed(.launchContainer(Self.first, Self.request(Self.path("nobody", "x"))))
        scenario.feed(.killContainer(Self.first, Self.path("nobody"), signal: 9))
        #expect(Self.answers(scenario) == ["1 container.not-found", "1 unknown"])
    }

    @Test("a kill sends the signal asked for")
    func kill() {
        var scenario = Scenario()
        scenario.feed(.launchContainer(Self.first, Self.request(Self.path("alone"), resources: [.cpus(1)])))
        scenario.feed(.killContainer(Self.second, Self.path("alone"), signal: 9))
        #expect(scenario.signals == [9] && Self.answers(scenario).last == "2 done")
    }

    @Test("one that fails to launch says why, and its name is free when its remains are gone")
    func fails() {
        let failure = Failure("x.y", doing: "mount", cause: "EIO (5)", retry: .later)
        var scenario = Scenario { $0.machine.launchFailure = failure }
        scenario.held = [.destroys]
        let request = Self.request(Self.path("alone"), resources: [.cpus(1)])
        scenario.feed(.launchContainer(Self.first, request))
        guard case .refused(let refusal)? = scenario.answers.last?.1 else {
            Issue.record("it was launched")
            return
        }
        // What the driver answers 400 to, whatever failed.
        #expect(refusal.retry == .never && refusal.description.contains("EIO (5)"))
        scenario.feed(.launchContainer(Self.second, request))
        scenario.machine.launchFailure = nil
        scenario.release(.destroys)
        scenario.feed(.launchContainer(Self.second, request))
        #expect(Self.answers(scenario) == ["1 container.launch-failed", "2 already", "2 done"])
        #expect(scenario.agent.state.containers.count == 1)
        #expect(AgentState(scenario.journal.flatMap { $0 }) == scenario.agent.state)
    }

    @Test("one that never ran can be made again where there is no other place")
    func failsInTheLastPlace() {
        var scenario = Scenario(.sample.with { $0.bounds.orderedContainersMax = 1 }) {
            $0.machine.launchFailure = Failure("x.y", doing: "mount", cause: "EIO (5)", retry: .later)
        }
        let request = Self.request(Self.path("alone"), resources: [.cpus(1)])
        scenario.feed(.launchContainer(Self.first, request))
        scenario.machine.launchFailure = nil
        scenario.feed(.launchContainer(Self.second, request))
        scenario.feed(.launchContainer(Self.second, Self.request(Self.path("other"), resources: [.cpus(1)])))
        #expect(Self.answers(scenario) == ["1 container.launch-failed", "2 done", "2 container.too-many"])
    }

    // The protocol's checks by command remove the container of each before they begin the next.
    @Test("what is gone from inside a container that runs has been removed, and what runs in there has not")
    func removalOfWhatIsGone() throws {
        var (scenario, parent) = try Self.withTask()
        let check = try parent.appending(id(ContainerName.self, "check"))
        scenario.feed(.openSession(Self.first, Self.request(check)))
        scenario.feed(.removeContainer(Self.second, check))
        #expect(Self.answers(scenario) == ["2 container.running"])
        scenario.restart()
        for path in [check, check, Self.path("nobody", "check"), Self.path("nobody")] {
            scenario.feed(.removeContainer(Self.second, path))
        }
        #expect(Self.answers(scenario).suffix(4) == ["2 done", "2 done", "2 unknown", "2 unknown"])
        scenario.master(.runGroup([.member("m")], under: .pod, of: .sample))
        let member = ContainerRun.Purpose.task(scenario.reference("m"))
        let path = try #require(scenario.agent.state.containers.values.first { $0.purpose == member }?.path)
        scenario.feed(.removeContainer(Self.second, path))
        #expect(Self.answers(scenario).last == "2 container.running")
    }

    @Test("a session is a process of its parent and lives as long as its call")
    func sessions() throws {
        var (scenario, parent) = try Self.withTask()
        let path = try parent.appending(id(ContainerName.self, "shell"))
        scenario.feed(.openSession(Self.first, Self.request(path)))
        let opened = scenario.effects.compactMap { effect -> ExecRequest? in
            if case .openSession(Self.first, _, let exec) = effect { exec } else { nil }
        }
        #expect(opened.first?.arguments == ["/bin/sh", "-c", "x"])
        scenario.feed(.waitContainer(Self.second, path))
        scenario.feed(.sessionEnded(Self.first, code: 3))
        #expect(Self.answers(scenario) == ["2 ended 768"])
        scenario.feed(.openSession(Self.first, Self.request(path)))
        scenario.feed(.callClosed(Self.first))
        #expect(scenario.effects.contains { if case .signalSession(Self.first, 9) = $0 { true } else { false } })
    }

    @Test("whoever closes its call waits no more")
    func closedWait() throws {
        var (scenario, path) = try Self.withTask()
        scenario.feed(.waitContainer(Self.first, path))
        scenario.feed(.callClosed(Self.first))
        scenario.end(try scenario.container("t"), code: 0)
        #expect(Self.answers(scenario).isEmpty)
    }

    @Test("the views show tasks, executors, frameworks and containers")
    func views() throws {
        var (scenario, path) = try Self.withTask()
        scenario.master(.runGroup([.member("m")], under: .pod, of: .sample))
        scenario.run(.under(.custom, "queued"))
        guard case .state(let state)? = scenario.agent.response(to: .state) else {
            Issue.record("no state")
            return
        }
        #expect(state.tasks.launched.map(\.id.text) == ["t", "m"])
        #expect(state.tasks.queued.map(\.id.text) == ["queued"])
        #expect(state.executors.executors.map(\.id.text) == ["pod", "E"])
        #expect(state.frameworks.frameworks.map(\.id.text) == ["F"])
        guard
            case .containers(let all)? = scenario.agent.response(
                to: .containers(showNested: true, showStandalone: true)),
            case .containers(let roots)? = scenario.agent.response(
                to: .containers(showNested: false, showStandalone: false))
        else {
            Issue.record("no containers")
            return
        }
        #expect(all.count == 4 && roots.count == 3 && roots.first?.container == path)
        #expect(all.allSatisfy { $0.framework?.text == "F" })
        let metrics = scenario.agent.metrics(at: scenario.now)
        func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value ?? nil }
        #expect(metric("slave/tasks_running") == 2 && metric("slave/executors_registering") == 1)
        #expect(metric("slave/registered") == 1 && metric("slave/cpus_total") == 8)
        for kind in ["total", "used", "percent"] { #expect(metric("slave/cpus_revocable_\(kind)") == 0) }
        scenario.end(try scenario.container("t"), code: 0)
        guard case .tasks(let tasks)? = scenario.agent.response(to: .tasks) else { return }
        #expect(tasks.completed.map(\.id.text) == ["t"] && tasks.completed.first?.state == .finished)
    }
}
