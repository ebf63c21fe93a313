import AgentCore
import ClusterModel
import Containers
public import Diagnostics
import HTTPServing

/// Tokens that tell an agent's executors apart where a network namespace does not: on the agent's own port. Each
/// executor gets one in its environment when it is launched, good for its container only, for as long as that lives.
public struct ExecutorTokens: Sendable {
    static let variable = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"
    let authenticator: TokenAuthenticator

    /// `key` has at least 32 bytes, and is the same after a restart of the agent: executors outlive it.
    ///
    /// - Throws: `token.secret-too-short`.
    public init(key: [UInt8]) async throws(Failure) { authenticator = try await TokenAuthenticator(secret: key) }

    /// The launch with the executor's token in its environment. It is drawn here and not in the core so that no record
    /// of the agent's has it.
    func launch(_ launch: ContainerLaunch, of executor: ExecutorKey, path: ContainerPath) async throws(Failure)
        -> ContainerLaunch
    {
        let token = try await authenticator.issue(Self.principal(executor, path))
        var launch = launch
        launch.environment.removeAll { $0.before("=") == Self.variable }
        launch.environment.append("\(Self.variable)=\(token)")
        return launch
    }

    private static func principal(_ executor: ExecutorKey, _ path: ContainerPath) -> Principal {
        Principal(
            nil,
            claims: ["fid": executor.framework.text, "eid": executor.executor.text, "cid": "\(path)"])
    }

    /// Whose token it is; nil for anybody else's, and for that of a container that is no more the executor's.
    static func door(of principal: Principal, in agent: Agent) -> ExecutorDoor? {
        guard principal.value == nil, let framework = principal.claims["fid"], let executor = principal.claims["eid"]
        else { return nil }
        let key: ExecutorKey
        do throws(Failure) {
            key = ExecutorKey(try FrameworkID(framework), try ExecutorID(executor))
        } catch {
            return nil
        }
        guard let run = agent.state.executor(key), let path = agent.state.containers[run.container]?.path,
            Self.principal(key, path) == principal
        else { return nil }
        return ExecutorDoor(executor: key, container: path)
    }
}
