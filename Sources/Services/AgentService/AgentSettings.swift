public import AgentCore
public import Authorization
public import ClusterAPI
public import ClusterModel
import Diagnostics
public import HTTPServing

/// What an agent's program is told, before anything is known of its machine.
///
/// ```
/// var settings = AgentSettings(masters: ["http://10.0.0.1:5050"], version: "1.12.0", workDirectory: "/var/lib/b")
/// settings.policy.allowsUnenforced = true                     // --unenforced allow
/// let disk = try await AgentDisk.open(settings.workDirectory, unpacker: path, downloader: HTTPDownloader())
/// let agent = try await AgentService.start(
///     settings, machine: try await MachineProbe.facts(workDirectory: settings.workDirectory),
///     containerizer: containerizer, host: disk.host, journal: disk.journal, logger: logger)
/// ```
public struct AgentSettings: Sendable {
    /// Masters, `http://host:port` or `https://host:port`, tried in turn; a standby redirects to the leader.
    public var masters: [String]
    /// The leading master each time it changes, nil while there is none; takes the place of `masters`.
    public var leaders: AsyncStream<String?>?
    public var masterAccess = MasterAccess()

    /// Where the agent listens; port 0 takes one that is free.
    public var listen: [ListenAddress] = [.network(host: "127.0.0.1", port: 5051)]
    /// How others reach the agent. A port of nil is the first one listened on.
    public var hostname = "localhost"
    public var advertisedIP: String?
    public var advertisedPort: UInt16?
    public var tls: TLSSettings?
    public var authentication = Authentication.off
    /// Who may do what over the agent's API. Without rules everybody may do everything.
    public var authorizer: any Authorizer = RuleAuthorizer()
    public var server = ServerLimits()

    /// Digits and dots: clients take it apart.
    public var version: String
    /// Absolute.
    public var workDirectory: String
    /// `cpus:4;mem(eng):1024`: what is not named is found on the machine.
    public var resources = ""
    public var defaultRole = RoleName.anyone
    /// `rack:r12;level:10`: beside `bulkhead.*`, which the machine says itself.
    public var attributes = ""
    public var domain: FaultDomain?

    /// `withoutImage` and `allowsUnenforced` are flags of the agent; what cannot be enforced is filled in from the
    /// machine.
    public var policy = LaunchPolicy()
    public var recovery = AgentConfiguration.Recovery.reconnect
    public var timing = AgentTiming()
    public var bounds = AgentBounds()
    /// Images that pruning never removes.
    public var pinnedImages: [String] = []
    /// Sandboxes at or below these paths are never collected.
    public var pinnedPaths: [String] = []
    public var limits = AgentServiceLimits()
    /// What `/flags` shows. Secrets are left out by whoever fills it in.
    public var flags: [Flag] = []
    /// Nil: the log's level cannot be changed while the agent runs.
    public var logging: LoggingControl?

    /// How loaded this machine is, for `/system/stats.json` and figures; nil: neither is served.
    public var systemLoad: (@Sendable () async -> SystemLoad?)?
    /// Where sessions, attachments and refusals are accounted for; nil: nowhere.
    public var trail: (any AccountKeeper)?
    /// What tasks may refer to by name; nil: nothing.
    public var secrets: (any SecretKeeper)?
    /// What knows this machine's devices; nil: no task is given any.
    public var devices: (any DeviceKeeper)?
    /// What looks at this machine for `/audit`; nil: it answers 501.
    public var auditor: (any MachineAuditor)?
    /// Who calls the executor API on the agent's own port shows the token of its container; nil: nobody is asked.
    /// Executors in a network namespace of their own are known by that, with or without a token.
    public var executorTokens: ExecutorTokens?

    public init(masters: [String], version: String, workDirectory: String) {
        self.masters = masters
        self.version = version
        self.workDirectory =
            workDirectory.count > 1 && workDirectory.ends(with: "/") ? String(workDirectory.dropLast()) : workDirectory
    }

    /// Executors' tokens are good for the executor API, and beside operators' credentials where those are asked for.
    var wholeAuthentication: Authentication {
        guard let executorTokens else { return authentication }
        var whole = authentication
        whole.realms.insert(.agentExecutor)
        whole.special[.agentExecutor] = [executorTokens.authenticator]
        whole.special[.agentReadWrite] = whole.authenticators + [executorTokens.authenticator]
        return whole
    }

    /// What the core is told, but for the port, which is known when the server listens.
    ///
    /// - Throws: `resource.unreadable`, `attribute.unreadable`, `attribute.reserved`.
    func configuration(on machine: MachineFacts) throws(Failure) -> AgentConfiguration {
        var policy = policy
        policy.unenforceable = machine.unenforceable
        let given = try Attribute.parse(attributes)
        if let taken = given.first(where: { $0.name.begins(with: "bulkhead.") }) {
            throw Failure(
                "attribute.reserved", doing: "use attribute", on: taken.name,
                cause: "names that begin with bulkhead. are the agent's own", remedy: "choose another name",
                field: "attributes")
        }
        return AgentConfiguration(
            address: NetworkAddress(hostname: hostname, address: advertisedIP, port: advertisedPort ?? 0),
            resources: try machine.resources(
                given: resources, defaultRole: defaultRole, devices: policy.deviceResources),
            attributes: given + machine.attributes, domain: domain, version: version, workDirectory: workDirectory,
            recovery: recovery, policy: policy, timing: timing, bounds: bounds, pinnedImages: pinnedImages,
            pinnedPaths: pinnedPaths)
    }
}
