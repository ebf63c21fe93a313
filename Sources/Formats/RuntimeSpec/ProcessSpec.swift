public import Diagnostics

/// `process` of a configuration, and the document `exec --process` takes.
public struct ProcessSpec: Equatable, Sendable {
    public struct User: Equatable, Sendable {
        public var uid: UInt32
        public var gid: UInt32
        public var umask: UInt32?
        public var groups: [UInt32]
    }

    /// Nil where the configuration has no `capabilities` at all.
    public struct Capabilities: Equatable, Sendable {
        public var bounding: CapabilitySet
        public var effective: CapabilitySet
        public var inheritable: CapabilitySet
        public var permitted: CapabilitySet
        public var ambient: CapabilitySet
        public static let none = Capabilities(bounding: [], effective: [], inheritable: [], permitted: [], ambient: [])
        public init(
            bounding: CapabilitySet, effective: CapabilitySet, inheritable: CapabilitySet, permitted: CapabilitySet,
            ambient: CapabilitySet
        ) {
            self.bounding = bounding
            self.effective = effective
            self.inheritable = inheritable
            self.permitted = permitted
            self.ambient = ambient
        }
    }

    public struct Limit: Equatable, Sendable {
        /// RLIMIT_NOFILE and so on.
        public var type: String
        public var soft: UInt64
        public var hard: UInt64
    }

    public struct Scheduling: Equatable, Sendable {
        public var policy: String
        public var nice: Int32
        public var priority: Int32
        public var flags: [String]
        /// Nanoseconds.
        public var runtime: UInt64?
        public var deadline: UInt64?
        public var period: UInt64?
    }

    /// Processors a process of `exec` runs on, as the kernel lists them: before it is in the container's cgroup, and
    /// then. Empty: all the cgroup has.
    public struct Affinity: Equatable, Sendable {
        public var initial: String
        public var final: String
        public static let processorsMax = 8_192
    }

    public var hasTerminal: Bool
    public var consoleSize: (rows: UInt32, columns: UInt32)?
    public var user: User
    public var arguments: [String]
    public var environment: [String]
    public var workingDirectory: String
    public var capabilities: Capabilities?
    public var limits: [Limit]
    public var noNewPrivileges: Bool
    public var apparmorProfile: String?
    public var selinuxLabel: String?
    public var oomScore: Int32?
    public var scheduling: Scheduling?
    public var ioPriority: (class: String, priority: Int32)?
    public var execAffinity: Affinity?

    public init(_ object: SpecObject) throws(Failure) {
        hasTerminal = try object.bool("terminal") ?? false
        // Without a terminal it is not even looked at, as the specification demands.
        if hasTerminal, let size = try object.object("consoleSize") {
            consoleSize = (
                try size.required("height", as: UInt32.self), try size.required("width", as: UInt32.self)
            )
        }
        user = try Self.user(try object.object("user"))
        arguments = try object.strings("args")
        environment = try object.strings("env")
        workingDirectory = try object.required("cwd")
        guard workingDirectory.begins(with: "/") else {
            throw object.refusal("cwd", "\(Untrusted.shown(workingDirectory)) does not begin with a slash")
        }
        if let sets = try object.object("capabilities") { capabilities = try Self.capabilities(sets) }
        limits = []
        for entry in try object.objects("rlimits") { limits.append(try Self.limit(entry, among: limits)) }
        noNewPrivileges = try object.bool("noNewPrivileges") ?? false
        apparmorProfile = try object.string("apparmorProfile")
        selinuxLabel = try object.string("selinuxLabel")
        oomScore = try object.integer("oomScoreAdj", as: Int32.self)
        if let oomScore, !(-1_000...1_000).contains(oomScore) {
            throw object.refusal("oomScoreAdj", "\(oomScore) is not between -1000 and 1000")
        }
        if let entry = try object.object("scheduler") { scheduling = try Self.scheduling(entry) }
        if let entry = try object.object("execCPUAffinity") { execAffinity = try Self.affinity(entry) }
        if let entry = try object.object("ioPriority") {
            let kind = try entry.required("class")
            // The idle class has no priorities, ioprio_set(2): who asks for it may well name none.
            let isAbsent = kind == "IOPRIO_CLASS_IDLE" && !entry.has("priority")
            ioPriority = (kind, try isAbsent ? 0 : entry.required("priority", as: Int32.self))
        }
    }

