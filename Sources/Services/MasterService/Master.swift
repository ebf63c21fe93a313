import Authorization
public import ClusterAPI
import ClusterModel
public import Coordination
public import Diagnostics
import FoundationEssentials
import HTTPServing
public import Logging
import MasterCore
import NIOCore
import Synchronization

/// A master that runs: one core over one registry, served over HTTP.
public final class Master: Sendable {
    /// What it tells others of itself: with the port it really listens on.
    public let info: MasterInfo
    private let server: HTTPServer
    private let reads: ReadPool
    private let task: Task<Void, Never>

    private init(info: MasterInfo, server: HTTPServer, reads: ReadPool, task: Task<Void, Never>) {
        self.info = info
        self.server = server
        self.reads = reads
        self.task = task
    }

    /// The first network port it answers on.
    public var port: Int? { server.port }

    /// Serves, stands for election, and leads with what the registry has. Returns when this master leads or knows that
    /// another does. Each start takes an id that no master before it has had.
    ///
    /// `store`: where the registry is kept; nil: `settings.workDirectory` says. `ended` is called at most once, when
    /// the lead or the registry is lost: nothing is served from then on but refusals; stop, and start anew.
    ///
    /// - Throws: `Failure` of the files the settings name, of the store, and what `HTTPServer.start` throws.
    public static func start(
        _ settings: MasterSettings, store: (any RegistryStore)? = nil, coordinator: any Coordinator = SoleCoordinator(),
        logger: Logger, ended: @escaping @Sendable (Failure) -> Void = { _ in }
    ) async throws(Failure) -> Master {
        var authentication = try await Authentication.files(
            credentials: settings.credentialsFile, tokenKey: settings.tokenKeyFile, realms: settings.realms)
        if !authentication.authenticators.isEmpty, !settings.ownCredentials.isEmpty {
            authentication.authenticators.append(BasicAuthenticator(settings.ownCredentials))
        }
        let authorizer = RuleAuthorizer(try settings.rules())
        let registry: any RegistryStore
        if let store { registry = store } else { registry = try await settings.store() }
        let standing = Standing()
        let reads = ReadPool(settings.limits)
        let routes = MasterRoutes(standing: standing, settings: settings, authorizer: authorizer, reads: reads)
        do throws(Failure) {
            let server = try await HTTPServer.start(
                on: settings.addresses, router: routes.router(), authentication: authentication,
                names: [settings.ownName], tls: settings.tls, limits: settings.server, logger: logger)
            let info = settings.info(port: server.port)
            let candidacy = Candidacy(
                master: info, store: registry, coordinator: coordinator, standing: standing,
                configuration: { settings.configuration(info, authorizer) }, limits: settings.limits,
                reads: reads, logger: logger, ended: Candidacy.Announcement(ended))
            let (begun, report) = AsyncStream.makeStream(
                of: Result<Void, Failure>.self, bufferingPolicy: .bufferingOldest(1))
            let task = Task { await candidacy.run { _ = report.yield($0) } }
            let master = Master(info: info, server: server, reads: reads, task: task)
            for await result in begun {
                guard case .failure(let failure) = result else { break }
                await master.stop()
                throw failure
            }
            return master
        } catch {
            await reads.stop()
            throw error
        }
    }

    /// Ends streams and connections, and gives up the lead. What was answered before is in the registry.
    public func stop() async {
        task.cancel()
        await task.value
        await server.stop()
        await reads.stop()
    }
}

extension MasterSettings {
    func rules() throws(Failure) -> [AuthorizationRule] {
        guard let rulesFile else { return [] }
        let content: Data
        do {
            content = try Data(contentsOf: URL(filePath: rulesFile))
        } catch {
            throw Failure(
                "authorization.rules-unreadable", doing: "read the authorization rules", on: rulesFile,
                cause: "\(error)", remedy: "give a file this process may read", field: "authorization")
        }
        return try RulesFile.rules(parsing: Array(content))
    }

    func store() async throws(Failure) -> any RegistryStore {
        guard let workDirectory else { return InMemoryRegistryStore() }
        return try await SQLiteRegistryStore.open("\(workDirectory)/\(SQLiteRegistryStore.fileName)")
    }

    /// What clients call this master.
    var ownName: String { hostname ?? ProcessInfo.processInfo.hostName }

    func info(port bound: Int?) -> MasterInfo {
        let address = NetworkAddress(
            hostname: ownName, address: advertisedAddress ?? reachableAddress,
            port: UInt16(clamping: advertisedPort ?? bound ?? 0))
        return MasterInfo(id: UUID().uuidString.lowercased(), address: address, version: version.version)
    }

    func configuration(_ master: MasterInfo, _ authorizer: any Authorizer) -> MasterConfiguration {
        var configuration = MasterConfiguration(master: master, authorizer: authorizer)
        configuration.seed = .random(in: .min ... .max)
        configure(&configuration)
        return configuration
    }

    /// The first address listened on that others can name.
    private var reachableAddress: String? {
        for address in addresses {
            guard case .network(let host, _) = address else { continue }
            guard host == "0.0.0.0" || host == "::" else {
                do {
                    return try SocketAddress.makeAddressResolvingHost(host, port: 0).ipAddress
                } catch {
                    continue
                }
            }
            return MasterSettings.ownAddress
        }
        return nil
    }

    private static var ownAddress: String {
        let devices: [NIONetworkDevice]
        do { devices = try System.enumerateDevices() } catch { return "127.0.0.1" }
        let own = devices.compactMap(\.address).filter { $0.protocol == .inet }.compactMap(\.ipAddress)
        return own.first { !$0.begins(with: "127.") } ?? "127.0.0.1"
    }
}
