public import Diagnostics

/// What the operator lets tasks of this agent have. Whatever is not allowed here is refused with the flag that would
/// allow it.
public struct LaunchPolicy: Sendable, Hashable {
    public enum WithoutImage: Sendable, Hashable {
        /// The host's programs and libraries, read-only, nothing else of the host.
        case hostTools
        case refuse
        case image(String)
    }

    /// A directory of the host that tasks may have as a volume, with all below it.
    public struct HostPath: Sendable, Hashable {
        public var path: String
        public var isWritable: Bool
        public init(_ path: String, isWritable: Bool = false) {
            self.path = path
            self.isWritable = isWritable
        }
    }

    /// A seccomp profile by the name tasks use for it.
    public struct SeccompProfile: Sendable, Hashable {
        public var name: String
        public var json: String
        public init(name: String, json: String) {
            self.name = name
            self.json = json
        }
    }

    public var withoutImage: WithoutImage
    public var hostPaths: [HostPath]
    public var allowsHostNetwork: Bool
    public var allowsPrivileged: Bool
    public var allowsUnconfined: Bool
    /// Capabilities a task may ask for beyond the default ones.
    public var grantableCapabilities: CapabilitySet
    public var seccompProfiles: [SeccompProfile]
    /// Limits this host cannot hold, `cpu`, `memory`, `pids`: the host probe says.
    public var unenforceable: [String]
    /// Whether a task is launched without a limit the host cannot hold; otherwise it is refused.
    public var allowsUnenforced: Bool
    /// Disk that each of a container's two log files may take.
    public var logBytesMax: UInt64
    /// Where a container finds its sandbox.
    public var sandboxTarget: String
    /// `NAME`, `value`: for every executor.
    public var executorEnvironment: [(name: String, value: String)] {
        environment.map { ($0.name, $0.value) }
    }
    private var environment: [Variable]
    /// `/dev/shm` of a container that does not say.
    public var sharedMemoryBytes: UInt64
    /// Where the executor API answers inside an executor's container.
    public var executorPort: UInt16
    /// Whether a task is held to its disk resource: its container's own files and its sandbox together.
    public var limitsDisk: Bool

    private struct Variable: Sendable, Hashable {
        var name: String
        var value: String
    }

    public init(
        withoutImage: WithoutImage = .hostTools, hostPaths: [HostPath] = [], allowsHostNetwork: Bool = false,
        allowsPrivileged: Bool = false, allowsUnconfined: Bool = false, grantableCapabilities: CapabilitySet = [],
        seccompProfiles: [SeccompProfile] = [], unenforceable: [String] = [], allowsUnenforced: Bool = false,
        logBytesMax: UInt64 = 256 << 20, sandboxTarget: String = "/mnt/mesos/sandbox",
        executorEnvironment: KeyValuePairs<String, String> = [:], sharedMemoryBytes: UInt64 = 64 << 20,
        executorPort: UInt16 = 5051, limitsDisk: Bool = false
    ) {
        self.limitsDisk = limitsDisk
        self.withoutImage = withoutImage
        self.hostPaths = hostPaths
        self.allowsHostNetwork = allowsHostNetwork
        self.allowsPrivileged = allowsPrivileged
        self.allowsUnconfined = allowsUnconfined
        self.grantableCapabilities = grantableCapabilities
        self.seccompProfiles = seccompProfiles
        self.unenforceable = unenforceable
        self.allowsUnenforced = allowsUnenforced
        self.logBytesMax = logBytesMax
        self.sandboxTarget = sandboxTarget
        self.environment = executorEnvironment.map { Variable(name: $0.key, value: $0.value) }
        self.sharedMemoryBytes = sharedMemoryBytes
        self.executorPort = executorPort
    }
}
