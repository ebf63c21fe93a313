/// The name under which a plan refers to a descriptor that is opened only when the plan is carried out, such as
/// `root`, `volume:/data` or `exit-record`. What it stands for is in `LaunchPlan.descriptors`.
public struct DescriptorName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public init(stringLiteral value: String) { text = value }
    public var description: String { text }
}

/// One thing the launcher does, in the container's namespaces, before the task runs. Each case is one `BH_` operation
/// of `Sources/Launcher/include/plan.h`, where its exact effect is written down; the launcher decides nothing.
public enum Step: Equatable, Sendable {
    case join(DescriptorName, types: NamespaceSet)
    case unshare(NamespaceSet)
    case becomeRoot
    case beginSession(parentDeathSignal: UInt32)
    case setUmask(UInt32)
    case propagation(MountPropagation)
    case attachRoot(tree: DescriptorName, anchor: String)
    case mount(type: String, target: String, attributes: MountAttributes, resolve: TargetRules, options: [String])
    case attach(tree: DescriptorName, target: String, kind: TargetKind, resolve: TargetRules)
    case sealPath(String, attributes: MountAttributes, resolve: TargetRules)
    case mask(String, with: DescriptorName)
    case makeDirectory(String, mode: UInt32, uid: UInt32, gid: UInt32)
    case rootAttributes(set: MountAttributes, clear: MountAttributes, recursive: Bool)
    case enterRoot
    case setHostname(String)
    case setDomainname(String)
    case sysctl(name: String, value: String)
    case limit(ResourceLimit)
    case loopbackUp
    case newKeyring
    case divide(Division)
    case terminal(rows: UInt32, columns: UInt32, uid: UInt32, gid: UInt32)
    case standardStreams(input: DescriptorName?, output: DescriptorName?, error: DescriptorName?)
    case credentials(Credentials)
    case noNewPrivileges
    case workingDirectory(String)
    /// The plan's first `keep` descriptors stay, as 3, 4 and so on, but for the gaps among these numbers.
    case closeDescriptors(keep: UInt32, gaps: [UInt32] = [])
    case installFilter(flags: UInt32, program: FilterProgram)
    case execute(arguments: [String], environment: [String])
    // What only a bundle of the OCI runtime specification asks for, but for `setAttributes`.
    case setPropagation(String, MountPropagation, recursive: Bool)
    /// Also of a file system in memory that becomes read-only when what is below it has been mounted.
    case setAttributes(String, set: MountAttributes, clear: MountAttributes, recursive: Bool)
    case makeNode(NodeRequest)
    case makeLink(String, destination: String)
    case runHook(HookRequest)
    case awaitStart(listener: DescriptorName)
    case bindConsole
    case schedule(SchedulingRequest)
    case ioPriority(UInt32)
    case personality(UInt64)
    /// The mode of set_mempolicy(2) with its flags, and the nodes it is about, a bit each.
    case memoryPolicy(mode: UInt32, nodes: [UInt64])
    /// A mount of the host's, taken away before the root is changed to.
    case detach(String)
    /// The working directory, entered while the launcher may go anywhere; where it may not, the task's user has to.
    case enterDirectory(String)
    case findProgram(arguments: [String], environment: [String])
    case changeRoot
    /// Where others live in the mount namespace too: the root of this process alone becomes what was attached, or the
    /// directory.
    case takeRoot(DescriptorName?)
    case ownStreams(uid: UInt32, gid: UInt32)
    case listeningFilter(flags: UInt32, program: FilterProgram)
    case setLabel(file: String, value: String)
    /// From here on only what is below these paths can be changed, and devices be written.
    case confineWrites(to: [String])
    /// Instead of an execution, the end of an errand in a container that runs.
    case placeDevice(DevicePlacement)
}

/// How a target inside the root is found. `create` makes what is missing, `noLinks` refuses any symbolic link on the
/// way, `optional` skips an absent target.
public struct TargetRules: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let create = TargetRules(rawValue: 1)
    public static let noLinks = TargetRules(rawValue: 2)
    public static let optional = TargetRules(rawValue: 4)
    /// Of a mount: what is in the target is copied into the new file system first.
    public static let copying = TargetRules(rawValue: 8)
    /// Of an attached tree: a symbolic link at the end is the target, not what it leads to.
    public static let linkItself = TargetRules(rawValue: 16)
    /// Of a mount: the new file system has the permissions of the directory it covers.
    public static let keepsMode = TargetRules(rawValue: 32)
}

public enum TargetKind: UInt32, Sendable {
    case directory = 0
    case file = 1
}

