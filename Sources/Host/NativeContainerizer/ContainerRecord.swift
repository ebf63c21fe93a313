public import Containers

/// Everything that must be known about a container after a crash of ours. Written before each effect it announces.
public struct ContainerRecord: Equatable, Sendable, Codable {
    public enum Phase: String, Sendable, Codable {
        /// Being made; a crash now leaves things that the next command removes.
        case creating
        /// The process exists and waits for our word.
        case held
        /// The task was started.
        case started
        /// It ended, or never started; `exit` says how.
        case ended
    }

    /// A process that cannot be confused with a later one of the same number.
    public struct ProcessIdentity: Equatable, Sendable, Codable {
        public var id: Int32
        /// Field 22 of /proc/PID/stat.
        public var startTime: UInt64
        public var bootID: String
    }

    /// Members may be added as optional ones without a new version: older programs leave them out.
    public static let newestVersion = 1
    public var version = ContainerRecord.newestVersion
    public var request: ContainerRequest
    public var phase: Phase
    public var process: ProcessIdentity?
    /// Seconds since 1970.
    public var createdAt: Double
    public var startedAt: Double?
    public var exit: ContainerExit?
    /// The signal number of a kill ordered by a user, so that the end is told as such.
    public var killOrdered: Int32?
    public var layers: [String]

    public init(request: ContainerRequest, createdAt: Double, layers: [String]) {
        self.request = request
        self.phase = .creating
        self.createdAt = createdAt
        self.layers = layers
    }
}
