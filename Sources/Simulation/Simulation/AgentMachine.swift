import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// A machine of the cluster: what runs on it, what its disk holds, and the agent's process when it runs.
final class AgentMachine {
    let index: Int
    let wire = Wire()
    let configuration: AgentConfiguration
    let capacity: Resources
    private(set) var process: AgentProcess?
    var disk = SimulatedDisk()
    var containers = SimulatedContainers()
    var executors: [ContainerID: ExecutorProgram] = [:]
    /// Directories.
    var sandboxes: Set<String> = []
    var volumes: Set<String> = []
    private(set) var boot = 1
    private(set) var skew = Duration.zero
    private(set) var starts = 0
    /// Its agent has ended for good, and another has begun on the same disk.
    private(set) var hasStartedOver = false
    /// Of all its processes, for crashes at one of them.
    var effectsDone = 0
    private(set) var isOff = false

    init(index: Int, world: World) {
        self.index = index
        let cpus = world.work.within(2...8)
        let text = "cpus:\(cpus);mem:\(cpus * 1_024);disk:\(cpus * 1_000);ports:[31000-310\(10 + cpus)]"
        let resources: [Resource]
        do throws(Failure) { resources = try Resource.parse(text) } catch { resources = [] }
        capacity = Resources(resources)
        var configuration = AgentConfiguration(
            address: NetworkAddress(hostname: "agent-\(index)", address: "10.0.1.\(index)", port: 5051),
            resources: resources, version: "1.11.0", workDirectory: "/var/lib/bulkhead")
        configuration.timing.collectionDelay = .seconds(200)
        configuration.bounds.surplusRecordsMax = world.work.pick([20, 200, 10_000]) ?? 200
        self.configuration = configuration
        containers.trustsReusedPIDs = world.has(.trustsReusedPIDs)
    }

    var isUp: Bool { process != nil }

    func start(_ world: World) {
        guard process == nil, !isOff else { return }
        starts += 1
        let skewMax = Int(world.faults.skew.saturatingNanoseconds)
        skew = .nanoseconds(world.chance.within(-skewMax...skewMax))
        let records: [JournalRecord]
        do throws(Failure) { records = try disk.read() } catch {
            world.violate(.durability, "agent \(index)'s journal cannot be read: \(error)")
            return
        }
        // What was under way when the last one died may have arrived.
        world.ledger.durable(records, on: index)
        world.say("agent \(index) starts, \(records.count) records")
        world.count("agents")
        let process = AgentProcess(self, seed: world.chance.next())
        self.process = process
        process.take(.started(records, bootID: "boot-\(index)-\(boot)"), world)
    }

    /// kill -9 of the agent alone.
    func kill(_ world: World, restartsAfter delay: Duration) {
        guard let process else { return }
        world.say("agent \(index) dies")
        world.count("agent-kills")
        self.process = nil
        process.die(world)
        disk.cut(&world.storage)
        if world.has(.forgetsRecords) { disk.forgetLast() }
        for executor in executors.values.sorted(by: { $0.id < $1.id }) { executor.agentDied(world) }
        world.after(delay) { self.start($0) }
    }

    /// The agent has ended by itself; somebody starts it again.
    func stopped(_ world: World) {
        process?.die(world)
        process = nil
        hasStartedOver = true
        for executor in executors.values.sorted(by: { $0.id < $1.id }) { executor.agentDied(world) }
        world.after(.seconds(3)) { self.start($0) }
    }

    /// Power goes and comes back.
    func reboot(_ world: World, after delay: Duration) {
        guard !isOff else { return }
        world.say("machine \(index) reboots")
        world.count("reboots")
        if let process {
            self.process = nil
            process.die(world)
            disk.cut(&world.storage)
        }
        isOff = true
        for (id, entry) in containers.entries where entry.exit == nil {
            world.ledger.ended(id, nil, on: index)
        }
        containers.reboot()
        // What is on its way to them does not arrive.
        for executor in executors.values { executor.end() }
        executors = [:]
        boot += 1
        world.after(delay) { world in
            self.isOff = false
            self.start(world)
        }
    }

    func dismantle() {
        wire.dismantle()
        process = nil
        executors = [:]
    }

    // MARK: - From the network

    func hear(_ message: MasterMessage, on connection: Connection, _ world: World) {
        guard let process, process.connection === connection else { return }
        process.take(.master(message), on: connection, world)
    }

