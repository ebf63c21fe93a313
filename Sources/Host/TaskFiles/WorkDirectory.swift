public import AgentCore
import DurableStorage
public import Diagnostics
public import LinuxKernel

/// The agent's work directory: sandboxes and what belongs to the agent itself.
///
/// Everything in a sandbox may have been made by a task that means harm, so nothing in one is ever reached through a
/// link or across a mount. All calls block.
public struct WorkDirectory: Sendable {
    public let path: String
    let root: OwnedDescriptor

    /// Makes the directory when it is not there.
    /// - Throws: `work-directory.unusable`.
    public init(_ path: String) throws(Failure) {
        guard path.begins(with: "/"), !path.utf8.contains(0) else {
            throw Failure(
                "work-directory.unusable", doing: "use the work directory", on: path, cause: "it is no absolute path",
                remedy: "give an absolute path", field: "work_dir")
        }
        do throws(KernelError) {
            try Directories.makeAll(path, mode: 0o755)
            root = try OwnedDescriptor.open(RawPath(path), [.directory])
        } catch {
            throw error.failure(
                "work-directory.unusable", doing: "use the work directory", on: path,
                remedy: "choose another with --work-dir")
        }
        self.path = path.count > 1 && path.ends(with: "/") ? String(path.dropLast()) : path
    }

