public import Determinism

/// Calls that master and agent both answer.
public enum ProcessCall: Hashable, Sendable {
    case health
    case flags
    case version
    /// `timeout`: metrics that take longer to collect are left out.
    case metrics(timeout: Duration?)
    case loggingLevel
    /// Goes back to the old level after `duration`.
    case setLoggingLevel(UInt32, duration: Duration)
    case listFiles(path: String)
    /// `length` nil: to the end, as far as one answer goes.
    case readFile(path: String, offset: UInt64, length: UInt64?)
}

public enum ProcessResponse: Hashable, Sendable {
    case health(Bool)
    case flags([Flag])
    case version(VersionInfo)
    case metrics([Metric])
    case loggingLevel(UInt32)
    case files([FileView])
    /// `size` of the whole file.
    case fileContent([UInt8], size: UInt64)
}

/// A setting the process was started with.
public struct Flag: Hashable, Sendable {
    public var name: String
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// What runs. `version` is digits and dots only: a client takes it apart.
public struct VersionInfo: Hashable, Sendable {
    public var version: String
    public var buildDate: String?
    /// Seconds since 1970.
    public var buildTime: Double?
    public var buildUser: String?
    public var gitCommit: String?
    public var gitBranch: String?
    public var gitTag: String?

    public init(
        version: String, buildDate: String? = nil, buildTime: Double? = nil, buildUser: String? = nil,
        gitCommit: String? = nil, gitBranch: String? = nil, gitTag: String? = nil
    ) {
        self.version = version
        self.buildDate = buildDate
        self.buildTime = buildTime
        self.buildUser = buildUser
        self.gitCommit = gitCommit
        self.gitBranch = gitBranch
        self.gitTag = gitTag
    }
}

/// One number at one moment.
public struct Metric: Hashable, Sendable {
    public var name: String
    public var value: Double?

    public init(_ name: String, _ value: Double? = nil) {
        self.name = name
        self.value = value
    }
}

/// A file of the virtual tree, as stat(2) has it.
public struct FileView: Hashable, Sendable {
    public var path: String
    public var links: UInt32
    public var size: UInt64
    public var modifiedAt: Instant
    /// Type and permissions.
    public var mode: UInt32
    public var user: String
    public var group: String

    public init(
        path: String, links: UInt32 = 1, size: UInt64, modifiedAt: Instant, mode: UInt32, user: String, group: String
    ) {
        self.path = path
        self.links = links
        self.size = size
        self.modifiedAt = modifiedAt
        self.mode = mode
        self.user = user
        self.group = group
    }
}
