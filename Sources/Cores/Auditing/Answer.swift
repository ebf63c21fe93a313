public import AuditFormat

/// What a rule says of the facts it was shown.
public enum Answer: Equatable, Sendable {
    case pass(String, [Evidence])
    /// `asked`: the container's own request declares it.
    case found(String, [Evidence], asked: Bool)
    case unknown(String)
    case notApplicable(String)

    static func pass(_ summary: String) -> Answer { .pass(summary, []) }
    static func found(_ summary: String, _ evidence: [Evidence]) -> Answer { .found(summary, evidence, asked: false) }

    /// Found when there is any evidence of it.
    static func findings(
        _ evidence: [Evidence], asked: Bool = false, found: (Int) -> String, none: String
    ) -> Answer {
        evidence.isEmpty ? .pass(none, []) : .found(found(evidence.count), evidence, asked: asked)
    }
}

/// A rule with its question: pure, so that the same facts always give the same answer.
public struct Inquiry<Facts: Sendable>: Sendable {
    public var rule: AuditRule
    var ask: @Sendable (Facts) -> Answer

    init(_ rule: AuditRule, _ ask: @escaping @Sendable (Facts) -> Answer) {
        self.rule = rule
        self.ask = ask
    }

    public func finding(_ facts: Facts, about subject: Subject) -> Finding {
        switch ask(facts) {
        case .pass(let summary, let evidence): Finding(rule, subject, .pass, summary, evidence: evidence)
        case .found(let summary, let evidence, let asked):
            Finding(rule, subject, .finding, summary, evidence: evidence, override: asked ? rule.override : nil)
        case .unknown(let why): Finding(rule, subject, .unknown, why)
        case .notApplicable(let why): Finding(rule, subject, .notApplicable, why)
        }
    }
}
