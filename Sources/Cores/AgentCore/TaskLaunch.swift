import ClusterAPI
import ClusterModel
import Containers
import Diagnostics

/// What a framework asks for, made into what a containerizer is asked for. Pure: the same task, policy and names give
/// the same launch. What cannot be had as asked is refused with the reason; nothing is left out silently.
struct TaskLaunch {
    let configuration: AgentConfiguration
    /// All resources the agent has.
    let totals: [Resource]
    /// Names of devices that are somebody's.
    var devicesInUse: Set<String> = []

    var policy: LaunchPolicy { configuration.policy }

    /// A task in a container of its own, alone or inside a pod's.
    func task(
        _ spec: TaskSpec, as id: ContainerID, purpose: ContainerRun.Purpose, parent: ContainerRun? = nil,
        sandbox: SandboxOrder, path: ContainerPath
    ) throws(Failure) -> ContainerRun {
        var environment = Environment()
        environment.set("MESOS_SANDBOX", policy.sandboxTarget)
        if case .task(let key) = purpose {
            environment.set("MESOS_FRAMEWORK_ID", key.framework.text)
            environment.set("MESOS_TASK_ID", key.task.text)
        }
        environment.set("MESOS_SLAVE_ID", spec.agent.text)
        if let role = spec.resources.lazy.compactMap(\.allocatedTo).first {
            environment.set("MESOS_ALLOCATION_ROLE", role.text)
        }
        var draft = try Draft(
            id: id, command: command(of: spec), container: spec.container, parent: parent, sandbox: sandbox,
            environment: environment)
        draft.resources = spec.resources
        draft.limits = spec.limits
        draft.labels = ["bulkhead.task": spec.id.text]
        if case .task(let key) = purpose { draft.labels["bulkhead.framework"] = key.framework.text }
        try checkProbes(of: spec)
        return try run(draft, purpose: purpose, path: path)
    }

    private func command(of spec: TaskSpec) -> CommandSpec {
        if case .command(let command) = spec.runner { return command }
        return spec.groupCommand ?? CommandSpec(.execute(path: nil, arguments: []))
    }

    /// The container that holds a pod: namespaces, and nothing that runs.
    func pod(
        _ spec: ExecutorSpec, as id: ContainerID, key: ExecutorKey, sandbox: SandboxOrder, path: ContainerPath
    ) throws(Failure) -> ContainerRun {
        try checkSize(of: spec)
        var draft = try Draft(
            id: id, command: CommandSpec(.execute(path: nil, arguments: [])), container: spec.container,
            parent: nil, sandbox: sandbox, environment: Environment())
        draft.isHold = true
        draft.resources = spec.resources
        draft.labels = ["bulkhead.executor": spec.id.text, "bulkhead.framework": key.framework.text]
        return try run(draft, purpose: .executor(key), path: path)
    }

    /// A custom executor, with what its first tasks need.
    func executor(
        _ spec: ExecutorSpec, as id: ContainerID, key: ExecutorKey, framework: FrameworkInfo, agent: AgentInfo,
        tasks: [TaskSpec], sandbox: SandboxOrder, path: ContainerPath
    ) throws(Failure) -> ContainerRun {
        guard let command = spec.command else {
            throw refusal("executor.command", "a custom executor needs a command", field: "executor.command")
        }
        try checkSize(of: spec)
        var draft = try Draft(
            id: id, command: command, container: spec.container, parent: nil, sandbox: sandbox,
            environment: Environment())
        draft.resources = spec.resources + tasks.flatMap(\.resources)
        draft.labels = ["bulkhead.executor": spec.id.text, "bulkhead.framework": key.framework.text]
        draft.isExecutor = true
        let isOnHostNetwork = try isolation(of: draft).network == .host
        let address = configuration.address
        let endpoint = isOnHostNetwork
            ? "\(address.address ?? address.hostname):\(address.port)" : "127.0.0.1:\(policy.executorPort)"
        draft.environment = executorEnvironment(spec, framework: framework, agent: agent, endpoint: endpoint)
        draft.endpointPort = isOnHostNetwork ? nil : policy.executorPort
        return try run(draft, purpose: .executor(key), path: path)
    }

