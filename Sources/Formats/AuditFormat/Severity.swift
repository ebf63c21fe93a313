/// How bad it is when a rule does not hold. Ordered: `critical` is the worst.
public enum Severity: String, CaseIterable, Codable, Hashable, Sendable, Comparable {
    /// Worth knowing; nothing is at risk by itself.
    case info
    /// Gives an attacker information or a little room.
    case low
    /// One wall less; others still hold.
    case medium
    /// A way out or a denial of service with one more mistake, often a kernel's.
    case high
    /// The host is open.
    case critical

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}

/// What came of asking one rule about one subject.
public enum Verdict: String, CaseIterable, Codable, Hashable, Sendable {
    case pass
    case finding
    /// What the rule needs could not be observed. Never a pass.
    case unknown
    /// The rule says nothing about this subject; the evidence says why.
    case notApplicable = "not-applicable"
}

/// A set of rules somebody asks for by name.
public enum AuditProfile: String, CaseIterable, Codable, Hashable, Sendable {
    /// What every container of ours has unless its user asked for something else.
    case standard = "default"
    /// Section 5 of the CIS Docker Benchmark, by what is observed instead of what is configured.
    case cisDocker5 = "cis-docker-5"
    /// Kubernetes Pod Security Standards.
    case podBaseline = "pss-baseline"
    case podRestricted = "pss-restricted"
    /// NIST SP 800-190, section 4: every rule that has a place there.
    case nist800190 = "nist-800-190"
}
