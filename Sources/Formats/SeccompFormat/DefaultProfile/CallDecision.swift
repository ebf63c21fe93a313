public import Diagnostics

/// One line of our default profile: what a call gets, and why.
public struct CallDecision: Equatable, Sendable {
    /// An answer that depends on the call's arguments; all conditions must hold.
    public struct Answer: Equatable, Sendable {
        public var conditions: [ArgumentCondition]
        public var action: FilterAction
    }

    public var call: String
    /// Asked in this order, before `otherwise`.
    public var answers: [Answer]
    public var otherwise: FilterAction
    /// With any of these capabilities the call is allowed whatever its arguments, as Docker's profile does: the
    /// operator asked for the power, and the kernel still checks it against the container's user namespace.
    public var openedBy: [Capability]
    public var reason: String

    static func refused(
        _ call: String, _ error: ErrorNumber = .notPermitted, openedBy: [Capability] = [], because reason: String
    ) -> CallDecision {
        CallDecision(call: call, answers: [], otherwise: .refuse(error), openedBy: openedBy, reason: reason)
    }

    static func judged(
        _ call: String, _ answers: [Answer], otherwise: FilterAction, openedBy: [Capability] = [],
        because reason: String
    ) -> CallDecision {
        CallDecision(call: call, answers: answers, otherwise: otherwise, openedBy: openedBy, reason: reason)
    }

    /// The decision as rules of a profile.
    var rules: [ProfileRule] {
        let closed = HostFilter(capabilities: CapabilitySet(openedBy))
        let opened = openedBy.map {
            ProfileRule([call], .allow, includes: HostFilter(capabilities: CapabilitySet([$0])))
        }
        return opened + answers.map { ProfileRule([call], when: $0.conditions, $0.action, excludes: closed) }
            + [ProfileRule([call], otherwise, excludes: closed)]
    }
}

extension CallDecision.Answer {
    static func allowed(_ conditions: ArgumentCondition...) -> CallDecision.Answer {
        CallDecision.Answer(conditions: conditions, action: .allow)
    }

    static func refused(_ error: ErrorNumber, _ conditions: ArgumentCondition...) -> CallDecision.Answer {
        CallDecision.Answer(conditions: conditions, action: .refuse(error))
    }
}

/// Calls with one purpose: those that are simply allowed, with one sentence for all of them, and those with a line of
/// their own.
public struct CallGroup: Equatable, Sendable {
    public var title: String
    /// Why the allowed calls are allowed.
    public var why: String
    public var allowed: [String]
    public var decisions: [CallDecision]

    init(_ title: String, why: String, allowed: [String] = [], decisions: [CallDecision] = []) {
        self.title = title
        self.why = why
        self.allowed = allowed
        self.decisions = decisions
    }

    var rules: [ProfileRule] {
        (allowed.isEmpty ? [] : [ProfileRule(allowed, .allow)]) + decisions.flatMap(\.rules)
    }

    func deciding(_ changed: [CallDecision]) -> CallGroup {
        let calls = Set(changed.map(\.call))
        return CallGroup(
            title, why: why, allowed: allowed.filter { !calls.contains($0) },
            decisions: decisions.filter { !calls.contains($0.call) })
    }
}
