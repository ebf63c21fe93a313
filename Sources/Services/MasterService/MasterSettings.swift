public import ClusterAPI
public import HTTPServing
public import MasterCore

/// What a program starts a master with. Everything has a default but the version; a master with nothing else set
/// serves on loopback, asks nobody who they are, and forgets its cluster when it ends.
public struct MasterSettings: Sendable {
    // MARK: Where it serves

    /// Where it listens; port 0 takes one that is free.
    public var addresses: [ListenAddress] = [.network(host: "127.0.0.1", port: 5050)]
    /// What it is called by clients and agents: a name, or an address. Nil: the name of this host.
    public var hostname: String?
    /// The address clients and agents are told, digits only. Nil: the one it listens on; where that is every address
    /// of the host, the first that is not loopback.
    public var advertisedAddress: String?
    /// The port clients and agents are told. Nil: the first one it listens on.
    public var advertisedPort: Int?
    public var tls: TLSSettings?

    // MARK: What it keeps

    /// What people call the cluster; shown, never interpreted.
    public var cluster: String?
    /// The directory with the registry; made when it is not there. Nil keeps the registry in memory.
    public var workDirectory: String?

    // MARK: Who may call

    /// A file `{"credentials": [{"principal": "p", "secret": "s"}]}` for HTTP Basic.
    public var credentialsFile: String?
    /// Names and secrets beside those of the file, once it or the key for tokens is given: of who lives in the same
    /// process.
    public var ownCredentials: [String: String] = [:]
    /// A file with the key of signed tokens (JWT, HS256): 32 bytes or more.
    public var tokenKeyFile: String?
    /// Who is asked for credentials, once one of the two files is given. `/health` and `/version` ask nobody.
    public var realms: Set<Realm> = [.masterReadOnly, .masterReadWrite, .masterScheduler, .masterAgent]
    /// The file of authorization rules. Nil: whoever may call may do everything.
    public var rulesFile: String?

    // MARK: Bounds

    public var server = ServerLimits()
    public var limits = MasterServiceLimits()
    /// Everything else the core is configured with: intervals, roles, the allocator, limits. It is given the defaults
    /// with this master's address, and rules, already in.
    public var configure: @Sendable (inout MasterConfiguration) -> Void = { _ in }

    // MARK: What it says of itself

    /// Digits and dots only: clients take it apart.
    public var version: VersionInfo
    /// As `/flags` shows them. Secrets are left out by whoever fills it in.
    public var flags: [Flag] = []
    /// Lets clients read and set how much is logged. Nil: they cannot. Hand `logging.logger(...)` to `start`.
    public var logging: LoggingControl?
    /// Files of its own that it serves to whoever may access logs, `/master/log` above all. Nil: none.
    public var files: (any FileSource)?

    /// How loaded this machine is, for `/system/stats.json` and figures; nil: neither is served.
    public var systemLoad: (@Sendable () async -> SystemLoad?)?

    public init(version: VersionInfo) { self.version = version }
}