/// Mount attributes of mount_setattr(2), by their kernel values.
public struct MountAttributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = MountAttributes(rawValue: 0x1)
    public static let noSetuid = MountAttributes(rawValue: 0x2)
    public static let noDevices = MountAttributes(rawValue: 0x4)
    public static let noExecute = MountAttributes(rawValue: 0x8)
    public static let noAccessTime = MountAttributes(rawValue: 0x10)
    public static let strictAccessTime = MountAttributes(rawValue: 0x20)
    public static let noDirectoryAccessTime = MountAttributes(rawValue: 0x80)
    /// The bits of the three ways to note an access; none of them set is `relatime`.
    public static let accessTimes = MountAttributes(rawValue: 0x70)
    public static let noLinkFollow = MountAttributes(rawValue: 0x20_0000)
}

public enum MountPropagation: UInt64, Sendable {
    case `private` = 0x4_0000
    case slave = 0x8_0000
    case shared = 0x10_0000
    case unbindable = 0x2_0000
}

/// Namespaces by their clone(2) flags.
public struct NamespaceSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let time = NamespaceSet(rawValue: 0x80)
    public static let mount = NamespaceSet(rawValue: 0x2_0000)
    public static let cgroup = NamespaceSet(rawValue: 0x200_0000)
    public static let uts = NamespaceSet(rawValue: 0x400_0000)
    public static let ipc = NamespaceSet(rawValue: 0x800_0000)
    public static let user = NamespaceSet(rawValue: 0x1000_0000)
    public static let pid = NamespaceSet(rawValue: 0x2000_0000)
    public static let network = NamespaceSet(rawValue: 0x4000_0000)

    /// Every kind with the name it has below /proc/PID/ns, in a fixed order.
    public static let named: [(name: String, set: NamespaceSet)] = [
        ("user", .user), ("mnt", .mount), ("pid", .pid), ("net", .network), ("ipc", .ipc), ("uts", .uts),
        ("cgroup", .cgroup), ("time", .time),
    ]
}

/// A limit of getrlimit(2); `UInt64.max` is RLIM_INFINITY.
public struct ResourceLimit: Hashable, Sendable {
    public var resource: UInt32
    public var soft: UInt64
    public var hard: UInt64
    public init(resource: UInt32, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}

/// Who the task is, credentials(7) and capabilities(7); the masks are bit sets by capability number.
public struct Credentials: Equatable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    public var groups: [UInt32]
    public var bounding: UInt64
    public var effective: UInt64
    public var permitted: UInt64
    public var inheritable: UInt64
    public var ambient: UInt64
    public init(
        uid: UInt32, gid: UInt32, groups: [UInt32], bounding: UInt64, effective: UInt64, permitted: UInt64,
        inheritable: UInt64, ambient: UInt64
    ) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.bounding = bounding
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable
        self.ambient = ambient
    }
}

/// The fork after which the parent is the container's init and the child goes on to become the task.
public struct Division: Equatable, Sendable {
    /// We are process 1 of a new pid namespace.
    public var isInit: Bool
    /// Init copies the task's output to the log and to the sinks.
    public var pumps: Bool
    public var hasTerminal: Bool
    public var exitRecord: DescriptorName?
    public var logs: [DescriptorName]
    /// Size at which one of the two log files is full.
    public var logBytesMax: UInt64
    public var outputSink: DescriptorName?
    public var errorSink: DescriptorName?
    /// Newest bytes that a sink which is a regular file keeps; 0: all.
    public var outputBytesMax: UInt64
    public var errorBytesMax: UInt64
    /// No task: init only holds the namespaces. The steps that follow are not carried out.
    public var holds: Bool
    /// The filter init itself runs under.
    public var initFilter: FilterProgram
    public init(
        isInit: Bool, pumps: Bool, hasTerminal: Bool, exitRecord: DescriptorName?, logs: [DescriptorName],
        logBytesMax: UInt64, outputSink: DescriptorName?, errorSink: DescriptorName?, initFilter: FilterProgram,
        outputBytesMax: UInt64 = 0, errorBytesMax: UInt64 = 0, holds: Bool = false
    ) {
        self.isInit = isInit
        self.pumps = pumps
        self.hasTerminal = hasTerminal
        self.exitRecord = exitRecord
        self.logs = logs
        self.logBytesMax = logBytesMax
        self.outputSink = outputSink
        self.errorSink = errorSink
        self.initFilter = initFilter
        self.outputBytesMax = outputBytesMax
        self.errorBytesMax = errorBytesMax
        self.holds = holds
    }
}

/// A compiled seccomp program: an array of `struct sock_filter`, 8 bytes each, as seccomp(2) takes it.
public struct FilterProgram: Equatable, Sendable {
    public var bytes: [UInt8]
    /// What the program was compiled from, for people: `default`, `unconfined`, a path.
    public var name: String
    public init(bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }
    public static let none = FilterProgram(bytes: [], name: "none")
    public var instructionCount: Int { bytes.count / 8 }
}
