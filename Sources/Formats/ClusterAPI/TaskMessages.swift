public import ClusterModel
public import Diagnostics

extension WireObject {
    /// Resources in one list of a call: bags of them are compared with each other, one by one.
    static let resourcesMax = 1_000

    /// `executor`: what runs the task when it brings none itself, in a task group.
    func task(framework: FrameworkID, executor group: ExecutorSpec? = nil) throws(Failure) -> TaskSpec {
        let own = try object("executor")
        let command = try object("command")
        try checkCount(of: "resources", atMost: WireObject.resourcesMax)
        try own?.checkCount(of: "resources", atMost: WireObject.resourcesMax)
        if let group {
            // It may say again what the group says.
            if let own, try own.executor(framework: framework) != group {
                throw invalid("executor", "a task of a group runs under the group's executor")
            }
            return try taskSpec(.executor(group), try command?.command())
        }
        switch (own, command) {
        case (let own?, nil): return try taskSpec(.executor(try own.executor(framework: framework)), nil)
        case (nil, let command?): return try taskSpec(.command(try command.command()), nil)
        default: throw invalid("command", "a task has either a command or an executor")
        }
    }

    func taskSpec(_ runner: TaskRunner, _ groupCommand: CommandSpec?) throws(Failure) -> TaskSpec {
        TaskSpec(
            id: try required("task_id", identifier("task_id")), name: try required("name", string("name")),
            agent: try required("agent_id", identifier("agent_id")), resources: try resources("resources"),
            limits: try limits(), runner: runner, groupCommand: groupCommand,
            killGracePeriod: try object("kill_policy")?.duration("grace_period"),
            maxCompletionTime: try duration("max_completion_time"), data: try bytes("data"),
            labels: try labels("labels"), container: try object("container")?.containerSpec(),
            healthCheck: try object("health_check")?.healthCheck(), check: try object("check")?.check(),
            discovery: try object("discovery")?.discovery())
    }

    func limits() throws(Failure) -> [String: ResourceLimit] {
        var limits: [String: ResourceLimit] = [:]
        for (name, limit) in try entries("limits") {
            let bound = try limit.required("value", limit.double("value"))
            limits[name] = bound == .infinity ? .infinite : .atMost(try limit.scalar())
        }
        return limits
    }

    func executor(framework: FrameworkID) throws(Failure) -> ExecutorSpec {
        let named = try identifier("framework_id", of: FrameworkKind.self)
        guard named == nil || named == framework else {
            throw invalid("framework_id", "it is not the framework of the call")
        }
        let kind = try choice("type", of: ExecutorSpec.Kind.self) ?? .custom
        let command = try object("command")?.command()
        guard (kind == .custom) == (command != nil) else {
            throw invalid("command", kind == .custom ? "a custom executor needs one" : "the default executor has none")
        }
        return ExecutorSpec(
            id: try required("executor_id", identifier("executor_id")), framework: framework, kind: kind,
            name: try string("name"), command: command, resources: try resources("resources"),
            data: try bytes("data"), shutdownGracePeriod: try duration("shutdown_grace_period"),
            labels: try labels("labels"), container: try object("container")?.containerSpec(),
            discovery: try object("discovery")?.discovery())
    }
}

// MARK: - Commands

extension WireObject {
    public func command() throws(Failure) -> CommandSpec {
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
        var spec = CommandSpec(program, environment: try environment(), fetches: fetches, user: try string("user"))
        if case .shell = program, !(try strings("arguments")).isEmpty { spec.unused.append("arguments") }
        for (index, variable) in try (object("environment")?.objects("variables") ?? []).enumerated() {
            let other = try variable.string("type") == "SECRET" ? "value" : "secret"
            if variable.has(other) { spec.unused.append("environment.variables[\(index)].\(other)") }
        }
        return spec
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
