/// A container as an agent asks any containerizer for it: before images are looked up and before anything is leased. A
/// value that can be written down and compared after a restart.
public struct ContainerLaunch: Equatable, Sendable, Codable {
    /// What it runs, and of what its root file system is made.
    public enum Root: Equatable, Sendable, Codable {
        /// An image of the containerizer's own store, by name, `name@sha256:…` or id.
        case image(String)
        /// The host's programs and libraries, read-only, and nothing else of the host.
        case hostTools
        /// Directories of unpacked layers, lowest first, and no image configuration.
        case layers([String])
    }

    public enum Program: Equatable, Sendable, Codable {
        /// `/bin/sh -c line`.
        case shell(String)
        /// `path` with `arguments` after the first, which is the program's own name. Without a path: the image's
        /// entrypoint with `arguments` instead of its command, or its command's program with them.
        case execute(path: String?, arguments: [String])
        /// The image's entrypoint, if it has one, with these instead of its command, as other engines have it.
        case arguments([String])
        /// No task: the container only holds what its children join. Ends when it is killed or destroyed.
        case hold
    }

    public var id: ContainerID
    /// Destroyed with it. Must be running.
    public var parent: ContainerID?
    public var root: Root
    public var program: Program
    /// `NAME=value`; over the image's own.
    public var environment: [String]
    /// `user[:group]`, names or numbers by the image's accounts; nil: the image's, else root.
    public var user: String?
    /// Nil: the image's, else `fallbackDirectory`.
    public var workingDirectory: String?
    /// Where it starts when neither this nor the image says; nil: /. A containerizer whose engine knows nothing of the
    /// kind leaves it at what the engine does.
    public var fallbackDirectory: String?
    public var limits: ContainerLimits
    public var volumes: [VolumeRequest]
    public var temporaryFilesystems: [TemporaryFilesystem]
    public var terminal: TerminalRequest?
    /// Somebody will write to it: its standard input stays open. Without it is empty.
    public var interactive: Bool
    /// Files the output is written to, whatever becomes of the agent. With a terminal everything goes to `output`.
    public var output: OutputFile?
    public var error: OutputFile?
    /// Identities and capabilities of this value do not count: they are decided here, see `addedCapabilities`. An empty
    /// host name becomes the beginning of the id.
    public var isolation: IsolationRequest
    /// `NET_ADMIN` or `ALL`, as Docker has them.
    public var addedCapabilities: [String]
    public var droppedCapabilities: [String]
    public var labels: [String: String]
    /// Signal that asks the task to stop; nil: the image's, else TERM.
    public var stopSignal: Int32?
    /// A socket listens on 127.0.0.1 at this port of the container's network before the task runs, see `listen`.
    public var endpointPort: UInt16?
    /// Values are never written down; whoever launches looks references up.
    public var secrets: [SecretRequest]?
    /// Devices of the host that whoever launches looks up first; what they bring is then in the rest of this value.
    public var devices: [DeviceOrder]?
    /// Groups of the task beside its user's.
    public var groups: [UInt32]?

    public init(
        id: ContainerID, parent: ContainerID? = nil, root: Root, program: Program, environment: [String] = [],
        user: String? = nil, workingDirectory: String? = nil, fallbackDirectory: String? = nil,
        limits: ContainerLimits = ContainerLimits(), volumes: [VolumeRequest] = [],
        temporaryFilesystems: [TemporaryFilesystem] = [],
        terminal: TerminalRequest? = nil, interactive: Bool = false, output: OutputFile? = nil,
        error: OutputFile? = nil, isolation: IsolationRequest = IsolationRequest(hostname: ""),
        addedCapabilities: [String] = [], droppedCapabilities: [String] = [], labels: [String: String] = [:],
        stopSignal: Int32? = nil, endpointPort: UInt16? = nil, secrets: [SecretRequest]? = nil,
        devices: [DeviceOrder]? = nil, groups: [UInt32]? = nil
    ) {
        self.id = id
        self.parent = parent
        self.root = root
        self.program = program
        self.environment = environment
        self.user = user
        self.workingDirectory = workingDirectory
        self.fallbackDirectory = fallbackDirectory
        self.limits = limits
        self.volumes = volumes
        self.temporaryFilesystems = temporaryFilesystems
        self.terminal = terminal
        self.interactive = interactive
        self.output = output
        self.error = error
        self.isolation = isolation
        self.addedCapabilities = addedCapabilities
        self.droppedCapabilities = droppedCapabilities
        self.labels = labels
        self.stopSignal = stopSignal
        self.endpointPort = endpointPort
        self.secrets = secrets
        self.devices = devices
        self.groups = groups
    }

    /// As it is after it has been written down and read again.
    public var withoutSecretValues: ContainerLaunch {
        var copy = self
        copy.secrets = secrets?.map(\.withoutValue)
        return copy
    }
}

/// A regular file of the host that a container's output is appended to.
public struct OutputFile: Equatable, Sendable, Codable {
    /// Absolute. Made when it is not there; its directory must be.
    public var path: String
    /// The disk space it may take, bytes. Beyond that the oldest part is given back as a hole: positions in the file
    /// never change. Nil: no limit.
    public var bytesMax: UInt64?
    /// The directory above it that links on the way may not lead out of; nil: they lead where they lead.
    public var confinedTo: String?
    public init(path: String, bytesMax: UInt64? = nil, confinedTo: String? = nil) {
        self.path = path
        self.bytesMax = bytesMax
        self.confinedTo = confinedTo
    }
}

/// One more process for a running container.
public struct ExecRequest: Equatable, Sendable {
    /// The program, found in PATH when it has no `/`, and its arguments.
    public var arguments: [String]
    /// `NAME=value`; over the container's own.
    public var environment: [String]
    /// Nil: the container's.
    public var user: String?
    public var workingDirectory: String?
    public var terminal: TerminalRequest?
    public var interactive: Bool
    public init(
        arguments: [String], environment: [String] = [], user: String? = nil, workingDirectory: String? = nil,
        terminal: TerminalRequest? = nil, interactive: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.user = user
        self.workingDirectory = workingDirectory
        self.terminal = terminal
        self.interactive = interactive
    }
}
