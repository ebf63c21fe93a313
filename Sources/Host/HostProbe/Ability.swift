/// What this host can do about one wall or limit.
public struct Ability: Equatable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case enforced
        /// Something weaker stands in its place; `why` says what.
        case weakened
        case unavailable
    }
    public var state: State
    public var why: String?
    /// What would make it enforced.
    public var remedy: String?

    public init(_ state: State, why: String? = nil, remedy: String? = nil) {
        self.state = state
        self.why = why
        self.remedy = remedy
    }

    public static let enforced = Ability(.enforced)
}

/// The walls and limits a host is asked about, by the names users see.
public enum Feature: String, CaseIterable, Sendable, Codable {
    case userNamespaces = "user-namespaces"
    case timeNamespaces = "time-namespaces"
    case detachedMounts = "detached-mounts"
    case idmappedLayers = "idmapped-layers"
    case seccomp
    case deviceFilter = "device-filter"
    case freezer
    case killGroup = "kill-group"
    case memory
    case swap
    case cpu
    case cpuset
    case io
    case pids
    case pressure
    case raiseLimits = "raise-resource-limits"
    case apparmor
    case selinux
    case landlock
    case disk
}

/// Everything a launch decides by. A value: the same host and the same request give the same plan.
public struct HostAbilities: Equatable, Sendable, Codable {
    public var kernel: KernelVersion
    public var groups: ControlGroupLayout
    public var features: [Feature: Ability]
    /// Resource limits of this process: what a container's may not exceed without CAP_SYS_RESOURCE.
    public var hardLimits: [String: UInt64]
    public var capabilities: UInt64
    /// Processors that count how often they were too hot, `cpuN/thermal_throttle`. Nil where none does.
    public var throttleCounters: [Int]?

    public init(
        kernel: KernelVersion, groups: ControlGroupLayout, features: [Feature: Ability], hardLimits: [String: UInt64],
        capabilities: UInt64, throttleCounters: [Int]? = nil
    ) {
        self.kernel = kernel
        self.groups = groups
        self.features = features
        self.hardLimits = hardLimits
        self.capabilities = capabilities
        self.throttleCounters = throttleCounters
    }

    /// Their directories. The counters change with what others on this host do.
    public var throttlePaths: [String] {
        (throttleCounters ?? []).map { "/sys/devices/system/cpu/cpu\($0)/thermal_throttle" }
    }

    public func ability(_ feature: Feature) -> Ability {
        features[feature] ?? Ability(.unavailable, why: "this host was not asked about \(feature.rawValue)")
    }
}

/// Release of the running kernel, uname(2).
public struct KernelVersion: Comparable, Sendable, Codable, CustomStringConvertible {
    public var major: Int
    public var minor: Int
    public var release: String

    /// The first two numbers of a release such as `6.1.0-56-cloud-amd64`; zero where there is none.
    public init(release: String) {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        major = numbers.first ?? 0
        minor = numbers.count > 1 ? numbers[1] : 0
        self.release = release
    }

    public func isAtLeast(_ major: Int, _ minor: Int) -> Bool { (self.major, self.minor) >= (major, minor) }
    public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
    public var description: String { release }
}
