import Diagnostics
public import OrderedCollections

/// `linux` of a configuration.
public struct LinuxSpec: Equatable, Sendable {
    public struct Namespace: Equatable, Sendable {
        /// pid, network, mount, ipc, uts, user, cgroup, time
        public var type: String
        public var path: String?
    }

    public struct Device: Equatable, Sendable {
        public var path: String
        /// c, u, b or p.
        public var type: String
        public var major: UInt32
        public var minor: UInt32
        public var mode: UInt32?
        public var uid: UInt32?
        public var gid: UInt32?
        public init(
            path: String, type: String, major: UInt32, minor: UInt32, mode: UInt32?, uid: UInt32?, gid: UInt32?
        ) {
            self.path = path
            self.type = type
            self.major = major
            self.minor = minor
            self.mode = mode
            self.uid = uid
            self.gid = gid
        }
    }

    /// Words of set_mempolicy(2), and nodes as the kernel lists them; what is missing is empty.
    public struct MemoryPolicy: Equatable, Sendable {
        public var mode: String
        public var nodes: String
        public var flags: [String]
    }

    /// An interface of the host's network that becomes the container's.
    public struct NetworkDevice: Equatable, Sendable {
        public var host: String
        /// What it is called in the container.
        public var name: String
        /// Whether the kernel makes the name, with a number of its choice at the end.
        public var isTemplate: Bool { name.ends(with: Self.numbered) }
        fileprivate static let numbered = "%d"
    }

    public struct TimeOffset: Equatable, Sendable {
        public var seconds: Int64
        public var nanoseconds: UInt32
    }

    public var users: [IDMapSpec]
    public var groups: [IDMapSpec]
    public var sysctl: OrderedDictionary<String, String>
    public var resources: ResourceSpec
    public var cgroupsPath: String?
    public var namespaces: [Namespace]
    public var devices: [Device]
    public var seccomp: SeccompSection?
    public var rootfsPropagation: String?
    public var maskedPaths: [String]
    public var readonlyPaths: [String]
    public var mountLabel: String?
    public var personality: (domain: String, flags: [String])?
    public var timeOffsets: OrderedDictionary<String, TimeOffset>
    public var memoryPolicy: MemoryPolicy?
    public var networkDevices: [NetworkDevice]

    init(_ object: SpecObject) throws(Failure) {
        users = try IDMapSpec.list(object, "uidMappings")
        groups = try IDMapSpec.list(object, "gidMappings")
        sysctl = try object.texts("sysctl")
        resources = try ResourceSpec(try SpecObject.orEmpty(try object.object("resources"), path: "linux.resources"))
        cgroupsPath = try object.string("cgroupsPath")
        namespaces = []
        for entry in try object.objects("namespaces") {
            namespaces.append(try Self.namespace(entry, among: namespaces))
        }
        devices = []
        for entry in try object.objects("devices") { devices.append(try Self.device(entry)) }
        if let entry = try object.object("seccomp") { seccomp = try SeccompSection(entry) }
        rootfsPropagation = try object.string("rootfsPropagation")
        maskedPaths = try Self.absolute(object, "maskedPaths")
        readonlyPaths = try Self.absolute(object, "readonlyPaths")
        mountLabel = try object.string("mountLabel")
        if let entry = try object.object("personality") {
            personality = (try entry.required("domain"), try entry.strings("flags"))
        }
        if let entry = try object.object("memoryPolicy") {
            memoryPolicy = MemoryPolicy(
                mode: try entry.string("mode") ?? "", nodes: try entry.string("nodes") ?? "",
                flags: try entry.strings("flags"))
        }
        networkDevices = try Self.networkDevices(object)
        timeOffsets = [:]
        for (name, entry) in try object.named("timeOffsets") {
            guard name == "monotonic" || name == "boottime" else {
                throw SpecObject.refusal(entry.path, "there is no such clock", remedy: "name monotonic or boottime")
            }
            timeOffsets[name] = TimeOffset(
                seconds: try entry.integer("secs", as: Int64.self) ?? 0,
                nanoseconds: try entry.integer("nanosecs", as: UInt32.self) ?? 0)
        }
        try Self.refuseUnsupported(object)
    }

