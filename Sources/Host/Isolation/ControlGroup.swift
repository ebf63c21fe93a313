public import Containers
public import Diagnostics
public import HostProbe
public import LinuxKernel

/// The directory of one container in the version 2 tree, cgroups(7). Everything is found by name, never remembered, so
/// a crash of ours loses nothing.
public struct ControlGroup: Sendable {
    public static let parentName = "bulkhead"
    public let path: String

    public init?(_ id: ContainerID, host: HostAbilities) {
        guard let mount = host.groups.mountPoint else { return nil }
        path = "\(mount)/\(Self.parentName)/\(id.text)"
    }

    /// Makes the directory and, above it, enables the controllers this host has. Existing directories are kept.
    public func create(host: HostAbilities) throws(Failure) {
        guard let mount = host.groups.mountPoint else { return }
        let parent = "\(mount)/\(Self.parentName)"
        let wanted = ["cpu", "cpuset", "memory", "io", "pids"].filter(host.groups.controllers.contains)
        do throws(KernelError) {
            try Self.enable(wanted, in: mount)
            try Self.makeDirectory(parent)
            try Self.enable(wanted, in: parent)
            try Self.makeDirectory(path)
        } catch {
            throw error.failure(
                "cgroup.cannot-create", doing: "make the container's cgroup", on: path,
                remedy: "give bulkhead a cgroup tree it may write: run as root on the host, or delegate one")
        }
    }

    private static func makeDirectory(_ path: String) throws(KernelError) {
        do throws(KernelError) { try Directories.make(path, mode: 0o755) } catch {
            if error.errno != Errno.exists { throw error }
        }
    }

    /// Only what is not enabled yet is written: the write takes a lock all cgroups share.
    private static func enable(_ controllers: [String], in directory: String) throws(KernelError) {
        let file = directory + "/cgroup.subtree_control"
        let enabled = Set(try TextFile.read(file).split(whereSeparator: \.isWhitespace).map(String.init))
        let missing = controllers.filter { !enabled.contains($0) }
        if !missing.isEmpty { try TextFile.write(missing.map { "+" + $0 }.joined(separator: " "), to: file) }
    }

