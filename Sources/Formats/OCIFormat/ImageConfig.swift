public import OrderedCollections

/// An image's configuration: what to run, as whom, where, and which layers it is made of. OCI, or Docker's superset.
///
/// All of it is text from a stranger: checked for form here, interpreted nowhere on the host.
public struct ImageConfig: Equatable, Sendable {
    public var platform: Platform
    /// RFC 3339, as the image says it; for people only.
    public var created: String?
    public var author: String?
    public var entrypoint: [String] = []
    public var command: [String] = []
    /// `NAME=value` each.
    public var environment: [String] = []
    /// Absolute; empty when the image says nothing.
    public var workingDirectory = ""
    /// Nil when the image says nothing: root then.
    public var user: UserSpec?
    public var stopSignal: String?
    /// Absolute paths.
    public var volumes: [String] = []
    public var exposedPorts: [ExposedPort] = []
    public var labels: OrderedDictionary<String, String> = [:]
    public var healthcheck: Healthcheck?
    /// Digests of the unpacked layers, lowest first.
    public var layers: [Digest]
    public var history: [HistoryEntry] = []

    public init(platform: Platform = .host, layers: [Digest]) {
        self.platform = platform
        self.layers = layers
    }

    /// The chain identifiers of the layers, lowest first.
    public var chain: [Digest] { Digest.chain(of: layers) }
}

/// A line of an image's history; `isEmptyLayer` when it made no layer.
public struct HistoryEntry: Equatable, Sendable {
    public var created: String?
    public var createdBy: String?
    public var comment: String?
    public var isEmptyLayer: Bool
}

/// A port an image says it listens on.
public struct ExposedPort: Hashable, Sendable, CustomStringConvertible {
    public enum Transport: String, Sendable { case tcp, udp, sctp }
    public var numbers: ClosedRange<UInt16>
    public var transport: Transport

    public var description: String {
        let range = numbers.count == 1 ? "\(numbers.lowerBound)" : "\(numbers.lowerBound)-\(numbers.upperBound)"
        return "\(range)/\(transport.rawValue)"
    }
}

/// Docker's health check. Times are in nanoseconds, 0 for Docker's default.
public struct Healthcheck: Equatable, Sendable {
    /// `NONE`, `CMD` and words, or `CMD-SHELL` and one line.
    public var test: [String]
    public var interval: Int64
    public var timeout: Int64
    public var startPeriod: Int64
    public var startInterval: Int64
    public var retries: Int64
}
