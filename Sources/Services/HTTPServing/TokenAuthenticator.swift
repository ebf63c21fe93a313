public import Diagnostics
import FoundationEssentials
import JWTKit
public import NIOHTTP1

/// Signed tokens (JWT, HS256) in `Authorization: Bearer`. Their subject becomes the principal's name, every other text
/// claim one of its claims.
public struct TokenAuthenticator: Authenticator {
    private let keys = JWTKeyCollection()

    static let secretBytesMin = 32
    static let tokenBytesMax = 8 << 10

    /// `secret` has at least 32 bytes: as many as the digest, or guessing it is easier than forging.
    ///
    /// - Throws: `Failure` `token.secret-too-short`.
    public init(secret: [UInt8]) async throws(Failure) {
        guard secret.count >= TokenAuthenticator.secretBytesMin else {
            throw Failure(
                "token.secret-too-short", doing: "use the key for tokens", cause: "it has \(secret.count) bytes",
                remedy: "make one with: head -c 32 /dev/urandom", field: "jwt-secret-key",
                limit: "key bytes at least \(TokenAuthenticator.secretBytesMin)")
        }
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
    }

    /// - Throws: `Failure` `secret.unreadable`, `secret.exposed`, `token.secret-too-short`.
    public init(file: String) async throws(Failure) {
        try await self.init(secret: try SecretFile.bytes(file, flag: "jwt-secret-key"))
    }

    /// A token for `principal` that is good for `lifetime` from now; nil: until the key changes.
    ///
    /// - Throws: `Failure` `token.signing`.
    public func issue(_ principal: Principal, lifetime: Duration? = nil) async throws(Failure) -> String {
        var claims = principal.claims
        claims["sub"] = principal.value
        let expiry = lifetime.map { Date().addingTimeInterval(Double($0.components.seconds)) }
        do {
            return try await keys.sign(TokenPayload(claims: claims, expiry: expiry, notBefore: nil))
        } catch {
            throw Failure("token.signing", doing: "sign a token", cause: "\(error)")
        }
    }

    public func challenge(_ realm: Realm) -> String { "Bearer realm=\"\(realm.rawValue)\"" }

    public func authenticate(_ headers: HTTPHeaders) async -> AuthenticationAnswer {
        guard let token = headers.credentials("Bearer") else { return .absent }
        guard token.utf8.count <= TokenAuthenticator.tokenBytesMax else { return .wrong("the token is too long") }
        do {
            let payload = try await keys.verify(token, as: TokenPayload.self)
            var claims = payload.claims
            let name = claims.removeValue(forKey: "sub")
            guard name != nil || !claims.isEmpty else { return .wrong("the token names nobody") }
            return .known(Principal(name, claims: claims))
        } catch {
            // Why is of use to whoever forges, not to whoever has an honest token, except for its age.
            let isOld = "\(error)".contains("expired")
            return .wrong(isOld ? "the token has expired" : "the token is not valid")
        }
    }
}

private struct TokenPayload: JWTPayload {
    var claims: [String: String]
    var expiry: Date?
    var notBefore: Date?

    struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(claims: [String: String], expiry: Date?, notBefore: Date?) {
        self.claims = claims
        self.expiry = expiry
        self.notBefore = notBefore
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        claims = [:]
        for name in container.allKeys {
            switch name.stringValue {
            case "exp": expiry = Date(timeIntervalSince1970: try container.decode(Double.self, forKey: name))
            case "nbf": notBefore = Date(timeIntervalSince1970: try container.decode(Double.self, forKey: name))
            case "iat": continue
            default: claims[name.stringValue] = try container.decode(String.self, forKey: name)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (name, value) in claims.sorted(by: { $0.key < $1.key }) {
            try container.encode(value, forKey: Name(stringValue: name))
        }
        if let expiry {
            try container.encode(Int64(expiry.timeIntervalSince1970), forKey: Name(stringValue: "exp"))
        }
    }

    func verify(using algorithm: some JWTAlgorithm) async throws {
        if let expiry { try ExpirationClaim(value: expiry).verifyNotExpired() }
        if let notBefore { try NotBeforeClaim(value: notBefore).verifyNotBefore() }
    }
}
