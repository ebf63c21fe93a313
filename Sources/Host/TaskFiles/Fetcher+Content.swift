import AgentCore
import Containers
import Crypto
import Diagnostics
import DurableStorage
import LinuxKernel

/// Bytes from their source to their file.
extension Fetcher {
    /// Makes a file under another name, lets `fill` write it and gives it its name when it is whole. Answers its
    /// size as well.
    func place(
        _ address: FetchAddress, _ order: FetchOrder, mode: UInt32,
        fill: (OwnedDescriptor) async throws(Failure) -> UInt64
    ) async throws(Failure) -> (file: OwnedDescriptor, bytes: UInt64) {
        let temporary = RawPath(AtomicFile.temporaryPrefix + RandomName.make())
        let sandbox = order.sandbox
        let file = try await step("make the file") { () throws(KernelError) in
            try sandbox.open(temporary, [.readWrite, .create, .exclusive, .noFollow], mode: 0o600)
        }
        let bytes: UInt64
        do throws(Failure) {
            bytes = try await fill(file)
            try await step("put the file in its place") { () throws(KernelError) in
                try file.changeOwner(uid: order.owner.uid, gid: order.owner.gid)
                try file.changeMode(mode)
                let parent = try Self.parent(of: address.target, in: sandbox, owner: order.owner)
                try sandbox.rename(temporary, to: RawPath(address.target[address.target.count - 1]), in: parent)
            }
        } catch {
            do throws(Failure) {
                try await step("remove the unfinished file") { () throws(KernelError) in try sandbox.unlink(temporary) }
            } catch { throw error }
            throw error
        }
        return (file, bytes)
    }

    private static func parent(
        of target: [String], in sandbox: OwnedDescriptor, owner: DirectoryOwner
    ) throws(KernelError) -> OwnedDescriptor {
        var here = sandbox
        for name in target.dropLast() {
            do throws(KernelError) {
                try here.makeDirectory(RawPath(name), mode: 0o755)
                try here.changeOwner(of: RawPath(name), uid: owner.uid, gid: owner.gid)
            } catch {
                if error.errno != Errno.exists { throw error }
            }
            here = try here.open(RawPath(name), [.directory, .noFollow], rules: [.beneath, .noLinks])
        }
        return here
    }

    /// The content of `address`, checked. Answers its size.
    func load(
        _ address: FetchAddress, _ shown: String, into file: OwnedDescriptor, within budget: FetchBudget
    ) async throws(Failure) -> UInt64 {
        let digest = Monitor(SHA256())
        let total = Monitor(UInt64(0))
        let bytesMax = rules.fileBytesMax
        let blocking = blocking
        let take: @Sendable ([UInt8]) async throws(Failure) -> Void = { (bytes) async throws(Failure) in
            let sum = total.withLock { total -> UInt64 in
                total += UInt64(bytes.count)
                return total
            }
            guard sum <= budget.left else { throw budget.exceeded(shown) }
            guard sum <= bytesMax else {
                throw Failure(
                    "fetch.too-large", doing: "fetch", on: shown,
                    cause: "it is larger than \(ByteCount.text(bytesMax))",
                    remedy: "fetch less, or raise the agent's limit", limit: "bytes \(bytesMax)")
            }
            if address.digest != nil { digest.withLock { $0.update(data: bytes) } }
            try await blocking.run("write the file") { () throws(Failure) in
                do throws(KernelError) { try file.write(bytes) } catch { throw Self.writing(error) }
            }
        }
        switch address.source {
        case .remote(let url): try await downloader.download(url, stall: rules.stall, take: paced(take, shown))
        case .file(let path): try await readLocal(path, shown, take)
        }
        if let expected = address.digest {
            let found = digest.withLock { $0.finalize() }.map { Self.hexadecimal($0) }.joined()
            guard found == expected else {
                throw Failure(
                    "fetch.digest", doing: "fetch", on: shown, cause: "its content has sha256:\(found)",
                    remedy: "it was changed or damaged; correct the digest if the change is meant",
                    field: "command.uris.value")
            }
        }
        return total.withLock { $0 }
    }

