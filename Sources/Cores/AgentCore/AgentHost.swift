public import ClusterModel
public import Diagnostics

/// What an agent asks of its machine beside running containers: the effects of the core that touch the disk, and the
/// reading of sandboxes. Nothing here blocks a thread of Swift's own pool.
public protocol AgentHost: Sendable {
    /// Another one after each start of the machine.
    func bootID() async throws(Failure) -> String

    /// Makes the directories and links of an order. Idempotent.
    func prepareSandbox(_ order: SandboxOrder) async throws(Failure)

    /// Brings files into a sandbox, one after another, and writes what it does to the sandbox's stderr. Cancelling the
    /// task stops it. Together they take at most `bytesMax`, unpacked; nil: no limit of this container's.
    func fetch(
        _ fetches: [CommandSpec.Fetch], into sandbox: String, user: String?, bytesMax: UInt64?
    ) async throws(Failure)

    /// How full the file system of the work directory is, from 0 to 1.
    func diskUsage() async throws(Failure) -> Double

    /// Removes a tree below the work directory without crossing a mount point. Not there is fine.
    func collect(_ path: String) async throws(Failure)

    /// Keeps a file within so many bytes of disk by giving back its oldest part, from when it is there until it is
    /// removed or the task is cancelled.
    func keepLog(_ path: String, bytesMax: UInt64) async throws(Failure)

    /// The run directories of sandboxes there are.
    func sandboxes() async throws(Failure) -> [String]

    /// In order, up to the first that fails.
    func changeVolumes(_ orders: [VolumeOrder]) async throws(Failure)

    /// The files of one directory of a sandbox. Paths are those of the files API.
    /// - Throws: `files.not-found`, `files.forbidden`.
    func listFiles(_ path: String) async throws(Failure) -> [FileFacts]

    /// At most 64 KiB of a file from `offset`; nil or below zero asks for the size only. Nil or negative `length`: as
    /// much as one read gives.
    func readFile(_ path: String, offset: Int64?, length: Int64?) async throws(Failure) -> FilePiece

    /// Every piece from `offset` on and what is appended later, each after the one before was delivered, until the
    /// file is removed or the task is cancelled.
    func followFile(
        _ path: String, from offset: Int64?, deliver: @Sendable @escaping (FilePiece) async throws -> Void
    ) async throws
}

/// A file as a listing shows it.
public struct FileFacts: Hashable, Sendable {
    public var path: String
    public var size: Int64
    public var links: UInt64
    /// As stat(2) has it: kind and permissions.
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    /// Nanoseconds since 1970.
    public var modified: Int64

    public init(path: String, size: Int64, links: UInt64, mode: UInt32, uid: UInt32, gid: UInt32, modified: Int64) {
        self.path = path
        self.size = size
        self.links = links
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.modified = modified
    }
}

/// A piece of a file.
public struct FilePiece: Hashable, Sendable {
    public var bytes: [UInt8]
    /// Where it begins: beyond what was asked for when the beginning of a log has been dropped.
    public var offset: Int64
    /// Of the whole file, now.
    public var size: Int64

    public init(bytes: [UInt8], offset: Int64, size: Int64) {
        self.bytes = bytes
        self.offset = offset
        self.size = size
    }
}

/// Brings what an http or https address names. The service layer has a client for it, the machine's layer the disk.
public protocol Downloader: Sendable {
    /// Gives `take` every piece of the body in order, waiting for it each time.
    ///
    /// - Parameter stall: how long the other side may say nothing.
    /// - Throws: `fetch.status`, `fetch.stalled`, `fetch.unreachable`, `fetch.forbidden`, and what `take` throws.
    func download(
        _ address: String, stall: Duration, take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure)
}
