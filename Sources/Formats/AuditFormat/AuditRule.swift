/// The stable name of a rule: `BH-CON-020`. Never given to another rule, also when the rule is gone.
public struct RuleID: RawRepresentable, Codable, Hashable, Sendable, Comparable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(String.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    public var description: String { rawValue }
    public static func < (left: RuleID, right: RuleID) -> Bool { left.rawValue < right.rawValue }
}

/// Where other people's catalogues speak of the same thing. Empty where they do not.
public struct RuleMappings: Codable, Hashable, Sendable {
    /// CIS Docker Benchmark 1.6: `5.4`.
    public var cisDocker: [String]
    /// Kubernetes Pod Security Standards: `baseline: Host Namespaces`.
    public var podSecurity: [String]
    /// NIST SP 800-190: `4.4.3`.
    public var nist800190: [String]
    /// MITRE ATT&CK for containers: `T1611`.
    public var attack: [String]

    public init(cis: [String] = [], pss: [String] = [], nist: [String] = [], attack: [String] = []) {
        cisDocker = cis
        podSecurity = pss
        nist800190 = nist
        self.attack = attack
    }

    /// All of them in one line, for tables.
    public var text: String {
        (cisDocker.map { "CIS \($0)" } + podSecurity.map { "PSS \($0)" } + nist800190.map { "800-190 \($0)" } + attack)
            .joined(separator: ", ")
    }
}

/// One question an audit asks, as its catalogue lists it. The answer is a `Finding`.
public struct AuditRule: Codable, Hashable, Sendable {
    public var id: RuleID
    /// The state that is wanted, as a sentence without a full stop: "The process namespace is the container's own".
    public var title: String
    public var severity: Severity
    /// What may come of it when the rule does not hold, with the attacks that have shown it.
    public var risk: String
    /// What to do, as an imperative, with the flag that closes it.
    public var remedy: String
    /// The flag or setting whose use makes this finding: somebody asked for it. Nil when nobody can.
    public var override: String?
    /// In which it is asked.
    public var profiles: [AuditProfile]
    public var mappings: RuleMappings

    public init(
        _ id: RuleID, _ title: String, _ severity: Severity, risk: String, remedy: String, override: String? = nil,
        profiles: [AuditProfile], mappings: RuleMappings = RuleMappings()
    ) {
        self.id = id
        self.title = title
        self.severity = severity
        self.risk = risk
        self.remedy = remedy
        self.override = override
        self.profiles = profiles
        self.mappings = mappings
    }
}
