public import Diagnostics

extension Authentication {
    /// Authentication by what files say: names and secrets for HTTP Basic, a key for signed tokens. Without either
    /// nobody is asked; with one or both, `realms` ask.
    ///
    /// - Throws: `Failure` `secret.unreadable`, `secret.exposed`, `credentials.invalid`, `token.secret-too-short`.
    public static func files(
        credentials: String?, tokenKey: String?, realms: Set<Realm>
    ) async throws(Failure) -> Authentication {
        var authenticators: [any Authenticator] = []
        if let credentials { authenticators.append(try BasicAuthenticator(file: credentials)) }
        if let tokenKey { authenticators.append(try await TokenAuthenticator(file: tokenKey)) }
        return authenticators.isEmpty ? .off : Authentication(authenticators: authenticators, realms: realms)
    }
}
