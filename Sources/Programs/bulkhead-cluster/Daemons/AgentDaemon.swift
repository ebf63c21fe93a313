import AgentCore
import AgentService
import AuditTrail
import ClusterModel
import CommandOutput
import Containers
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import TaskFiles
import Waiting

/// An agent put together from its flags.
struct AgentDaemon: Sendable {
    struct Running: Sendable {
        let service: AgentService
        let disk: AgentDisk
        let containerizer: any Containerizer
        let address: String
        let hold: AgentHold
        let trail: StoreTrail

        /// Containers run on.
        func stop() async throws {
            await service.stop()
            try await disk.close()
            try await containerizer.retire()
            try await trail.settle()
            hold.letGo()
        }
    }

    var listen: ListenOptions
    var port: UInt16
    var machine: MachineOptions
    var agent: AgentOptions
    /// Masters' addresses, tried in turn.
    var masters: [String]
    var masterAccess = MasterAccess()
    /// What happens to a task with a limit the host cannot hold, when nobody says.
    var unenforced = UnenforcedPolicy.refuse
    /// Tells this agent's containers from those of others on this machine.
    var name: String

    func start(_ logger: Logger) async throws(Failure) -> Running {
        var settings = try await settings()
        let containerizers = Containerizers(
            store: machine.storePath, state: machine.statePath, agent: name, list: machine.containerizers,
            namespacePool: machine.namespacePool)
        let hold = try await ThreadPool.shared.run { () throws(Failure) in try containerizers.held() }
        settings.auditor = containerizers.auditor
        let trail = StoreTrail(log: AuditLog(directory: machine.storePath + "/audit"))
        settings.trail = trail
        if let path = machine.secretsPath {
            settings.secrets = try await ThreadPool.shared.run { () throws(Failure) in try SecretDirectory(path) }
        }
        let containerizer = try await ThreadPool.shared.run { () throws(Failure) in try containerizers.composed() }
        var fetchRules = FetchRules()
        fetchRules.fileRoots = machine.fetchRoot
        let disk = try await AgentDisk.open(
            settings.workDirectory, unpacker: InstalledProgram.unpacker.place, downloader: HTTPDownloader(),
            fetchRules: fetchRules)
        // Its directory is ours from here on.
        if agent.authenticateExecutors {
            settings.executorTokens = try await ExecutorTokens(key: ExecutorKeyFile.key(in: settings.workDirectory))
        }
        let facts = try await MachineProbe.facts(workDirectory: settings.workDirectory)
        warn(of: facts.unenforceable, logger)
        let service = try await AgentService.start(
            settings, machine: facts, containerizer: containerizer, host: disk.host, journal: disk.journal,
            logger: logger)
        return Running(
            service: service, disk: disk, containerizer: containerizer, address: listen.address(service.port),
            hold: hold, trail: trail)
    }

    private func settings() async throws(Failure) -> AgentSettings {
        var settings = AgentSettings(masters: masters, version: ProgramVersion.text, workDirectory: machine.workPath)
        settings.masterAccess = masterAccess
        settings.listen = [.network(host: listen.ip, port: Int(port))]
        settings.hostname = listen.advertised
        settings.advertisedIP = listen.advertisedIP
        settings.tls = try listen.tls
        settings.authentication = try await listen.authentication(.agent)
        settings.authorizer = try listen.authorizer()
        settings.resources = machine.resources
        if machine.defaultRole != "*" { settings.defaultRole = try RoleName(machine.defaultRole) }
        settings.attributes = machine.attributes
        settings.policy = try await ThreadPool.shared.run { () throws(Failure) in try policy() }
        if machine.deviceOptions.isAsked { settings.devices = machine.deviceOptions.keeper }
        settings.recovery = agent.recover
        settings.timing = try agent.timing
        settings.pinnedImages = agent.keepImage
        settings.flags = ShownFlags.current
        settings.systemLoad = { HostLoad.read() }
        return settings
    }

    private var allowsUnenforced: Bool { (machine.unenforced ?? unenforced) == .allow }

    private func policy() throws(Failure) -> LaunchPolicy {
        LaunchPolicy(
            withoutImage: try machine.withoutImage, hostPaths: machine.hostPaths,
            allowsHostNetwork: machine.allowHostNetwork, allowsPrivileged: machine.allowPrivileged,
            allowsUnconfined: machine.allowUnconfined,
            grantableCapabilities: try CapabilitySet(names: machine.allowCapability),
            seccompProfiles: try machine.seccompProfiles(), allowsUnenforced: allowsUnenforced,
            logBytesMax: try ByteSize.parse(machine.logSize, flag: "log-size"), limitsDisk: machine.limitDisk,
            deviceResources: try machine.deviceOptions.resources(), devices: try machine.deviceOptions.allowed(),
            appArmorProfiles: machine.apparmorProfile)
    }

    private func warn(of lacking: [String], _ logger: Logger) {
        guard !lacking.isEmpty else { return }
        logger.warning(
            "this host cannot hold tasks to some limits",
            metadata: [
                "limits": "\(lacking.joined(separator: ", "))",
                "tasks": allowsUnenforced ? "run without them, and say so" : "that ask for them are refused",
            ])
    }
}
