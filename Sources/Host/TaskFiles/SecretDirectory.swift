public import AgentCore
import Containers
public import Diagnostics
import LinuxKernel
import Waiting

/// A directory of the operator's with a file a secret, `NAME`, or `NAME/KEY` where a secret has several parts. All of
/// it is root's and nobody else may look in, or it is not used: a secret that others can read is none.
public struct SecretDirectory: SecretKeeper {
    public let path: String

    /// - Throws: `secret.unsafe`, `secret.not-found`: the directory itself, so that no agent starts with a wrong one.
    public init(_ path: String) throws(Failure) {
        self.path = path
        _ = try Self.folder(path) { () throws(KernelError) in try OwnedDescriptor.open(RawPath(path), Self.asFolder) }
    }

    private static let asFolder: OpenFlags = [.directory, .noFollow]

    public func secret(_ name: String, key: String?) async throws(Failure) -> SecretValue {
        let path = path
        return try await ThreadPool.shared.run { () throws(Failure) in
            try Self.read(name, key: key, below: path)
        }
    }

    private static func read(_ name: String, key: String?, below path: String) throws(Failure) -> SecretValue {
        // The core has asked already; what opens a file does not rely on it.
        for word in [name, key].compactMap({ $0 }) where !SecretRequest.isName(word) {
            throw Failure(
                "secret.not-found", doing: "look up a secret", cause: "that is no name of one", field: "secret")
        }
        var folder = try folder(path) { () throws(KernelError) in try OwnedDescriptor.open(RawPath(path), asFolder) }
        var shown = name
        var last = name
        if let key {
            let parent = folder
            folder = try self.folder(name) { () throws(KernelError) in try parent.open(RawPath(name), asFolder) }
            (shown, last) = ("\(name)/\(key)", key)
        }
        return try file(last, in: folder, shown: shown)
    }

    private static func folder(
        _ name: String, _ open: () throws(KernelError) -> OwnedDescriptor
    ) throws(Failure) -> OwnedDescriptor {
        let (folder, status): (OwnedDescriptor, FileStatus)
        do throws(KernelError) {
            folder = try open()
            status = try folder.status()
        } catch {
            throw lookup(error, name)
        }
        guard status.uid == 0, status.mode & 0o077 == 0 else { throw unsafe(name, status, wanted: "0700") }
        return folder
    }

    private static func file(
        _ name: String, in folder: OwnedDescriptor, shown: String
    ) throws(Failure) -> SecretValue {
        let (file, status): (OwnedDescriptor, FileStatus)
        do throws(KernelError) {
            // A fifo or a device must not hold us up before its kind is known.
            file = try folder.open(RawPath(name), [.noFollow, .nonBlocking])
            status = try file.status()
        } catch {
            throw lookup(error, shown)
        }
        guard status.kind == .regular else {
            throw Failure(
                "secret.unsafe", doing: "look up a secret", on: shown, cause: "it is no regular file",
                remedy: "keep it as a file, or give the key it is under")
        }
        guard status.uid == 0, status.mode & 0o077 == 0, status.links == 1 else {
            throw unsafe(shown, status, wanted: "0600")
        }
        guard status.size <= SecretRequest.bytesMax else {
            throw Failure(
                "secret.too-large", doing: "look up a secret", on: shown, cause: "it has \(status.size) bytes",
                limit: "secret \(SecretRequest.bytesMax) bytes")
        }
        do throws(KernelError) { return SecretValue(try file.readAll(limit: SecretRequest.bytesMax)) } catch {
            throw lookup(error, shown)
        }
    }

    private static func unsafe(_ name: String, _ status: FileStatus, wanted: String) -> Failure {
        Failure(
            "secret.unsafe", doing: "look up a secret", on: name,
            cause: "it is user \(status.uid)'s with mode \(String(status.mode, radix: 8)) and \(status.links) names, "
                + "so that others than root may read or change it",
            remedy: "chown root and chmod \(wanted)")
    }

    private static func lookup(_ error: KernelError, _ name: String) -> Failure {
        error.errno == Errno.noEntry
            ? Failure(
                "secret.not-found", doing: "look up a secret", on: name, cause: "the agent's operator keeps none of it",
                remedy: "put it into the directory of --secrets-dir, root's and 0600")
            : error.failure("secret.unreadable", doing: "look up a secret", on: name)
    }
}
