public import Diagnostics
public import LinuxKernel
import RuntimeSpec

/// What is remembered of a container, in `state.json` of its directory.
public struct BundleRecord: Equatable, Sendable {
    public var id: String
    public var bundle: String
    public var rootPath: String
    /// 0 while the container is being created.
    public var process: Int32
    /// Clock ticks after boot, so that a number used again is not taken for the container's.
    public var startTime: UInt64
    /// Below each hierarchy of cgroups.
    public var groupPath: String
    /// Nanoseconds since 1970.
    public var created: UInt64

    public init(
        id: String, bundle: String, rootPath: String, process: Int32, startTime: UInt64, groupPath: String,
        created: UInt64
    ) {
        self.id = id
        self.bundle = bundle
        self.rootPath = rootPath
        self.process = process
        self.startTime = startTime
        self.groupPath = groupPath
        self.created = created
    }

    var document: SpecValue {
        [
            "version": 1, "id": .string(id), "bundle": .string(bundle), "rootfs": .string(rootPath),
            "pid": .number(process), "startTime": .number(startTime), "cgroup": .string(groupPath),
            "created": .number(created),
        ]
    }

    init(_ object: SpecObject) throws(Failure) {
        id = try object.required("id")
        bundle = try object.required("bundle")
        rootPath = try object.string("rootfs") ?? ""
        process = try object.integer("pid", as: Int32.self) ?? 0
        startTime = try object.integer("startTime", as: UInt64.self) ?? 0
        groupPath = try object.required("cgroup")
        created = try object.integer("created", as: UInt64.self) ?? 0
    }
}

/// The directory of all containers (`--root`), one directory each.
public struct BundleStore: Sendable {
    public static let defaultRoot = "/run/bulkhead-oci"
    public static let idBytesMax = 1_024
    private static let ownName: RawPath = "own-namespaces"
    public let root: String

    public init(root: String) { self.root = root }

    public static func check(id: String) throws(Failure) {
        let allowed = id.utf8.allSatisfy {
            ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || "_+-.@%:".utf8.contains($0)
        }
        guard allowed, !id.isEmpty, id.utf8.count <= idBytesMax, !id.begins(with: ".") else {
            throw Failure(
                "bundle.id-invalid", doing: "use the container id", on: id,
                cause: id.isEmpty ? "it is empty" : "invalid character or length in the container ID",
                remedy: "use letters, digits and _ + - . @ % : only, no dot first", field: "id",
                limit: "id bytes \(idBytesMax)")
        }
    }

    public func directory(_ id: String) -> String { "\(root)/\(id)" }

    static func failed(_ error: KernelError, _ doing: String) -> Failure {
        error.failure("bundle.state", doing: doing, remedy: "give --root a directory that can be written")
    }

    /// Makes the container's directory; only one of several callers with the same id succeeds. It has its name when it
    /// is locked and has its configuration: whoever sees it can ask for its state.
    ///
    /// - Parameter own: types of namespaces it lists that are its creator's own. Whoever comes later may have others.
    public func create(_ id: String, configuration: [UInt8], own: [String] = []) throws(Failure) -> OwnedDescriptor {
        try Self.check(id: id)
        let name = "\(Self.unnamedPrefix)\(KernelRandom.uuid())"
        do throws(KernelError) {
            try Directories.makeAll(root, mode: 0o700)
            let above = try OwnedDescriptor.open(RawPath(root), [.directory])
            try above.makeDirectory(RawPath(name), mode: 0o711)
            let place = try above.open(RawPath(name), [.directory, .noFollow])
            // Held until the creation has ended, or its creator is gone.
            _ = try place.lock(exclusive: true, wait: true)
            try place.open("config.json", [.writeOnly, .create, .exclusive], mode: 0o600).write(configuration)
            if !own.isEmpty {
                try place.open(Self.ownName, [.writeOnly, .create, .exclusive], mode: 0o600).write(
                    own.joined(separator: "\n"))
            }
            try above.rename(RawPath(name), to: RawPath(id), replacing: false)
            return place
        } catch {
            var failure = Self.failed(error, "keep the container's configuration")
            if error.errno == Errno.exists {
                failure = Failure(
                    "bundle.id-in-use", doing: "create the container", on: id,
                    cause: "a container with that id already exists", remedy: "choose another id, or delete it")
            }
            do throws(Failure) { try clear(RawPath(name)) } catch let other { failure = failure.also(other) }
            throw failure
        }
    }

