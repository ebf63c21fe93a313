/// What is special about a disk resource: where it comes from, and the persistent volume made of it.
public struct Disk: Hashable, Sendable {
    public var source: Source?
    public var persistence: Persistence?
    /// Where the volume appears in the container, when it is one.
    public var volume: Volume?

    public init(source: Source? = nil, persistence: Persistence? = nil, volume: Volume? = nil) {
        self.source = source
        self.persistence = persistence
        self.volume = volume
    }

    /// The storage behind it. No source means the agent's root disk, which can be divided at will.
    public struct Source: Hashable, Sendable {
        public enum Kind: String, Sendable {
            /// A directory; divisible.
            case path = "PATH"
            /// A file system of its own; only whole.
            case mount = "MOUNT"
            /// A block device; only whole.
            case block = "BLOCK"
            /// Storage not yet made into one of the others; divisible while it has no id.
            case raw = "RAW"
        }
        public var kind: Kind
        /// The directory or mount point.
        public var root: String?
        public var id: String?
        public var profile: String?
        public var vendor: String?
        public var metadata: [Label]

        public init(
            _ kind: Kind, root: String? = nil, id: String? = nil, profile: String? = nil, vendor: String? = nil,
            metadata: [Label] = []
        ) {
            self.kind = kind
            self.root = root
            self.id = id
            self.profile = profile
            self.vendor = vendor
            self.metadata = metadata
        }

        public var isDivisible: Bool {
            switch kind {
            case .path: true
            case .raw: id == nil
            case .mount, .block: false
            }
        }
    }

    /// Makes the disk outlive the task: a volume with a name unique to its role on its agent.
    public struct Persistence: Hashable, Sendable {
        public var id: VolumeID
        public var principal: String?
        public init(id: VolumeID, principal: String? = nil) {
            self.id = id
            self.principal = principal
        }
    }

    public struct Volume: Hashable, Sendable {
        public enum Mode: String, Sendable {
            case readWrite = "RW"
            case readOnly = "RO"
        }
        public var mode: Mode
        public var containerPath: String
        public init(containerPath: String, mode: Mode = .readWrite) {
            self.containerPath = containerPath
            self.mode = mode
        }
    }
}
