public import AuditFormat

/// What is in an image, its layers taken together as a container would see them.
public struct ImageFacts: Codable, Equatable, Sendable {
    public struct File: Codable, Hashable, Sendable {
        public enum Kind: String, Codable, Sendable {
            case setuid, setgid, capability, device, secret
            case worldWritable = "world-writable"
            case remoteShell = "remote-shell"
        }
        public var path: String
        public var kind: Kind
        /// Mode, device number or why it looks like a secret.
        public var detail: String
        public init(_ path: String, _ kind: Kind, _ detail: String) {
            self.path = path
            self.kind = kind
            self.detail = detail
        }
    }

    public var subject: Subject
    public var files: Observed<[File]>
    /// As the image has it; empty is root.
    public var user: String
    /// Names of variables of its configuration that look like secrets.
    public var secretVariables: [String]
    public var hasHealthcheck: Bool
    /// Whether it is known by a digest somebody asked for, and not by a name alone.
    public var isPinned: Bool
    /// What the policy about images says of it; hidden for facts of older programs.
    public var trust: Observed<ImageTrustFacts> = .hidden("nobody asked the policy")

    public init(
        subject: Subject, files: Observed<[File]>, user: String, secretVariables: [String], hasHealthcheck: Bool,
        isPinned: Bool, trust: Observed<ImageTrustFacts>
    ) {
        self.subject = subject
        self.files = files
        self.user = user
        self.secretVariables = secretVariables
        self.hasHealthcheck = hasHealthcheck
        self.isPinned = isPinned
        self.trust = trust
    }
}

/// Whether somebody the policy trusts signed an image.
public struct ImageTrustFacts: Codable, Equatable, Sendable {
    public var isSigned: Bool
    /// The policy would not let it be started.
    public var isRefused: Bool
    /// By which key, or why it is not: what a person needs to judge it.
    public var detail: String
    /// Where the policy comes from.
    public var policy: String
    public init(isSigned: Bool, isRefused: Bool = false, detail: String, policy: String) {
        self.isSigned = isSigned
        self.isRefused = isRefused
        self.detail = detail
        self.policy = policy
    }
}