    /// Whoever waits until the container is created goes on, though `place` stays open.
    func endCreation(_ place: OwnedDescriptor) throws(Failure) {
        do throws(KernelError) { try place.unlock() } catch { throw Self.failed(error, "let others use the container") }
    }

    /// Returns when nobody is creating the container any more; at once when that is so already.
    func awaitCreation(_ id: String) throws(Failure) {
        let place = try open(id)
        do throws(KernelError) { _ = try place.lock(exclusive: false, wait: true) } catch {
            throw Self.failed(error, "wait until the container is created")
        }
    }

    /// The same, for so long and no longer: a hook of the creation may be the one who waits.
    public func awaitCreation(_ id: String, seconds: Double) throws(Failure) {
        let place = try open(id)
        let deadline = Deadline(seconds: seconds)
        do throws(KernelError) {
            while !(try place.lock(exclusive: false, wait: false)), !deadline.hasPassed {
                try deadline.pause("the container to be created")
            }
        } catch {
            if error.errno != Errno.timedOut { throw Self.failed(error, "wait until the container is created") }
        }
    }

    public func save(_ record: BundleRecord, in place: OwnedDescriptor) throws(Failure) {
        do throws(KernelError) {
            try place.open("state.json.new", [.writeOnly, .create, .truncate], mode: 0o600).write(record.document.text)
            try place.rename("state.json.new", to: "state.json")
        } catch { throw Self.failed(error, "keep the container's state") }
    }

    public func open(_ id: String) throws(Failure) -> OwnedDescriptor {
        try Self.check(id: id)
        do throws(KernelError) { return try OwnedDescriptor.open(RawPath(directory(id)), [.directory]) } catch {
            if error.errno == Errno.noEntry { throw Self.notFound(id) }
            throw Self.failed(error, "open the container's directory")
        }
    }

    static func notFound(_ id: String) -> Failure {
        Failure(
            "bundle.not-found", doing: "find the container", on: id, cause: "container does not exist",
            remedy: "see `list` for those there are")
    }

    public func record(_ id: String) throws(Failure) -> BundleRecord? { try record(in: try open(id)) }

    func record(in place: OwnedDescriptor) throws(Failure) -> BundleRecord? {
        do throws(KernelError) {
            let bytes = try place.open("state.json").readAll(limit: 1 << 20)
            return try parse(bytes)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw Self.failed(error, "read the container's state")
        }
    }

    private func parse(_ bytes: [UInt8]) throws(KernelError) -> BundleRecord {
        do throws(Failure) { return try BundleRecord(try SpecObject(parsing: bytes, document: "state.json")) } catch {
            throw KernelError(call: error.description, errno: Errno.invalid)
        }
    }

    func configuration(_ id: String) throws(Failure) -> (bytes: [UInt8], own: [String]) {
        let place = try open(id)
        do throws(KernelError) { return try configuration(try place.open("config.json"), in: place) } catch {
            throw Self.failed(error, "read the container's configuration")
        }
    }

    func configuration(
        _ file: OwnedDescriptor, in place: OwnedDescriptor
    ) throws(KernelError) -> (bytes: [UInt8], own: [String]) {
        (try file.readAll(limit: 16 << 20), try own(place))
    }

    private func own(_ place: OwnedDescriptor) throws(KernelError) -> [String] {
        let bytes: [UInt8]
        do throws(KernelError) { bytes = try place.open(Self.ownName).readAll(limit: 4_096) } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error
        }
        return String(decoding: bytes, as: UTF8.self).cut(at: "\n").map(String.init)
    }
}
