public import Diagnostics

/// One file of the Container Device Interface (cncf-tags/container-device-interface, SPEC.md), versions 0.3 to 1.1, as
/// JSON: what a container gets when it is given a device by the name `vendor.com/class=name`.
///
/// Everything in it is a request. What would hand the container more than device nodes, host files to read, variables
/// and groups is kept as `unsupported`, to be refused in words when the device is asked for.
public struct DeviceSpecification: Equatable, Sendable {
    public static let bytesMax = 1 << 20
    private static let entriesMax = 1_024
    private static let versions = ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"]

    /// `vendor.com/class`.
    public var kind: String
    /// What every container gets that is given one of the devices.
    public var edits: DeviceEdits
    public var devices: [(name: String, edits: DeviceEdits)]

    public static func == (left: DeviceSpecification, right: DeviceSpecification) -> Bool {
        left.kind == right.kind && left.edits == right.edits
            && left.devices.elementsEqual(right.devices) { $0.name == $1.name && $0.edits == $1.edits }
    }

    /// `document` is what refusals call it: the file's path.
    public init(parsing content: [UInt8], document: String) throws(Failure) {
        let bounds = JSONBounds(bytes: UInt64(Self.bytesMax), depth: 16, values: 65_536)
        let object = try bounds.object(parsing: content, as: document)
        guard let version = try object.string("cdiVersion", bytes: 64) else { throw object.missing("cdiVersion") }
        guard Self.versions.contains(version) else {
            throw object.refusal(
                "device.specification-version", at: object.place("cdiVersion"),
                cause: "version \(Untrusted.shown(version)) is not known")
        }
        guard let kind = try object.string("kind", bytes: 256) else { throw object.missing("kind") }
        guard DeviceName.isKind(kind) else {
            throw object.refusal(
                "device.specification", at: object.place("kind"),
                cause: "\(Untrusted.shown(kind)) is not VENDOR/CLASS")
        }
        self.kind = kind
        if let general = try object.object("containerEdits") {
            edits = try DeviceEdits(general)
        } else {
            edits = DeviceEdits()
        }
        devices = []
        for device in try object.objects("devices", entries: Self.entriesMax) ?? [] {
            guard let name = try device.string("name", bytes: 256) else { throw device.missing("name") }
            guard DeviceName.isName(name), !devices.contains(where: { $0.name == name }) else {
                throw device.refusal(
                    "device.specification", at: device.place("name"),
                    cause: "\(Untrusted.shown(name)) is no name, or there twice")
            }
            guard let edits = try device.object("containerEdits") else { throw device.missing("containerEdits") }
            devices.append((name, try DeviceEdits(edits)))
        }
    }
}

/// A device by its full name, `vendor.com/class=name`.
public struct DeviceName: Hashable, Sendable, CustomStringConvertible {
    public var kind: String
    public var name: String

    /// Nil when `text` is not of that form, as `/dev/null` is not.
    public init?(_ text: String) {
        let parts = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, Self.isKind(parts[0]), Self.isName(parts[1]) else { return nil }
        (kind, name) = (parts[0], parts[1])
    }

    public var description: String { kind + "=" + name }

    static func isKind(_ text: String) -> Bool {
        let parts = text.cut(at: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && isWord(parts[0], also: "_-.") && isWord(parts[1], also: "_-")
            && parts[0].first.map { $0.isLetter } == true && parts[1].first.map { $0.isLetter } == true
    }

    static func isName(_ text: String) -> Bool { isWord(text[...], also: "_-.:") }

    private static func isWord(_ text: Substring, also: String) -> Bool {
        guard let first = text.first, let last = text.last, text.utf8.count <= 128 else { return false }
        return [first, last].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || also.contains($0)) }
    }
}

/// What a specification wants done to a container.
public struct DeviceEdits: Equatable, Sendable {
    public struct Node: Equatable, Sendable {
        public var path: String
        public var hostPath: String
        /// `b`, `c`, `u` or `p` where the specification says; so with the numbers.
        public var type: String?
        public var major: Int64?
        public var minor: Int64?
        public var mode: UInt32?
        /// Of `r`, `w` and `m`.
        public var permissions: String
        public var hasOwner: Bool
    }

    public struct Mount: Equatable, Sendable {
        public var hostPath: String
        public var containerPath: String
        public var options: [String]
        public var type: String
    }

    public var environment: [String] = []
    public var nodes: [Node] = []
    public var mounts: [Mount] = []
    public var groups: [UInt32] = []
    /// Programs to be run on the host, by path.
    public var hooks: [String] = []
    /// Members that would change more of the container or the host than is done here.
    public var unsupported: [String] = []

    private static let entriesMax = 1_024
    private static let textMax = 4_096
    private static let others = ["intelRdt", "netDevices"]

    public init() {}

    init(_ object: JSONObject) throws(Failure) {
        environment = try object.strings("env", entries: Self.entriesMax, bytes: Self.textMax) ?? []
        for node in try object.objects("deviceNodes", entries: Self.entriesMax) ?? [] {
            nodes.append(try Self.node(node))
        }
        for mount in try object.objects("mounts", entries: Self.entriesMax) ?? [] {
            guard let host = try mount.string("hostPath", bytes: Self.textMax) else { throw mount.missing("hostPath") }
            guard let inside = try mount.string("containerPath", bytes: Self.textMax) else {
                throw mount.missing("containerPath")
            }
            mounts.append(
                Mount(
                    hostPath: host, containerPath: inside,
                    options: try mount.strings("options", entries: 64, bytes: 256) ?? [],
                    type: try mount.string("type", bytes: 64) ?? "bind"))
        }
        for hook in try object.objects("hooks", entries: Self.entriesMax) ?? [] {
            hooks.append(try hook.string("path", bytes: Self.textMax) ?? "?")
        }
        for value in try object.array("additionalGids", entries: Self.entriesMax) ?? [] {
            guard case .number(let text) = value, let group = UInt32(text) else {
                throw object.refusal(
                    "device.specification", at: object.place("additionalGids"), cause: "a group is not a number")
            }
            groups.append(group)
        }
        for name in Self.others where object.value(name) != nil { unsupported.append(name) }
    }

    private static func node(_ object: JSONObject) throws(Failure) -> Node {
        guard let path = try object.string("path", bytes: textMax) else { throw object.missing("path") }
        let permissions = try object.string("permissions", bytes: 8) ?? "rw"
        guard !permissions.isEmpty, permissions.allSatisfy("rwm".contains) else {
            throw object.refusal(
                "device.specification", at: object.place("permissions"), cause: "they are of r, w and m")
        }
        let mode = try object.integer("fileMode")
        guard (0...0o777).contains((mode ?? 0) & 0o777), (mode ?? 0) >= 0 else {
            throw object.refusal("device.specification", at: object.place("fileMode"), cause: "it is not a mode")
        }
        let uid = try object.integer("uid") ?? 0
        let gid = try object.integer("gid") ?? 0
        return Node(
            path: path, hostPath: try object.string("hostPath", bytes: textMax) ?? path,
            type: try object.string("type", bytes: 8), major: try object.integer("major"),
            minor: try object.integer("minor"), mode: mode.map { UInt32($0 & 0o777) }, permissions: permissions,
            hasOwner: uid != 0 || gid != 0)
    }
}
