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

    /// Devices that are given out whole, each to one container at a time, as a resource of this name.
    public struct DeviceResource: Sendable, Hashable {
        public var resource: String
        /// `vendor.com/class=name`, in the order in which they are given out.
        public var devices: [String]
        public init(_ resource: String, devices: [String]) {
            self.resource = resource
            self.devices = devices
        }
    }

    /// A device that tasks may ask for by its name, all of them at once.
    public struct Device: Sendable, Hashable {
        /// A node's path on the host, `vendor.com/class=name`, or `vendor.com/class` for all of a kind.
        public var name: String
        /// What may be done with a node, of `r` and `w`.
        public var access: String
        public init(_ name: String, access: String = "rw") {
            self.name = name
            self.access = access
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
    public var deviceResources: [DeviceResource]
    public var devices: [Device]
    /// Profiles of AppArmor, loaded on this host, that a task may choose.
    public var appArmorProfiles: [String]

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
        executorPort: UInt16 = 5051, limitsDisk: Bool = false, deviceResources: [DeviceResource] = [],
        devices: [Device] = [], appArmorProfiles: [String] = []
    ) {
        self.limitsDisk = limitsDisk
        self.deviceResources = deviceResources
        self.devices = devices
        self.appArmorProfiles = appArmorProfiles
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