    private static func affinity(_ object: SpecObject) throws(Failure) -> Affinity {
        func list(_ name: String) throws(Failure) -> String {
            let text = try object.string(name) ?? ""
            guard NumberList.numbers(text, below: Affinity.processorsMax) != nil else {
                throw object.refusal(name, "\(Untrusted.shown(text)) is no list of processors, such as 0-3,8")
            }
            return text
        }
        return Affinity(initial: try list("initial"), final: try list("final"))
    }

    private static func user(_ object: SpecObject?) throws(Failure) -> User {
        guard let object else { return User(uid: 0, gid: 0, umask: nil, groups: []) }
        return User(
            uid: try object.integer("uid", as: UInt32.self) ?? 0, gid: try object.integer("gid", as: UInt32.self) ?? 0,
            umask: try object.integer("umask", as: UInt32.self),
            groups: try object.integers("additionalGids", as: UInt32.self))
    }

    /// A name no kernel has is an error: a container that runs with less than it was promised may fail open.
    private static func capabilities(_ object: SpecObject) throws(Failure) -> Capabilities {
        func set(_ name: String) throws(Failure) -> CapabilitySet {
            let names = try object.strings(name)
            do throws(Failure) { return try CapabilitySet(exactly: names) } catch {
                throw object.refusal(name, "no capability is called \(error.subject ?? "")", remedy: error.remedy)
            }
        }
        return Capabilities(
            bounding: try set("bounding"), effective: try set("effective"), inheritable: try set("inheritable"),
            permitted: try set("permitted"), ambient: try set("ambient"))
    }

    private static func limit(_ object: SpecObject, among others: [Limit]) throws(Failure) -> Limit {
        let type = try object.required("type")
        guard type.begins(with: "RLIMIT_") else {
            throw object.refusal("type", "there is no limit \(Untrusted.shown(type))")
        }
        guard !others.contains(where: { $0.type == type }) else {
            throw object.refusal("type", "\(type) is there twice")
        }
        let limit = Limit(
            type: type, soft: try object.required("soft", as: UInt64.self),
            hard: try object.required("hard", as: UInt64.self))
        guard limit.soft <= limit.hard else { throw object.refusal("soft", "it is more than the hard limit") }
        return limit
    }

    private static func scheduling(_ object: SpecObject) throws(Failure) -> Scheduling {
        Scheduling(
            policy: try object.required("policy"), nice: try object.integer("nice", as: Int32.self) ?? 0,
            priority: try object.integer("priority", as: Int32.self) ?? 0, flags: try object.strings("flags"),
            runtime: try object.integer("runtime", as: UInt64.self),
            deadline: try object.integer("deadline", as: UInt64.self),
            period: try object.integer("period", as: UInt64.self))
    }

    public static func == (left: ProcessSpec, right: ProcessSpec) -> Bool {
        left.hasTerminal == right.hasTerminal && left.consoleSize?.rows == right.consoleSize?.rows
            && left.consoleSize?.columns == right.consoleSize?.columns && left.user == right.user
            && left.arguments == right.arguments && left.environment == right.environment
            && left.workingDirectory == right.workingDirectory && left.capabilities == right.capabilities
            && left.limits == right.limits && left.noNewPrivileges == right.noNewPrivileges
            && left.apparmorProfile == right.apparmorProfile && left.selinuxLabel == right.selinuxLabel
            && left.oomScore == right.oomScore && left.scheduling == right.scheduling
            && left.ioPriority?.class == right.ioPriority?.class
            && left.ioPriority?.priority == right.ioPriority?.priority && left.execAffinity == right.execAffinity
    }
}
