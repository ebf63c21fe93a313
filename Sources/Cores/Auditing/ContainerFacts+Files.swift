/// A line of /proc/PID/mountinfo, proc_pid_mountinfo(5).
public struct MountFacts: Codable, Hashable, Sendable {
    public var id: UInt64
    public var parent: UInt64
    /// `major:minor`.
    public var device: String
    /// What of the file system is shown.
    public var root: String
    public var target: String
    /// Of this mount: `ro`, `nosuid`, …
    public var options: [String]
    /// `shared:1`, `master:2`, …
    public var propagation: [String]
    public var type: String
    public var source: String
    /// Of the file system.
    public var superOptions: [String]
    /// The host path it shows, where the host's own mount table tells; nil when it shows none of the host's.
    public var hostPath: String?

    public init(
        id: UInt64, parent: UInt64, device: String, root: String = "/", target: String, options: [String],
        propagation: [String] = [], type: String, source: String = "none", superOptions: [String] = [],
        hostPath: String? = nil
    ) {
        self.id = id
        self.parent = parent
        self.device = device
        self.root = root
        self.target = target
        self.options = options
        self.propagation = propagation
        self.type = type
        self.source = source
        self.superOptions = superOptions
        self.hostPath = hostPath
    }

    public var isReadOnly: Bool { options.contains("ro") || superOptions.contains("ro") }

    /// File systems in memory or made of layers, of which containers have their own.
    private static let privateTypes: Set = ["tmpfs", "ramfs", "overlay"]

    var isPrivateType: Bool { Self.privateTypes.contains(type) }

    /// A part of such a file system that somebody else made: nobody mounts a part of a file system that is new. It may
    /// be of a mount namespace that is neither the host's nor this one, where no table tells a path. `whole` are the
    /// devices of those that are mounted whole beside it, of which a runtime's masks are parts.
    func isPartOfAnothers(besides whole: Set<String>) -> Bool {
        isPrivateType && root != "/" && target != "/" && !whole.contains(device)
    }
    var text: String { "\(target) \(type) \(options.joined(separator: ","))" }
}

/// What a container meets at one path of /proc or /sys, looked at through /proc/PID/root.
public struct PathFacts: Codable, Hashable, Sendable {
    public enum State: String, Codable, Sendable {
        case absent
        /// The null device, or an empty directory, covers it.
        case masked
        case readOnly = "read-only"
        /// It is the kernel's own and can be read; where its owner may write, written.
        case open
    }
    public enum Wanted: String, Codable, Sendable { case masked, readOnly = "read-only" }
    public var path: String
    public var wanted: Wanted
    public var state: State
    /// What it is, for people: `character device 1:3`, `tmpfs, empty`.
    public var seen: String
    public init(_ path: String, wanted: Wanted, state: State, seen: String) {
        self.path = path
        self.wanted = wanted
        self.state = state
        self.seen = seen
    }
}

/// A device node a container can see.
public struct DeviceFacts: Codable, Hashable, Sendable {
    public var path: String
    /// `c` or `b`.
    public var kind: String
    public var major: UInt32
    public var minor: UInt32
    /// Whether the mount it is on honours device nodes.
    public var isHonoured: Bool
    public init(_ path: String, kind: String, major: UInt32, minor: UInt32, isHonoured: Bool = true) {
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.isHonoured = isHonoured
    }
    var text: String { "\(kind) \(major):\(minor)" }
}

/// The eBPF programs that decide about device nodes in the container's cgroup and above, or version 1's list.
public struct DevicePolicyFacts: Codable, Equatable, Sendable {
    /// Identifiers of the programs in effect.
    public var programs: [UInt32]
    /// Version 1 holds the controller, with a list of its own.
    public var isListed: Bool
    /// What they allow beyond the usual nodes, such as `b 8:0 rwm`; nil when their instructions cannot be judged.
    public var extra: [String]?
    public var source: String
    public init(programs: [UInt32], isListed: Bool = false, extra: [String]?, source: String) {
        self.programs = programs
        self.isListed = isListed
        self.extra = extra
        self.source = source
    }
}

