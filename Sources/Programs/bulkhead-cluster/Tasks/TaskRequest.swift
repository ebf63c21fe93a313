import ClusterModel
import CommandOutput
import Diagnostics

/// A task as `task run` was asked for it, before an agent has been found.
struct TaskRequest: Sendable {
    var id: TaskID
    var name: String
    var command: CommandSpec
    var container: ContainerSpec
    var labels: [Label]
    var healthCheck: HealthCheck?
    var killGracePeriod: Duration?
    var maxCompletionTime: Duration?
    var placement: Placement

    /// The task on the agent of `offer`, with `resources` of it.
    func spec(on agent: AgentID, with resources: [Resource]) -> TaskSpec {
        var container = container
        let mappings = placement.mappings(in: resources)
        // A network with a name has its mappings beside it.
        if container.networks.isEmpty {
            container.docker?.portMappings = mappings
        } else {
            container.networks[0].portMappings = mappings
        }
        return TaskSpec(
            id: id, name: name, agent: agent, resources: resources, runner: .command(command),
            killGracePeriod: killGracePeriod, maxCompletionTime: maxCompletionTime, labels: labels,
            container: container, healthCheck: healthCheck)
    }
}

/// Flags and words as a request. Pure: what comes from outside is given.
struct TaskRequestMaker {
    var options: TaskOptions
    var walls: TaskWallOptions
    var care: TaskCareOptions
    var placement: PlacementOptions
    /// Looks a variable of ours up.
    var ours: (String) -> String?
    /// What is typed here reaches the task.
    var isInteractive = false
    /// Of the size it has here, if there is one here.
    var terminal: Terminal?

    /// `count` of them; where it is not one, each has its number in its name and id.
    func requests(
        _ count: Int, image: String, command: [String], name: String?, suffix: String
    ) throws(Failure) -> [TaskRequest] {
        let request = try request(image: image, command: command, name: name, suffix: suffix)
        guard count > 1 else { return [request] }
        var requests: [TaskRequest] = []
        for number in 1...count {
            var numbered = request
            numbered.id = try TaskID("\(request.id).\(number)")
            numbered.name = "\(request.name)-\(number)"
            numbered.command.environment.append(.init("BULKHEAD_INSTANCE", .text("\(number)")))
            requests.append(numbered)
        }
        return requests
    }

    func request(image: String, command: [String], name: String?, suffix: String) throws(Failure) -> TaskRequest {
        let name = name ?? Self.name(of: image)
        guard !image.isEmpty, !image.begins(with: "-") else {
            throw .flag("image", image, cause: "it names no image", remedy: "see 'bulkhead task run --help'")
        }
        return TaskRequest(
            id: try TaskID("\(name).\(suffix)"), name: name, command: try commandSpec(command),
            container: try container(image), labels: try labels(), healthCheck: try healthCheck(),
            killGracePeriod: try time(care.stopTimeout, "stop-timeout"),
            maxCompletionTime: try time(care.timeout, "timeout"), placement: try placed())
    }

    /// `registry:5000/team/web:1.2` is `web`.
    static func name(of image: String) -> String {
        let last = image.cut(at: "/").last ?? "task"
        let name = last.prefix { $0 != ":" && $0 != "@" }
        return name.isEmpty ? "task" : String(name)
    }

    // MARK: - Program and container

    private func commandSpec(_ words: [String]) throws(Failure) -> CommandSpec {
        var program = CommandSpec.Program.execute(path: nil, arguments: words)
        if let entrypoint = options.entrypoint {
            program = .execute(path: entrypoint, arguments: [entrypoint] + words)
        }
        var environment: [CommandSpec.EnvironmentVariable] = []
        for entry in options.env {
            let parts = entry.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else {
                throw .flag("env", entry, cause: "it has no name", remedy: "write it as NAME=value")
            }
            guard let value = parts.count == 2 ? parts[1] : ours(parts[0]) else { continue }
            environment.append(CommandSpec.EnvironmentVariable(parts[0], .text(value)))
        }
        for text in options.secret {
            if let variable = try TaskSecret(text).variable { environment.append(variable) }
        }
        return CommandSpec(
            program, environment: environment, fetches: options.fetch.map { CommandSpec.Fetch($0) }, user: options.user)
    }

