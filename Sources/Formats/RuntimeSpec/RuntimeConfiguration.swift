public import Diagnostics
public import OrderedCollections

/// config.json of a bundle, as the runtime specification 1.3 has it for Linux: typed, nothing judged by host.
public struct RuntimeConfiguration: Equatable, Sendable {
    public var version: String
    public var process: ProcessSpec?
    public var root: RootSpec?
    public var hostname: String?
    public var domainname: String?
    public var mounts: [MountSpec]
    public var hooks: HookSpecs
    public var annotations: OrderedDictionary<String, String>
    public var linux: LinuxSpec

    /// - Throws: `Failure` `bundle.config-invalid` with the field.
    public init(parsing bytes: [UInt8]) throws(Failure) {
        let object = try SpecObject(parsing: bytes, document: "config.json")
        version = try object.required("ociVersion")
        guard Self.isSupported(version) else {
            throw object.refusal(
                "ociVersion", "this runtime knows version 1, not \(version)", remedy: "write a bundle of version 1.x")
        }
        if let entry = try object.object("process") { process = try ProcessSpec(entry) }
        if let entry = try object.object("root") {
            root = RootSpec(path: try entry.required("path"), isReadOnly: try entry.bool("readonly") ?? false)
        }
        hostname = try object.string("hostname")
        domainname = try object.string("domainname")
        mounts = []
        for mount in try object.objects("mounts") { mounts.append(try MountSpec(mount)) }
        hooks = try HookSpecs(try object.object("hooks"))
        annotations = try object.texts("annotations")
        guard annotations[""] == nil else { throw object.refusal("annotations", "the name of one is empty") }
        linux = try LinuxSpec(try SpecObject.orEmpty(try object.object("linux"), path: "linux"))
        // Before, it was no limit, and engines write it so.
        if linux.resources.pids == 0, Self.isSince3(version) { linux.resources.pids = 1 }
    }

    /// Whether a limit of 0 processes is one: since 1.3. None can be, so it is the first.
    private static func isSince3(_ version: String) -> Bool {
        version.cut(at: ".").dropFirst().first.flatMap { Int($0) }.map { $0 >= 3 } ?? false
    }

    /// 1.x.y with whatever may follow, semver.
    static func isSupported(_ version: String) -> Bool {
        let core = version.prefix { $0 != "-" && $0 != "+" }.cut(at: ".", omittingEmptySubsequences: false)
        return core.count == 3 && core[0] == "1" && core.allSatisfy { Int($0) != nil }
    }
}

public struct RootSpec: Equatable, Sendable {
    public var path: String
    public var isReadOnly: Bool
}

public struct MountSpec: Equatable, Sendable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String]
    public var users: [IDMapSpec]
    public var groups: [IDMapSpec]
    /// Where it stands, for refusals.
    public var place: String

    init(_ object: SpecObject) throws(Failure) {
        destination = try object.required("destination")
        type = try object.string("type")
        source = try object.string("source")
        options = try object.strings("options")
        users = try IDMapSpec.list(object, "uidMappings")
        groups = try IDMapSpec.list(object, "gidMappings")
        place = object.path
        guard users.isEmpty == groups.isEmpty else {
            throw object.refusal("uidMappings", "a mount has id maps for users and groups or for neither")
        }
    }
}

public struct IDMapSpec: Hashable, Sendable {
    public var inside: UInt32
    public var outside: UInt32
    public var count: UInt32

    static func list(_ object: SpecObject, _ name: String) throws(Failure) -> [IDMapSpec] {
        var result: [IDMapSpec] = []
        for entry in try object.objects(name) {
            result.append(
                IDMapSpec(
                    inside: try entry.required("containerID", as: UInt32.self),
                    outside: try entry.required("hostID", as: UInt32.self),
                    count: try entry.required("size", as: UInt32.self)))
        }
        return result
    }
}

public struct HookSpec: Equatable, Sendable {
    public var path: String
    public var arguments: [String]
    /// Nil: that of the runtime.
    public var environment: [String]?
    /// Seconds.
    public var timeout: Int64?

    init(_ object: SpecObject) throws(Failure) {
        path = try object.required("path")
        guard path.begins(with: "/") else { throw object.refusal("path", "the path of a hook begins with a slash") }
        arguments = try object.strings("args")
        environment = object.has("env") ? try object.strings("env") : nil
        timeout = try object.integer("timeout", as: Int64.self)
        if let timeout, timeout <= 0 { throw object.refusal("timeout", "a timeout is more than 0 seconds") }
    }
}

/// Hooks by the point of the life cycle they belong to.
public struct HookSpecs: Equatable, Sendable {
    public var prestart: [HookSpec]
    public var createRuntime: [HookSpec]
    public var createContainer: [HookSpec]
    public var startContainer: [HookSpec]
    public var poststart: [HookSpec]
    public var poststop: [HookSpec]

    init(_ object: SpecObject?) throws(Failure) {
        func list(_ name: String) throws(Failure) -> [HookSpec] {
            var result: [HookSpec] = []
            for hook in try object?.objects(name) ?? [] { result.append(try HookSpec(hook)) }
            return result
        }
        prestart = try list("prestart")
        createRuntime = try list("createRuntime")
        createContainer = try list("createContainer")
        startContainer = try list("startContainer")
        poststart = try list("poststart")
        poststop = try list("poststop")
    }
}
