/// A port of the host whose packets are sent to the container.
public struct PublishedPortFacts: Codable, Hashable, Sendable {
    /// `tcp` or `udp`.
    public var transport: String
    /// The host's; nil: every one.
    public var hostAddress: String?
    public var hostPort: UInt16
    /// Inside; nil where that does not say.
    public var port: UInt16?
    /// What said so.
    public var source: String
    public init(transport: String, hostAddress: String?, hostPort: UInt16, port: UInt16?, source: String) {
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.port = port
        self.source = source
    }
    var text: String { "\(hostAddress ?? "every address") port \(hostPort)/\(transport)" }
}

/// A local socket of a process of the container, unix(7), whose other end a process outside holds.
public struct OutsidePeerFacts: Codable, Hashable, Sendable {
    public var process: Int32
    public var descriptor: String
    /// What it or its peer is bound to; an abstract name begins with `@`. Nil: to nothing.
    public var name: String?
    public var peerProcess: Int32
    /// The container the peer is of, or `process 1 (init)`.
    public var peerOwner: String
    public init(process: Int32, descriptor: String, name: String?, peerProcess: Int32, peerOwner: String) {
        self.process = process
        self.descriptor = descriptor
        self.name = name
        self.peerProcess = peerProcess
        self.peerOwner = peerOwner
    }
}

/// An exec, as the log of launches has it.
public struct EntryFacts: Codable, Hashable, Sendable {
    /// Its number in the log.
    public var number: Int64
    public var program: String
    /// `0:0`, as the container numbers them.
    public var user: String
    public init(number: Int64, program: String, user: String) {
        self.number = number
        self.program = program
        self.user = user
    }
}
