import AgentService
import ArgumentParser
import ClusterModel
import CommandOutput
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import MasterService

struct Local: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "local", abstract: "Run a master and an agent in one process: a cluster of this machine.",
        discussion: """
            Listens on this machine only unless told otherwise. Ends on SIGINT and SIGTERM; tasks run on and are taken \
            over by the next start with the same --work-dir.

            Examples:
              bulkhead local
              bulkhead local --port 0 --work-dir ./work --resources 'cpus:2;mem:1024'
              bulkhead task run busybox echo hello
            """)

    @Option(help: "Port of the master; 0 takes one that is free.")
    var port: UInt16 = 5050
    @Option(help: "Port of the agent; 0 takes one that is free.")
    var agentPort: UInt16 = 5051
    @OptionGroup(title: "Listening") var listen: ListenOptions
    @OptionGroup(title: "Agent") var machine: MachineOptions
    @OptionGroup(title: "Tasks") var agent: AgentOptions
    @OptionGroup(title: "Master") var master: MasterOptions
    @OptionGroup(title: "Everywhere") var logging: LoggingOptions

    func run() async throws {
        try listen.checkExposure()
        let daemon = try DaemonRun(logging)
        // The agent in this process authenticates like any other, with a secret nobody else has.
        let secret = KernelRandom.uuid()
        let directory = machine.workPath(else: "/var/lib/bulkhead/local")
        var machine = machine
        machine.workDir = directory + "/agent"
        let leader = try await MasterDaemon(
            listen: listen, port: port, options: master, registry: directory + "/master",
            ownAgentSecret: secret
        ).start(daemon)
        let agent = try await AgentWatch.start(
            AgentDaemon(
                listen: listen, port: agentPort, machine: machine, agent: agent, masters: [leader.address],
                masterAccess: MasterAccess(credentials: .secret(principal: MasterDaemon.ownAgent, secret: secret)),
                unenforced: .allow, name: "local"), daemon.logger)
        Console.note("bulkhead: master at \(leader.address), agent at \(await agent.address)")
        try await daemon.untilAsked(givingBackEvery: DaemonRun.tidying)
        try await agent.stop()
        await leader.stop()
    }
}
