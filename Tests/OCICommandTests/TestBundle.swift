import Diagnostics
import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

/// A bundle with busybox as its root file system, and the command line that runs it, in a directory of their own.
final class TestBundle: Sendable {
    typealias Answer = ProgramAnswer

    let place: String
    let configuration: SpecValue
    static let id = "one"
    private static let applets = [
        "sh", "true", "cat", "id", "sleep", "grep", "pwd", "env", "ls", "mount", "stat",
        "unshare",
    ]

    init(_ change: (inout OrderedDictionary<String, SpecValue>) -> Void = { _ in }) throws {
        let scratch = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        place = "\(scratch)/oci-\(KernelRandom.uuid())"
        try Directories.makeAll("\(place)/rootfs/bin", mode: 0o755)
        // Root of a user namespace could not make them in a directory of the host's root.
        for name in ["dev", "proc", "sys"] { try Directories.makeAll("\(place)/rootfs/\(name)", mode: 0o755) }
        let busybox = try #require(
            ["/usr/bin/busybox", "/bin/busybox"].first(where: HostFacts.exists), "install busybox-static")
        let bin = try OwnedDescriptor.open(RawPath("\(place)/rootfs/bin"), [.directory])
        try HostScript.copy(busybox, to: "\(place)/rootfs/bin/busybox")
        for applet in Self.applets { try bin.makeLink(RawPath(applet), to: "busybox") }
        var members: OrderedDictionary<String, SpecValue> = [:]
        if case .object(let given) = SpecTemplate.document(rootless: false) { members = given }
        Self.set(&members, ["process", "terminal"], false)
        Self.set(&members, ["root", "readonly"], false)
        // All have one name, and tests run beside each other.
        Self.set(&members, ["linux", "cgroupsPath"], .string("/bulkhead-oci-\(KernelRandom.uuid())"))
        change(&members)
        configuration = .object(members)
        try write(configuration.text, "config.json")
    }

    /// Sets what is at a path of members.
    static func set(_ members: inout OrderedDictionary<String, SpecValue>, _ path: [String], _ value: SpecValue) {
        guard path.count > 1 else {
            members[path[0]] = value
            return
        }
        var inner: OrderedDictionary<String, SpecValue> = [:]
        if case .object(let there)? = members[path[0]] { inner = there }
        set(&inner, Array(path.dropFirst()), value)
        members[path[0]] = .object(inner)
    }

    /// A user namespace of its own, whose root is nobody on the host.
    static func setUserNamespace(_ members: inout OrderedDictionary<String, SpecValue>) {
        guard case .object(let linux)? = members["linux"], case .array(let namespaces)? = linux["namespaces"] else {
            return
        }
        set(&members, ["linux", "namespaces"], .array(namespaces + [["type": "user"]]))
        let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 65_536]]
        for name in ["uidMappings", "gidMappings"] { set(&members, ["linux", name], map) }
    }

    static func running(
        _ script: String, _ change: (inout OrderedDictionary<String, SpecValue>) -> Void = { _ in }
    ) throws -> TestBundle {
        try TestBundle { members in
            set(&members, ["process", "args"], ["sh", "-c", .string(script)])
            change(&members)
        }
    }

    func write(_ text: String, _ name: String) throws {
        try OwnedDescriptor.open(RawPath("\(place)/\(name)"), [.writeOnly, .create, .truncate], mode: 0o644).write(text)
    }

    func read(_ name: String) throws -> String { try TextFile.read("\(place)/\(name)") }

    /// The program under test.
    static var program: String {
        let path = ProcessEnvironment.value("BULKHEAD_OCI") ?? ".build/debug/bulkhead-oci"
        return path.hasPrefix("/") ? path : CurrentProcess.directory() + "/" + path
    }

    /// Runs the command line with this bundle as its place, to its end.
    func call(_ arguments: String..., passing descriptors: [OwnedDescriptor] = []) throws -> Answer {
        try ProgramAnswer.of(
            Self.program, ["--root", "\(place)/state", "--log", "\(place)/log", "--log-format", "json"] + arguments,
            environment: ["BULKHEAD_LAUNCHER=\(Self.launcher)", "PATH=/usr/bin:/bin"], passing: descriptors)
    }

    static var launcher: String {
        let path = ProcessEnvironment.value("BULKHEAD_LAUNCHER") ?? ".build/launcher/bulkhead-launch"
        return path.hasPrefix("/") ? path : CurrentProcess.directory() + "/" + path
    }

    func create() throws -> Answer { try call("create", "--bundle", place, Self.id) }
    func run() throws -> Answer { try call("run", "--bundle", place, Self.id) }

    func state() throws -> SpecObject {
        try SpecObject(parsing: Array(try call("state", Self.id).output.utf8), document: "the state")
    }

    func waitUntilStopped() throws {
        let deadline = Deadline(seconds: 120)
        while try state().string("status") != "stopped" { try deadline.pause("the container to stop") }
    }

    /// Removes the container and everything of the bundle.
    func remove() throws {
        _ = try call("delete", "--force", Self.id)
        try TreeRemoval.remove(place)
    }
}
