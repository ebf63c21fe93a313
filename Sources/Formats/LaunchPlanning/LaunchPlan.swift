public import Diagnostics
public import OrderedCollections

/// A launch as a value: what the process is born with, what is opened for it, and what the launcher then does.
///
/// It can be printed (`explain`), compared and tested without starting anything. It is made by `PlanBuilder`, carried
/// out by the containerizer (descriptors, spawn) and the launcher (steps).
public struct LaunchPlan: Equatable, Sendable {
    public var spawn: SpawnOptions
    /// In the order in which the launcher gets them, from `BH_FIRST_PLAN_DESCRIPTOR` on.
    public var descriptors: OrderedDictionary<DescriptorName, DescriptorSource>
    public var steps: [PlannedStep]
    public init(
        spawn: SpawnOptions, descriptors: OrderedDictionary<DescriptorName, DescriptorSource>, steps: [PlannedStep]
    ) {
        self.spawn = spawn
        self.descriptors = descriptors
        self.steps = steps
    }

    /// What SELinux takes the files for that are made for the container, as those of its root; nil: each for what it
    /// says itself.
    public var mountLabel: String? {
        for case .rootTree(let tree) in descriptors.values { return tree.label }
        return nil
    }
}

/// A step with the reason a person is given when it fails or is explained.
public struct PlannedStep: Equatable, Sendable {
    public var stage: Stage
    /// The isolator that asked for it.
    public var isolator: String
    public var step: Step
    public init(stage: Stage, isolator: String, step: Step) {
        self.stage = stage
        self.isolator = isolator
        self.step = step
    }
}

/// When a step runs. The order of the cases is the order of the launch; within a stage the isolators' order holds.
public enum Stage: Int, CaseIterable, Comparable, Sendable {
    case join            // enter namespaces that exist already
    case becomeRoot      // root of the new user namespace
    case separate        // without an init: leave the pid namespace's creator behind as the monitor
    case session         // session, parent death, umask
    case root            // the root file system attached, privately
    case kernelFilesystems  // /proc /sys /dev
    case volumes         // what the user asked to see
    case paths           // masked and read-only paths, generated files
    case hooks           // those of a bundle that run in the container but see the host's files
    case enterRoot
    case identity        // host name, sysctls, keyring
    case network         // loopback
    case divide          // fork: init stays behind
    case resources       // rlimits: the task's alone, init must survive a limit the task runs into
    case terminal        // standard streams
    case credentials     // user, groups, capabilities
    case workingDirectory
    case noNewPrivileges
    case hold            // a bundle's process is created, and waits to be started
    case closeDescriptors
    case filter          // seccomp last
    case execute

    public static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
}

/// What clone3(2) gives the process before its first instruction, and what is done to it before it is released.
public struct SpawnOptions: Equatable, Sendable {
    public var namespaces: NamespaceSet
    /// Namespaces of another container it is born in.
    public var joined: NamespaceSet
    /// Empty when no user namespace is made.
    public var userMap: [IDMapping]
    public var groupMap: [IDMapping]
    /// Text for /proc/self/timens_offsets, or nil.
    public var timeOffsets: String?
    /// Born in the container's cgroup (CLONE_INTO_CGROUP).
    public var inControlGroup: Bool
    /// Namespaces it is born in by their files; none of time, which has to be entered by the process itself.
    public var joinedFiles: [NamespaceFile] = []
    /// What is written to its oom_score_adj from outside, proc_pid_oom_score_adj(5): it cannot do that itself, as the
    /// files of a process that is not dumpable belong to the host's root. Init has the same as the task.
    public var memoryScore: Int32?
    public init(
        namespaces: NamespaceSet, joined: NamespaceSet = [], userMap: [IDMapping], groupMap: [IDMapping],
        timeOffsets: String? = nil, inControlGroup: Bool
    ) {
        self.namespaces = namespaces
        self.joined = joined
        self.userMap = userMap
        self.groupMap = groupMap
        self.timeOffsets = timeOffsets
        self.inControlGroup = inControlGroup
    }
}

/// A namespace by the file that stands for it, namespaces(7).
public struct NamespaceFile: Hashable, Sendable {
    public var kind: NamespaceSet
    public var path: String
    public init(kind: NamespaceSet, path: String) {
        self.kind = kind
        self.path = path
    }
}

/// One line of /proc/PID/uid_map, user_namespaces(7).
public struct IDMapping: Hashable, Sendable {
    public var inside: UInt32
    public var outside: UInt32
    public var count: UInt32
    public init(inside: UInt32, outside: UInt32, count: UInt32) {
        self.inside = inside
        self.outside = outside
        self.count = count
    }

    /// What the kernel shows inside for an owner that has no id there, /proc/sys/kernel/overflowuid.
    public static let overflow: UInt32 = 65_534

    /// The host's id for one inside; nil when it is not mapped. An image and a request say which id, so nothing else
    /// adds one to where the host's ids begin: the sum may be another container's.
    public func hostID(of inside: UInt32) -> UInt32? {
        guard inside >= self.inside, inside - self.inside < count else { return nil }
        let (host, overflow) = outside.addingReportingOverflow(inside - self.inside)
        return overflow ? nil : host
    }
}