/// A cgroup's files, cgroups(7).
public struct ControlGroupFacts: Codable, Equatable, Sendable {
    public var path: String
    /// By file name: `memory.max`. Absent where the kernel has no such file.
    public var values: [String: String]
    /// The same files of every cgroup above it, nearest first: a limit of a parent holds too.
    public var above: [[String: String]]
    /// Where version 1 has a controller: its cgroup there and those above it, nearest first, controller by controller.
    /// Absent where it has none, and in facts of older programs.
    public var legacy: [LegacyGroupFacts]?
    public init(
        path: String, values: [String: String], above: [[String: String]] = [], legacy: [LegacyGroupFacts]? = nil
    ) {
        self.path = path
        self.values = values
        self.above = above
        self.legacy = legacy
    }

    /// Every directory that holds limits of it, with its files; those of version 1 first, as `values` has some of them.
    var directories: [LegacyGroupFacts] {
        var place = path[...]
        var result = (legacy ?? []) + [LegacyGroupFacts(path: path, values: values)]
        for values in above {
            place = place[..<(place.lastPosition(of: "/") ?? place.startIndex)]
            result.append(LegacyGroupFacts(path: String(place), values: values))
        }
        return result
    }
}

/// A cgroup's directory, and what its files say.
public struct LegacyGroupFacts: Codable, Equatable, Sendable {
    public var path: String
    public var values: [String: String]
    public init(path: String, values: [String: String]) {
        self.path = path
        self.values = values
    }
}

/// An open descriptor, or a directory a process stands in.
public struct DescriptorFacts: Codable, Hashable, Sendable {
    public var process: Int32
    /// `3`, `cwd`, `root`, `map_files/5000-6000`.
    public var name: String
    /// What /proc/PID/fd/N, or a range of /proc/PID/map_files, leads to.
    public var target: String
    /// `directory`, `file`, `device 1:3`, `socket`, `pipe`, `process`, `namespace`, `other`.
    public var kind: String
    /// Of the mount it is on, fdinfo; nil where the kernel does not say.
    public var mount: UInt64?
    /// Whether that mount is one of the container's own mount namespace, or the process or namespace is the
    /// container's; nil when it is not on a mount a path leads to: pipes, sockets, memory.
    public var isInside: Bool?
    /// The thread that has it, where that does not share what its process has, or is all that is left of it.
    public var thread: Int32?

    public init(
        process: Int32, name: String, target: String, kind: String, mount: UInt64? = nil, isInside: Bool? = nil,
        thread: Int32? = nil
    ) {
        self.thread = thread
        self.process = process
        self.name = name
        self.target = target
        self.kind = kind
        self.mount = mount
        self.isInside = isInside
    }
}

/// A socket that waits for connections in the container's network namespace.
public struct ListenerFacts: Codable, Hashable, Sendable {
    /// `tcp`, `tcp6`, `udp`, `udp6`.
    public var transport: String
    public var address: String
    public var port: UInt16
    public init(_ transport: String, address: String, port: UInt16) {
        self.transport = transport
        self.address = address
        self.port = port
    }
}

/// The filters of some threads, read back from the kernel and asked about every call.
public struct FilterFacts: Codable, Equatable, Sendable {
    /// Threads that have exactly these.
    public var threads: [Int32]
    public var isInit: Bool
    /// SHA-256 of each program, newest first, and its number of instructions.
    public var programs: [String]
    public var instructions: [Int]
    /// Names of calls that open the kernel's most dangerous doors and are allowed whatever their arguments.
    public var dangerous: [String]
    /// How many numbers are allowed (whatever their arguments, or for some), by ABI: `x86-64`, `i386`, `x32`.
    public var allowed: [String: Int]
    /// Where the answer differs from what was planned, such as `x86-64 call 41: allow, planned EPERM`. Nil: no plan.
    public var differences: [String]?
    /// How many calls were compared.
    public var compared: Int
    /// Calls that are, with some arguments, handed to a listener: `native call 99`. Absent in facts of older programs.
    public var handed: [String]?
    public init(
        threads: [Int32], isInit: Bool = false, programs: [String], instructions: [Int], dangerous: [String],
        allowed: [String: Int], differences: [String]?, compared: Int, handed: [String]? = nil
    ) {
        self.threads = threads
        self.isInit = isInit
        self.programs = programs
        self.instructions = instructions
        self.dangerous = dangerous
        self.allowed = allowed
        self.differences = differences
        self.compared = compared
        self.handed = handed
    }
}

