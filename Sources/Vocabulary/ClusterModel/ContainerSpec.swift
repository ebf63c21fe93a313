/// How a task's container is to look, as the framework asks for it. What of it the host can do is for the agent to say.
public struct ContainerSpec: Hashable, Sendable {
    /// Which of the two descriptions the framework used. Both run on every runtime.
    public enum Kind: String, Sendable, CaseIterable {
        case docker = "DOCKER"
        case mesos = "MESOS"
    }
    public var kind: Kind
    /// Nil: the agent's policy for tasks without an image.
    public var image: ContainerImage?
    public var hostname: String?
    public var volumes: [VolumeMount]
    /// Only of kind `docker`.
    public var docker: DockerOptions?
    public var networks: [NetworkInfo]
    public var linux: LinuxOptions?
    public var processLimits: [ProcessLimit]
    public var terminal: Terminal?
    /// Members of the description that nothing would come of beside its others, by their names: whoever launches
    /// refuses them.
    public var unused: [String] = []

    public init(
        kind: Kind = .mesos, image: ContainerImage? = nil, hostname: String? = nil, volumes: [VolumeMount] = [],
        docker: DockerOptions? = nil, networks: [NetworkInfo] = [], linux: LinuxOptions? = nil,
        processLimits: [ProcessLimit] = [], terminal: Terminal? = nil
    ) {
        self.kind = kind
        self.image = image
        self.hostname = hostname
        self.volumes = volumes
        self.docker = docker
        self.networks = networks
        self.linux = linux
        self.processLimits = processLimits
        self.terminal = terminal
    }
}

/// An image by name, and whether one already on the agent will do.
public struct ContainerImage: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        /// `config`: credentials for the registry.
        case docker(name: String, config: Secret? = nil)
        case appc(name: String, id: String? = nil, labels: [Label] = [])
    }
    public var source: Source
    /// False: look for a newer one under the same name before every launch.
    public var isCached: Bool

    public init(_ source: Source, isCached: Bool = true) {
        self.source = source
        self.isCached = isCached
    }

    /// The name as the framework wrote it.
    public var name: String {
        switch source {
        case .docker(let name, _), .appc(let name, _, _): name
        }
    }
}

/// Something that must not be shown: by name, or the bytes themselves.
public enum Secret: Hashable, Sendable {
    case reference(name: String, key: String?)
    case bytes([UInt8])
}

/// What only a description of kind `docker` has.
public struct DockerOptions: Hashable, Sendable {
    public enum Network: String, Sendable, CaseIterable {
        case host = "HOST"
        case bridge = "BRIDGE"
        case none = "NONE"
        case user = "USER"
    }
    /// `key` is the option without its dashes.
    public struct Parameter: Hashable, Sendable {
        public var key: String
        public var value: String

        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }
    public var network: Network?
    public var portMappings: [PortMapping]
    public var isPrivileged: Bool
    /// Options of the other engine's command line; the agent takes those it knows.
    public var parameters: [Parameter]
    public var volumeDriver: String?

    public init(
        network: Network? = nil, portMappings: [PortMapping] = [], isPrivileged: Bool = false,
        parameters: [Parameter] = [], volumeDriver: String? = nil
    ) {
        self.network = network
        self.portMappings = portMappings
        self.isPrivileged = isPrivileged
        self.parameters = parameters
        self.volumeDriver = volumeDriver
    }
}

/// Connections to `host` on the agent go to `container` in the container.
public struct PortMapping: Hashable, Sendable {
    public var host: UInt16
    public var container: UInt16
    /// `tcp` or `udp`; nil: tcp.
    public var transport: String?

    public init(host: UInt16, container: UInt16, transport: String? = nil) {
        self.host = host
        self.container = container
        self.transport = transport
    }
}

/// What the kernel is to allow the container, and what it shares with its parent.
public struct LinuxOptions: Hashable, Sendable {
    public enum Seccomp: Hashable, Sendable {
        case profile(String)
        case unconfined
    }
    public enum IPCMode: String, Sendable, CaseIterable {
        case `private` = "PRIVATE"
        case shareParent = "SHARE_PARENT"
    }
    /// Names without `CAP_`. Nil: the agent's own choice; empty: none.
    public var boundingCapabilities: [String]?
    public var effectiveCapabilities: [String]?
    public var sharesProcessNamespace: Bool
    public var seccomp: Seccomp?
    public var ipcMode: IPCMode?
    public var sharedMemoryMegabytes: UInt32?
    /// Nil: as if true, but not said.
    public var sharesControlGroup: Bool?

    public init(
        boundingCapabilities: [String]? = nil, effectiveCapabilities: [String]? = nil,
        sharesProcessNamespace: Bool = false, seccomp: Seccomp? = nil, ipcMode: IPCMode? = nil,
        sharedMemoryMegabytes: UInt32? = nil, sharesControlGroup: Bool? = nil
    ) {
        self.boundingCapabilities = boundingCapabilities
        self.effectiveCapabilities = effectiveCapabilities
        self.sharesProcessNamespace = sharesProcessNamespace
        self.seccomp = seccomp
        self.ipcMode = ipcMode
        self.sharedMemoryMegabytes = sharedMemoryMegabytes
        self.sharesControlGroup = sharesControlGroup
    }
}

/// A limit of setrlimit(2). Neither bound: unlimited.
public struct ProcessLimit: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case addressSpace = "RLMT_AS"
        case core = "RLMT_CORE"
        case cpu = "RLMT_CPU"
        case data = "RLMT_DATA"
        case fileSize = "RLMT_FSIZE"
        case locks = "RLMT_LOCKS"
        case lockedMemory = "RLMT_MEMLOCK"
        case messageQueue = "RLMT_MSGQUEUE"
        case nice = "RLMT_NICE"
        case openFiles = "RLMT_NOFILE"
        case processes = "RLMT_NPROC"
        case residentSet = "RLMT_RSS"
        case realtimePriority = "RLMT_RTPRIO"
        case realtimeTime = "RLMT_RTTIME"
        case pendingSignals = "RLMT_SIGPENDING"
        case stack = "RLMT_STACK"
    }
    public var kind: Kind
    public var soft: UInt64?
    public var hard: UInt64?

    public init(_ kind: Kind, soft: UInt64? = nil, hard: UInt64? = nil) {
        self.kind = kind
        self.soft = soft
        self.hard = hard
    }
}

/// A terminal for the container's first process.
public struct Terminal: Hashable, Sendable {
    /// In characters.
    public struct Size: Hashable, Sendable {
        public var rows: UInt32
        public var columns: UInt32

        public init(rows: UInt32, columns: UInt32) {
            self.rows = rows
            self.columns = columns
        }
    }
    public var size: Size?

    public init(size: Size? = nil) {
        self.size = size
    }
}