    /// What executors of the protocol look for. MESOS_CHECKPOINT is always there, because this agent takes every
    /// executor over after a restart; an agent that would not must leave it out, since some take "0" for yes.
    private func executorEnvironment(
        _ spec: ExecutorSpec, framework: FrameworkInfo, agent: AgentInfo, endpoint: String
    ) -> Environment {
        let timing = configuration.timing
        var environment = Environment()
        for variable in policy.executorEnvironment { environment.set(variable.name, variable.value) }
        environment.set("LIBPROCESS_PORT", "0")
        environment.set("MESOS_FRAMEWORK_ID", framework.id.text)
        environment.set("MESOS_EXECUTOR_ID", spec.id.text)
        environment.set("MESOS_DIRECTORY", policy.sandboxTarget)
        environment.set("MESOS_SANDBOX", policy.sandboxTarget)
        environment.set("MESOS_SLAVE_ID", agent.id.text)
        environment.set("MESOS_SLAVE_PID", "slave(1)@\(endpoint)")
        environment.set("MESOS_AGENT_ENDPOINT", endpoint)
        environment.set("MESOS_HTTP_COMMAND_EXECUTOR", "0")
        environment.set("MESOS_CHECKPOINT", "1")
        environment.set("MESOS_RECOVERY_TIMEOUT", timing.executorRecovery.protocolText)
        environment.set("MESOS_SUBSCRIPTION_BACKOFF_MAX", timing.executorBackoffMax.protocolText)
        environment.set(
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            (spec.shutdownGracePeriod ?? timing.executorShutdownGrace).protocolText)
        if let role = spec.resources.lazy.compactMap(\.allocatedTo).first {
            environment.set("MESOS_ALLOCATION_ROLE", role.text)
        }
        return environment
    }

    /// A container an operator asks for.
    func ordered(
        _ request: ContainerLaunchRequest, as id: ContainerID, parent: ContainerRun?, sandbox: SandboxOrder
    ) throws(Failure) -> ContainerRun {
        var environment = Environment()
        environment.set("MESOS_SANDBOX", policy.sandboxTarget)
        var draft = try Draft(
            id: id, command: request.command ?? CommandSpec(.execute(path: nil, arguments: [])),
            container: request.spec, parent: parent, sandbox: sandbox, environment: environment)
        draft.resources = request.resources
        draft.limits = request.limits
        draft.isOrdered = true
        return try run(draft, purpose: .ordered, path: request.container)
    }

    /// One more process of a running container.
    func session(_ request: ContainerLaunchRequest, in parent: ContainerRun) throws(Failure) -> ExecRequest {
        guard let command = request.command else {
            throw refusal("session.command", "a session needs a command", field: "command")
        }
        try checkSession(request, command)
        var environment = Environment()
        try environment.set(command.environment)
        let arguments: [String]
        switch command.program {
        case .shell(let line): arguments = ["/bin/sh", "-c", line]
        case .execute(let path, let rest):
            arguments = path.map { [$0] + rest.dropFirst() } ?? rest
        }
        guard !arguments.isEmpty else {
            throw refusal("session.command", "the command has no program", field: "command.value")
        }
        return ExecRequest(
            arguments: arguments, environment: environment.lines, user: command.user,
            terminal: terminal(of: request.spec), interactive: true)
    }

    /// A session is one more process behind the walls of its parent.
    private func checkSession(_ request: ContainerLaunchRequest, _ command: CommandSpec) throws(Failure) {
        let spec = request.spec
        let problem: (String, String)? =
            if spec?.image != nil || spec?.volumes.isEmpty == false {
                ("a session is in its parent's file system", "container")
            } else if spec?.linux != nil || spec?.processLimits.isEmpty == false || spec?.docker != nil {
                ("a session is behind its parent's walls", "container.linux_info")
            } else if spec?.networks.isEmpty == false || spec?.hostname != nil {
                ("a session is on its parent's network", "container.network_infos")
            } else if !command.fetches.isEmpty {
                ("nothing is fetched for a session", "command.uris")
            } else if let name = command.unused.first {
                ("\(name) does not go with the command's other members", "command.\(name)")
            } else if !request.resources.isEmpty || !request.limits.isEmpty {
                ("a session has its parent's resources", "resources")
            } else {
                nil
            }
        guard let (cause, field) = problem else { return }
        throw refusal("session.container", cause, remedy: "leave it out", field: field)
    }

    // MARK: Putting it together

    private func run(
        _ draft: Draft, purpose: ContainerRun.Purpose, path: ContainerPath
    ) throws(Failure) -> ContainerRun {
        var draft = draft
        try refuseUnused(draft)
        try applyDockerParameters(to: &draft)
        var environment = draft.environment
        try environment.set(draft.command.environment.filter { !$0.isSecret })
        let secrets = try secrets(of: draft)
        let root = try root(of: draft)
        var isolation = try isolation(of: draft)
        let limits = try checkedLimits(draft, &isolation)
        let devices = try devices(of: draft)
        if draft.isHold { try refuseWhatAHoldHasNot(draft, devices) }
        let (volumes, directories) = try volumes(of: draft)
        let capabilities = try capabilities(of: draft)
        var sandbox = draft.sandbox
        sandbox.directories = directories
        sandbox.user = draft.user
        let launch = ContainerLaunch(
            id: draft.id, parent: draft.parent?.id, root: root,
            program: draft.isHold ? .hold : draft.program, environment: environment.lines,
            user: draft.user,
            workingDirectory: draft.isHold ? nil : draft.workingDirectory,
            fallbackDirectory: draft.isHold ? nil : policy.sandboxTarget,
            limits: limits, volumes: draft.isHold ? [] : volumes,
            temporaryFilesystems: draft.temporaryFilesystems, terminal: terminal(of: draft.container),
            interactive: draft.container?.terminal != nil || draft.isInteractive,
            output: draft.isHold ? nil : output("stdout", of: draft),
            error: draft.isHold ? nil : output("stderr", of: draft),
            isolation: isolation, addedCapabilities: capabilities.added, droppedCapabilities: capabilities.dropped,
            labels: draft.labels, stopSignal: draft.stopSignal, endpointPort: draft.endpointPort,
            secrets: secrets.isEmpty ? nil : secrets, devices: devices.isEmpty ? nil : devices)
        let run = ContainerRun(
            purpose: purpose, path: path, launch: launch, sandbox: sandbox, fetches: draft.command.fetches)
        try checkSize(of: run)
        return run
    }