    /// `take`, as long as its caller is fast enough.
    private func paced(
        _ take: @escaping @Sendable ([UInt8]) async throws(Failure) -> Void, _ shown: String
    ) -> @Sendable ([UInt8]) async throws(Failure) -> Void {
        let rules = rules
        let pace = Monitor(DownloadPace(seconds: rules.pace / Duration.seconds(1), bytesMin: rules.paceBytesMin))
        return { (bytes) async throws(Failure) in
            guard pace.withLock({ $0.isKept(by: bytes.count, at: HostFacts.monotonicClock()) }) else {
                throw Failure(
                    "fetch.too-slow", doing: "fetch", on: shown,
                    cause: "its server sent less than \(ByteCount.text(rules.paceBytesMin)) in \(rules.pace)",
                    remedy: "fetch it from a faster server, or try again when this one is less busy",
                    limit: "bytes \(rules.paceBytesMin) in \(rules.pace)", retry: .later)
            }
            try await take(bytes)
            pace.withLock { $0.wait(from: HostFacts.monotonicClock()) }
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    private func readLocal(
        _ path: String, _ shown: String, _ take: @Sendable ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) {
        let roots = rules.fileRoots
        let source = try await blocking.run("open the file") { () throws(Failure) in
            try Self.openLocal(path, shown, roots)
        }
        var position: Int64 = 0
        while true {
            let start = position
            let piece = try await step("read \(shown)") { () throws(KernelError) in
                try source.readBytes(1 << 20, at: start)
            }
            position += Int64(piece.count)
            if piece.isEmpty { return }
            try await take(piece)
        }
    }

    private static func openLocal(
        _ path: String, _ shown: String, _ roots: [String]
    ) throws(Failure) -> OwnedDescriptor {
        let names = path.cut(at: "/").map(String.init)
        let root = roots.first { root in
            let prefix = root.cut(at: "/").map(String.init)
            return names.count > prefix.count && names.starts(with: prefix)
        }
        guard let root, !names.contains("..") else {
            throw Failure(
                "fetch.file-not-allowed", doing: "fetch", on: shown,
                cause: "this agent fetches no files of its host from there",
                remedy: "serve it over https, or allow its directory with --fetch-root", field: "command.uris.value")
        }
        do throws(KernelError) {
            let rest = names.dropFirst(root.cut(at: "/").count).joined(separator: "/")
            let file = try OwnedDescriptor.open(RawPath(root), [.directory]).openRegular(
                RawPath(rest), rules: [.beneath, .noMagicLinks])
            return file
        } catch {
            throw error.failure("fetch.file", doing: "fetch", on: shown, remedy: "check the path")
        }
    }

    func copy(_ source: OwnedDescriptor, to file: OwnedDescriptor) async throws(Failure) -> UInt64 {
        var position: Int64 = 0
        while true {
            let start = position
            let count = try await step("copy the cached file") { () throws(KernelError) -> Int in
                let piece = try source.readBytes(4 << 20, at: start)
                try file.write(piece)
                return piece.count
            }
            if count == 0 { return UInt64(position) }
            position += Int64(count)
        }
    }

    /// Takes an archive apart in the directory its file is, or would be, in. Answers the bytes of its files.
    func extract(
        _ file: OwnedDescriptor, _ form: ArchiveExtractor.Form, _ address: FetchAddress, _ order: FetchOrder,
        within budget: FetchBudget
    ) async throws(Failure) -> UInt64 {
        let running = Monitor<ProcessHandle?>(nil)
        let isHeld = budget.left < self.extractor.expandedBytesMax
        var bounded = self.extractor
        if isHeld { bounded.expandedBytesMax = budget.left }
        let (extractor, blocking) = (bounded, blocking)
        let outcome = await withTaskCancellationHandler { () -> Result<UInt64, Failure> in
            do throws(Failure) {
                let bytes = try await blocking.run("unpack the archive") { () throws(Failure) -> UInt64 in
                    let parent: OwnedDescriptor
                    let archive: OwnedDescriptor
                    do throws(KernelError) {
                        parent = try Self.parent(of: address.target, in: order.sandbox, owner: order.owner)
                        // Through an open file of its own: ours is read by others at the same time.
                        archive = try OwnedDescriptor.open(RawPath(file.procPath), [.readOnly])
                    } catch { throw Self.writing(error) }
                    return try extractor.extract(
                        archive, as: form, into: parent, owner: (order.owner.uid, order.owner.gid),
                        started: { process in running.withLock { $0 = process } })
                }
                return .success(bytes)
            } catch { return .failure(error) }
        } onCancel: {
            // One that has ended needs no signal; one that cannot be signalled ends by itself, it is bounded.
            do throws(KernelError) { _ = try running.withLock { $0 }?.signal(9) } catch { return }
        }
        do throws(Failure) { return try outcome.get() } catch {
            let isTooMuch = error.code == "layer.limit" && error.limit?.begins(with: "expanded bytes") == true
            throw isHeld && isTooMuch ? budget.exceeded(address.target.joined(separator: "/")) : error
        }
    }

    func step<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) async throws(Failure) -> Value {
        try await blocking.run(doing) { () throws(Failure) in
            do throws(KernelError) { return try body() } catch { throw Self.writing(error) }
        }
    }

    private static func writing(_ error: KernelError) -> Failure {
        let full = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
        return error.failure(
            full ? "fetch.disk-full" : "fetch.write", doing: "write the fetched file",
            remedy: full ? "free space on the agent's disk" : nil, retry: .later)
    }
}
