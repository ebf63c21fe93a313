public import Diagnostics

/// Where an operator keeps what tasks may refer to by name.
public protocol SecretKeeper: Sendable {
    /// The secret of that name, or what is under `key` in it. Read anew at each call, and kept nowhere.
    ///
    /// - Throws: `secret.not-found`; `secret.unsafe` when others could have read or written it; `secret.too-large`.
    func secret(_ name: String, key: String?) async throws(Failure) -> SecretValue
}
