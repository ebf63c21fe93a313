import Diagnostics
public import NIOHTTP1

/// What an authenticator says to a request's headers.
public enum AuthenticationAnswer: Sendable {
    case known(Principal)
    /// No credentials of this authenticator's kind.
    case absent
    /// Credentials of its kind, and wrong.
    case wrong(String)
}

/// Vouches for callers by one scheme. An implementation must take the same time for a wrong name and a wrong secret.
public protocol Authenticator: Sendable {
    /// The value of WWW-Authenticate for a realm: `Basic realm="..."`.
    func challenge(_ realm: Realm) -> String
    func authenticate(_ headers: HTTPHeaders) async -> AuthenticationAnswer
}

/// Which realms ask who calls, and who answers. Where a realm does not ask, credentials are ignored: clients send them
/// to servers that want none.
public struct Authentication: Sendable {
    public var authenticators: [any Authenticator]
    public var realms: Set<Realm>
    /// Who answers for these realms instead.
    public var special: [Realm: [any Authenticator]] = [:]

    public init(authenticators: [any Authenticator] = [], realms: Set<Realm> = []) {
        self.authenticators = authenticators
        self.realms = realms
    }

    /// Nobody is asked.
    public static let off = Authentication()

    enum Caller {
        case known(Principal?)
        case refused(Response)
    }

    func asks(_ realm: Realm) -> Bool { realms.contains(realm) }

    func caller(of headers: HTTPHeaders, in realm: Realm?) async -> Caller {
        guard let realm, asks(realm) else { return .known(nil) }
        var reason = "this realm asks for credentials"
        let authenticators = special[realm] ?? authenticators
        for authenticator in authenticators {
            switch await authenticator.authenticate(headers) {
            case .known(let principal): return .known(principal)
            case .absent: continue
            case .wrong(let why): reason = why
            }
        }
        var response = Response.text(.unauthorized, reason)
        for authenticator in authenticators {
            response.headers.add(name: "WWW-Authenticate", value: authenticator.challenge(realm))
        }
        return .refused(response)
    }
}

extension HTTPHeaders {
    /// What follows the scheme in Authorization, when there is exactly one such header of that scheme.
    func credentials(_ scheme: String) -> String? {
        let values = self["Authorization"]
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.cut(at: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == scheme.lowercased() else { return nil }
        return String(parts[1])
    }
}
