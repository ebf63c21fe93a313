public import AuditFormat

/// What of a host decides how well it holds containers.
public struct HostState: Codable, Equatable, Sendable {
    public struct Setting: Codable, Equatable, Sendable {
        public var path: String
        public var value: Observed<String>
        public init(_ path: String, _ value: Observed<String>) {
            self.path = path
            self.value = value
        }
    }

    /// A file or directory that must be root's alone to write.
    public struct Place: Codable, Equatable, Sendable {
        public var path: String
        public var owner: UInt32
        public var mode: UInt32
        /// Bits of the mode that must not be set.
        public var forbidden: UInt32
        public init(_ path: String, owner: UInt32, mode: UInt32, forbidden: UInt32) {
            self.path = path
            self.owner = owner
            self.mode = mode
            self.forbidden = forbidden
        }
    }

    public struct Wall: Codable, Equatable, Sendable {
        public var feature: String
        public var state: String
        public var why: String
        public init(_ feature: String, state: String, why: String) {
            self.feature = feature
            self.state = state
            self.why = why
        }
    }

    public var subject: Subject
    public var surroundings: HostSurroundings
    public var settings: [Setting]
    public var places: Observed<[Place]>
    public var walls: [Wall]

    public init(
        subject: Subject, surroundings: HostSurroundings, settings: [Setting], places: Observed<[Place]>, walls: [Wall]
    ) {
        self.subject = subject
        self.surroundings = surroundings
        self.settings = settings
        self.places = places
        self.walls = walls
    }
}
