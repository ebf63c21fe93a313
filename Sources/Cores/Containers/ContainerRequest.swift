/// A container as it is asked for, after image configuration and flags have been merged: every value is decided,
/// nothing is looked up any more.
public struct ContainerRequest: Equatable, Sendable, Codable {
    public var id: ContainerID
    /// What a person calls it; unique among the containers of a host.
    public var name: String
    public var image: ImageIdentity
    public var process: ProcessRequest
    public var isolation: IsolationRequest
    public var limits: ContainerLimits
    public var volumes: [VolumeRequest]
    public var temporaryFilesystems: [TemporaryFilesystem]
    public var labels: [String: String]
    /// Signal that asks the task to stop.
    public var stopSignal: Int32
    /// Remove the container's record and files as soon as it has ended.
    public var removeAtEnd: Bool
    /// Files its output goes to instead of the log. Absent in records of older programs, as is all below.
    public var output: OutputFile?
    public var error: OutputFile?
    /// No task: it only holds the namespaces that others join.
    public var holdsOnly: Bool?
    /// The container it is destroyed with.
    public var parent: ContainerID?
    public var secrets: [SecretRequest]?

    public init(
        id: ContainerID, name: String, image: ImageIdentity, process: ProcessRequest,
        isolation: IsolationRequest = IsolationRequest(), limits: ContainerLimits = ContainerLimits(),
        volumes: [VolumeRequest] = [], temporaryFilesystems: [TemporaryFilesystem] = [],
        labels: [String: String] = [:], stopSignal: Int32 = 15, removeAtEnd: Bool = false,
        output: OutputFile? = nil, error: OutputFile? = nil, holdsOnly: Bool? = nil, parent: ContainerID? = nil,
        secrets: [SecretRequest]? = nil
    ) {
        self.id = id
        self.name = name
        self.image = image
        self.process = process
        self.isolation = isolation
        self.limits = limits
        self.volumes = volumes
        self.temporaryFilesystems = temporaryFilesystems
        self.labels = labels
        self.stopSignal = stopSignal
        self.removeAtEnd = removeAtEnd
        self.output = output
        self.error = error
        self.holdsOnly = holdsOnly
        self.parent = parent
        self.secrets = secrets
    }

    /// As it is after it has been written down and read again.
    public var withoutSecretValues: ContainerRequest {
        var copy = self
        copy.secrets = secrets?.map(\.withoutValue)
        return copy
    }
}

/// Which image a container was made from.
public struct ImageIdentity: Equatable, Sendable, Codable {
    public var reference: String
    /// `sha256:…` of the manifest.
    public var digest: String
    /// Why it was let through. Absent in records of older programs, and without an image of the store's.
    public var trust: ImageTrust?
    public init(reference: String, digest: String, trust: ImageTrust? = nil) {
        self.reference = reference
        self.digest = digest
        self.trust = trust
    }
}

/// The program of a container, or of an exec into one.
public struct ProcessRequest: Equatable, Sendable, Codable {
    public var arguments: [String]
    /// `NAME=value`, in order; a later one does not hide an earlier one, so names are unique.
    public var environment: [String]
    public var workingDirectory: String
    public var uid: UInt32
    public var gid: UInt32
    public var groups: [UInt32]
    public var terminal: TerminalRequest?
    /// Standard input stays open and is the caller's; otherwise it is /dev/null.
    public var interactive: Bool

    public init(
        arguments: [String], environment: [String], workingDirectory: String = "/", uid: UInt32 = 0, gid: UInt32 = 0,
        groups: [UInt32] = [], terminal: TerminalRequest? = nil, interactive: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.terminal = terminal
        self.interactive = interactive
    }
}

public struct TerminalRequest: Equatable, Sendable, Codable {
    public var rows: UInt32
    public var columns: UInt32
    public init(rows: UInt32 = 24, columns: UInt32 = 80) {
        self.rows = rows
        self.columns = columns
    }
}

/// A host directory or file shown to the container.
public struct VolumeRequest: Equatable, Sendable, Codable {
    public var source: String
    public var target: String
    /// The source is a file (or a socket), not a directory.
    public var isFile: Bool
    public var readOnly: Bool
    public var noExecute: Bool
    /// Owners on the host are shown through the container's id maps: host root is root inside.
    public var mapped: Bool
    /// What is written there counts against the container's disk limits, as its own files do.
    public var countsAsOwn: Bool?
    /// The directory at or above the source that it may not leave, whatever links are on the way: a container that may
    /// write there could otherwise have the next one shown any place of the host. Nil: links lead where they lead.
    public var confinedTo: String?
    public init(
        source: String, target: String, isFile: Bool = false, readOnly: Bool = false, noExecute: Bool = false,
        mapped: Bool = true, countsAsOwn: Bool? = nil, confinedTo: String? = nil
    ) {
        self.source = source
        self.target = target
        self.isFile = isFile
        self.readOnly = readOnly
        self.noExecute = noExecute
        self.mapped = mapped
        self.countsAsOwn = countsAsOwn
        self.confinedTo = confinedTo
    }
}

/// A file system in memory, counted in the container's memory limit.
public struct TemporaryFilesystem: Equatable, Sendable, Codable {
    public var target: String
    public var bytesMax: UInt64?
    public var mode: UInt32
    public var readOnly: Bool
    public var execute: Bool

    /// Of one whose size nobody gave, as /dev/shm has it: the kernel would allow half of the machine's memory.
    public static let usualBytesMax: UInt64 = 64 << 20

    /// Bytes that its files may hold. Never 0, which the kernel takes for all there is.
    public var limit: UInt64 { max(1, bytesMax ?? Self.usualBytesMax) }

    public init(
        target: String, bytesMax: UInt64? = nil, mode: UInt32 = 0o1777, readOnly: Bool = false, execute: Bool = false
    ) {
        self.target = target
        self.bytesMax = bytesMax
        self.mode = mode
        self.readOnly = readOnly
        self.execute = execute
    }
}
