public import AuditFormat

/// What the kernel says of one container, or of processes that nobody calls one. A value: it is what goes into
/// evidence, what is compared with a baseline, and all that rules ever see.
public struct ContainerFacts: Codable, Equatable, Sendable {
    public var subject: Subject
    public var host: HostSurroundings
    public var processes: Observed<[TaskFacts]>
    public var namespaces: Observed<[ContainerNamespace]>
    public var mounts: Observed<[MountFacts]>
    public var paths: Observed<[PathFacts]>
    public var controlGroup: Observed<ControlGroupFacts>
    public var devices: Observed<[DeviceFacts]>
    public var devicePolicy: Observed<DevicePolicyFacts>
    public var descriptors: Observed<[DescriptorFacts]>
    public var listeners: Observed<[ListenerFacts]>
    public var filters: Observed<[FilterFacts]>
    /// Names of variables that look like secrets, by process; never their values.
    public var secretVariables: Observed<[String]>
    /// What was asked for, where somebody wrote it down.
    public var declared: DeclaredFacts?
    /// Ports of the host that lead here. Absent in facts of older programs, as is all below.
    public var published: Observed<[PublishedPortFacts]>?
    /// Connections of local sockets with processes outside.
    public var outsidePeers: Observed<[OutsidePeerFacts]>?
    /// Who has entered it, as the log of launches has it; nil where nobody keeps one.
    public var entries: Observed<[EntryFacts]>?
    /// Its launch gave it an empty session keyring; nil where nobody can tell, because the kernel does not.
    public var hasOwnKeyring: Bool?
    /// Our process that answers calls for it, none when it has ended; nil where nobody asked for one.
    public var emulators: Observed<[Int32]>?
    /// Who on this host holds a listener of a filter, any filter; nil where no filter here hands calls over.
    public var callHolders: Observed<[CallHolderFacts]>?

    /// The domains of its threads; nil where SELinux is not active.
    public var domains: Observed<[DomainFacts]>?

    public init(subject: Subject, host: HostSurroundings) {
        self.subject = subject
        self.host = host
        let none = "it was not looked at"
        processes = .hidden(none)
        namespaces = .hidden(none)
        mounts = .hidden(none)
        paths = .hidden(none)
        controlGroup = .hidden(none)
        devices = .hidden(none)
        devicePolicy = .hidden(none)
        descriptors = .hidden(none)
        listeners = .hidden(none)
        filters = .hidden(none)
        secretVariables = .hidden(none)
    }
}

/// What of the host decides how a container's values are judged.
public struct HostSurroundings: Codable, Equatable, Sendable {
    /// Security modules that are active: `apparmor`, `selinux`, `landlock`.
    public var securityModules: [String]
    /// Whether the version 2 tree has the controller; others belong to version 1.
    public var controllers: [String]
    /// Whether a version 2 cgroup tree is there at all.
    public var hasControlGroups: Bool
    /// What SELinux does, where it is active.
    public var selinux: PolicyMode?

    public init(
        securityModules: [String] = [], controllers: [String] = [], hasControlGroups: Bool = true,
        selinux: PolicyMode? = nil
    ) {
        self.selinux = selinux
        self.securityModules = securityModules
        self.controllers = controllers
        self.hasControlGroups = hasControlGroups
    }
}

/// What an SELinux that is active does with its policy.
public enum PolicyMode: String, Codable, Sendable {
    case enforcing
    /// Says what it would deny.
    case permissive
    /// There is none.
    case empty = "no policy"
    /// Its files are not mounted, or not ours to read.
    case hidden
}

/// What the loaded SELinux policy makes of a label that threads of a container have.
public struct DomainFacts: Codable, Equatable, Sendable {
    public var label: String
    /// The policy only reports what this domain is denied.
    public var isPermissive: Bool
    /// Of what only the host may do, what the policy lets it do: `write files of the host`.
    public var deeds: [String]
    public init(_ label: String, isPermissive: Bool = false, deeds: [String] = []) {
        self.label = label
        self.isPermissive = isPermissive
        self.deeds = deeds
    }
}

/// One kind of namespace of a container's first process, namespaces(7).
public struct ContainerNamespace: Codable, Equatable, Sendable {
    /// As /proc/PID/ns names it: `net`.
    public var kind: String
    public var inode: UInt64
    /// Nil where it could not be observed.
    public var hostInode: UInt64?
    /// Other containers in the same one, by name.
    public var sharedWith: [String]
    public init(kind: String, inode: UInt64, hostInode: UInt64?, sharedWith: [String] = []) {
        self.kind = kind
        self.inode = inode
        self.hostInode = hostInode
        self.sharedWith = sharedWith
    }
    public var isHost: Bool { inode == hostInode }
    /// Known not to be the host's.
    public var isOwn: Bool { hostInode.map { $0 != inode } ?? false }
}