/// What is behind a descriptor of the plan, as a value; the containerizer opens it just before the launch.
public enum DescriptorSource: Equatable, Sendable {
    /// The assembled root file system, a detached mount.
    case rootTree(RootTree)
    /// A detached copy of what is mounted at a host path, with attributes set; mapped through the container's user
    /// namespace when `mapped`.
    /// `beneath`: the directory at or above the path that links may not lead out of.
    case hostTree(
        path: String, kind: TargetKind, attributes: MountAttributes, recursive: Bool, mapped: Bool,
        beneath: String? = nil)
    /// A small file made for this container, as a detached mount of it.
    case generatedFile(name: String, contents: String, mode: UInt32)
    /// A file in memory that is never swapped out, with these owners in the container, as a detached mount of it.
    case secretFile(name: String, value: SecretValue, uid: UInt32, gid: UInt32, mode: UInt32)
    /// A detached tmpfs with device nodes and links: the container's /dev.
    case deviceTree([DeviceNode], bytesMax: UInt64)
    /// The host's null device, checked to be one, as a detached mount of it.
    case nullDevice
    /// The container's own cgroup directory, a detached read-only mount.
    case controlGroupTree
    /// A namespace to join, by its file.
    case namespace(path: String)
    /// The process of a running container whose namespaces are joined, a pidfd.
    case containerProcess
    case exitRecord
    case log(Int)
    /// A regular file that output is appended to; with a limit, on a file system that can give back its oldest part.
    case outputFile(path: String, isLimited: Bool, beneath: String? = nil)
    /// Standard input, output or error as the caller gave it.
    case stream(Int)
    /// A place of the host as a mount of a bundle.
    case bundleTree(BundleTree)
    /// A device node made for this container, its owners as the container counts them, as a detached mount of it.
    case bundleNode(NodeRequest)
    /// A memory file with text that is known only when the process exists, such as a bundle's state.
    case memory(name: String, stage: String)
    /// The listening socket over which a created process is started.
    case startSocket
    /// A directory of the host's, such as the root of a container that has no mount namespace of its own.
    case directory(path: String)
    /// A descriptor the caller wants the task to have.
    case inherited(Int)
}

/// A place of the host as a bundle wants to see it: a detached copy of what is mounted there.
public struct BundleTree: Equatable, Sendable {
    public var path: String
    public var recursive: Bool
    /// Attributes of the mount itself.
    public var set: MountAttributes
    public var clear: MountAttributes
    /// Attributes of it and of every mount below.
    public var recursiveSet: MountAttributes
    public var recursiveClear: MountAttributes
    public var propagation: MountPropagation
    public var propagatesRecursively: Bool
    public var idmap: IDMap
    /// A symbolic link at the end of the path is what is wanted, not what it leads to.
    public var isLinkItself: Bool

    public enum IDMap: Equatable, Sendable {
        case none
        /// Through the container's user namespace.
        case container(recursive: Bool)
        case maps(users: [IDMapping], groups: [IDMapping], recursive: Bool)
    }

    public init(
        path: String, recursive: Bool, set: MountAttributes = [], clear: MountAttributes = [],
        recursiveSet: MountAttributes = [], recursiveClear: MountAttributes = [],
        propagation: MountPropagation = .private, propagatesRecursively: Bool = true, idmap: IDMap = .none,
        isLinkItself: Bool = false
    ) {
        self.path = path
        self.recursive = recursive
        self.set = set
        self.clear = clear
        self.recursiveSet = recursiveSet
        self.recursiveClear = recursiveClear
        self.propagation = propagation
        self.propagatesRecursively = propagatesRecursively
        self.idmap = idmap
        self.isLinkItself = isLinkItself
    }

    var sentence: String {
        let words = set.names + clear.names.map { "not \($0)" } + recursiveSet.names.map { "\($0) below as well" }
        return "host path \(Untrusted.shown(path))" + (words.isEmpty ? "" : " (\(words.joined(separator: " ")))")
    }
}

/// The layers of a root file system, lowest first, as directories of the image store, and where it is written.
public struct RootTree: Equatable, Sendable {
    public enum Assembly: Equatable, Sendable {
        /// Overlay of the layers, directories or images, below `upper`; `work` is overlay's own directory on the same
        /// file system.
        case overlay(layers: [String], upper: String, work: String)
        /// The same with both directories in a file system of the container's own, in the file `image`; they are made,
        /// and `identities` says which host ids are the container's.
        case loopOverlay(layers: [String], image: String, identities: IDMapping)
        /// Overlay without a writable directory.
        case readOnlyOverlay(layers: [String])
        /// One layer as it is.
        case directory(String)
    }
    /// How the path of a layer ends that is an EROFS image and not a directory.
    public static let imageSuffix = ".erofs"

    public var assembly: Assembly
    public var attributes: MountAttributes
    /// Whether owners on disk are shown through the container's id maps.
    public var mapped: Bool
    /// What SELinux takes all its files for; nil: each for what it says itself.
    public var label: String?
    public init(assembly: Assembly, attributes: MountAttributes, mapped: Bool, label: String? = nil) {
        self.label = label
        self.assembly = assembly
        self.attributes = attributes
        self.mapped = mapped
    }
}

/// An entry of the container's /dev.
public enum DeviceNode: Hashable, Sendable {
    case character(name: String, major: UInt32, minor: UInt32, mode: UInt32)
    case block(name: String, major: UInt32, minor: UInt32, mode: UInt32)
    case link(name: String, target: String)
    case directory(name: String, mode: UInt32)
}
