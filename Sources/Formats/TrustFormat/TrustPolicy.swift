import Diagnostics
public import OCIFormat

/// Which images may be imported and run: containers-policy.json(5), as far as it can be kept here. Whatever cannot be
/// is refused when the policy is read, never ignored.
public struct TrustPolicy: Sendable {
    /// All requirements of a list must be met.
    public enum Requirement: Sendable {
        case acceptAnything
        case reject
        /// Signed by one of the keys, under a name that fits.
        case signed(keys: [VerificationKey], identity: SignedIdentity)
        /// Simple signing: in an OpenPGP message signed by one of the keys, under a name that fits.
        case signedBy(OpenPGPKeyring, identity: SignedIdentity)
    }

    /// Where a list of requirements stands.
    public struct Scope: Sendable {
        /// `default`, or `docker registry.example/team`.
        public var name: String
        public var requirements: [Requirement]
    }

    /// What people call it: the file, or `permissive` or `reject`.
    public var name: String
    /// Of the document, so that a record can say which one it was decided by.
    public var digest: Digest
    public var fallback: [Requirement]
    /// Lists of the transport `docker` by scope; an empty scope is the transport's own fallback.
    public var scopes: [String: [Requirement]]

    /// Runs everything, and the audit says so.
    public static let permissive = builtIn("permissive", "insecureAcceptAnything", .acceptAnything)
    /// Runs nothing: a policy to begin from.
    public static let reject = builtIn("reject", "reject", .reject)

    /// Signed by one of these keys as `signedAs`, or with nil under the name it has here, whatever its tag.
    public init(keys: [VerificationKey], signedAs: ImageReference?) {
        let identity = signedAs.map(SignedIdentity.exactRepository) ?? .matchRepository
        let described = keys.map(\.id).sorted().joined(separator: " ")
        self.init(
            name: "given keys", digest: Digest(of: described.utf8),
            fallback: [.signed(keys: keys, identity: identity)], scopes: [:])
    }

    /// As above, with simple signing.
    public init(keyring: OpenPGPKeyring, signedAs: ImageReference?) {
        let identity = signedAs.map(SignedIdentity.exactRepository) ?? .matchRepository
        let described = keyring.files.map { "\(Digest(of: $0.content))" }.sorted().joined(separator: " ")
        self.init(
            name: "given keys", digest: Digest(of: described.utf8),
            fallback: [.signedBy(keyring, identity: identity)], scopes: [:])
    }

    private static func builtIn(_ name: String, _ type: String, _ requirement: Requirement) -> TrustPolicy {
        TrustPolicy(
            name: name, digest: Digest(of: #"{"default":[{"type":"\#(type)"}]}"#.utf8), fallback: [requirement],
            scopes: [:])
    }

    init(name: String, digest: Digest, fallback: [Requirement], scopes: [String: [Requirement]]) {
        self.name = name
        self.digest = digest
        self.fallback = fallback
        self.scopes = scopes
    }

    /// The list that decides about an image of this name: the longest scope that fits, as containers-policy.json(5)
    /// has it.
    public func scope(for reference: ImageReference?) -> Scope {
        if let reference {
            for name in Self.scopeNames(of: reference) {
                if let found = scopes[name] { return Scope(name: "docker \(name)", requirements: found) }
            }
        }
        if let found = scopes[""] { return Scope(name: "docker \"\"", requirements: found) }
        return Scope(name: "default", requirements: fallback)
    }

    /// Longest first: the whole reference, the name, its namespaces, the host, `*.` and the domains above the host.
    static func scopeNames(of reference: ImageReference) -> [String] {
        var names: [String] = []
        if let digest = reference.digest { names.append("\(reference.name)@\(digest)") }
        if let tag = reference.tag { names.append("\(reference.name):\(tag)") }
        var name = reference.name[...]
        names.append(String(name))
        while let slash = name.lastPosition(of: "/") {
            name = name[..<slash]
            names.append(String(name))
        }
        var host = name
        while let dot = host.position(of: ".") {
            host = host[host.utf8.index(after: dot)...]
            names.append("*.\(host)")
        }
        return names
    }

    /// Whether an image without any signature could ever be accepted by a list of this policy.
    public var isPermissive: Bool {
        ([fallback] + Array(scopes.values)).allSatisfy { list in
            list.allSatisfy { if case .acceptAnything = $0 { true } else { false } }
        }
    }
}
