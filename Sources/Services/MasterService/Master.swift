public import Coordination
public import Diagnostics
public import HTTPServing
public import Logging
public import MasterCore
import Synchronization

/// What a master is started with.
public struct MasterSettings: Sendable {
    /// Where it listens; port 0 takes one that is free.
    public var addresses: [ListenAddress] = [.network(host: "127.0.0.1", port: 5050)]
    public var authentication = Authentication.off
    public var tls: TLSSettings?
    public var server = ServerLimits()
    public var limits = MasterServiceLimits()
    /// Digits and dots only: clients take it apart.
    public var version: String
    public var flags: [(name: String, value: String)] = []

    public init(version: String) { self.version = version }
}

/// A master that runs: one core over one registry, served over HTTP.
public final class Master: Sendable {
    public let server: HTTPServer
    private let driver: MasterDriver
    private let task: Task<Void, Never>

    private init(server: HTTPServer, driver: MasterDriver, task: Task<Void, Never>) {
        self.server = server
        self.driver = driver
        self.task = task
    }

    /// The port it answers on.
    public var port: Int? { server.port }

    /// Loads the registry, then serves. `configuration.master` carries an id no master before it has had.
    /// `steppedDown` is called at most once, when the registry is lost: start anew then.
    ///
    /// - Throws: `Failure` of the store, and what `HTTPServer.start` throws.
    public static func start(
        _ configuration: MasterConfiguration, _ settings: MasterSettings, store: any RegistryStore, logger: Logger,
        steppedDown: @escaping @Sendable (Failure) -> Void
    ) async throws(Failure) -> Master {
        let (registry, version) = try await store.load()
        let driver = MasterDriver(
            core: MasterCore(configuration, registry: registry), store: store, clock: MasterClock(),
            limits: settings.limits, logger: logger, stepDown: steppedDown)
        let routes = MasterRoutes(driver: driver, limits: settings.limits)
        var router = Router(delegate: "master", routes: routes.all)
        let flags = settings.flags
        let plain = PlainRoutes.routes(
            name: "bulkhead master", version: settings.version, flags: { flags }, realm: .masterReadOnly)
        for route in plain + routes.metrics().routes(realm: .masterReadOnly) { router.add(route) }
        let server = try await HTTPServer.start(
            on: settings.addresses, router: router, authentication: settings.authentication, tls: settings.tls,
            limits: settings.server, logger: logger)
        let task = Task { await driver.run(from: version) }
        return Master(server: server, driver: driver, task: task)
    }

    /// Ends streams and connections. What was answered before is in the registry.
    public func stop() async {
        driver.stop()
        await task.value
        await server.stop()
    }
}
