public import SeccompFormat

/// The walls a container is asked to have. The defaults are Docs/SECURITY.md's; every weaker value is an exception the
/// user asked for.
public struct IsolationRequest: Equatable, Sendable, Codable {
    public enum Network: Equatable, Sendable, Codable {
        /// A network namespace with a loopback interface only.
        case none
        /// The host's network: no wall there.
        case host
        /// The network and the shared memory of another container, which must run. Its user namespace is shared as
        /// well, see Docs/Decisions/0042.
        case container(ContainerID)
        /// An interface on a bridge of this host, with addresses of its own.
        case bridge(BridgeRequest)
        /// Whatever the plugins of a Container Network Interface list give it.
        case plugins(PluginRequest)
    }

    public enum Seccomp: Equatable, Sendable, Codable {
        case standard
        /// Without ptrace and process_vm_*.
        case strict
        case unconfined
        /// A Docker or OCI profile, its JSON text.
        case profile(name: String, json: String)
    }

    public enum ProcView: String, Sendable, Codable {
        /// Everything but the masked paths.
        case masked
        /// Processes only (`subset=pid`).
        case processes
    }

    public var network: Network
    /// Host ids the container's ids 0 to count-1 are.
    public var identities: IdentityRange
    /// Capabilities the task may ever hold; none for a user other than root unless asked for.
    public var capabilities: UInt64
    public var noNewPrivileges: Bool
    public var seccomp: Seccomp
    public var hostname: String
    public var domainname: String?
    /// Lines for /etc/hosts beyond the standard ones, `address name`.
    public var extraHosts: [String]
    public var nameServers: [String]
    public var readOnlyRoot: Bool
    public var procView: ProcView
    public var maskedPaths: [String]
    public var readOnlyPaths: [String]
    public var sysctls: [String: String]
    public var resourceLimits: [NamedLimit]
    public var oomScore: Int32
    public var sharedMemoryBytes: UInt64
    /// Extra device nodes by host path; the default ones are always there.
    public var devices: [DeviceRequest]
    /// Of those, the ones that may be given although they open the host, by their path in the container or `b` and `c`
    /// with their numbers (`c 1:11`).
    public var allowedDevices: [String]?
    /// Label of SELinux the task runs under, and the one its own files have.
    public var securityLabel: String?
    public var mountLabel: String?
    /// What AppArmor holds the task to.
    public var appArmor: AppArmorChoice?
    /// Calls that a process of ours answers for it; none when nothing is said.
    public var emulated: [EmulatedCall]?
    /// Process 1 is our init, the task its child; otherwise the task is process 1.
    public var hasInit: Bool
    /// Limits the user accepts to go without where this host cannot enforce them.
    public var allowedUnenforced: [String]

    /// Network and memory are another container's.
    public var sharesWithContainer: Bool {
        if case .container = network { true } else { false }
    }

    public init(
        network: Network = .none, identities: IdentityRange = IdentityRange(base: 0, count: 0),
        capabilities: UInt64 = 0, noNewPrivileges: Bool = true, seccomp: Seccomp = .standard,
        hostname: String = "container", domainname: String? = nil, extraHosts: [String] = [],
        nameServers: [String] = [], readOnlyRoot: Bool = false, procView: ProcView = .masked,
        maskedPaths: [String] = DefaultPaths.masked, readOnlyPaths: [String] = DefaultPaths.readOnly,
        sysctls: [String: String] = [:], resourceLimits: [NamedLimit] = [], oomScore: Int32 = 0,
        sharedMemoryBytes: UInt64 = 64 << 20, devices: [DeviceRequest] = [], hasInit: Bool = true,
        allowedUnenforced: [String] = []
    ) {
        self.network = network
        self.identities = identities
        self.capabilities = capabilities
        self.noNewPrivileges = noNewPrivileges
        self.seccomp = seccomp
        self.hostname = hostname
        self.domainname = domainname
        self.extraHosts = extraHosts
        self.nameServers = nameServers
        self.readOnlyRoot = readOnlyRoot
        self.procView = procView
        self.maskedPaths = maskedPaths
        self.readOnlyPaths = readOnlyPaths
        self.sysctls = sysctls
        self.resourceLimits = resourceLimits
        self.oomScore = oomScore
        self.sharedMemoryBytes = sharedMemoryBytes
        self.devices = devices
        self.hasInit = hasInit
        self.allowedUnenforced = allowedUnenforced
    }
}

/// Which AppArmor profile a task runs under.
public enum AppArmorChoice: Equatable, Sendable, Codable {
    /// The one made here, where the host has AppArmor. The same as nothing said.
    case standard
    /// One the operator has loaded, by its name.
    case named(String)
    case unconfined
}

/// A resource limit by its name in ulimit(1) and setrlimit(2), lower case: `nofile`. Nil is no limit.
public struct NamedLimit: Hashable, Sendable, Codable {
    public var name: String
    public var soft: UInt64?
    public var hard: UInt64?
    public init(name: String, soft: UInt64?, hard: UInt64?) {
        self.name = name
        self.soft = soft
        self.hard = hard
    }
}

public struct DeviceRequest: Hashable, Sendable, Codable {
    public var path: String
    public var kind: String  // "c" or "b"
    public var major: UInt32
    public var minor: UInt32
    /// Of `r`, `w`, `m`.
    public var access: String
    /// Permission bits of the node; nil: 0666, as the device program says who may do what.
    public var mode: UInt32?
    public init(
        path: String, kind: String, major: UInt32, minor: UInt32, access: String, mode: UInt32? = nil
    ) {
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
        self.mode = mode
    }
}

/// Paths of /proc and /sys a container does not see or cannot write. Docs/SECURITY.md has the reason for each.
public enum DefaultPaths {
    /// Temperatures. Where it is masked, so are the processors' counters of having been too hot.
    public static let heat = "/sys/devices/virtual/thermal"
    public static let masked = [
        "/proc/acpi", "/proc/asound", "/proc/config.gz", "/proc/diskstats", "/proc/interrupts", "/proc/iomem",
        "/proc/ioports", "/proc/kallsyms", "/proc/kcore", "/proc/key-users", "/proc/keys", "/proc/kmsg",
        "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags", "/proc/latency_stats", "/proc/mdstat",
        "/proc/modules", "/proc/pagetypeinfo", "/proc/sched_debug", "/proc/scsi", "/proc/slabinfo", "/proc/softirqs",
        "/proc/swaps", "/proc/timer_list", "/proc/timer_stats", "/proc/vmallocinfo", "/proc/zoneinfo",
        "/sys/block", "/sys/bus", "/sys/class/block", "/sys/dev/block", "/sys/devices/virtual/dmi",
        "/sys/devices/virtual/powercap", heat, "/sys/firmware", "/sys/fs/selinux",
        "/sys/hypervisor", "/sys/kernel", "/sys/module", "/sys/power",
    ]
    public static let readOnly = [
        "/proc/bus", "/proc/dynamic_debug", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]
}
