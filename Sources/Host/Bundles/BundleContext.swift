public import Diagnostics
public import LaunchPlanning
public import RuntimeSpec
public import SeccompCompiler
public import SeccompFormat

/// What the command line asks for beside the configuration.
public struct BundleOptions: Equatable, Sendable {
    public var changesRootWithoutPivot = false
    public var keepsKeyring = false
    /// Descriptors from 3 on that the task gets, but for those that are closed.
    public var preserved = 0
    public var gaps: Set<Int> = []
    /// Of them, those announced as LISTEN_FDS (sd_listen_fds(3)).
    public var listening = 0
    /// Cgroups below the container's, for one more process: `PATH`, or with version 1 `CONTROLLER,…:PATH`.
    public var groupsBelow: [String] = []
    public init() {}
}

/// What contributors decide by. All of it is values, so the same context gives the same plan.
public struct BundleContext: Sendable {
    public var id: String
    /// Absolute, without links.
    public var bundle: String
    public var rootPath: String?
    public var configuration: RuntimeConfiguration
    /// Nil when the configuration has none: such a container can be created, not started.
    public var process: ProcessSpec?
    public var options: BundleOptions
    /// Host directories a `cgroup` mount shows, by the name each has inside; empty for the one version 2 tree.
    public var groups: GroupView
    public var heldCapabilities: CapabilitySet
    /// Hard limits nobody here may raise, by their place in getrlimit(2); none where CAP_SYS_RESOURCE is held.
    public var ceilings: [UInt32: UInt64] = [:]
    public var modules = SecurityModules()
    /// The directory its root is attached at where it has no mount namespace of its own.
    public var anchor = ""
    /// The caller's other groups, where they are kept.
    public var keptGroups: [UInt32] = []
    /// The first process of the running container that another process joins; nil for a container's own first one.
    public var joined: Int32?
    /// Those of that process's namespaces that are the container's: entered in one call, by its pidfd.
    public var joinedNamespaces: NamespaceSet = []
    /// Where /proc and /sys, whole, are mounted on the host; asked for only where there is no pivot_root.
    public var kernelMounts: @Sendable () throws(Failure) -> [String] = { () throws(Failure) in [] }
    /// Whether `path` on the host is a directory; nil when it is not there.
    public var isDirectory: @Sendable (String) -> Bool?
    /// Whether there is a socket at `path` on the host.
    public var isSocket: @Sendable (String) -> Bool = { _ in true }
    /// The home of a user by the container's own /etc/passwd, "/" when it has none there.
    public var home: @Sendable (UInt32) -> String = { _ in "/" }
    /// The program of linux.seccomp: compiled, or what was compiled for an earlier container.
    public var filter: @Sendable (FilterRequest) throws(Failure) -> CompiledFilter = { (request) throws(Failure) in
        try request.compiled()
    }

    public init(
        id: String, bundle: String, rootPath: String?, configuration: RuntimeConfiguration, process: ProcessSpec?,
        options: BundleOptions, groups: GroupView, heldCapabilities: CapabilitySet,
        isDirectory: @escaping @Sendable (String) -> Bool?
    ) {
        self.id = id
        self.bundle = bundle
        self.rootPath = rootPath
        self.configuration = configuration
        self.process = process
        self.options = options
        self.groups = groups
        self.heldCapabilities = heldCapabilities
        self.isDirectory = isDirectory
    }

    /// As crun has it, whose annotation this is: podman sets it for `--group-add keep-groups`. In a user namespace the
    /// host's groups have no number.
    var keepsGroups: Bool {
        !hasUserNamespace && (configuration.annotations["run.oci.keep_original_groups"] ?? "0") != "0"
    }

    var linux: LinuxSpec { configuration.linux }

    /// Whether the container has a namespace of this kind, new or another's.
    func has(_ type: String) -> Bool { linux.namespace(type) != nil }
    func isNew(_ type: String) -> Bool { linux.isNew(type) }
    var hasUserNamespace: Bool { joined == nil ? has("user") : joinedNamespaces.contains(.user) }
    /// Also in another's mount namespace, where only this container sees its root.
    var buildsRoot: Bool { joined == nil }
    /// Whether its mount namespace is ours, where what is mounted has to be taken away again.
    var sharesMounts: Bool { !has("mount") }
}

/// The cgroups of a container as its own mounts of type `cgroup` show them.
public enum GroupView: Equatable, Sendable {
    case none
    case unified(String)
    /// Directories by name below the mount, and links beside them.
    case legacy(directories: [(name: String, path: String)], links: [(name: String, target: String)])

    public static func == (left: GroupView, right: GroupView) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.unified(let one), .unified(let other)): one == other
        case (.legacy(let one, let links), .legacy(let other, let others)):
            one.elementsEqual(other) { $0 == $1 } && links.elementsEqual(others) { $0 == $1 }
        default: false
        }
    }
}

/// One feature of the specification, in one file. What `Isolator` is for containers of images, this is for bundles;
/// both give contributions to one builder.
public protocol BundleContributor: Sendable {
    func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution
}

public enum BundlePlan {
    /// Order is meaning within a stage. Kept descriptors come first: they are the first a plan names.
    public static let contributors: [any BundleContributor] = [
        KeptDescriptors(), BundleNamespaces(), BundleRoot(), BundleMounts(), BundleDevices(), BundlePaths(),
        BundleIdentity(), BundleLimits(), BundleMemoryPolicy(), BundleLabels(), BundleStreams(), SealedMounts(),
        BundleCredentials(), BundleStart(), BundleSeccomp(),
    ]

    /// For one more process in a running container: the same, without what the container has already.
    public static let joining: [any BundleContributor] = [
        KeptDescriptors(), JoinedNamespaces(), BundleLimits(), BundleMemoryPolicy(), BundleLabels(), BundleStreams(),
        BundleCredentials(), BundleStart(), BundleSeccomp(),
    ]

    /// Pure: nothing is opened, made or started.
    public static func build(_ context: BundleContext) throws(Failure) -> LaunchPlan {
        var contributions: [PlanContribution] = []
        for contributor in context.joined == nil ? contributors : joining {
            contributions.append(try contributor.contribute(context))
        }
        return try PlanBuilder.build(contributions)
    }
}