    /// What is asked of a containerizer is one record of the journal, and more than what asked for it: volumes have
    /// their places on the host in it.
    private func checkSize(of run: ContainerRun) throws(Failure) {
        let most = configuration.bounds.launchBytesMax
        let count = try run.value().bytes.count
        guard count <= most else {
            throw refusal(
                "launch.too-large", "its container's description has \(count) bytes, above launchBytesMax \(most)",
                remedy: "ask for less, or fetch what is large", field: "container")
        }
    }

    /// An executor is one record too, whatever its tasks have.
    private func checkSize(of spec: ExecutorSpec) throws(Failure) {
        let most = configuration.bounds.specBytesMax
        let count = WireValue.executor(spec, .stacked).bytes.count
        guard count <= most else {
            throw refusal(
                "launch.too-large", "its executor has \(count) bytes, above specBytesMax \(most)",
                remedy: "fetch what is large", field: "executor")
        }
    }

    private func refuseUnused(_ draft: Draft) throws(Failure) {
        let names =
            (draft.container?.unused ?? []).map { "container.\($0)" } + draft.command.unused.map { "command.\($0)" }
        guard let name = names.first else { return }
        throw refusal(
            "launch.unused", "nothing would come of \(name) beside its other members",
            remedy: "leave it out", field: name)
    }

    private func terminal(of container: ContainerSpec?) -> TerminalRequest? {
        container?.terminal.map { terminal in
            terminal.size.map { TerminalRequest(rows: $0.rows, columns: $0.columns) } ?? TerminalRequest()
        }
    }

    private func root(of draft: Draft) throws(Failure) -> ContainerLaunch.Root {
        if draft.isHold { return .layers([]) }
        guard let image = draft.container?.image else {
            switch policy.withoutImage {
            case .hostTools: return .hostTools
            case .image(let name): return .image(name)
            case .refuse:
                throw refusal(
                    "launch.no-image", "it names no image, and this agent runs tasks with images only",
                    remedy: "name an image, or start the agent with --tasks-without-image host-tools",
                    field: "container.image")
            }
        }
        guard case .docker(let name, let config) = image.source else {
            throw refusal(
                "launch.image-format", "images of type APPC are not known here", remedy: "use a Docker image",
                field: "container.mesos.image.type")
        }
        if config != nil {
            throw refusal(
                "launch.image-credentials", "this agent takes images from its own store and uses no credentials",
                field: "container.mesos.image.docker.config")
        }
        if !image.isCached {
            throw refusal(
                "launch.image-pull", "this agent takes images from its own store and cannot look for a newer one",
                remedy: "leave force_pull_image out, and import the image on the agent",
                field: "container.mesos.image.cached")
        }
        return .image(name)
    }

    /// The container of the built-in executor holds a group's namespaces. Nothing runs in it, so nothing can be given
    /// to what runs in it; walls of its own process are held trivially.
    private func refuseWhatAHoldHasNot(_ draft: Draft, _ devices: [DeviceOrder]) throws(Failure) {
        let problem: (String, String)? =
            if draft.container?.volumes.isEmpty == false {
                ("volumes", "container.volumes")
            } else if draft.resources.contains(where: \.isPersistentVolume) {
                ("persistent volumes", "resources")
            } else if !devices.isEmpty {
                ("devices", "resources")
            } else if draft.container?.terminal != nil {
                ("a terminal", "container.tty_info")
            } else {
                nil
            }
        guard let (what, field) = problem else { return }
        throw refusal(
            "launch.executor-runs-nothing", "nothing runs in the built-in executor that could use \(what)",
            remedy: "give them to the group's tasks", field: "executor." + field)
    }

    func refusal(
        _ code: Failure.Code, _ cause: String, remedy: String? = nil, field: String
    ) -> Failure { Failure(code, doing: "launch it", cause: cause, remedy: remedy, field: field) }
}
