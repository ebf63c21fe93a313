public import ClusterModel
import Diagnostics

/// A task as a framework asks for it: what the cluster decides by, and beside it what only the agent reads, carried as
/// it came.
public struct TaskRequest: Hashable, Sendable {
    public var spec: TaskSpec
    /// `container`, `health_check`, `check`, `discovery` and `executor.container`, those that are set.
    public var carried: [String: WireValue]

    public init(spec: TaskSpec, carried: [String: WireValue] = [:]) {
        self.spec = spec
        self.carried = carried
    }
}

/// An executor with its `container` and `discovery`, carried as they came.
public struct ExecutorRequest: Hashable, Sendable {
    public var spec: ExecutorSpec
    public var carried: [String: WireValue]

    public init(spec: ExecutorSpec, carried: [String: WireValue] = [:]) {
        self.spec = spec
        self.carried = carried
    }
}

extension WireObject {
    /// `executor`: what runs the task when it brings none itself, in a task group.
    func task(framework: FrameworkID, executor group: ExecutorRequest? = nil) throws(Failure) -> TaskRequest {
        var carried = carried(["container", "health_check", "check", "discovery"])
        let own = try object("executor")
        let command = try object("command")
        var groupCommand: CommandSpec?
        let runner: TaskRunner
        switch (group, own, command) {
        case (let group?, nil, _):
            groupCommand = try command?.command()
            runner = .executor(group.spec)
        case (nil, let own?, nil):
            let executor = try own.executor(framework: framework)
            if let container = executor.carried["container"] { carried["executor.container"] = container }
            runner = .executor(executor.spec)
        case (nil, nil, let command?): runner = .command(try command.command())
        case (.some, .some, _): throw invalid("executor", "a task of a group runs under the group's executor")
        default: throw invalid("command", "a task has either a command or an executor")
        }
        return TaskRequest(spec: try taskSpec(runner, groupCommand), carried: carried)
    }

    func taskSpec(_ runner: TaskRunner, _ groupCommand: CommandSpec?) throws(Failure) -> TaskSpec {
        TaskSpec(
            id: try required("task_id", identifier("task_id")), name: try required("name", string("name")),
            agent: try required("agent_id", identifier("agent_id")), resources: try resources("resources"),
            limits: try limits(), runner: runner, groupCommand: groupCommand,
            killGracePeriod: try object("kill_policy")?.duration("grace_period"),
            maxCompletionTime: try duration("max_completion_time"), data: try bytes("data"),
            labels: try labels("labels"))
    }

    private func limits() throws(Failure) -> [String: ResourceLimit] {
        var limits: [String: ResourceLimit] = [:]
        for (name, limit) in try entries("limits") {
            let bound = try limit.required("value", limit.double("value"))
            limits[name] = bound == .infinity ? .infinite : .atMost(try limit.scalar())
        }
        return limits
    }

    func executor(framework: FrameworkID) throws(Failure) -> ExecutorRequest {
        let named = try identifier("framework_id", of: FrameworkKind.self)
        guard named == nil || named == framework else {
            throw invalid("framework_id", "it is not the framework of the call")
        }
        let kind = try choice("type", of: ExecutorSpec.Kind.self) ?? .custom
        let command = try object("command")?.command()
        guard (kind == .custom) == (command != nil) else {
            throw invalid("command", kind == .custom ? "a custom executor needs one" : "the default executor has none")
        }
        let spec = ExecutorSpec(
            id: try required("executor_id", identifier("executor_id")), framework: framework, kind: kind,
            name: try string("name"), command: command, resources: try resources("resources"),
            data: try bytes("data"), shutdownGracePeriod: try duration("shutdown_grace_period"),
            labels: try labels("labels"))
        return ExecutorRequest(spec: spec, carried: carried(["container", "discovery"]))
    }

    private func carried(_ names: [String]) -> [String: WireValue] {
        var carried: [String: WireValue] = [:]
        for name in names { carried[name] = value(name) }
        return carried
    }
}

// MARK: - Commands

extension WireObject {
    func command() throws(Failure) -> CommandSpec {
        let line = try string("value")
        let program: CommandSpec.Program
        if try bool("shell") ?? true {
            program = .shell(try required("value", line))
        } else {
            program = .execute(path: line, arguments: try strings("arguments"))
        }
        var fetches: [CommandSpec.Fetch] = []
        for uri in try objects("uris") {
            fetches.append(
                CommandSpec.Fetch(
                    try uri.required("value", uri.string("value")), isExecutable: try uri.bool("executable") ?? false,
                    isExtracted: try uri.bool("extract") ?? true, isCached: try uri.bool("cache") ?? false,
                    outputFile: try uri.string("output_file")))
        }
        return CommandSpec(program, environment: try environment(), fetches: fetches, user: try string("user"))
    }

    private func environment() throws(Failure) -> [CommandSpec.EnvironmentVariable] {
        var variables: [CommandSpec.EnvironmentVariable] = []
        for variable in try object("environment")?.objects("variables") ?? [] {
            let name = try variable.required("name", variable.string("name"))
            if try variable.string("type") == "SECRET" {
                let secret = try variable.required("secret", variable.object("secret")).secret()
                variables.append(CommandSpec.EnvironmentVariable(name, secret))
            } else {
                let text = try variable.required("value", variable.string("value"))
                variables.append(CommandSpec.EnvironmentVariable(name, .text(text)))
            }
        }
        return variables
    }

    private func secret() throws(Failure) -> CommandSpec.EnvironmentVariable.Value {
        if let reference = try object("reference") {
            let name = try reference.required("name", reference.string("name"))
            return .secret(name: name, key: try reference.string("key"))
        }
        let value = try required("value", object("value"))
        return .secretBytes(try value.required("data", value.bytes("data")))
    }
}
