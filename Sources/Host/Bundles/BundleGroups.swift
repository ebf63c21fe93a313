public import Diagnostics
public import LinuxKernel
import RuntimeSpec

/// The cgroups of one bundle's container, in every hierarchy this host has. They are found by path, never remembered
/// open, so another process of ours can take over at any time.
public struct BundleGroups: Equatable, Sendable {
    public var hierarchies: GroupHierarchies
    /// Below each mount, with a slash before it.
    public var path: String
    /// A group the container made below its own, for one more process. With version 1 some hierarchies may lack it.
    private(set) var below = ""
    /// The same for single hierarchies of version 1, by controller or `name=`.
    private(set) var belowOf: [String: String] = [:]
    /// The container's first process, in whose group others may begin where the container's own takes none any more.
    var first: Int32?

    public init(hierarchies: GroupHierarchies, path: String) {
        self.hierarchies = hierarchies
        self.path = path
    }

    /// linux.cgroupsPath, or a place of its own below `bulkhead-oci`. A relative path is below that as well.
    public static func path(_ asked: String?, id: String) -> String {
        guard let asked, !asked.isEmpty else { return "/bulkhead-oci/\(id)" }
        let parts = asked.cut(at: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
        return asked.begins(with: "/") ? "/" + parts : "/bulkhead-oci/" + parts
    }

    /// `PATH` below the container's group in every hierarchy, or `CONTROLLER,…:PATH` in those of version 1 alone.
    mutating func descend(to asked: String) throws(Failure) {
        let words = asked.cut(at: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = (words.last ?? "").cut(at: "/").filter { $0 != "." }
        guard !parts.contains("..") else {
            throw Self.refused(asked, "bad sub cgroup path: `..` components are not allowed")
        }
        let path = parts.map { "/\($0)" }.joined()
        guard words.count > 1 else {
            below = path
            return
        }
        for controller in words[0].cut(at: ",").map(String.init) {
            guard !hierarchies.isUnified, hierarchies.legacy.contains(where: { $0.isCalled(controller) }) else {
                throw Self.refused(asked, "unknown controller \(Untrusted.shown(controller)) of cgroups of version 1")
            }
            belowOf[controller] = path
        }
    }

    private static func refused(_ asked: String, _ cause: String) -> Failure {
        Failure(
            "bundle.cgroup", doing: "use the cgroup", on: asked, cause: cause,
            remedy: "name a group below the container's own", field: "cgroup")
    }

    var unified: String? { hierarchies.unified.map { $0 + path } }
    func directory(_ legacy: GroupHierarchies.Legacy) -> String { legacy.mount + path }
    func directory(with controller: String) -> String? {
        if hierarchies.isUnified { return unified }
        if let legacy = hierarchies.legacy(with: controller) { return directory(legacy) }
        return unified
    }

    /// All directories of the container. Beside version 1, version 2 is used only for what it alone has.
    var directories: [String] {
        if hierarchies.isUnified { return [unified].compactMap { $0 } }
        return hierarchies.legacy.map(directory)
    }

    public var view: GroupView {
        if hierarchies.isUnified { return unified.map { .unified($0) } ?? .none }
        if hierarchies.legacy.isEmpty { return .none }
        var links: [(name: String, target: String)] = []
        for legacy in hierarchies.legacy where legacy.directory.utf8.contains(UInt8(ascii: ",")) {
            for name in legacy.directory.cut(at: ",") { links.append((String(name), legacy.directory)) }
        }
        return .legacy(directories: hierarchies.legacy.map { ($0.directory, directory($0)) }, links: links)
    }

    static func failed(_ error: KernelError, _ doing: String, field: String? = nil) -> Failure {
        let isForbidden = [Errno.accessDenied, Errno.notPermitted, Errno.readOnlyFilesystem].contains(error.errno)
        var failure = error.failure(
            "bundle.cgroup", doing: doing,
            remedy: isForbidden
                ? "run it as root, or name a cgroup that was given to you in linux.cgroupsPath"
                : "ask for what this host's cgroups can hold")
        failure.field = field
        return failure
    }
}

// MARK: - Making and removing

extension BundleGroups {
    /// Makes the directories and enables the controllers above them. Those of the container that were not there before
    /// are added to `made`, of which mkdir(2) is sure whoever else makes the same.
    func create(_ made: inout [String]) throws(Failure) {
        do throws(KernelError) {
            if hierarchies.isUnified, let mount = hierarchies.unified { return try createUnified(mount, &made) }
            for legacy in hierarchies.legacy {
                try makeAll(legacy.mount, &made) { directory throws(KernelError) in
                    if legacy.controllers.contains("cpuset") { try Self.inheritSet(directory) }
                }
            }
        } catch {
            throw Self.failed(error, "make the container's cgroups")
        }
    }

    private func makeAll(
        _ mount: String, _ made: inout [String], _ prepare: (String) throws(KernelError) -> Void
    ) throws(KernelError) {
        var directory = mount
        for part in path.cut(at: "/") {
            directory += "/" + part
            do throws(KernelError) {
                try Directories.make(directory, mode: 0o755)
                if directory == mount + path { made.append(directory) }
            } catch {
                if error.errno != Errno.exists { throw error }
            }
            try prepare(directory)
        }
    }

    /// A new cpuset is empty, and nothing can run in it: it gets what the one above has, cpuset(7).
    private static func inheritSet(_ directory: String) throws(KernelError) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            guard try TextFile.read("\(directory)/\(file)").allSatisfy(\.isWhitespace) else { continue }
            try TextFile.write(
                try TextFile.read("\(directory)/../\(file)").filter { !$0.isNewline }, to: "\(directory)/\(file)")
        }
    }

