public import AgentCore
import DurableStorage
public import Diagnostics
public import LinuxKernel

/// What people read of sandboxes: listings, pieces of files, whole files. Paths are those of the files API: the host
/// path of a sandbox, or `/frameworks/F/executors/E/runs/latest` for the agent's own latest.
///
/// Links inside a sandbox are followed inside it only. All calls block.
public struct SandboxFiles: Sendable {
    private let work: WorkDirectory
    /// The most one read gives: sixteen pages, as clients of this API expect.
    public static let readBytesMax = 65_536
    /// The most entries one listing gives.
    public static let entriesMax = 100_000

    public init(_ work: WorkDirectory) { self.work = work }

    public struct Entry: Equatable, Sendable {
        /// The path asked for with the entry's name.
        public var path: String
        public var status: FileStatus
    }

    /// - Throws: `files.not-found`, `files.forbidden`, `files.not-directory`.
    public func list(_ path: String) throws(Failure) -> [Entry] {
        let directory = try open(path, [.directory])
        let base = path.ends(with: "/") ? path : path + "/"
        do throws(KernelError) {
            var entries: [Entry] = []
            for entry in try directory.firstEntries(Self.entriesMax) {
                do throws(KernelError) {
                    entries.append(
                        Entry(path: base + entry.name.description, status: try directory.status(of: entry.name)))
                } catch {
                    // Removed between the two calls.
                    if error.errno != Errno.noEntry { throw error }
                }
            }
            return entries.sorted { $0.path < $1.path }
        } catch {
            throw Self.failure(error, "list", path)
        }
    }

    /// At most `length` bytes from `offset`. A nil or negative offset asks for the size only; a nil or negative length
    /// for as much as one read gives. Beyond the end there is nothing, which is no error.
    public func read(_ path: String, offset: Int64?, length: Int64?) throws(Failure) -> FilePiece {
        let file = try openFile(path)
        return try Self.read(file, path, offset: offset, length: length)
    }

    static func read(
        _ file: OwnedDescriptor, _ path: String, offset: Int64?, length: Int64?
    ) throws(Failure) -> FilePiece {
        do throws(KernelError) {
            let size = try file.status().size
            guard let asked = offset, asked >= 0, asked < size else {
                return FilePiece(bytes: [], offset: size, size: size)
            }
            var start = asked
            if isLog(path), let first = try file.nextData(from: 0), first > start { start = first }
            let wanted = length.map { $0 < 0 ? Int64(readBytesMax) : $0 } ?? Int64(readBytesMax)
            let bytes = try file.readBytes(Int(min(wanted, Int64(readBytesMax))), at: start)
            return FilePiece(bytes: bytes, offset: start, size: size)
        } catch {
            throw failure(error, "read", path)
        }
    }

    /// The only files whose beginning is ever dropped.
    private static func isLog(_ path: String) -> Bool { path.ends(with: "/stdout") || path.ends(with: "/stderr") }

    /// An open regular file, for downloads and followers.
    public func openFile(_ path: String) throws(Failure) -> OwnedDescriptor {
        let (sandbox, rest) = try split(path)
        do throws(KernelError) { return try openSandbox(sandbox).openRegular(Self.place(rest)) } catch {
            throw Self.failure(error, "read", path)
        }
    }

    // MARK: - Paths

    private func open(_ path: String, _ flags: OpenFlags) throws(Failure) -> OwnedDescriptor {
        let (sandbox, rest) = try split(path)
        do throws(KernelError) {
            return try openSandbox(sandbox).open(Self.place(rest), flags, rules: .confined)
        } catch {
            throw Self.failure(error, "open", path)
        }
    }

    private static func place(_ rest: [String]) -> RawPath { RawPath(rest.isEmpty ? "." : rest.joined(separator: "/")) }

    /// Names from the work directory to the sandbox, and from there on.
    private func split(_ path: String) throws(Failure) -> (sandbox: [String], rest: [String]) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw Failure("files.no-path", doing: "read a file", cause: "no path is given", field: "path")
        }
        guard let place = SandboxPath(path, below: work.path) else {
            throw Failure(
                "files.not-found", doing: "open", on: path, cause: "no sandbox is there",
                remedy: "ask for a path below a sandbox's directory", field: "path")
        }
        return (place.sandbox, place.rest)
    }

    /// Only `latest` may be a link here, and only to a name beside it.
    private func openSandbox(_ names: [String]) throws(KernelError) -> OwnedDescriptor {
        var directory = work.root
        for name in names {
            var target = RawPath(name)
            if name == "latest" { target = try latest(in: directory) }
            directory = try directory.open(target, [.directory, .noFollow], rules: [.beneath, .noLinks])
        }
        return directory
    }

    private func latest(in directory: OwnedDescriptor) throws(KernelError) -> RawPath {
        do throws(KernelError) { return try directory.linkTarget("latest") } catch {
            // An executor may be called "latest" itself.
            if error.errno == Errno.invalid { return "latest" }
            throw error
        }
    }

    private static func failure(_ error: KernelError, _ doing: String, _ path: String) -> Failure {
        switch error.errno {
        case Errno.noEntry, Errno.notDirectory, Errno.nameTooLong:
            Failure("files.not-found", doing: doing, on: path, cause: "it is not there", field: "path")
        case Errno.isDirectory, Errno.invalid:
            Failure("files.not-a-file", doing: doing, on: path, cause: "it is not a regular file", field: "path")
        case Errno.crossDevice, Errno.tooManyLinks, Errno.accessDenied, Errno.notPermitted:
            Failure(
                "files.forbidden", doing: doing, on: path, cause: "it leads out of the sandbox", field: "path")
        default: error.failure("files.unreadable", doing: doing, on: path)
        }
    }
}
