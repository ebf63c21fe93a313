/// Why a container's image was let through when it was launched: what the policy about images said then. Written down
/// with the container; decides nothing.
public struct ImageTrust: Equatable, Sendable, Codable {
    /// Members may be added as optional ones without a new version.
    public static let newestVersion = 1
    public var version: Int
    /// A key of the policy's had signed it. Otherwise the policy asked for nothing.
    public var isSigned: Bool
    /// SHA-256 of these keys, hexadecimal.
    public var keys: [String]
    /// `sha256:…` of the manifest, or of the index, that was signed, and what its signer calls it.
    public var signedDigest: String?
    public var identity: String?
    /// It was asked for by its digest.
    public var isPinned: Bool
    /// What the policy is called, where in it this was decided, and the digest of its content.
    public var policyName: String
    public var scope: String
    public var policy: String

    public init(
        isSigned: Bool, keys: [String], signedDigest: String?, identity: String?, isPinned: Bool, policyName: String,
        scope: String, policy: String
    ) {
        version = Self.newestVersion
        self.isSigned = isSigned
        self.keys = keys
        self.signedDigest = signedDigest
        self.identity = identity
        self.isPinned = isPinned
        self.policyName = policyName
        self.scope = scope
        self.policy = policy
    }
}