    private func createUnified(_ mount: String, _ made: inout [String]) throws(KernelError) {
        var above = mount
        try makeAll(mount, &made) { directory throws(KernelError) in
            let file = above + "/cgroup.subtree_control"
            let there = try TextFile.read(above + "/cgroup.controllers").split(whereSeparator: \.isWhitespace)
            let enabled = try TextFile.read(file).split(whereSeparator: \.isWhitespace)
            for controller in there where !enabled.contains(controller) {
                // One that cannot be enabled is missed only by whoever asks for it, and then by name.
                do throws(KernelError) { try TextFile.write("+\(controller)", to: file) } catch { continue }
            }
            above = directory
        }
    }

    /// Ends whoever is in the container's groups and removes them.
    func end() throws(Failure) {
        if !processes().isEmpty { try signalAll(SignalNumber.kill) }
        try remove(directories, ending: true)
    }

    /// How long every process in them may take to stop or to end: each has to run for that, and be given a processor.
    private static let settlingSecondsMax = 30.0

    /// Removes `directories`, which are the container's, with groups it made inside. Absent ones are fine.
    ///
    /// - Parameter ending: whether those are ended who come meanwhile: somebody may still be creating the container.
    func remove(_ directories: [String], ending: Bool = false) throws(Failure) {
        do throws(KernelError) {
            for directory in directories {
                guard HostFacts.exists(directory) else { continue }
                let deadline = Deadline(seconds: Self.settlingSecondsMax)
                while !(try removed(directory, deadline)) {
                    if ending { try send(SignalNumber.kill) }
                    try deadline.pause("\(directory) to be free")
                }
            }
        } catch {
            throw Self.failed(error, "remove the container's cgroups")
        }
    }

    private func removed(_ directory: String, _ deadline: Deadline) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try Self.removeTree(directory, depth: 0)
            return true
        } catch {
            if error.errno == Errno.noEntry { return true }
            if error.errno == Errno.busy, !deadline.hasPassed { return false }
            throw error
        }
    }

    private static func removeTree(_ path: String, depth: Int) throws(KernelError) {
        do throws(KernelError) { return try Directories.removeEmpty(path) } catch {
            guard error.errno == Errno.busy || error.errno == Errno.notEmpty, depth < 32 else { throw error }
        }
        for entry in try OwnedDescriptor.open(RawPath(path), [.directory]).entries() where entry.kind == .directory {
            try removeTree("\(path)/\(entry.name)", depth: depth + 1)
        }
        try Directories.removeEmpty(path)
    }
}

// MARK: - Members

