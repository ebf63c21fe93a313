import AgentCore
import AgentService
import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Coordination
import Determinism
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import MasterCore
import MasterService

struct Local: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a master and an agent in one process: a cluster of this machine.",
        discussion: """
            Listens on this machine only unless told otherwise. Ends on SIGINT and SIGTERM; tasks run on and are taken \
            over by the next start.

            Examples:
              bulkhead local
              bulkhead local --port 0 --work-dir ./work --resources 'cpus:2;mem:1024'
            """)

    @Option(help: "Address the master and the agent listen on.")
    var ip = "127.0.0.1"
    @Option(help: "Port of the master; 0 takes one that is free.")
    var port: UInt16 = 5050
    @Option(help: "Port of the agent; 0 takes one that is free.")
    var agentPort: UInt16 = 5051
    @OptionGroup(title: "Agent") var machine: MachineOptions

    func run() async throws {
        let signals = try stopSignals()
        let logger = Logger(label: "bulkhead")
        var settings = MasterSettings(version: VersionInfo(version: ProgramVersion.text))
        settings.addresses = [.network(host: ip, port: Int(port))]
        settings.hostname = ip
        let master = try await Master.start(settings, logger: logger)
        let options = machine
        let made = try await ThreadPool.shared.run { () throws(Failure) in try Machine(options, agent: "local") }
        var policy = LaunchPolicy(
            withoutImage: try options.withoutImage, hostPaths: options.hostPaths,
            allowsHostNetwork: options.allowHostNetwork, unenforceable: made.unenforceable, allowsUnenforced: true)
        policy.logBytesMax = try ByteSize.parse(options.logSize, flag: "log-size")
        let core = AgentConfiguration(
            address: NetworkAddress(hostname: ip, address: ip, port: agentPort),
            resources: try made.facts.resources(given: options.resources), version: ProgramVersion.text,
            workDirectory: options.workPath, policy: policy)
        let service = AgentServiceConfiguration(
            core: core, masters: ["http://\(ip):\(master.port ?? Int(port))"],
            listen: [.network(host: ip, port: Int(agentPort))])
        let agent = try await AgentService.start(
            service, containerizer: made.containerizer, host: made.host, journal: made.journal, logger: logger)
        Console.note("bulkhead: master at http://\(ip):\(master.port ?? 0), agent at http://\(ip):\(agent.port ?? 0)")
        _ = try await ThreadPool.shared.run { () throws(Failure) in try signals.nextFailing() }
        await agent.stop()
        await master.stop()
    }

    private func stopSignals() throws(Failure) -> SignalQueue {
        do throws(KernelError) {
            return try SignalQueue([SignalNumber.interrupt, SignalNumber.terminate])
        } catch {
            throw error.failure("host.signals", doing: "wait for signals")
        }
    }
}

extension SignalQueue {
    func nextFailing() throws(Failure) -> Int32 {
        do throws(KernelError) { return try next() } catch {
            throw error.failure("host.signals", doing: "wait for signals")
        }
    }
}
