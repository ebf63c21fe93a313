/// Who asks. The principal comes from the authentication of the connection, never from the body of a call.
public struct Subject: Hashable, Sendable {
    /// Nil: has not authenticated.
    public var principal: String?

    public init(principal: String?) { self.principal = principal }

    public static let anonymous = Subject(principal: nil)
}

/// What authorization says: yes, or no with the rule that said so.
public enum AuthorizationDecision: Hashable, Sendable {
    case allowed
    /// `rule` is the position of the first rule that matched, counted from zero; nil: none did.
    case refused(rule: Int?)

    public var isAllowed: Bool { self == .allowed }
}

/// Decides whether a subject may do something. Pure: the same question has the same answer until the rules change.
public protocol Authorizer: Sendable {
    /// `object`: what the action is done to, as `Action` says; nil for actions without one, and for the question
    /// whether the subject may do it to everything.
    func decide(_ subject: Subject, to action: Action, on object: String?) -> AuthorizationDecision
}

/// The decision of rules in order: the first that matches counts, and where none does the answer is no. Without any
/// rule everything is allowed, so that a first cluster works; the first rule ends that.
public struct RuleAuthorizer: Authorizer {
    public let rules: [AuthorizationRule]

    public init(_ rules: [AuthorizationRule] = []) { self.rules = rules }

    public var isPermissive: Bool { rules.isEmpty }

    public func decide(_ subject: Subject, to action: Action, on object: String?) -> AuthorizationDecision {
        if rules.isEmpty { return .allowed }
        for (position, rule) in rules.enumerated() where rule.matches(subject, action, object) {
            return rule.isAllowed ? .allowed : .refused(rule: position)
        }
        return .refused(rule: nil)
    }
}
