/// What an audit is about: this host, an image, a container, a process.
public struct Subject: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
        case host, image, container, process, probe
        /// An agent of a cluster, as one that is asked.
        case agent
    }
    public var kind: Kind
    /// What nothing else of its kind on this host is called: a container's id, a digest, `pid:1234`.
    public var id: String
    /// What people call it.
    public var name: String?
    /// Who made it: `bulkhead`, `podman`, `docker`, … or nil.
    public var maker: String?
    public var image: String?
    /// Its first process on this host.
    public var process: Int32?
    /// Where in a cluster it is, and whose; nil when it was looked at by itself.
    public var cluster: ClusterPlace?

    public init(
        _ kind: Kind, id: String, name: String? = nil, maker: String? = nil, image: String? = nil,
        process: Int32? = nil, cluster: ClusterPlace? = nil
    ) {
        self.kind = kind
        self.id = id
        self.name = name
        self.maker = maker
        self.image = image
        self.process = process
        self.cluster = cluster
    }

    public var shownName: String { name ?? id }

    /// The same for the same subject whenever it is looked at, and for no other one of a report.
    var qualifiedName: String {
        let name = "\(kind.rawValue)/\(shownName)"
        guard let cluster else { return name }
        let owner = cluster.framework.map { "\($0)/" } ?? ""
        return "\(cluster.agent)/\(kind.rawValue)/\(owner)\(shownName)"
    }
}

/// One thing that was seen, where it was seen, and what had been declared.
public struct Evidence: Codable, Hashable, Sendable {
    /// What was seen, as the source has it. May hold text of strangers: renderers escape it.
    public var value: String
    /// The file or call it came from: `/proc/4711/status CapEff`.
    public var source: String
    /// What was asked for, where that is known; nil when nobody declared anything.
    public var declared: String?

    public init(_ value: String, source: String, declared: String? = nil) {
        self.value = value
        self.source = source
        self.declared = declared
    }
}

/// What one rule says of one subject, with everything a person needs to judge it.
public struct Finding: Codable, Hashable, Sendable {
    public var id: RuleID
    public var title: String
    public var severity: Severity
    public var subject: Subject
    public var verdict: Verdict
    /// One clause: what was found, or why it could not be.
    public var summary: String
    public var evidence: [Evidence]
    /// The flag by which this was asked for, when it was.
    public var override: String?
    public var risk: String
    public var remedy: String
    public var mappings: RuleMappings

    /// No finding keeps more evidence than this; the summary says how much there was.
    public static let evidenceMax = 32

    public init(
        _ rule: AuditRule, _ subject: Subject, _ verdict: Verdict, _ summary: String, evidence: [Evidence] = [],
        override: String? = nil
    ) {
        id = rule.id
        title = rule.title
        severity = rule.severity
        self.subject = subject
        self.verdict = verdict
        self.summary = summary
        self.evidence = Array(evidence.prefix(Self.evidenceMax))
        self.override = override
        risk = rule.risk
        remedy = rule.remedy
        mappings = rule.mappings
    }
}