/// A process that holds the listener of a filter and so answers calls, seccomp_unotify(2).
public struct CallHolderFacts: Codable, Hashable, Sendable {
    public var process: Int32
    /// /proc/PID/comm.
    public var name: String
    public var descriptor: String
    /// Whether it is a process of the container.
    public var isInside: Bool
    public init(process: Int32, name: String, descriptor: String, isInside: Bool) {
        self.process = process
        self.name = name
        self.descriptor = descriptor
        self.isInside = isInside
    }
}

/// What was asked for, as a container's record has it.
public struct DeclaredFacts: Codable, Equatable, Sendable {
    /// `none`, `host`, `container:ID`, …
    public var network: String
    public var capabilities: UInt64
    public var noNewPrivileges: Bool
    /// `standard`, `strict`, `unconfined`, `profile NAME`.
    public var seccomp: String
    public var maskedPaths: [String]
    public var readOnlyPaths: [String]
    public var isReadOnlyRoot: Bool
    /// Host paths of volumes, by target.
    public var volumes: [String: String]
    /// Extra devices, `c 10:200 rwm`.
    public var devices: [String]
    /// Files of the cgroup and what was written to them.
    public var controlGroup: [String: String]
    public var controlGroupPath: String?
    public var userMap: [MappedRange]
    /// Containers it shares namespaces with, because it was asked to.
    public var sharesWith: [String]
    public var ports: [UInt16]
    public var oomScore: Int
    /// Names of resource limits that were given: `nofile`.
    public var resourceLimits: [String]
    /// `sha256:…` of the image's manifest; empty when there is none.
    public var imageDigest: String
    /// What the policy about images said at its launch; nil where nobody asked it.
    public var imageTrust: ImageTrustFacts?
    /// It was asked for by its digest.
    public var isImagePinned: Bool?
    /// Calls that a process on the host was to answer: `mknod`.
    public var emulated: [String]?
    /// Targets of volumes that were made for this container and go with it, as a task's sandbox does.
    public var ownVolumes: [String]?

    public init(
        network: String = "none", capabilities: UInt64 = 0, noNewPrivileges: Bool = true, seccomp: String = "standard",
        maskedPaths: [String] = [], readOnlyPaths: [String] = [], isReadOnlyRoot: Bool = false,
        volumes: [String: String] = [:], devices: [String] = [], controlGroup: [String: String] = [:],
        controlGroupPath: String? = nil, userMap: [MappedRange] = [], sharesWith: [String] = [], ports: [UInt16] = [],
        oomScore: Int = 0, resourceLimits: [String] = [], imageDigest: String = "",
        imageTrust: ImageTrustFacts? = nil, isImagePinned: Bool? = nil,
        emulated: [String]? = nil, ownVolumes: [String]? = nil
    ) {
        self.network = network
        self.capabilities = capabilities
        self.noNewPrivileges = noNewPrivileges
        self.seccomp = seccomp
        self.maskedPaths = maskedPaths
        self.readOnlyPaths = readOnlyPaths
        self.isReadOnlyRoot = isReadOnlyRoot
        self.volumes = volumes
        self.devices = devices
        self.controlGroup = controlGroup
        self.controlGroupPath = controlGroupPath
        self.userMap = userMap
        self.sharesWith = sharesWith
        self.ports = ports
        self.oomScore = oomScore
        self.resourceLimits = resourceLimits
        self.imageDigest = imageDigest
        self.imageTrust = imageTrust
        self.isImagePinned = isImagePinned
        self.emulated = emulated
        self.ownVolumes = ownVolumes
    }
}
