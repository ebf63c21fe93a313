public import Diagnostics

/// Which agents a framework wants offers of, per role: any group whose constraints all hold. A role without an entry
/// takes every agent.
public struct OfferConstraints: Hashable, Sendable {
    public struct Group: Hashable, Sendable {
        public var all: [AttributeConstraint]
        public init(_ all: [AttributeConstraint]) { self.all = all }
    }
    public let groups: [RoleName: [Group]]

    public static let none = OfferConstraints()

    private init() { groups = [:] }

    /// - Throws: `Failure` `constraints.invalid` for a role without groups or a group without constraints.
    public init(_ groups: [RoleName: [Group]]) throws(Failure) {
        for role in groups.keys.sorted() {
            let roleGroups = groups[role] ?? []
            if roleGroups.isEmpty || roleGroups.contains(where: \.all.isEmpty) {
                throw Failure(
                    "constraints.invalid", doing: "use offer constraints of role", on: role.text,
                    cause: roleGroups.isEmpty ? "there are no groups" : "a group has no constraints",
                    remedy: "leave the role out to be offered every agent", field: "offer_constraints")
            }
        }
        self.groups = groups
    }

    public func accept(_ agent: AgentInfo, for role: RoleName) -> Bool {
        guard let groups = groups[role] else { return true }
        return groups.contains { group in group.all.allSatisfy { $0.holds(for: agent) } }
    }
}

/// One condition on one attribute. Attributes that are not text pass every comparison of text: the framework gets the
/// offer and decides by itself.
public struct AttributeConstraint: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        case attribute(String)
        case hostname, region, zone
    }
    public enum Predicate: Hashable, Sendable {
        case exists
        case notExists
        case textEquals(String)
        case textNotEquals(String)
        case textMatches(TextPattern)
        case textNotMatches(TextPattern)
    }
    public var subject: Subject
    public var predicate: Predicate

    public init(_ subject: Subject, _ predicate: Predicate) {
        self.subject = subject
        self.predicate = predicate
    }

    /// Nil when nothing is compared with one.
    public var pattern: TextPattern? {
        switch predicate {
        case .textMatches(let pattern), .textNotMatches(let pattern): pattern
        case .exists, .notExists, .textEquals, .textNotEquals: nil
        }
    }

    private enum Observation {
        case missing
        case text(String)
        case notText

        var isMissing: Bool {
            if case .missing = self { return true }
            return false
        }
    }

    public func holds(for agent: AgentInfo) -> Bool {
        switch (predicate, observe(agent)) {
        case (.exists, let observed): !observed.isMissing
        case (.notExists, let observed): observed.isMissing
        case (.textEquals, .missing), (.textMatches, .missing): false
        case (.textNotEquals, .missing), (.textNotMatches, .missing): true
        case (_, .notText): true
        case (.textEquals(let wanted), .text(let text)): text == wanted
        case (.textNotEquals(let unwanted), .text(let text)): text != unwanted
        case (.textMatches(let pattern), .text(let text)): pattern.matches(text)
        case (.textNotMatches(let pattern), .text(let text)): !pattern.matches(text)
        }
    }

    private func observe(_ agent: AgentInfo) -> Observation {
        switch subject {
        case .hostname: return .text(agent.address.hostname)
        case .region: return agent.domain.map { .text($0.region) } ?? .missing
        case .zone: return agent.domain.map { .text($0.zone) } ?? .missing
        case .attribute(let name):
            guard let attribute = agent.attributes.first(where: { $0.name == name }) else { return .missing }
            return attribute.text.map { .text($0) } ?? .notText
        }
    }
}