    /// The directory of the agent's own records, made when it is not there; only root may look inside.
    public func records() throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) { return try descend(["meta"], in: root, mode: 0o700) } catch {
            throw error.failure(
                "work-directory.unusable", doing: "make the agent's record directory", on: path + "/meta")
        }
    }

    // MARK: - Making

    /// Makes a directory below this one, its parents and its links. One that is there is kept as it is but for its
    /// owner and mode. Parents are for root alone, so what a directory itself allows is for its container alone.
    ///
    /// - Throws: `sandbox.foreign`, `sandbox.unusable`, `sandbox.disk-full`.
    public func prepare(_ order: SandboxOrder) throws(Failure) {
        let owner = DirectoryOwner(order.user)
        let names = try names(of: order.path, "make the sandbox")
        do throws(KernelError) {
            let parent = try descend(names.dropLast(), in: root, mode: 0o700)
            guard let last = names.last else { return }
            try makeMissing(RawPath(last), in: parent, mode: 0o700)
            let directory = try enter(RawPath(last), in: parent)
            try directory.changeOwner(uid: owner.uid, gid: owner.gid)
            try directory.changeMode(owner.mode)
        } catch {
            throw Self.failure(error, "make the sandbox", order.path)
        }
        for directory in order.directories { try makeVolume(directory, for: order) }
        for link in order.links { try makeLink(link) }
        // Whoever looks for the agent's files begins at its latest identity.
        if names.count > 2, names[0] == "slaves" {
            try makeLink(SandboxOrder.Link(path: path + "/slaves/latest", target: names[1]))
        }
    }

    /// A directory for a volume. One in the sandbox of a parent is everybody's in the group, whoever they run as: only
    /// their containers ever see it.
    private func makeVolume(_ path: String, for order: SandboxOrder) throws(Failure) {
        let owner = DirectoryOwner(path.begins(with: order.path + "/") ? order.user : nil)
        let names = try names(of: path, "make the volume")
        do throws(KernelError) {
            let directory = try descend(names, in: root, mode: 0o755)
            try directory.changeOwner(uid: owner.uid, gid: owner.gid)
            try directory.changeMode(owner.mode)
        } catch {
            throw Self.failure(error, "make the volume", path)
        }
    }

    private func makeLink(_ link: SandboxOrder.Link) throws(Failure) {
        let names = try names(of: link.path, "make the link")
        guard let last = names.last, !link.target.isEmpty, !link.target.utf8.contains(0) else { return }
        do throws(KernelError) {
            let parent = try descend(names.dropLast(), in: root, mode: 0o700)
            let temporary = RawPath(AtomicFile.temporaryPrefix + RandomName.make())
            try parent.makeLink(temporary, to: RawPath(link.target))
            try parent.rename(temporary, to: RawPath(last))
        } catch {
            throw Self.failure(error, "make the link", link.path)
        }
    }

    /// Names from this directory to `path`, which must be below it.
    private func names(of path: String, _ doing: String) throws(Failure) -> [String] {
        let names = path.dropFirst(self.path.count).cut(at: "/").map(String.init)
        guard path.begins(with: self.path + "/"), !names.isEmpty, !path.utf8.contains(0),
            !names.contains(".."), !names.contains(".")
        else {
            throw Failure(
                "sandbox.foreign", doing: doing, on: path, cause: "it is not below \(self.path)",
                remedy: "choose a path below the work directory")
        }
        return names
    }

    private func descend(
        _ names: some Sequence<String>, in start: OwnedDescriptor, mode: UInt32
    ) throws(KernelError) -> OwnedDescriptor {
        var directory = start
        for name in names {
            try makeMissing(RawPath(name), in: directory, mode: mode)
            directory = try enter(RawPath(name), in: directory)
        }
        return directory
    }

    private func makeMissing(_ name: RawPath, in directory: OwnedDescriptor, mode: UInt32) throws(KernelError) {
        do throws(KernelError) { try directory.makeDirectory(name, mode: mode) } catch {
            if error.errno != Errno.exists { throw error }
        }
    }

    private func enter(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> OwnedDescriptor {
        try directory.open(name, [.directory, .noFollow], rules: [.beneath, .noLinks])
    }

    // MARK: - Finding

    /// An existing directory below this one, no link on the way.
    public func open(_ path: String) throws(Failure) -> OwnedDescriptor {
        let names = try names(of: path, "open the sandbox")
        do throws(KernelError) {
            return try root.open(
                RawPath(names.joined(separator: "/")), [.directory, .noFollow],
                rules: [.beneath, .noLinks, .noMagicLinks])
        } catch {
            throw Self.failure(error, "open the sandbox", path)
        }
    }

    /// Every run directory there is: what a restarted agent compares with what it knows. Reads directories only.
    public func sandboxes() throws(Failure) -> [String] {
        do throws(KernelError) {
            var found: [String] = []
            for agent in try children("slaves") {
                for framework in try children("slaves/\(agent)/frameworks") {
                    let executors = "slaves/\(agent)/frameworks/\(framework)/executors"
                    for executor in try children(executors) {
                        for run in try children("\(executors)/\(executor)/runs") {
                            found.append("\(path)/\(executors)/\(executor)/runs/\(run)")
                        }
                    }
                }
            }
            return found.sorted()
        } catch {
            throw error.failure("sandbox.list", doing: "list the sandboxes", on: path)
        }
    }

    private func children(_ relative: String) throws(KernelError) -> [String] {
        let directory: OwnedDescriptor
        do throws(KernelError) {
            directory = try root.open(RawPath(relative), [.directory], rules: [.beneath, .noLinks])
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error
        }
        return try directory.entries().filter { $0.kind == .directory }.map(\.name.description).sorted()
    }

    // MARK: - Removing

    /// Removes a sandbox (or what is left of one) and the directories above it that became empty. `path` must lead
    /// below this work directory. Not there any more is fine.
    ///
    /// - Throws: `sandbox.mounted` when something inside is a mount point: nothing behind it was touched.
    public func remove(_ path: String) throws(Failure) {
        var names = try names(of: path, "remove")
        guard names.count >= 2, let last = names.popLast() else {
            throw Failure("sandbox.foreign", doing: "remove", on: path, cause: "it holds more than one sandbox")
        }
        do throws(KernelError) {
            guard let parent = try existing(names) else { return }
            try TreeRemoval.remove(RawPath(last), in: parent)
            try removeEmptied(names)
        } catch {
            let isMount = error.errno == Errno.crossDevice || error.errno == Errno.busy
            throw error.failure(
                isMount ? "sandbox.mounted" : "sandbox.remove", doing: "remove the sandbox", on: path,
                remedy: isMount ? "unmount what is mounted in it first" : nil, retry: .later)
        }
    }

    private func existing(_ names: [String]) throws(KernelError) -> OwnedDescriptor? {
        do throws(KernelError) {
            return try root.open(
                RawPath(names.isEmpty ? "." : names.joined(separator: "/")), [.directory], rules: [.beneath, .noLinks])
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    /// `slaves` itself always stays.
    private func removeEmptied(_ names: [String]) throws(KernelError) {
        var names = names
        while names.count > 1, let last = names.last {
            guard let directory = try existing(names) else { return }
            try dropDanglingLatest(in: directory)
            names.removeLast()
            guard let parent = try existing(names) else { return }
            do throws(KernelError) { try parent.removeDirectory(RawPath(last)) } catch {
                if [Errno.notEmpty, Errno.exists, Errno.busy, Errno.noEntry].contains(error.errno) { return }
                throw error
            }
        }
    }

    private func dropDanglingLatest(in directory: OwnedDescriptor) throws(KernelError) {
        do throws(KernelError) {
            let target = try directory.linkTarget("latest")
            if try !directory.exists(target) { try directory.unlink("latest") }
        } catch {
            if error.errno != Errno.noEntry && error.errno != Errno.invalid { throw error }
        }
    }

    private static func failure(_ error: KernelError, _ doing: String, _ path: String) -> Failure {
        let full = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
        return error.failure(
            full ? "sandbox.disk-full" : "sandbox.unusable", doing: doing, on: path,
            remedy: full ? "free space on the agent's disk" : nil, retry: full ? .later : .never)
    }
}

/// Who may use a sandbox, and how.
struct DirectoryOwner: Equatable {
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var mode: UInt32 = 0o750

    /// `user` is what a task asks to run as: numbers with `:` between them, or names. A name means what the task's
    /// image says, which only the containerizer learns; then everybody inside the container may write, and only that
    /// container ever sees the directory.
    init(_ user: String?) {
        guard let user, !user.isEmpty else {
            mode = 0o777
            return
        }
        if user == "root" || user == "root:root" { return }
        let parts = user.cut(at: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let uid = UInt32(parts[0]), let gid = parts.count > 1 ? UInt32(parts[1]) : uid else {
            mode = 0o777
            return
        }
        (self.uid, self.gid) = (uid, gid)
    }
}
