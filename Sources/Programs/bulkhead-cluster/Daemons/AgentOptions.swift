public import AgentCore
public import ArgumentParser
import CommandOutput
import Diagnostics

/// How an agent treats its tasks and what they leave.
struct AgentOptions: ParsableArguments {
    @Option(help: "What ran before is taken over ('reconnect') or ended ('cleanup').")
    var recover = AgentConfiguration.Recovery.reconnect
    @Option(help: .init("From SIGTERM to SIGKILL, where the task does not say.", valueName: "time"))
    var killGrace = "3s"
    @Option(help: .init("How long a new executor has to register.", valueName: "time"))
    var executorRegistration = "1m"
    @Option(help: .init("How long executors have to come back after the agent was started again.", valueName: "time"))
    var executorReregistration = "10s"
    @Option(help: .init("How long an executor that is asked to end may take.", valueName: "time"))
    var executorShutdownGrace = "5s"
    @Flag(
        help: "Callers of the executor API show the token of their container, which is in its environment.")
    var authenticateExecutors = false
    @Option(help: .init("How long an ended sandbox is kept on an empty disk; less on a full one.", valueName: "time"))
    var sandboxKeep = "7d"
    @Option(help: .init("Part of the disk that is to stay free, 0 to 1.", valueName: "part"))
    var diskHeadroom = 0.1
    @Option(help: .init("Image that pruning never removes. Repeatable.", valueName: "image"))
    var keepImage: [String] = []
    @Option(help: .init("The first wait before registering is drawn from zero to this.", valueName: "time"))
    var registrationBackoff = "1s"

    var timing: AgentTiming {
        get throws(Failure) {
            var timing = AgentTiming()
            timing.killGrace = try TimeSpan.parse(killGrace, flag: "kill-grace")
            timing.executorRegistration = try TimeSpan.parse(executorRegistration, flag: "executor-registration")
            timing.executorReregistration = try TimeSpan.parse(executorReregistration, flag: "executor-reregistration")
            guard timing.executorReregistration <= AgentTiming.executorReregistrationMax else {
                throw .flag(
                    "executor-reregistration", executorReregistration,
                    cause: "tasks would be unwatched for longer than \(AgentTiming.executorReregistrationMax)",
                    remedy: "write at most 15s")
            }
            timing.executorShutdownGrace = try TimeSpan.parse(executorShutdownGrace, flag: "executor-shutdown-grace")
            timing.collectionDelay = try TimeSpan.parse(sandboxKeep, flag: "sandbox-keep")
            timing.registrationBackoff = try TimeSpan.parse(registrationBackoff, flag: "registration-backoff")
            guard (0...1).contains(diskHeadroom) else {
                throw .flag("disk-headroom", "\(diskHeadroom)", cause: "it is no part", remedy: "write 0 to 1")
            }
            timing.collectionHeadroom = diskHeadroom
            return timing
        }
    }
}

extension AgentConfiguration.Recovery: ExpressibleByArgument {}