    /// What is asked for and not there is refused by name.
    private static func refuseUnsupported(_ object: SpecObject) throws(Failure) {
        guard object.has("intelRdt") else { return }
        throw object.refusal(
            "intelRdt", "classes of cache and memory bandwidth are not set by this runtime",
            remedy: "remove the field; `features` lists what is supported")
    }

    public static let namespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]

    private static func namespace(_ object: SpecObject, among others: [Namespace]) throws(Failure) -> Namespace {
        let namespace = Namespace(type: try object.required("type"), path: try object.string("path"))
        guard namespaceTypes.contains(namespace.type) else {
            throw object.refusal("type", "there is no namespace \(Untrusted.shown(namespace.type))")
        }
        guard !others.contains(where: { $0.type == namespace.type }) else {
            throw object.refusal("type", "the namespace \(namespace.type) is there twice")
        }
        if let path = namespace.path, !path.isEmpty, !path.begins(with: "/") {
            throw object.refusal("path", "the path of a namespace begins with a slash")
        }
        return namespace.path == "" ? Namespace(type: namespace.type, path: nil) : namespace
    }

    private static func networkDevices(_ object: SpecObject) throws(Failure) -> [NetworkDevice] {
        var result: [NetworkDevice] = []
        for (host, entry) in try object.named("netDevices") {
            let device = NetworkDevice(host: host, name: try entry.string("name") ?? host)
            let stem = device.isTemplate ? String(device.name.dropLast(NetworkDevice.numbered.count)) : device.name
            for name in [device.host, stem] where !NetworkDevice.isName(name) {
                throw SpecObject.refusal(
                    entry.path, "\(Untrusted.shown(name)) is no name of a network device",
                    remedy: "use at most 15 bytes without slash, colon and space")
            }
            guard device.isTemplate || !result.contains(where: { $0.name == device.name }) else {
                throw SpecObject.refusal(entry.path, "two devices would be called \(device.name)")
            }
            result.append(device)
        }
        return result
    }

    private static func absolute(_ object: SpecObject, _ name: String) throws(Failure) -> [String] {
        let paths = try object.strings(name)
        for path in paths where !path.begins(with: "/") {
            throw object.refusal(name, "\(Untrusted.shown(path)) does not begin with a slash")
        }
        return paths
    }

    private static func device(_ object: SpecObject) throws(Failure) -> Device {
        let type = try object.required("type")
        guard ["c", "u", "b", "p"].contains(type) else { throw object.refusal("type", "a device is c, u, b or p") }
        // Only a pipe has none.
        func number(_ name: String) throws(Failure) -> UInt32 {
            if type == "p" { return try object.integer(name, as: UInt32.self) ?? 0 }
            return try object.required(name, as: UInt32.self)
        }
        let device = Device(
            path: try object.required("path"), type: type, major: try number("major"), minor: try number("minor"),
            mode: try object.integer("fileMode", as: UInt32.self), uid: try object.integer("uid", as: UInt32.self),
            gid: try object.integer("gid", as: UInt32.self))
        guard device.path.begins(with: "/") else { throw object.refusal("path", "it does not begin with a slash") }
        return device
    }

    public func namespace(_ type: String) -> Namespace? { namespaces.first { $0.type == type } }
    /// Whether the container gets a namespace of this kind that nobody else is in.
    public func isNew(_ type: String) -> Bool { namespace(type).map { $0.path == nil } ?? false }

    public static func == (left: LinuxSpec, right: LinuxSpec) -> Bool {
        left.users == right.users && left.groups == right.groups && left.sysctl == right.sysctl
            && left.resources == right.resources && left.cgroupsPath == right.cgroupsPath
            && left.namespaces == right.namespaces && left.devices == right.devices
            && left.seccomp == right.seccomp && left.rootfsPropagation == right.rootfsPropagation
            && left.maskedPaths == right.maskedPaths && left.readonlyPaths == right.readonlyPaths
            && left.mountLabel == right.mountLabel && left.personality?.domain == right.personality?.domain
            && left.personality?.flags == right.personality?.flags && left.timeOffsets == right.timeOffsets
            && left.memoryPolicy == right.memoryPolicy && left.networkDevices == right.networkDevices
    }
}

extension LinuxSpec.NetworkDevice {
    /// As the kernel judges it, dev_valid_name() of net/core/dev.c; and no `%`, which asks it for a number: only at the
    /// end of a name, as `%d`, that is what the specification allows.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 15 && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"/:%".utf8.contains($0) }
    }
}