    /// A descriptor for CLONE_INTO_CGROUP, or for a read-only view inside the container.
    public func open() throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.path, .directory])
        } catch {
            throw error.failure("cgroup.cannot-open", doing: "open the container's cgroup", on: path)
        }
    }

    /// The same for clone3(2), which wants a descriptor opened for reading.
    public func openForSpawn() throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.directory])
        } catch {
            throw error.failure("cgroup.cannot-open", doing: "open the container's cgroup", on: path)
        }
    }

    /// Writes one setting and reads it back: what the kernel kept must be what was meant.
    public func set(_ setting: GroupSetting) throws(Failure) {
        let file = path + "/" + setting.file
        var setting = setting
        do throws(KernelError) {
            if setting == .allProcessors { setting.value = try TextFile.read(path + "/../cpuset.cpus.effective") }
            try TextFile.write(setting.value, to: file)
            try Self.check(setting, kept: try TextFile.read(file), in: file)
            // The kernel takes processors that are not there, and then uses others.
            if setting.file == "cpuset.cpus" {
                try Self.check(setting, kept: try TextFile.read(file + ".effective"), in: file + ".effective")
            }
        } catch {
            var failure = error.failure(
                "cgroup.cannot-limit", doing: "set \(setting.file) to \(setting.value)", on: path,
                remedy: "ask for a value this host accepts")
            failure.field = setting.flag
            throw failure
        }
    }

    private static func check(_ setting: GroupSetting, kept: String, in file: String) throws(KernelError) {
        guard !setting.isKept(in: kept) else { return }
        let line = kept.cut(at: "\n").first.map(String.init) ?? ""
        throw KernelError(call: "read back \(Untrusted.shown(line))", on: file, errno: Errno.invalid)
    }

    public func read(_ file: String) throws(KernelError) -> String { try TextFile.read(path + "/" + file) }

    /// Value of `key` in a flat keyed file such as memory.events; nil when the file or the key is not there.
    public func value(of key: String, in file: String) -> UInt64? {
        guard let text = contents(file) else { return nil }
        for line in text.cut(at: "\n") {
            let words = line.cut(at: " ")
            if words.count == 2, words[0] == key { return UInt64(words[1]) }
        }
        return nil
    }

    /// Text of a file that this kernel or these controllers may not have.
    public func contents(_ file: String) -> String? {
        do throws(KernelError) { return try read(file) } catch { return nil }
    }

    /// Which installation's the group is: several, each with its own state directory, may share one tree of cgroups.
    private static let ownerAttribute: RawPath = "trusted.bulkhead"

    /// Marks the group as belonging to the installation whose state is in `owner`.
    public func claim(for owner: String) throws(Failure) {
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(path), [.directory]).setAttribute(
                Self.ownerAttribute, to: Array(owner.utf8))
        } catch {
            throw error.failure("cgroup.cannot-create", doing: "mark the container's cgroup", on: path)
        }
    }

    /// False for a group of another installation, one without a mark, and one that is gone.
    public func belongs(to owner: String) -> Bool {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.directory]).attribute(Self.ownerAttribute)
                == Array(owner.utf8)
        } catch {
            return false
        }
    }

    public var exists: Bool { HostFacts.exists(path) }

    public func processes() -> [Int32] {
        (contents("cgroup.procs") ?? "").cut(at: "\n").compactMap { Int32($0) }
    }

    /// Kills every process in it at once, also ones being born. See cgroup.kill (Linux 5.14).
    public func kill() throws(KernelError) {
        do throws(KernelError) {
            try TextFile.write("1", to: path + "/cgroup.kill")
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
            for process in processes() {
                do throws(KernelError) { try ProcessHandle.open(process).signal(9) } catch {
                    if error.errno != Errno.noProcess { throw error }
                }
            }
        }
    }

    /// How long every process in it may take to stop or to end: each has to run for that, and be given a processor.
    public static let settlingSecondsMax = 30.0

    /// Stops or continues all processes in it. See cgroup.freeze.
    public func freeze(_ frozen: Bool) throws(KernelError) {
        try TextFile.write(frozen ? "1" : "0", to: path + "/cgroup.freeze")
        try Deadline(seconds: Self.settlingSecondsMax).wait("\(path) to \(frozen ? "freeze" : "thaw")") {
            value(of: "frozen", in: "cgroup.events") == (frozen ? 1 : 0)
        }
    }

    /// Kills what is left in it and removes it. Nothing happens when it is not there.
    public func remove() throws(Failure) { try remove(by: Deadline(seconds: Self.settlingSecondsMax)) }

    /// The same for one of several that were killed together, which all have until `deadline`.
    /// - Throws: `cgroup.cannot-remove` when a process in it has not ended by then; trying again is safe.
    public func remove(by deadline: Deadline) throws(Failure) {
        guard exists else { return }
        do throws(KernelError) {
            while try !removed(by: deadline) { try deadline.pause("\(path) to be free") }
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure(
                "cgroup.cannot-remove", doing: "remove the container's cgroup", on: path,
                remedy: "see which process is left in \(path)/cgroup.procs", retry: .later)
        }
    }

    /// False when somebody joined between the last process's end and the removal (an exec on its way).
    private func removed(by deadline: Deadline) throws(KernelError) -> Bool {
        if value(of: "populated", in: "cgroup.events") == 1 { try kill() }
        try deadline.wait("\(path) to become empty") { value(of: "populated", in: "cgroup.events") != 1 }
        do throws(KernelError) {
            try Self.removeTree(path, depth: 0)
            return true
        } catch {
            if error.errno == Errno.busy, !deadline.hasPassed { return false }
            throw error
        }
    }
}

extension ControlGroup {
    private static let depthMax = 32

    /// A cgroup goes after the ones inside it, which a container with a tree of its own, or a person, may have made.
    fileprivate static func removeTree(_ path: String, depth: Int) throws(KernelError) {
        if depth < depthMax {
            let entries = try OwnedDescriptor.open(RawPath(path), [.directory]).entries()
            for entry in entries where entry.kind == .directory {
                try removeTree("\(path)/\(entry.name)", depth: depth + 1)
            }
        }
        try Directories.removeEmpty(path)
    }
}

/// The cgroups of all containers.
public enum ControlGroups {
    /// Names of the directories below ours.
    public static func names(host: HostAbilities) throws(Failure) -> [String] {
        guard let mount = host.groups.mountPoint else { return [] }
        let path = "\(mount)/\(ControlGroup.parentName)"
        do throws(KernelError) {
            let entries = try OwnedDescriptor.open(RawPath(path), [.directory]).entries()
            return entries.filter { $0.kind == .directory }.map(\.name.description)
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("cgroup.unreadable", doing: "list the containers' cgroups", on: path)
        }
    }
}
