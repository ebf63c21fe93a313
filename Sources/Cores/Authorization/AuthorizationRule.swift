/// One line of the rules: who, what, to what, and whether they may.
public struct AuthorizationRule: Hashable, Sendable {
    public enum Principals: Hashable, Sendable {
        /// With or without authentication.
        case anyone
        /// Whoever has authenticated.
        case authenticated
        /// Whoever has not.
        case anonymous
        case named(String)

        func matches(_ subject: Subject) -> Bool {
            switch self {
            case .anyone: true
            case .authenticated: subject.principal != nil
            case .anonymous: subject.principal == nil
            case .named(let name): subject.principal.isSame(as: name)
            }
        }
    }
    public enum Actions: Hashable, Sendable {
        case every
        case one(Action)
    }
    public enum Objects: Hashable, Sendable {
        case every
        case exactly(String)
        /// `eng/*`: whatever starts with `eng/`.
        case startingWith(String)

        /// Asked about everything at once, only a rule for everything answers.
        func matches(_ object: String?) -> Bool {
            switch self {
            case .every: true
            case .exactly(let text): object.isSame(as: text)
            case .startingWith(let text): object?.begins(with: text) ?? false
            }
        }
    }
    /// Any of each list is enough; none of the lists is empty.
    public var principals: [Principals]
    public var actions: [Actions]
    public var objects: [Objects]
    public var isAllowed: Bool

    public init(principals: [Principals], actions: [Actions], objects: [Objects], isAllowed: Bool) {
        self.principals = principals
        self.actions = actions
        self.objects = objects
        self.isAllowed = isAllowed
    }

    func matches(_ subject: Subject, _ action: Action, _ object: String?) -> Bool {
        principals.contains { $0.matches(subject) }
            && actions.contains { $0 == .every || $0 == .one(action) }
            && objects.contains { $0.matches(object) }
    }
}
