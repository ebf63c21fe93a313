public import AgentCore
public import ClusterModel
public import Diagnostics
import LinuxKernel

/// What an agent's machine does for tasks beside running them, for real.
public struct TaskHost: AgentHost {
    private let work: WorkDirectory
    private let files: SandboxFiles
    private let follower: LogFollower
    private let keeper: LogKeeper
    private let fetcher: Fetcher
    private let blocking: BlockingWork

    /// - Parameter unpacker: path of `bulkhead-unpack`. Blocks: not for Swift's own threads.
    public init(
        workDirectory: WorkDirectory, unpacker: String, downloader: any Downloader,
        fetchRules: FetchRules = FetchRules()
    ) throws(Failure) {
        work = workDirectory
        blocking = BlockingWork()
        files = SandboxFiles(workDirectory)
        let watch = try FileWatch()
        follower = LogFollower(files: files, watch: watch, blocking: blocking)
        keeper = LogKeeper(watch: watch, blocking: blocking)
        fetcher = try Fetcher(
            work: workDirectory, rules: fetchRules, downloader: downloader,
            extractor: ArchiveExtractor(program: unpacker), blocking: blocking)
    }

    public func bootID() async throws(Failure) -> String {
        try await blocking.run("read the boot id") { () throws(Failure) in
            do throws(KernelError) { return try ProcessFacts.bootID() } catch {
                throw error.failure("host.boot-id", doing: "read the boot id", remedy: "mount /proc")
            }
        }
    }

    public func prepareSandbox(_ order: SandboxOrder) async throws(Failure) {
        let work = work
        try await blocking.run("make the sandbox") { () throws(Failure) in try work.prepare(order) }
    }

    public func fetch(
        _ fetches: [CommandSpec.Fetch], into sandbox: String, user: String?, bytesMax: UInt64?
    ) async throws(Failure) {
        try await fetcher.fetch(fetches, into: sandbox, user: user, bytesMax: bytesMax)
    }

    public func diskUsage() async throws(Failure) -> Double {
        let path = work.path
        return try await blocking.run("measure the disk") { () throws(Failure) in
            do throws(KernelError) {
                let space = try FilesystemSpace.at(path)
                // As df(1) shows it: what is reserved for root counts as neither.
                let reachable = space.used + space.available
                return reachable == 0 ? 0 : Double(space.used) / Double(reachable)
            } catch {
                throw error.failure("host.disk", doing: "measure the disk", on: path)
            }
        }
    }

    public func collect(_ path: String) async throws(Failure) {
        let work = work
        try await blocking.run("remove the sandbox") { () throws(Failure) in try work.remove(path) }
    }

    public func keepLog(_ path: String, bytesMax: UInt64) async throws(Failure) {
        guard let slash = path.lastPosition(of: "/") else { return }
        let (directory, name) = (String(path[..<slash]), RawPath(String(path[path.utf8.index(after: slash)...])))
        let work = work
        let file = try await blocking.run("open a log") { () throws(Failure) -> OwnedDescriptor in
            let sandbox = try work.open(directory)
            do throws(KernelError) {
                // Made when it is not there: whoever writes it only appends.
                return try sandbox.openRegular(
                    name, [.writeOnly, .create, .append, .noFollow], mode: 0o644,
                    rules: [.beneath, .noLinks])
            } catch {
                throw error.failure("sandbox.log", doing: "open a log", on: path)
            }
        }
        try await keeper.keep(file, bytesMax: bytesMax)
    }

    public func sandboxes() async throws(Failure) -> [String] {
        let work = work
        return try await blocking.run("list the sandboxes") { () throws(Failure) in try work.sandboxes() }
    }

    public func changeVolumes(_ orders: [VolumeOrder]) async throws(Failure) {
        let volumes = VolumeDirectories(work: work)
        try await blocking.run("change volumes") { () throws(Failure) in
            for order in orders { try volumes.carryOut(order) }
        }
    }

    public func listFiles(_ path: String) async throws(Failure) -> [FileFacts] {
        let files = files
        return try await blocking.run("list files") { () throws(Failure) in
            try files.list(path).map { FileFacts(path: $0.path, status: $0.status) }
        }
    }

    public func readFile(_ path: String, offset: Int64?, length: Int64?) async throws(Failure) -> FilePiece {
        let files = files
        return try await blocking.run("read a file") { () throws(Failure) in
            try files.read(path, offset: offset, length: length)
        }
    }

    public func followFile(
        _ path: String, from offset: Int64?, deliver: @Sendable @escaping (FilePiece) async throws -> Void
    ) async throws {
        try await follower.follow(path, from: offset, deliver: deliver)
    }
}

extension FileFacts {
    init(path: String, status: FileStatus) {
        let kind: UInt32 =
            switch status.kind {
            case .regular: 0o100000
            case .directory: 0o040000
            case .link: 0o120000
            case .character: 0o020000
            case .block: 0o060000
            case .fifo: 0o010000
            case .socket: 0o140000
            case .other: 0
            }
        self.init(
            path: path, size: status.size, links: status.links, mode: kind | status.mode, uid: status.uid,
            gid: status.gid, modified: status.modifiedSinceEpoch)
    }
}
