import AgentCore
import AsyncHTTPClient
import ClusterModel
import Containers
import Determinism
import Diagnostics
import HTTPServing
import Logging

/// What the driver works with.
struct AgentParts: Sendable {
    let containerizer: any Containerizer
    let host: any AgentHost
    let journal: any Journal
    let client: HTTPClient
    let clock: AgentClock
    let metrics: Metrics
    let logger: Logger
    let settings: AgentSettings

    var limits: AgentServiceLimits { settings.limits }
    var version: String { settings.version }

    func failure(_ body: () async throws(Failure) -> Void) async -> Failure? {
        do throws(Failure) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    /// `owner`: the framework it is launched for; nil: an operator's.
    func launch(_ asked: ContainerLaunch, _ run: ContainerRun?, owner: FrameworkInfo?) async -> LaunchResult {
        do throws(Failure) {
            var launch = try await LaunchDevices(settings: settings).resolved(asked)
            launch.secrets = try await LaunchSecrets(settings: settings, owner: owner).resolved(asked.secrets)
            if let tokens = settings.executorTokens, let run, case .executor(let key) = run.purpose {
                launch = try await tokens.launch(launch, of: key, path: run.path)
            }
            switch try await containerizer.launch(launch) {
            case .alreadyLaunched: return .alreadyLaunched
            case .notSupported(let failure): return .notSupported(failure)
            case .launched:
                // Who it is is worth knowing, and no reason to doubt that it runs.
                let view = try await status(launch.id)
                return .launched(RunningContainer(pid: view?.process, unenforced: view?.unenforced ?? []))
            }
        } catch {
            return .failed(error)
        }
    }

    private func status(_ id: ContainerID) async throws(Failure) -> Containers.ContainerView? {
        do throws(Failure) { return try await containerizer.status(id) } catch {
            logger.warning(
                "a launched container cannot be looked at", metadata: ["container": "\(id)", "cause": "\(error)"])
            return nil
        }
    }
}
