public import ClusterModel
import Containers
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
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw Failure(
                "work-directory.unusable", doing: "use the work directory", on: path, cause: "it is no absolute path",
                remedy: "give an absolute path", field: "work_dir")
        }
        do throws(KernelError) {
            try Directories.makeAll(path, mode: 0o755)
            root = try OwnedDescriptor.open(RawPath(path), [.directory])
        } catch {
            throw error.failure(
                "work-directory.unusable", doing: "use the work directory", on: path, remedy: "choose another with --work-dir")
        }
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The host path of a sandbox, whether it exists or not.
    public func path(of place: SandboxPlace) -> String { path + "/" + place.relativePath }

    /// The directory of the agent's own records, made when it is not there; only root may look inside.
    public func records() throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) { return try descend(["meta"], in: root, mode: 0o700) } catch {
            throw error.failure("work-directory.unusable", doing: "make the agent's record directory", on: path + "/meta")
        }
    }

    // MARK: - Making

    /// Makes a sandbox, its parents and the `latest` links beside it; one that exists already is kept as it is but for
    /// its owner and mode.
    ///
    /// - Parameters:
    ///   - owner: user and group as the file system keeps them, who may write in it.
    ///   - task: names a link `tasks/<task>` in the outermost sandbox that leads to a nested one.
    /// - Returns: the host path.
    public func makeSandbox(
        _ place: SandboxPlace, owner: (uid: UInt32, gid: UInt32), task: TaskID? = nil
    ) throws(Failure) -> String {
        do throws(KernelError) {
            var names = place.components.map { RawPath($0) }
            let last = names.removeLast()
            let parent = try descend(names, in: root, mode: 0o755)
            try makeMissing(last, in: parent, mode: 0o750)
            let sandbox = try enter(last, in: parent)
            try sandbox.changeMode(0o750)
            try sandbox.changeOwner(uid: owner.uid, gid: owner.gid)
            if place.nested.isEmpty {
                try setLatest(last, in: parent)
                try setLatest(RawPath(place.agent.text), in: try descend(["slaves"], in: root, mode: 0o755))
            } else if let task {
                try linkTask(task, to: place)
            }
        } catch {
            throw failure(error, "make the sandbox", place)
        }
        return path(of: place)
    }

    private func setLatest(_ target: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        let temporary = RawPath(AtomicFile.temporaryPrefix + RandomName.make())
        try directory.makeLink(temporary, to: target)
        try directory.rename(temporary, to: "latest")
    }

    private func linkTask(_ task: TaskID, to place: SandboxPlace) throws(KernelError) {
        var outer = place
        let inner = outer.nested.removeLast()
        let tasks = try descend(outer.components.map { RawPath($0) } + ["tasks"], in: root, mode: 0o755)
        let temporary = RawPath(AtomicFile.temporaryPrefix + RandomName.make())
        try tasks.makeLink(temporary, to: RawPath("../containers/" + inner.text))
        try tasks.rename(temporary, to: RawPath(task.text))
    }

    private func descend(
        _ names: [RawPath], in start: OwnedDescriptor, mode: UInt32
    ) throws(KernelError) -> OwnedDescriptor {
        var directory = start
        for name in names {
            try makeMissing(name, in: directory, mode: mode)
            directory = try enter(name, in: directory)
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

    /// An existing sandbox.
    public func open(_ place: SandboxPlace) throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) {
            return try root.open(
                RawPath(place.relativePath), [.directory, .noFollow], rules: [.beneath, .noLinks, .noMagicLinks])
        } catch {
            throw failure(error, "open the sandbox", place)
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
        guard path.hasPrefix(self.path + "/"), !path.split(separator: "/").contains("..") else {
            throw Failure(
                "sandbox.foreign", doing: "remove", on: path, cause: "it is not below \(self.path)",
                remedy: "remove it by hand if it should go")
        }
        var names = path.dropFirst(self.path.count).split(separator: "/").map(String.init)
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

    private func failure(_ error: KernelError, _ doing: String, _ place: SandboxPlace) -> Failure {
        let full = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
        return error.failure(
            full ? "sandbox.disk-full" : "sandbox.unusable", doing: doing, on: path(of: place),
            remedy: full ? "free space on the agent's disk" : nil, retry: full ? .later : .never)
    }
}