extension BundleGroups {
    /// A directory for CLONE_INTO_CGROUP; nil where version 1 is used, whose groups take a process by `attach`.
    public func openForSpawn() throws(Failure) -> OwnedDescriptor? {
        guard hierarchies.isUnified, let unified else { return nil }
        do throws(KernelError) { return try OwnedDescriptor.open(RawPath(unified + below), [.directory]) } catch {
            throw Self.failed(error, "open the container's cgroup")
        }
    }

    /// The group that the first process is in by now, when `error` says that the container's own takes none: one whose
    /// controllers are enabled for those below it, cgroups(7) "no internal processes". Nobody who named a group gets
    /// another one.
    func openInstead(of error: KernelError) throws(KernelError) -> OwnedDescriptor? {
        guard error.errno == Errno.busy || error.errno == Errno.noEntry, hierarchies.isUnified, below.isEmpty,
            let first, let mount = hierarchies.unified,
            let place = Self.place(in: try TextFile.read("/proc/\(first)/cgroup"), below: path)
        else { return nil }
        return try OwnedDescriptor.open(RawPath(mount + place), [.directory])
    }

    /// The group of version 2 that a /proc/PID/cgroup names, if it is below `path`: a process that was moved out of the
    /// container's groups takes nobody along.
    static func place(in text: String, below path: String) -> String? {
        guard let line = text.cut(at: "\n").first(where: { $0.begins(with: "0::") }) else { return nil }
        let place = String(line.dropFirst(3))
        guard place.begins(with: path + "/"), !place.cut(at: "/").contains("..") else { return nil }
        return place
    }

    public func attach(_ process: Int32) throws(Failure) {
        if hierarchies.isUnified { return }
        do throws(KernelError) {
            guard below.isEmpty || directories.contains(where: { HostFacts.exists($0 + below) }) else {
                throw KernelError(call: "look for", on: path + below, errno: Errno.noEntry)
            }
            for legacy in hierarchies.legacy {
                let directory = directory(legacy)
                let own = belowOf.first { legacy.isCalled($0.key) }.map { directory + $0.value }
                let place = own ?? (HostFacts.exists(directory + below) ? directory + below : directory)
                try TextFile.write("\(process)", to: place + "/cgroup.procs")
            }
        } catch {
            throw Self.failed(error, "put the container's process into its cgroups")
        }
    }

    public func isFrozen() -> Bool {
        do throws(KernelError) {
            if hierarchies.isUnified, let unified {
                return try TextFile.read(unified + "/cgroup.events").cut(at: "\n").contains("frozen 1")
            }
            guard let directory = freezer else { return false }
            return try TextFile.read(directory + "/freezer.state").begins(with: "FR")
        } catch { return false }
    }

    private var freezer: String? { hierarchies.legacy(with: "freezer").map(directory) }

    public func freeze(_ frozen: Bool) throws(Failure) {
        do throws(KernelError) {
            if hierarchies.isUnified, let unified {
                try TextFile.write(frozen ? "1" : "0", to: unified + "/cgroup.freeze")
            } else if let freezer {
                try TextFile.write(frozen ? "FROZEN" : "THAWED", to: freezer + "/freezer.state")
            } else {
                throw KernelError(call: "find the freezer", errno: Errno.notSupported)
            }
            let deadline = Deadline(seconds: Self.settlingSecondsMax)
            try deadline.wait("the container to \(frozen ? "freeze" : "thaw")") { isSettled(frozen) }
        } catch {
            throw Self.failed(error, frozen ? "pause the container" : "resume the container")
        }
    }

    /// Into the container's own freezer, whatever group of version 1 it was put into since: frozen it could not die.
    func takeBack(_ process: Int32) throws(Failure) {
        guard !hierarchies.isUnified, let freezer, HostFacts.exists(freezer) else { return }
        do throws(KernelError) { try TextFile.write("\(process)", to: freezer + "/cgroup.procs") } catch {
            if error.errno != Errno.noProcess { throw Self.failed(error, "take the container's process back") }
        }
    }

    private func isSettled(_ frozen: Bool) -> Bool {
        if hierarchies.isUnified { return isFrozen() == frozen }
        guard let freezer else { return true }
        do throws(KernelError) {
            return try TextFile.read(freezer + "/freezer.state").begins(with: frozen ? "FROZEN" : "THAWED")
        } catch { return false }
    }
}