    // MARK: - Containers

    /// The task's program starts. Nil: it is there already.
    func launch(_ launch: ContainerLaunch, _ world: World) -> LaunchResult {
        do throws(Failure) {
            if case .alreadyLaunched = try containers.launch(launch, at: world.now) { return .alreadyLaunched }
        } catch { return .failed(error) }
        world.count("launches")
        world.say("machine \(index): container \(launch.id) starts\(launch.parent.map { " in \($0)" } ?? "")")
        world.ledger.started(launch, on: self, world)
        if world.has(.startsTwice), world.chance.chance(1, outOf: 10) {
            world.ledger.started(launch, on: self, world)
        }
        run(launch, world)
        return .launched(RunningContainer(pid: containers[launch.id]?.pid))
    }

    private func run(_ launch: ContainerLaunch, _ world: World) {
        let id = launch.id
        if let program = TaskProgram(launch) {
            guard let lasts = program.lasts else { return }
            let exit = program.isHungry
                ? (ContainerExit.Reason.memoryLimit, Int32(137), Int32(9) as Int32?) : (.ended, program.code, nil)
            ends(id, after: lasts, exit.0, code: exit.1, signal: exit.2, world)
        } else if case .shell("executor") = launch.program {
            let executor = ExecutorProgram(launch, on: self, world)
            executors[id] = executor
            executor.start(world)
        }
    }

    /// It ends after a while, if it is the same one then and has not ended before.
    func ends(
        _ id: ContainerID, after delay: Duration, _ reason: ContainerExit.Reason, code: Int32, signal: Int32? = nil,
        _ world: World
    ) {
        let boot = boot
        world.after(delay) { world in
            guard self.boot == boot else { return }
            let exit = ContainerExit(
                reason: reason, code: code, signal: signal, endedAt: world.now.seconds,
                message: "\(reason.rawValue) with \(code)")
            self.end(id, exit, world)
        }
    }

    private func end(_ id: ContainerID, _ exit: ContainerExit, _ world: World) {
        guard containers.end(id, exit) else { return }
        tellEnd(id, exit, world)
    }

    private func tellEnd(_ id: ContainerID, _ exit: ContainerExit, _ world: World) {
        executors.removeValue(forKey: id)?.end()
        world.say("machine \(index): container \(id) ends, \(exit.message)")
        world.ledger.ended(id, exit, on: index)
        var told = exit
        if world.has(.liesAboutExits), exit.reason == .ended { told.code = 0 }
        guard let process else { return }
        let report = told
        world.after(.milliseconds(1) + world.writeTime() / 8) { process.containerEnded(id, report, $0) }
    }

    func signal(_ id: ContainerID, _ number: Int32, _ world: World) {
        guard containers.isRunning(id), let launch = containers[id]?.launch else { return }
        let pause = Duration.milliseconds(world.chance.within(1...40))
        if number == 9 {
            ends(id, after: pause, .killed, code: 137, signal: 9, world)
        } else if let executor = executors[id] {
            executor.shutDown(world)
        } else {
            switch TaskProgram(launch)?.manner ?? .dies {
            case .dies: ends(id, after: pause, .killed, code: 128 + number, signal: number, world)
            case .ignores: break
            case .ends(let code, let after): ends(id, after: after, .ended, code: code, world)
            }
        }
    }

    /// Ends and removes a container and what is in it.
    func destroy(_ id: ContainerID, _ world: World) -> DestroyResult {
        if containers[id] != nil, world.happens(world.faults.stuckDestroys) {
            return .stuck(
                Failure("container.stuck", doing: "destroy container", on: id.text, cause: "a process is in D state"))
        }
        world.say("machine \(index): container \(id) is destroyed")
        for (ended, exit) in containers.stop(id, at: world.now) { tellEnd(ended, exit, world) }
        if world.has(.leaksContainers) { return .gone(containers[id]?.exit) }
        let exit = containers.remove(id)
        return .gone(exit)
    }

    func recover(_ known: [ContainerLaunch], _ world: World) -> ContainerRecovery {
        let (recovery, stopped) = containers.recover(known, at: world.now)
        for id in stopped {
            executors.removeValue(forKey: id)?.end()
            world.ledger.ended(id, nil, on: index)
        }
        return recovery
    }
}
