public import ClusterModel
import Determinism
import Diagnostics

// MARK: - Encoding

extension WireValue {
    public static func task(_ task: TaskSpec, _ form: ReservationForm) -> WireValue {
        var command = task.groupCommand
        var executor: ExecutorSpec?
        switch task.runner {
        case .command(let own): command = own
        case .executor(let own): executor = own
        }
        return .members([
            "name": .string(task.name),
            "task_id": .identifier(task.id),
            "agent_id": .identifier(task.agent),
            "resources": .resources(task.resources, form),
            "limits": limits(task.limits),
            "executor": executor.map { .executor($0, form) },
            "command": command.map(WireValue.command),
            "kill_policy": task.killGracePeriod.map(WireValue.killPolicy),
            "max_completion_time": task.maxCompletionTime.map(WireValue.duration),
            "data": task.data.map(WireValue.base64),
            "labels": labels(task.labels),
            "container": task.container.map(WireValue.container),
            "health_check": task.healthCheck.map(WireValue.healthCheck),
            "check": task.check.map(WireValue.check),
            "discovery": task.discovery.map(WireValue.discovery),
        ])
    }

    public static func executor(_ executor: ExecutorSpec, _ form: ReservationForm) -> WireValue {
        .members([
            "type": .string(executor.kind.rawValue),
            "executor_id": .identifier(executor.id),
            "framework_id": .identifier(executor.framework),
            "name": executor.name.map { .string($0) },
            "command": executor.command.map(WireValue.command),
            "resources": .resources(executor.resources, form),
            "data": executor.data.map(WireValue.base64),
            "shutdown_grace_period": executor.shutdownGracePeriod.map(WireValue.duration),
            "labels": labels(executor.labels),
            "container": executor.container.map(WireValue.container),
            "discovery": executor.discovery.map(WireValue.discovery),
        ])
    }

    public static func command(_ command: CommandSpec) -> WireValue {
        let (isShell, path, arguments): (Bool, String?, [String]) =
            switch command.program {
            case .shell(let line): (true, line, [])
            case .execute(let path, let arguments): (false, path, arguments)
            }
        return .members([
            "shell": .bool(isShell),
            "value": path.map { .string($0) },
            "arguments": .array(arguments.map { .string($0) }),
            "environment": command.environment.isEmpty
                ? nil : .object(["variables": .array(command.environment.map(WireValue.variable))]),
            "uris": .array(command.fetches.map(WireValue.fetch)),
            "user": command.user.map { .string($0) },
        ])
    }

    /// Nil without limits.
    static func limits(_ limits: [String: ResourceLimit]) -> WireValue? {
        limits.isEmpty ? nil : written("limits") { $0.limits("limits", limits) }
    }

    static func killPolicy(_ gracePeriod: Duration) -> WireValue {
        .object(["grace_period": .duration(gracePeriod)])
    }

    static func duration(_ duration: Duration) -> WireValue { .nanoseconds(duration.saturatingNanoseconds) }

    private static func variable(_ variable: CommandSpec.EnvironmentVariable) -> WireValue {
        let (type, member, value): (String, String, WireValue) =
            switch variable.value {
            case .text(let text): ("VALUE", "value", .string(text))
            case .secret(let name, let key): ("SECRET", "secret", .secretReference(name: name, key: key))
            case .secretBytes(let bytes):
                ("SECRET", "secret", .object(["type": "VALUE", "value": .object(["data": .base64(bytes)])]))
            }
        return .object(["name": .string(variable.name), "type": .string(type), member: value])
    }

    private static func secretReference(name: String, key: String?) -> WireValue {
        let reference = WireValue.members(["name": .string(name), "key": key.map { .string($0) }])
        return .object(["type": "REFERENCE", "reference": reference])
    }

    private static func fetch(_ fetch: CommandSpec.Fetch) -> WireValue {
        .members([
            "value": .string(fetch.address),
            "executable": .bool(fetch.isExecutable),
            "extract": .bool(fetch.isExtracted),
            "cache": .bool(fetch.isCached),
            "output_file": fetch.outputFile.map { .string($0) },
        ])
    }
}

// MARK: - Decoding

extension WireObject {
    /// A task that a master has let through: one of a group brings its executor with it.
    ///
    /// `framework`: whose it is, when the reader knows; an executor inside may also say so itself.
    func launchedTask(framework: FrameworkID? = nil) throws(Failure) -> TaskSpec {
        let command = try object("command")?.command()
        guard let executor = try object("executor") else {
            return try taskSpec(.command(try required("command", command)), nil)
        }
        let named = try executor.identifier("framework_id", of: FrameworkKind.self)
        let owner = try executor.required("framework_id", framework ?? named)
        return try taskSpec(.executor(try executor.executor(framework: owner)), command)
    }
}
