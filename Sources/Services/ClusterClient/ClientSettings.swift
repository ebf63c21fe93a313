public import ClusterAPI
public import Logging

/// What a client is made with.
public struct ClientSettings: Sendable {
    /// Masters, leading or not, asked in this order until one answers or says who leads.
    public var masters: [ServerAddress]
    public var credentials: Credentials?
    public var tls: ClientTLS
    /// How bodies and records are encoded, both ways.
    public var format: WireFormat
    public var limits: ClientLimits
    /// Where warnings go, such as about servers that are not verified.
    public var logger: Logger

    public init(
        masters: [ServerAddress], credentials: Credentials? = nil, tls: ClientTLS = ClientTLS(),
        format: WireFormat = .json, limits: ClientLimits = ClientLimits(),
        logger: Logger = Logger(label: "bulkhead.client")
    ) {
        self.masters = masters
        self.credentials = credentials
        self.tls = tls
        self.format = format
        self.limits = limits
        self.logger = logger
    }
}

/// Every bound of a client, each with its unit.
public struct ClientLimits: Sendable, Hashable {
    /// To open a connection, TLS included.
    public var connectTime: Duration = .seconds(10)
    /// For a call from its first byte to the last of its answer. Calls that wait for a task to end have none.
    public var requestTime: Duration = .seconds(30)
    /// Heartbeats in a row that may be missing before a stream counts as dead.
    public var heartbeatsMissedMax = 5
    /// How long a stream of events may be silent while its heartbeat is not known.
    public var silenceTime: Duration = .seconds(75)
    /// Bytes of an answer.
    public var answerBytesMax = 512 << 20
    /// Bytes of one record of a stream.
    public var recordBytesMax = 256 << 20
    /// Records that wait for whoever reads a stream; when they are there, nothing more is taken from the network.
    public var recordsWaitingMax = 64
    /// Bytes of a refusal that are shown.
    public var refusalBytesMax = 4 << 10
    /// Redirects followed for one call.
    public var redirectsMax = 4
    /// Connections to one server, open streams included.
    public var connectionsPerServerMax = 256

    public init() {}
}
