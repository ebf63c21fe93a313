import ClusterAPI
import ClusterModel
import Determinism

/// What the agent's operator API carries, complete and bare.
extension ClusterSamples {
    var rootContainer: ContainerPath { container.parent ?? container }

    var launchRequest: ContainerLaunchRequest {
        ContainerLaunchRequest(
            container, command: command, spec: nativeContainer, resources: resources,
            limits: ["cpus": .infinite, "mem": .atMost(Scalar(64))])
    }

    var agentCalls: [AgentCall] {
        let both: [ContainerCall] = [
            .launch(ContainerLaunchRequest(container, command: command, spec: nativeContainer)), .wait(container),
            .kill(container, signal: 15), .remove(container),
        ]
        let any: [ContainerCall] = [
            .launch(launchRequest), .launch(ContainerLaunchRequest(rootContainer, resources: resources)),
            .wait(rootContainer), .attachInput(container), .attachOutput(rootContainer),
        ]
        let image = ContainerImage(.docker(name: "busybox"))
        let queries: [AgentQuery] = [
            .state, .agent, .frameworks, .executors, .tasks, .operations, .providers,
            .containers(showNested: true, showStandalone: false), .containers(showNested: false, showStandalone: true),
        ]
        return processCalls.map { .process($0) } + queries.map { .query($0) }
            + both.map { .container($0, form: .nested) }
            + (both + any).map { .container($0, form: .any) }
            + [.container(.launchSession(ContainerLaunchRequest(container, command: command)), form: .nested)]
            + [.pruneImages(except: [image, ContainerImage(.appc(name: "a", id: "i", labels: labels))])]
            + [.pruneImages(except: [])] + ProviderCall.allCases.map { .provider($0) }
    }

    var statistics: ResourceStatistics {
        let stall = ResourceStatistics.Stall(
            average10: 0.5, average60: 1.25, average300: 12, total: .microseconds(123_456_789))
        let stalls = ResourceStatistics.Stalls(some: stall, full: stall)
        let traffic = ResourceStatistics.Traffic(packets: 1, bytes: 2, errors: 3, dropped: 4)
        return ResourceStatistics(
            at: at, processes: 3, threads: 17, userTime: .milliseconds(1_250), systemTime: .microseconds(77),
            cpuLimit: 2.5, cpuRequest: 1, cpuPeriods: 100, cpuPeriodsThrottled: 7, cpuThrottledTime: .seconds(3),
            memory: ResourceStatistics.Memory(
                total: 1 << 40, totalWithSwap: 2 << 40, limit: 3 << 40, softLimit: 4, resident: 5, cache: 6,
                mappedFiles: 7, swap: 8, unevictable: 9), diskLimit: 10, diskUsed: 11,
            devices: [
                ResourceStatistics.Device(major: 8, minor: 1, readBytes: 2, writtenBytes: 3, reads: 4, writes: 5)
            ], network: ResourceStatistics.Network(received: traffic, sent: traffic),
            pressure: ResourceStatistics.Pressure(
                cpu: ResourceStatistics.Stalls(some: stall), memory: stalls, io: stalls))
    }

    var containerViews: [ContainerView] {
        [
            ContainerView(
                container: container, framework: framework, executor: executor, executorName: "runner",
                status: ContainerStatusInfo(container: container, networks: networks, executorPID: 4_711),
                statistics: statistics), ContainerView(container: rootContainer),
            ContainerView(container: rootContainer, statistics: ResourceStatistics(at: at)),
        ]
    }

    var terminations: [ContainerTermination] {
        [
            ContainerTermination(
                status: 9, state: .failed, reason: .containerLimitationMemory, limitation: resources,
                message: "killed by the kernel"), ContainerTermination(),
        ]
    }

    var agentState: AgentStateView {
        AgentStateView(
            tasks: AgentTasksView(
                pending: [taskViews[0]], queued: [taskViews[1]], launched: [taskViews[2]], terminated: [taskViews[3]],
                completed: [taskViews[4]]),
            executors: AgentExecutorsView(executors: [executorSpec.withoutSecrets], completed: [podExecutor]),
            frameworks: AgentFrameworksView(frameworks: [frameworkInfo], completed: [frameworkInfo]))
    }

    var agentResponses: [AgentResponse] {
        processResponses.map { .process($0) }
            + terminations.flatMap { [.ended($0, form: .any), .ended($0, form: .nested)] } + [
                .state(agentState), .state(AgentStateView()),
                .agent(OwnAgentView(info: recoveredAgent, drain: drain.configuration, drainStartedAt: at)),
                .agent(OwnAgentView(info: recoveredAgent)), .frameworks(agentState.frameworks),
                .executors(agentState.executors), .tasks(agentState.tasks), .operations([operationView]),
                .operations([]), .providers, .containers(containerViews), .containers([]),
            ]
    }

    var processIO: [ProcessIO] {
        ProcessIO.Stream.allCases.flatMap { [.data($0, [0, 255, 10]), .data($0, [])] } + [
            .resize(Terminal.Size(rows: 24, columns: 80)), .heartbeat(interval: .seconds(30)),
            .heartbeat(interval: nil),
        ]
    }
}