/// A line of /proc/PID/uid_map or gid_map.
public struct MappedRange: Codable, Hashable, Sendable {
    public var inside: UInt32
    public var outside: UInt32
    public var count: UInt32
    public init(inside: UInt32, outside: UInt32, count: UInt32) {
        self.inside = inside
        self.outside = outside
        self.count = count
    }
    var text: String { "\(inside) \(outside) \(count)" }
}

public struct TaskFacts: Codable, Equatable, Sendable {
    public var id: Int32
    /// /proc/PID/comm; a process chooses it itself.
    public var name: String
    /// Our own first process of the container, known by its record and not by its name.
    public var isInit: Bool
    public var userMap: [MappedRange]
    public var groupMap: [MappedRange]
    public var limits: [LimitFacts]
    public var oomScoreAdjust: Int
    public var executable: ExecutableFacts?
    /// Path in the version 2 tree, /proc/PID/cgroup.
    public var controlGroup: String
    public var threads: [ThreadFacts]

    public init(
        id: Int32, name: String, isInit: Bool = false, userMap: [MappedRange], groupMap: [MappedRange],
        limits: [LimitFacts] = [], oomScoreAdjust: Int = 0, executable: ExecutableFacts? = nil,
        controlGroup: String = "/", threads: [ThreadFacts]
    ) {
        self.id = id
        self.name = name
        self.isInit = isInit
        self.userMap = userMap
        self.groupMap = groupMap
        self.limits = limits
        self.oomScoreAdjust = oomScoreAdjust
        self.executable = executable
        self.controlGroup = controlGroup
        self.threads = threads
    }
}

/// /proc/PID/task/TID/status and attr.
public struct ThreadFacts: Codable, Equatable, Sendable {
    public var id: Int32
    /// Real, effective, saved, file system; as the host numbers them.
    public var users: [UInt32]
    public var groups: [UInt32]
    public var supplementaryGroups: [UInt32]
    public var inheritable: UInt64
    public var permitted: UInt64
    public var effective: UInt64
    public var bounding: UInt64
    public var ambient: UInt64
    public var noNewPrivileges: Bool
    /// 0 none, 1 strict, 2 filters.
    public var seccompMode: Int
    public var seccompFilters: Int?
    /// Inodes by kind; a thread may have left a namespace of its process.
    public var namespaces: [String: UInt64]
    /// Of AppArmor or SELinux; nil where there is neither.
    public var label: String?

    public init(
        id: Int32, users: [UInt32], groups: [UInt32], supplementaryGroups: [UInt32] = [], inheritable: UInt64 = 0,
        permitted: UInt64 = 0, effective: UInt64 = 0, bounding: UInt64 = 0, ambient: UInt64 = 0,
        noNewPrivileges: Bool, seccompMode: Int, seccompFilters: Int? = nil, namespaces: [String: UInt64] = [:],
        label: String? = nil
    ) {
        self.id = id
        self.users = users
        self.groups = groups
        self.supplementaryGroups = supplementaryGroups
        self.inheritable = inheritable
        self.permitted = permitted
        self.effective = effective
        self.bounding = bounding
        self.ambient = ambient
        self.noNewPrivileges = noNewPrivileges
        self.seccompMode = seccompMode
        self.seccompFilters = seccompFilters
        self.namespaces = namespaces
        self.label = label
    }
}

/// A line of /proc/PID/limits; nil is unlimited.
public struct LimitFacts: Codable, Hashable, Sendable {
    /// As getrlimit(2) has it, lower case: `nofile`.
    public var name: String
    public var soft: UInt64?
    public var hard: UInt64?
    public init(_ name: String, soft: UInt64?, hard: UInt64?) {
        self.name = name
        self.soft = soft
        self.hard = hard
    }
}

/// What a process runs, /proc/PID/exe.
public struct ExecutableFacts: Codable, Hashable, Sendable {
    public var path: String
    public var isDeleted: Bool
    /// A memory file, memfd_create(2).
    public var isMemory: Bool
    /// In the container's writable layer and so not as the image has it; nil when that cannot be told.
    public var isWritten: Bool?
    public init(_ path: String, isDeleted: Bool = false, isMemory: Bool = false, isWritten: Bool? = nil) {
        self.path = path
        self.isDeleted = isDeleted
        self.isMemory = isMemory
        self.isWritten = isWritten
    }
}
