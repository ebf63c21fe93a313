import AgentCore
public import ClusterModel
import Containers
import Crypto
public import Diagnostics
import DurableStorage
import LinuxKernel

/// Bounds and permissions of the fetcher.
public struct FetchRules: Sendable {
    /// Directories of this host that file addresses may name, with all below them. None: no file is fetched.
    public var fileRoots: [String] = []
    public var cacheBytesMax: UInt64 = 2 << 30
    /// How long a server may say nothing.
    public var stall = Duration.seconds(60)
    /// A server that is waited for so long without sending so many bytes is given up: few fetches go on at once, and
    /// one that says a little before each stall would keep its place for ever.
    public var pace = Duration.seconds(60)
    public var paceBytesMin: UInt64 = 256 << 10
    /// Bytes of one file.
    public var fileBytesMax: UInt64 = 32 << 30
    /// Addresses of one container.
    public var fetchesMax = 256

    public init() {}
}

/// Brings what a task's command names into its sandbox: over http and https or from allowed directories of this host,
/// checked against its digest, made executable or taken apart, owned by who will run it, cached on request.
public struct Fetcher: Sendable {
    let rules: FetchRules
    let downloader: any Downloader
    let extractor: ArchiveExtractor
    let work: WorkDirectory
    let blocking: BlockingWork
    let cache: FetchCache

    /// Empties the cache. Blocks.
    init(
        work: WorkDirectory, rules: FetchRules, downloader: any Downloader, extractor: ArchiveExtractor,
        blocking: BlockingWork
    ) throws(Failure) {
        self.work = work
        self.rules = rules
        self.downloader = downloader
        self.extractor = extractor
        self.blocking = blocking
        let records = try work.records()
        do throws(KernelError) {
            try TreeRemoval.remove("fetch-cache", in: records)
            try records.makeDirectory("fetch-cache", mode: 0o700)
            let directory = try records.open("fetch-cache", [.directory, .noFollow], rules: [.beneath, .noLinks])
            cache = FetchCache(directory: directory, bytesMax: rules.cacheBytesMax, blocking: blocking)
        } catch {
            throw error.failure("fetch.cache", doing: "empty the fetch cache", on: work.path + "/meta/fetch-cache")
        }
    }

    /// Everything in order, up to the first that fails.
    ///
    /// - Parameter bytesMax: what all of it may take in the sandbox, unpacked files included; nil: no limit of its own.
    /// - Throws: `fetch.*` and what the unpacker says, each with the address at fault.
    public func fetch(
        _ fetches: [CommandSpec.Fetch], into path: String, user: String?, bytesMax: UInt64?
    ) async throws(Failure) {
        guard !fetches.isEmpty else { return }
        let sandbox = try await opened(path)
        guard fetches.count <= rules.fetchesMax else {
            throw await told(
                Failure(
                    "fetch.too-many", doing: "fetch", cause: "\(fetches.count) addresses are given",
                    remedy: "pack them into one archive", field: "command.uris",
                    limit: "addresses \(rules.fetchesMax)"),
                sandbox)
        }
        let owner = DirectoryOwner(user)
        var budget = FetchBudget(bytesMax: bytesMax)
        for fetch in fetches {
            do throws(Failure) {
                try await bring(fetch, FetchOrder(sandbox: sandbox, owner: owner, user: user ?? ""), &budget)
            } catch {
                throw await told(error, sandbox)
            }
        }
    }

    struct FetchOrder: Sendable {
        var sandbox: OwnedDescriptor
        var owner: DirectoryOwner
        var user: String
    }

    private func opened(_ path: String) async throws(Failure) -> OwnedDescriptor {
        let work = work
        return try await blocking.run("open the sandbox") { () throws(Failure) in try work.open(path) }
    }

    private func bring(
        _ fetch: CommandSpec.Fetch, _ order: FetchOrder, _ budget: inout FetchBudget
    ) async throws(Failure) {
        let address = try FetchAddress(fetch)
        let shown = FetchAddress.shown(fetch.address)
        try await tell("fetching \(shown)", order.sandbox)
        let unpacks = fetch.isExtracted && !fetch.isExecutable
        let form = unpacks ? address.target.last.flatMap(ArchiveExtractor.Form.init) : nil
        let mode: UInt32 = fetch.isExecutable ? 0o755 : 0o644
        let room = budget
        guard fetch.isCached else {
            let (file, bytes) = try await place(address, order, mode: mode) {
                (file) async throws(Failure) in try await load(address, shown, into: file, within: room)
            }
            budget.take(bytes)
            if let form {
                let unpacked = try await extract(file, form, address, order, within: budget)
                budget.take(unpacked)
            }
            return try await tell("fetched \(shown)", order.sandbox)
        }
        // What the container could not have is not brought to the cache for it either.
        let held = try await cache.take(FetchCache.Key(user: order.user, address: fetch.address)) {
            (name) async throws(Failure) in
            let file = try await cacheFile(name, isNew: true)
            return try await load(address, shown, into: file, within: room)
        }
        var problem: Failure?
        do throws(Failure) {
            let cached = try await cacheFile(held.name, isNew: false)
            // Also what is only unpacked from there: whether a task may have it does not depend on who came first.
            guard held.bytes <= room.left else { throw room.exceeded(shown) }
            if let form {
                let unpacked = try await extract(cached, form, address, order, within: room)
                budget.take(unpacked)
            } else {
                let (_, bytes) = try await place(address, order, mode: mode) {
                    (file) async throws(Failure) in try await copy(cached, to: file)
                }
                budget.take(bytes)
            }
        } catch {
            problem = error
        }
        try await cache.release(held)
        if let problem { throw problem }
        try await tell("fetched \(shown) (\(ByteCount.text(held.bytes)), cached)", order.sandbox)
    }

    private func cacheFile(_ name: RawPath, isNew: Bool) async throws(Failure) -> OwnedDescriptor {
        let directory = cache.directory
        return try await blocking.run("open a cached file") { () throws(Failure) in
            do throws(KernelError) {
                return try directory.open(
                    name, isNew ? [.readWrite, .create, .truncate, .noFollow] : [.readOnly, .noFollow], mode: 0o600)
            } catch {
                throw error.failure("fetch.cache", doing: "open a cached file")
            }
        }
    }

    // MARK: - What the sandbox shows

    /// Says in the sandbox's stderr why the task will not start, and gives the failure back.
    private func told(_ failure: Failure, _ sandbox: OwnedDescriptor) async -> Failure {
        do throws(Failure) { try await tell(failure.description, sandbox) } catch { return failure.also(error) }
        return failure
    }

    private func tell(_ text: String, _ sandbox: OwnedDescriptor) async throws(Failure) {
        let line = Array("fetcher: \(Untrusted.shown(text))\n".utf8)
        try await blocking.run("write to the sandbox") { () throws(Failure) in
            do throws(KernelError) {
                try sandbox.openRegular(
                    "stderr", [.writeOnly, .create, .append, .noFollow], mode: 0o644,
                    rules: [.beneath, .noLinks]
                ).write(line)
            } catch {
                throw error.failure("fetch.write", doing: "write to the sandbox's stderr", retry: .later)
            }
        }
    }
}