    private func container(_ image: String) throws(Failure) -> ContainerSpec {
        var docker = DockerOptions()
        var networks: [NetworkInfo] = []
        // Publishing a port says that there is a network to publish from.
        switch options.network ?? (options.publish.isEmpty ? nil : "bridge") {
        case nil: break
        case let name? where ["none", "host"].contains(name) && !options.publish.isEmpty:
            throw .flag(
                PortWords.flag, options.publish[0], cause: "network \(name) has nothing of the kind",
                remedy: "use --network bridge, or leave --network out")
        case "none": docker.network = DockerOptions.Network.none
        case "host": docker.network = .host
        case "bridge": docker.network = .bridge
        case .some(let name) where name.begins(with: "bridge:") || name.begins(with: "cni:"):
            networks.append(NetworkInfo(name: name))
        case .some(let other):
            throw .flag(
                "network", other, cause: "there is no such network",
                remedy: "use none, bridge, bridge:NAME, cni:NAME or host")
        }
        func add(_ key: String, _ values: [String]) { docker.parameters += values.map { .init(key, $0) } }
        if let workdir = options.workdir {
            guard workdir.begins(with: "/") else {
                throw .flag("workdir", workdir, cause: "it is not an absolute path", remedy: "begin it with /")
            }
            add("workdir", [workdir])
        }
        add("cap-add", options.capAdd)
        add("cap-drop", options.capDrop)
        add("tmpfs", options.tmpfs)
        for (key, values) in walls.parameters { add(key, values) }
        if options.readOnly { add("read-only", ["true"]) }
        // A terminal has keys anyway.
        if isInteractive, terminal == nil { add("interactive", ["true"]) }
        var volumes: [VolumeMount] = []
        for text in options.volume { volumes.append(try volume(text)) }
        for text in options.secret {
            if let file = try TaskSecret(text).file { volumes.append(file) }
        }
        return ContainerSpec(
            kind: .docker, image: ContainerImage(.docker(name: image)), hostname: options.hostname, volumes: volumes,
            docker: docker, networks: networks, terminal: terminal)
    }

