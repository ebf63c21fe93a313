import ClusterModel
import Containers

/// What the end of a task's container means for the task: its state, and why, in words a person can act on.
struct Verdict: Hashable {
    var state: TaskState
    var source: StatusUpdate.Source
    var reason: StatusReason?
    var message: String
    var isHealthy: Bool?
    var limitation: [Resource] = []
}

extension Verdict {
    /// `hasRebooted`: the machine has been started anew since the task was.
    static func of(_ exit: ContainerExit, task: TaskRun, hasRebooted: Bool = false) -> Verdict {
        switch exit.reason {
        case .memoryLimit:
            let limited = task.spec.resources.filter { $0.name == "mem" }
            return Verdict(
                state: .failed, source: .agent, reason: .containerLimitationMemory, message: exit.message,
                limitation: limited)
        case .launchFailed:
            if let ending = task.ending {
                return ended(ending.cause, "it had not started", during: .taskKilledDuringLaunch)
            }
            return Verdict(state: .failed, source: .agent, reason: .containerLaunchFailed, message: exit.message)
        case .unknown:
            if hasRebooted {
                return Verdict(state: .gone, source: .agent, reason: .agentRestarted, message: exit.message)
            }
            if let ending = task.ending { return ended(ending.cause, exit.message, during: nil) }
            return Verdict(state: .failed, source: .agent, reason: .executorTerminated, message: exit.message)
        case .ended, .killed:
            if let ending = task.ending { return ended(ending.cause, exit.message, during: nil) }
            if exit.reason == .ended, exit.code == 0, exit.signal == nil {
                return Verdict(state: .finished, source: .executor, message: "ended with exit code 0")
            }
            return Verdict(
                state: .failed, source: .executor, reason: .commandExecutorFailed, message: exit.message)
        }
    }

    /// The end of a task that was being ended.
    static func ended(_ cause: KillOrder.Cause, _ how: String, during: StatusReason?) -> Verdict {
        func killed(_ why: String, _ reason: StatusReason? = nil, isHealthy: Bool? = nil) -> Verdict {
            Verdict(
                state: .killed, source: .executor, reason: during ?? reason, message: "\(why): \(how)",
                isHealthy: isHealthy)
        }
        func failed(_ why: String, _ reason: StatusReason) -> Verdict {
            Verdict(state: .failed, source: .agent, reason: reason, message: "\(why): \(how)")
        }
        switch cause {
        case .framework: return killed("killed by the framework")
        case .frameworkRemoved: return killed("its framework was removed", .frameworkRemoved)
        case .draining: return killed("the agent is being emptied", .agentDraining)
        case .group(let task): return killed("task '\(task)' of its group failed or was killed")
        case .unhealthy(let why): return killed("unhealthy: \(why)", .taskHealthCheckStatusUpdated, isHealthy: false)
        case .completionTime:
            return Verdict(
                state: .failed, source: .executor, reason: .maxCompletionTimeReached,
                message: "it ran longer than its maximum completion time: \(how)")
        case .executorShutdown: return killed("its executor was shut down", .executorTerminated)
        case .executorEnded(let why): return failed("its executor has ended (\(why))", .executorTerminated)
        case .executorNotLaunched(let why):
            return failed("its executor could not be launched (\(why))", .containerLaunchFailed)
        case .executorUnreachable(let why):
            return failed("the executor API could not be served inside its executor's container (\(why))",
                .containerLaunchFailed)
        case .executorUnregistered:
            return failed("its executor did not register in time", .executorRegistrationTimeout)
        case .executorUnreturned:
            return failed("its executor did not come back after a restart of the agent",
                .executorReregistrationTimeout)
        case .limitsRefused(let why):
            return failed("its executor's container could not be given its resources (\(why))",
                .containerUpdateFailed)
        case .unneeded: return killed("nothing was left for its executor to do", .executorTerminated)
        case .agentShutdown(let why): return killed("the agent is shut down (\(why))", .agentRemoved)
        case .operatorCall: return killed("killed by an operator")
        }
    }
}

extension ContainerExit {
    /// As wait(2) packs it.
    var waitStatus: Int32 {
        if let signal { return signal }
        return code << 8
    }
}

extension ContainerExit {
    /// What programs read of how a task's own process ended: its exit code, or 128 and the signal.
    static let codeLabel = "bulkhead.exit-code"

    /// None when the process was never seen.
    var labels: [Label] {
        switch reason {
        case .ended, .killed, .memoryLimit: [Label(Self.codeLabel, "\(signal.map { 128 + $0 } ?? code)")]
        case .launchFailed, .unknown: []
        }
    }
}
