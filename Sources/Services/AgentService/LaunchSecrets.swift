import AgentCore
import Authorization
import ClusterModel
import Containers
import Diagnostics

/// A launch's secrets with their values. It happens here and not in the core, so that no record of the agent's can hold
/// them; after a restart references are looked up again, and what came by value is gone.
struct LaunchSecrets: Sendable {
    let settings: AgentSettings
    /// Nil: an operator's container.
    let owner: FrameworkInfo?

    func resolved(_ secrets: [SecretRequest]?) async throws(Failure) -> [SecretRequest]? {
        guard let secrets else { return nil }
        var resolved: [SecretRequest] = []
        for secret in secrets {
            var secret = secret
            if case .reference(let name, let key) = secret.source { secret.value = try await value(name, key) }
            guard !secret.value.isAbsent else {
                throw Failure(
                    "secret.gone", doing: "give the task its secret", on: secret.name,
                    cause: "the agent was started again before the task was, and writes no secret down",
                    remedy: "launch the task again, or refer to the secret by a name", retry: .later)
            }
            resolved.append(secret)
        }
        return resolved
    }

    private func value(_ name: String, _ key: String?) async throws(Failure) -> SecretValue {
        let subject = Subject(principal: owner?.principal)
        guard case .allowed = settings.authorizer.decide(subject, to: .useSecret, on: name) else {
            throw Failure(
                "secret.forbidden", doing: "give the task its secret", on: name,
                cause: "the agent's rules do not let \(subject.principal ?? "anonymous") use-secret \(name)",
                remedy: "ask the agent's operator", field: "secret.reference.name")
        }
        guard let keeper = settings.secrets else {
            throw Failure(
                "secret.no-keeper", doing: "give the task its secret", on: name, cause: "this agent keeps no secrets",
                remedy: "start the agent with --secrets-dir", field: "secret.reference.name")
        }
        return try await keeper.secret(name, key: key)
    }
}
