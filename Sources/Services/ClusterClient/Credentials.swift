import ClusterAPI
import Diagnostics

/// Who the caller is. Never shown: a description says of which kind they are and no more.
public enum Credentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// HTTP Basic: a principal and its secret.
    case basic(principal: String, secret: String)
    /// A token such as a JWT.
    case bearer(token: String)

    public var description: String {
        switch self {
        case .basic(let principal, _): "basic credentials of \(Untrusted.shown(principal))"
        case .bearer: "a bearer token"
        }
    }

    public var debugDescription: String { description }

    /// The value of Authorization.
    ///
    /// - Throws: `Failure` `client.credentials-invalid` when they cannot be sent as they are.
    func header() throws(Failure) -> String {
        switch self {
        case .basic(let principal, let secret):
            guard !principal.isEmpty, !principal.has(":"), !principal.utf8.contains(where: { $0 < 0x20 }) else {
                throw invalid("the principal is empty, or holds ':' or a control character")
            }
            return "Basic " + Base64.text(Array("\(principal):\(secret)".utf8))
        case .bearer(let token):
            guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw invalid("a token is letters, digits and signs without spaces or line feeds")
            }
            return "Bearer " + token
        }
    }

    private func invalid(_ cause: String) -> Failure {
        Failure(
            "client.credentials-invalid", doing: "use credentials", cause: cause,
            remedy: "check the file or the variable they come from", field: "credentials")
    }
}
