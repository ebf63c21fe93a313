public import NetworkFormat

/// A port of the host that leads to one of the container's.
public struct PortPublication: Hashable, Sendable, Codable {
    public enum Transport: String, Sendable, Codable, CaseIterable { case tcp, udp }
    /// The host's address it is reached at; nil: every one, loopback included; 0.0.0.0 or :: every one of that version.
    public var hostAddress: IPAddress?
    public var hostPort: UInt16
    public var port: UInt16
    public var transport: Transport

    public init(hostAddress: IPAddress? = nil, hostPort: UInt16, port: UInt16, transport: Transport = .tcp) {
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.port = port
        self.transport = transport
    }

    /// Whether both cannot be published at once.
    public func collides(with other: PortPublication) -> Bool {
        guard hostPort == other.hostPort, transport == other.transport else { return false }
        guard let own = hostAddress, let theirs = other.hostAddress else { return true }
        return own.family == theirs.family && (own == theirs || own.isUnspecified || theirs.isUnspecified)
    }

    /// So many for one container, ranges counted out.
    public static let countMax = 4_096
}

extension PortPublication: CustomStringConvertible {
    public var description: String {
        let host = hostAddress.map { $0.family == .v6 ? "[\($0)]:" : "\($0):" } ?? ""
        return "\(host)\(hostPort):\(port)/\(transport.rawValue)"
    }
}

/// Whom a container on a bridge may talk to, besides the world outside. Nobody, unless it says so.
public struct NetworkReach: Hashable, Sendable, Codable {
    /// It may connect to the host's own addresses.
    public var toHost: Bool
    /// It may connect to link-local addresses, where clouds hand out the machine's credentials.
    public var toMetadata: Bool
    /// Every container of the same network may connect to it.
    public var fromContainers: Bool
    /// These containers may connect to it; they must run when it is launched.
    public var fromNamed: [ContainerID]

    public init(
        toHost: Bool = false, toMetadata: Bool = false, fromContainers: Bool = false, fromNamed: [ContainerID] = []
    ) {
        self.toHost = toHost
        self.toMetadata = toMetadata
        self.fromContainers = fromContainers
        self.fromNamed = fromNamed
    }
}

/// Bytes a second; nil is no limit.
public struct NetworkBandwidth: Hashable, Sendable, Codable {
    /// What the container receives.
    public var incoming: UInt64?
    /// What it sends.
    public var outgoing: UInt64?
    /// Slower than this and not even an answer to a connection would come through in time.
    public static let rateMin: UInt64 = 1_024

    public init(incoming: UInt64? = nil, outgoing: UInt64? = nil) {
        self.incoming = incoming
        self.outgoing = outgoing
    }
}

/// An interface of its own on a bridge of this host.
public struct BridgeRequest: Hashable, Sendable, Codable {
    public static let usualNetwork = "default"
    public var network: String
    public var ports: [PortPublication]
    /// The addresses it asks for, at most one of each version.
    public var addresses: [IPAddress]
    public var reach: NetworkReach
    public var bandwidth: NetworkBandwidth
    /// What it got; nil before it is launched.
    public var lease: AddressLease?

    public init(
        network: String = BridgeRequest.usualNetwork, ports: [PortPublication] = [], addresses: [IPAddress] = [],
        reach: NetworkReach = NetworkReach(), bandwidth: NetworkBandwidth = NetworkBandwidth(),
        lease: AddressLease? = nil
    ) {
        self.network = network
        self.ports = ports
        self.addresses = addresses
        self.reach = reach
        self.bandwidth = bandwidth
        self.lease = lease
    }
}

/// Addresses that are one container's while it exists.
public struct AddressLease: Hashable, Sendable, Codable {
    public var addresses: [IPAddress]
    /// The bridge's own, one for each of them.
    public var gateways: [IPAddress]
    public init(addresses: [IPAddress], gateways: [IPAddress]) {
        self.addresses = addresses
        self.gateways = gateways
    }
}

/// A network of the Container Network Interface: what its configuration lists says, and its plugins do.
public struct PluginRequest: Hashable, Sendable, Codable {
    public static let usualConfigurations = "/etc/cni/net.d"
    public static let usualPrograms = ["/usr/lib/cni", "/opt/cni/bin"]
    public var network: String
    /// Directory of configuration lists.
    public var configurations: String
    /// Directories of plugins, the first that has one counts.
    public var programs: [String]
    public var ports: [PortPublication]
    public var addresses: [IPAddress]
    public var bandwidth: NetworkBandwidth

    public init(
        network: String, configurations: String = PluginRequest.usualConfigurations,
        programs: [String] = PluginRequest.usualPrograms, ports: [PortPublication] = [],
        addresses: [IPAddress] = [], bandwidth: NetworkBandwidth = NetworkBandwidth()
    ) {
        self.network = network
        self.configurations = configurations
        self.programs = programs
        self.ports = ports
        self.addresses = addresses
        self.bandwidth = bandwidth
    }
}

extension IsolationRequest.Network {
    /// A network namespace is made with the container and ends with it.
    public var isOwn: Bool {
        switch self {
        case .none, .bridge, .plugins: true
        case .host, .container: false
        }
    }

    /// Ports of the host that lead to it.
    public var ports: [PortPublication] {
        switch self {
        case .bridge(let request): request.ports
        case .plugins(let request): request.ports
        case .none, .host, .container: []
        }
    }

    /// As a person writes it after `--network`.
    public var name: String {
        switch self {
        case .none: "none"
        case .host: "host"
        case .container(let id): "container:\(id)"
        case .bridge(let request): "bridge:\(request.network)"
        case .plugins(let request): "cni:\(request.network)"
        }
    }
}
