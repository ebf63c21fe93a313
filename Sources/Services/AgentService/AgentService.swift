public import AgentCore
import AsyncHTTPClient
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
    public var executorHeartbeat = Duration.seconds(30 * 60)
    public var sessionHeartbeat = Duration.seconds(30)

    public init() {}
}

/// What an agent's program is told beside what its core is.
public struct AgentServiceConfiguration: Sendable {
    public var core: AgentConfiguration
    /// Masters' addresses, `http://host:port`, tried in turn; a standby redirects to the leader.
    public var masters: [String]
    public var listen: [ListenAddress]
    public var authentication = Authentication.off
    public var tls: TLSSettings?
    /// The value of Authorization for the master.
    public var authorization: String?
    public var limits = AgentServiceLimits()
    /// What `/flags` shows. Secrets are left out by whoever fills it in.
    public var flags: [(name: String, value: String)] = []

    public init(core: AgentConfiguration, masters: [String], listen: [ListenAddress]) {
        self.core = core
        self.masters = masters
        self.listen = listen
    }
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
    /// - Throws: `http.listen`, `tls.settings-invalid`.
    public static func start(
        _ configuration: AgentServiceConfiguration, containerizer: any Containerizer, host: any AgentHost,
        journal: any Journal, logger: Logger
    ) async throws(Failure) -> AgentService {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.clientConfiguration)
        let parts = AgentParts(
            containerizer: containerizer, host: host, journal: journal, client: client, masters: configuration.masters,
            authorization: configuration.authorization, authentication: configuration.authentication,
            clock: AgentClock(), limits: configuration.limits, version: configuration.core.version,
            flags: configuration.flags, metrics: Metrics(), logger: logger)
        let core = Agent(configuration.core, seed: UInt64.random(in: .min ... .max))
        let driver = AgentDriver(core: core, parts: parts)
        parts.metrics.add {
            await driver.snapshot().metrics(at: parts.clock.now).compactMap { metric in
                metric.value.map { HTTPServing.Metric(metric.name, $0) }
            }
        }
        do throws(Failure) {
            let server = try await HTTPServer.start(
                on: configuration.listen, router: AgentRoutes(driver: driver).router(flags: configuration.flags),
                authentication: configuration.authentication, tls: configuration.tls, logger: logger)
            return AgentService(driver: driver, server: server, client: client)
        } catch {
            await shutDown(client, logger)
            throw error
        }
    }

    private static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10))
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
