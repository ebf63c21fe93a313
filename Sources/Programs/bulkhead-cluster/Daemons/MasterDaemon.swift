import ClusterAPI
import CommandOutput
import Diagnostics
import DurableStorage
import HTTPServing
import LinuxKernel
import Logging
import MasterService
import Waiting

/// A master put together from its flags.
struct MasterDaemon: Sendable {
    struct Running: Sendable {
        let master: Master
        /// Where it answers, as a client on this machine writes it.
        let address: String
        let hold: FileLock

        func stop() async {
            await master.stop()
            // Until here; the lock ends with it.
            withExtendedLifetime(hold) {}
        }
    }

    /// The principal of the agent in a local cluster's one process.
    static let ownAgent = "bulkhead-local-agent"
    var listen: ListenOptions
    var port: UInt16
    var options: MasterOptions
    /// Directory of the registry.
    var registry: String
    /// How the agent in the same process says who it is; nil: there is none.
    var ownAgentSecret: String?

    func start(_ run: DaemonRun) async throws(Failure) -> Running {
        let hold = try await ThreadPool.shared.run { () throws(Failure) in try Self.held(registry) }
        let master = try await Master.start(
            try settings(run), logger: run.logger,
            ended: { failure in
                // Nothing may be decided on a registry that is not ours any more: whoever supervises starts us anew.
                Console.note("bulkhead: \(failure)")
                CurrentProcess.exit(ErrorReport.ownStatus)
            })
        return Running(master: master, address: listen.address(master.port), hold: hold)
    }

    /// The registry's directory for this master alone. A second one would lead by it, and the first, which finds it
    /// written to, would have to end.
    static func held(_ registry: String, patience: Double = 2) throws(Failure) -> FileLock {
        let lock: FileLock?
        do throws(KernelError) {
            lock = try DirectoryLock.take(registry, mode: 0o700, purpose: "running a master", patience: patience)
        } catch {
            throw error.failure(
                "registry.unopenable", doing: "take the master's directory", on: registry,
                remedy: "give --work-dir a directory it may write to")
        }
        if let lock { return lock }
        throw Failure(
            "master.in-use", doing: "start the master", on: registry, cause: "another master has its registry there",
            remedy: "stop that one, or give this one a --work-dir of its own")
    }

    private func settings(_ run: DaemonRun) throws(Failure) -> MasterSettings {
        try listen.checkExposure()
        var settings = MasterSettings(version: VersionInfo(version: ProgramVersion.text))
        settings.addresses = [.network(host: listen.ip, port: Int(port))]
        settings.hostname = listen.advertised
        settings.advertisedAddress = listen.advertisedIP
        settings.tls = try listen.tls
        settings.cluster = options.cluster
        settings.workDirectory = registry
        settings.credentialsFile = listen.credentials
        settings.tokenKeyFile = listen.jwtKey
        if let ownAgentSecret { settings.ownCredentials = [Self.ownAgent: ownAgentSecret] }
        settings.rulesFile = listen.authorization
        settings.logging = run.logging
        settings.flags = ShownFlags.current
        settings.systemLoad = { HostLoad.read() }
        settings.server = try options.server()
        settings.configure = try options.configuring()
        return settings
    }
}
