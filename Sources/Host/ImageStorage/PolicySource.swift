public import Diagnostics
import LinuxKernel
public import TrustFormat

/// Where the policy about images comes from. It is read anew for each import and each launch, so that a change holds
/// from the next one on. A policy that cannot be read refuses them.
public struct PolicySource: Sendable {
    private enum Place: Sendable {
        case file(String)
        case builtIn(TrustPolicy)
    }

    /// In force wherever nobody names another: every program that opens a store reads it.
    public static let usualPath = "/etc/bulkhead/image-policy.json"
    public static let variable = "BULKHEAD_IMAGE_POLICY"

    private let place: Place

    public init(_ policy: TrustPolicy) { place = .builtIn(policy) }

    /// `given`, a file's path or `permissive` or `reject`; else what the environment says; else the usual file when it
    /// is there; else `permissive`.
    public init(_ given: String? = nil) {
        let chosen = given ?? ProcessEnvironment.value(Self.variable) ?? ""
        switch chosen {
        case "permissive": place = .builtIn(.permissive)
        case "reject": place = .builtIn(.reject)
        case "": place = HostFacts.exists(Self.usualPath) ? .file(Self.usualPath) : .builtIn(.permissive)
        default: place = .file(chosen)
        }
    }

    /// - Throws: `image.policy-unreadable`, `image.policy-unsafe`, and what reading policies and keys throws.
    public func load() throws(Failure) -> TrustPolicy {
        switch place {
        case .builtIn(let policy): return policy
        case .file(let path):
            return try TrustPolicy(
                parsing: try Self.read(path, "the image policy", limit: TrustLimits.policyBytes), from: path
            ) { key throws(Failure) in
                try Self.read(key, "a key of the image policy", limit: TrustLimits.keyringBytes)
            }
        }
    }

    /// The public keys in these files.
    public static func keys(_ paths: [String]) throws(Failure) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for path in paths {
            keys.append(
                try VerificationKey(pem: try read(path, "the key", limit: TrustLimits.keyBytes), from: path))
        }
        return keys
    }

    /// The OpenPGP keys in these files.
    public static func keyring(_ paths: [String]) throws(Failure) -> OpenPGPKeyring {
        var keyring = OpenPGPKeyring()
        for path in paths {
            try keyring.add(try read(path, "the OpenPGP key", limit: TrustLimits.keyringBytes), from: path)
        }
        return keyring
    }

    /// The content of a file that decides whom to trust: nobody but its owner, who must be this user or root, may be
    /// able to write it.
    static func read(_ path: String, _ what: String, limit: Int) throws(Failure) -> [UInt8] {
        let content: [UInt8]
        let status: FileStatus
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.readOnly, .nonBlocking, .noControllingTerminal])
            status = try file.status()
            content = status.kind == .regular ? try file.readAll(limit: limit) : []
        } catch {
            throw error.failure(
                "image.policy-unreadable", doing: "read \(what)", on: path,
                remedy: "nothing is imported or started until it can be read; correct it or name another")
        }
        guard status.kind == .regular else {
            throw Failure(
                "image.policy-unreadable", doing: "read \(what)", on: path, cause: "it is not a regular file",
                remedy: "name a file")
        }
        guard status.mode & 0o022 == 0, status.uid == 0 || status.uid == HostFacts.effectiveUser() else {
            throw Failure(
                "image.policy-unsafe", doing: "read \(what)", on: path,
                cause: "others than root could have written it (user \(status.uid), "
                    + "mode 0\(String(status.mode, radix: 8)))",
                remedy: "chown root \(path); chmod go-w \(path)")
        }
        return content
    }
}
