public import AgentCore
import AsyncHTTPClient
import ClusterModel
public import Containers
public import Determinism
public import Diagnostics
public import HTTPServing
public import Logging

/// Bounds of what waits in an agent.
public struct AgentServiceLimits: Sendable {
    /// Requests that wait for the core. One more is answered 503.
    public var mailboxMax = 10_000
    /// Containers launched at once; others wait.
    public var launchesMax = 16
    /// Fetches and removals of sandboxes at once; others wait.
    public var fetchesMax = 8
    /// How long an attempt of a check may take to end when its time is up and it is cut off. Then it is given up.
    public var probeGrace = Duration.seconds(10)
    public var executorHeartbeat = Duration.seconds(30 * 60)
    public var sessionHeartbeat = Duration.seconds(30)
    /// Bytes of a session's output that wait for its listener; then the process waits too.
    public var sessionBytesMax = 512 << 10
    /// Bytes of output of a container that wait for one who attached to it.
    public var attachedBytesMax = 1 << 20
    /// Of the server inside one executor's container.
    public var door: ServerLimits = {
        var limits = ServerLimits()
        // One waits for each container it may have launched, and some for its calls.
        (limits.connectionsMax, limits.connectionsPerPeerMax, limits.streamsMax) = (320, 320, 64)
        // One that comes back may bring many updates with their data. It is one program: all together need little more.
        limits.bodiesBytesMax = 48 << 20
        return limits
    }()
    /// Bytes of one record of input.
    public var inputRecordBytesMax = 1 << 20

    public init() {}
}

/// An agent that runs: its core, its link to the master, its HTTP server.
public final class AgentService: Sendable {
    private let driver: AgentDriver
    private let server: HTTPServer
    private let client: HTTPClient
    private let running: Task<Void, any Error>

    private init(driver: AgentDriver, server: HTTPServer, client: HTTPClient) {
        self.driver = driver
        self.server = server
        self.client = client
        running = Task { try await driver.run() }
    }

    /// Reads the journal, takes over what runs and registers with the master. Returns when the server listens; the
    /// rest goes on beside it.
    ///
    /// - Throws: `http.listen`, `tls.settings-invalid`, `resource.unreadable`, `attribute.unreadable`.
    public static func start(
        _ settings: AgentSettings, machine: MachineFacts, containerizer: any Containerizer, host: any AgentHost,
        journal: any Journal, logger: Logger
    ) async throws(Failure) -> AgentService {
        try await start(
            try settings.configuration(on: machine), settings, containerizer, host, journal, logger)
    }

    private static func start(
        _ asked: AgentConfiguration, _ settings: AgentSettings, _ containerizer: any Containerizer,
        _ host: any AgentHost, _ journal: any Journal, _ logger: Logger
    ) async throws(Failure) -> AgentService {
        var configuration = asked
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: try clientConfiguration(settings.masterAccess))
        let parts = AgentParts(
            containerizer: containerizer, host: host, journal: journal, client: client, clock: AgentClock(),
            metrics: Metrics(), logger: logger, settings: settings)
        var system = SystemRandomNumberGenerator()
        let (seed, key) = (system.next(), AgentKey(using: &system))
        let driver = AgentDriver(core: Agent(configuration, seed: seed, key: key), parts: parts)
        parts.metrics.add { await driver.snapshot().metrics(at: parts.clock.now) }
        if let load = settings.systemLoad { parts.metrics.add { await load()?.metrics ?? [] } }
        do throws(Failure) {
            let server = try await HTTPServer.start(
                on: settings.listen, router: AgentRoutes(driver: driver).router,
                authentication: settings.wholeAuthentication, names: [settings.hostname], tls: settings.tls,
                limits: settings.server, logger: logger)
            if settings.advertisedPort == nil {
                configuration.address.port = UInt16(clamping: server.port ?? 0)
                await driver.replace(Agent(configuration, seed: seed, key: key))
            }
            return AgentService(driver: driver, server: server, client: client)
        } catch {
            await shutDown(client, logger)
            throw error
        }
    }

    private static func clientConfiguration(_ access: MasterAccess) throws(Failure) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10))
        configuration.tlsConfiguration = try access.tls?.configuration()
        return configuration
    }

    private static func shutDown(_ client: HTTPClient, _ logger: Logger) async {
        do { try await client.shutdown() } catch {
            logger.warning("the HTTP client did not end in order", metadata: ["cause": "\(error)"])
        }
    }

    /// The first network port served.
    public var port: Int? { server.port }

    /// The core as it is between two events: what tests and `bulkhead local` look at.
    public func snapshot() async -> Agent { await driver.snapshot() }

    /// Calls whose callers wait for the core's answer.
    var openCalls: Int { driver.desk.openCalls }

    /// Waits until the agent has ended by itself or by `stop`.
    ///
    /// - Throws: what kept it from beginning: an unreadable journal.
    public func wait() async throws { try await running.value }

    /// Ends the agent; containers run on.
    public func stop() async {
        driver.stop()
        _ = await running.result
        await server.stop()
        await Self.shutDown(client, driver.parts.logger)
    }
}

/// An agent's core as somebody else has put it together. `AgentSettings` does it from flags.
public struct AgentServiceConfiguration: Sendable {
    var core: AgentConfiguration
    var settings: AgentSettings

    public init(core: AgentConfiguration, masters: [String], listen: [ListenAddress]) {
        self.core = core
        settings = AgentSettings(masters: masters, version: core.version, workDirectory: core.workDirectory)
        settings.listen = listen
        settings.advertisedPort = core.address.port == 0 ? nil : core.address.port
    }
}

extension AgentService {
    public static func start(
        _ configuration: AgentServiceConfiguration, containerizer: any Containerizer, host: any AgentHost,
        journal: any Journal, logger: Logger
    ) async throws(Failure) -> AgentService {
        try await start(configuration.core, configuration.settings, containerizer, host, journal, logger)
    }
}