    private func volume(_ text: String) throws(Failure) -> VolumeMount {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), !parts[0].isEmpty, !parts[1].isEmpty,
            parts.count == 2 || ["ro", "rw"].contains(parts[2])
        else {
            throw .flag(
                "volume", text, cause: "it is not SOURCE:TARGET or SOURCE:TARGET:ro",
                remedy: "write for example /srv/data:/data:ro")
        }
        return VolumeMount(
            containerPath: parts[1], mode: parts.count == 3 && parts[2] == "ro" ? .readOnly : .readWrite,
            source: .hostPath(parts[0]))
    }

    private func labels() throws(Failure) -> [Label] {
        var labels: [Label] = []
        for text in options.label {
            let parts = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else {
                throw .flag("label", text, cause: "it has no name", remedy: "write NAME=VALUE")
            }
            labels.append(Label(parts[0], parts.count == 2 ? parts[1] : nil))
        }
        return labels
    }

    // MARK: - Care

    private func healthCheck() throws(Failure) -> HealthCheck? {
        let given = [care.healthCmd, care.healthHttp, care.healthTcp].compactMap { $0 }
        guard given.count <= 1 else {
            throw .flag(
                "health-cmd", given[0], cause: "a task has one health check", remedy: "leave the others out")
        }
        guard let probe = try probe() else { return nil }
        return HealthCheck(
            probe, delay: .zero, interval: try span(care.healthInterval, "health-interval"),
            timeout: try span(care.healthTimeout, "health-timeout"), failuresMax: care.healthRetries,
            gracePeriod: try TimeSpan.parse(care.healthStartPeriod, flag: "health-start-period"))
    }

    private func probe() throws(Failure) -> Probe? {
        if let line = care.healthCmd { return .command(CommandSpec(.shell(line))) }
        if let text = care.healthTcp { return .tcp(port: try port(text[...], "health-tcp", text)) }
        guard let text = care.healthHttp else { return nil }
        let number = text.prefix { $0 != "/" }
        let path = text[number.endIndex...]
        return .http(
            HTTPProbe(port: try port(number, "health-http", text), path: path.isEmpty ? nil : String(path)))
    }

    private func port(_ text: Substring, _ flag: String, _ whole: String) throws(Failure) -> UInt16 {
        guard let port = UInt16(text), port > 0 else {
            throw .flag(flag, whole, cause: "it has no port", remedy: "write for example 8080")
        }
        return port
    }

    private func time(_ text: String?, _ flag: String) throws(Failure) -> Duration? {
        guard let text else { return nil }
        return try span(text, flag)
    }

    private func span(_ text: String, _ flag: String) throws(Failure) -> Duration {
        let span = try TimeSpan.parse(text, flag: flag)
        guard span > .zero else { throw .flag(flag, text, cause: "it is no time", remedy: "write for example 10s") }
        return span
    }

    // MARK: - Placement

    private func placed() throws(Failure) -> Placement {
        var constraints: [Constraint] = []
        for text in placement.constraint { constraints.append(try Constraint.parse(text)) }
        var needs = [("cpus", try processors()), ("mem", try megabytes(options.memory, "memory"))]
        if let disk = options.disk { needs.append(("disk", try megabytes(disk, "disk"))) }
        if let gpus = walls.gpus, gpus > 0 { needs.append(("gpus", Scalar(Int(gpus)))) }
        for text in walls.resource {
            let need = try amount(text)
            guard !needs.contains(where: { $0.0 == need.0 }) else {
                throw .flag("resource", text, cause: "there is a flag for that, or it is there twice")
            }
            needs.append(need)
        }
        return Placement(
            role: try RoleName(placement.role), needs: needs.map { (name: $0.0, amount: $0.1) },
            ports: try WantedPort.parse(options.publish), constraints: constraints)
    }

    private func amount(_ text: String) throws(Failure) -> (String, Scalar) {
        let parts = text.cut(at: "=", omittingEmptySubsequences: false).map(String.init)
        if parts[0] == "ports" {
            throw .flag(
                "resource", text, cause: "a port is published by its number", remedy: "use --publish 8080:80")
        }
        guard parts.count == 2, !parts[0].isEmpty, !["cpus", "mem", "disk", "gpus"].contains(parts[0]),
            parts[1].allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let count = Double(parts[1]), count > 0
        else {
            throw .flag(
                "resource", text, cause: "it is not NAME=AMOUNT of a resource without a flag of its own",
                remedy: "write for example fpgas=1")
        }
        return (parts[0], try Scalar(count))
    }

    private func processors() throws(Failure) -> Scalar {
        let isPlain = options.cpus.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard isPlain, let count = Double(options.cpus), count >= 0.01, count <= 100_000 else {
            throw .flag(
                "cpus", options.cpus, cause: "it is not a number of processors",
                remedy: "write a number from 0.01, such as 0.5 or 2")
        }
        return try Scalar(count)
    }

    /// The protocol counts in MB of 1,048,576 bytes; parts of one are rounded up.
    private func megabytes(_ text: String, _ flag: String) throws(Failure) -> Scalar {
        let bytes = try ByteSize.parse(text, flag: flag)
        guard bytes > 0, bytes < 1 << 60 else {
            throw .flag(flag, text, cause: "it is too little or too much", remedy: "write for example 64m or 1g")
        }
        return Scalar(Int((bytes + (1 << 20) - 1) >> 20))
    }
}
