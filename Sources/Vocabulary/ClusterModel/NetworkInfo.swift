/// A network the container joins, or the addresses it got there.
public struct NetworkInfo: Hashable, Sendable {
    /// One address, or a wish for one of a family.
    public struct Address: Hashable, Sendable {
        public var family: Family?
        /// Nil: any of the family.
        public var text: String?

        public init(family: Family? = nil, text: String? = nil) {
            self.family = family
            self.text = text
        }
    }

    public enum Family: String, Sendable, CaseIterable {
        case version4 = "IPv4"
        case version6 = "IPv6"
    }
    public var addresses: [Address]
    public var name: String?
    public var groups: [String]
    public var labels: [Label]
    public var portMappings: [PortMapping]

    public init(
        addresses: [Address] = [], name: String? = nil, groups: [String] = [], labels: [Label] = [],
        portMappings: [PortMapping] = []
    ) {
        self.addresses = addresses
        self.name = name
        self.groups = groups
        self.labels = labels
        self.portMappings = portMappings
    }
}

/// How other programs are to find the task; the cluster only carries it.
public struct DiscoveryInfo: Hashable, Sendable {
    public enum Visibility: String, Sendable, CaseIterable {
        case framework = "FRAMEWORK"
        case cluster = "CLUSTER"
        case external = "EXTERNAL"
    }
    /// A port the task listens at.
    public struct Port: Hashable, Sendable {
        public var number: UInt32
        public var name: String?
        public var transport: String?
        public var visibility: Visibility?
        public var labels: [Label]

        public init(
            number: UInt32, name: String? = nil, transport: String? = nil, visibility: Visibility? = nil,
            labels: [Label] = []
        ) {
            self.number = number
            self.name = name
            self.transport = transport
            self.visibility = visibility
            self.labels = labels
        }
    }
    public var visibility: Visibility
    public var name: String?
    public var environment: String?
    public var location: String?
    public var version: String?
    public var ports: [Port]
    public var labels: [Label]

    public init(
        visibility: Visibility, name: String? = nil, environment: String? = nil, location: String? = nil,
        version: String? = nil, ports: [Port] = [], labels: [Label] = []
    ) {
        self.visibility = visibility
        self.name = name
        self.environment = environment
        self.location = location
        self.version = version
        self.ports = ports
        self.labels = labels
    }
}
